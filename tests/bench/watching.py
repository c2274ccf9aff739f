"""From the commit of a change to its arrival at each of fifty watchers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from betterproto import which_one_of

import wf_proto as pb
from tests.bench import servers
from tests.bench.table import Row, percentile
from tests.e2e.requests import block, job
from tests.e2e.server_process import ServerProcess

WATCHERS = 50
JOBS = 200


async def measure(directory: Path) -> AsyncIterator[Row]:
    """Yields the row of a workflow that changes some hundred times a second."""
    async with servers.kind(directory, erase_seconds=0.1) as server:
        request = pb.WorkReq(
            name="SatelliteDiskErase",
            blocks=[
                block(
                    job("validateDecom", site="aap", type="satellite"),
                    job("tokenBucket", bucket="diskEraseSatellite", fatal="true"),
                ),
                block(*[job("diskErase", machine="aa00", site="aap")] * JOBS, rate_limit=10),
            ],
        )
        async with server.client() as client:
            workflow_id = await client.submit(request)
            watchers = [asyncio.create_task(_delays(server, workflow_id)) for _ in range(WATCHERS)]
            await asyncio.sleep(1)
            await client.exec(workflow_id)
            delays = [delay for delays in await asyncio.gather(*watchers) for delay in delays]
        note = f"{len(delays):,} arrivals, median {percentile(delays, 50):.0f} ms, worst {max(delays):.0f} ms"
        yield Row(
            f"commit → change at a watcher, {WATCHERS} watchers, p99",
            percentile(delays, 99),
            "ms",
            100,
            note=note,
        )


async def _delays(server: ServerProcess, workflow_id: str) -> list[float]:
    """Milliseconds from each change's time on record to its arrival here."""
    delays = []
    async with server.client() as client:
        async for event in client.watch(workflow_id):
            now = time.time()
            if which_one_of(event, "event")[0] == "batch":
                delays += [(now - us / 1e6) * 1000 for us in event.batch.times_us]
    return delays
