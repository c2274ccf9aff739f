"""From an emergency stop to the last of 1,000 running jobs cancelled and recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from tests.bench import servers
from tests.bench.table import Row, percentile
from tests.e2e.requests import GO, STOP, naps, until
from wf_proto.client import Client

ROUNDS = 100
JOBS = 1_000


async def measure(directory: Path) -> AsyncIterator[Row]:
    """Yields the rows of a stop by RPC and by an edit of es.json."""
    async with servers.kind(directory) as server, server.client() as client:

        async def by_rpc() -> None:
            await client.set_stop("Maintenance", STOP, "measured")

        async def by_edit() -> None:
            text = server.es_json.read_text()
            server.es_json.write_text(
                text.replace('"Maintenance", "Status": "go"', '"Maintenance", "Status": "stop"')
            )

        for what, act, limit in (("RPC", by_rpc, 150), ("es.json edit", by_edit, 300)):
            times = [await _round(client, act) for _ in range(ROUNDS)]
            title = f"stop by {what} → last of {JOBS:,} running jobs recorded, p99 of {ROUNDS}"
            note = f"median {percentile(times, 50):.0f} ms, worst {max(times):.0f} ms"
            yield Row(title, percentile(times, 99), "ms", limit, note=note)


async def _round(client: Client, act: Callable[[], Awaitable[None]]) -> float:
    workflow_id = await client.submit(naps(*[600] * JOBS, rate_limit=JOBS))
    await client.exec(workflow_id)

    async def all_run() -> bool:
        return (await client.list(text=workflow_id)).workflows[0].jobs.running == JOBS

    await until(all_run)
    begin = time.time()
    await act()
    while (ended := (await client.list(text=workflow_id)).workflows[0].ended) is None:
        await asyncio.sleep(0.002)
    await client.set_stop("Maintenance", GO, "measured")
    # Both clocks are this machine's; the workflow's end is recorded after its last job's.
    return (ended.timestamp() - begin) * 1000
