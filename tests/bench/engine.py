"""The engine on a real server: jobs a second, and what that holds up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import wf_proto as pb
from tests.bench import servers
from tests.bench.probe import Probe
from tests.bench.table import Row
from tests.e2e.requests import block, decom
from wf_proto.client import Client

RATE_LIMIT = 100
ROUNDS = 3
#: Seconds for the Submit of 100,000 jobs.
TIMEOUT = 60.0


def no_ops(jobs: int, rate_limit: int = RATE_LIMIT) -> pb.WorkReq:
    """Jobs that only look at the inventory: validateDecom of aap."""
    one = decom()
    return pb.WorkReq(
        name="Maintenance", desc="no-op jobs", blocks=[block(*[one] * jobs, rate_limit=rate_limit)]
    )


async def run_once(client: Client, jobs: int) -> float:
    """Runs a workflow of so many jobs; returns the seconds from its start to its end on record."""
    workflow_id = await client.submit(no_ops(jobs))
    await client.exec(workflow_id)
    while (summary := (await client.list(text=workflow_id)).workflows[0]).ended is None:
        await asyncio.sleep(0.05)
    assert summary.status == pb.Status.COMPLETED
    assert summary.started is not None
    return (summary.ended - summary.started).total_seconds()


async def measure(directory: Path) -> AsyncIterator[Row]:
    """Yields the engine's rows, then those of start, restart and memory."""
    server = servers.kind(directory)
    await server.init()
    begin = time.perf_counter()
    await server.start()
    started = time.perf_counter() - begin
    costs: dict[int, float] = {}
    async with server.client(timeout=TIMEOUT) as client:
        for jobs in (1_000, 10_000, 100_000):
            await run_once(client, 100)
            seconds = sorted([await run_once(client, jobs) for _ in range(ROUNDS)])[ROUNDS // 2]
            costs[jobs] = seconds / jobs * 1e6
            what = f"engine, {jobs:,} no-op jobs at rate limit {RATE_LIMIT}"
            yield Row(what, jobs / seconds, "jobs/s", 20_000, at_least=True)
        ratio = costs[100_000] / costs[1_000]
        yield Row("  cost of a job at 100,000 against that at 1,000", ratio, "×", 1.2)
    await server.end()
    async for row in _one_large(directory / "large"):
        yield row
    yield Row("server: start to serving", started, "s", 0.6)
    async for row in _restart(directory / "restart"):
        yield row


async def _one_large(directory: Path) -> AsyncIterator[Row]:
    async with servers.kind(directory) as server, server.client(timeout=TIMEOUT) as client:
        async with Probe(server) as probe:
            await run_once(client, 10_000)
        yield Row("longest hold of the loop, 10,000 jobs submitted and run", probe.longest_ms, "ms", 100)
        await run_once(client, 100_000)
        megabytes = _peak_kilobytes(server.pid) / 1024
        yield Row("server: peak memory, 100,000 jobs submitted and run", megabytes, "MB", 300)


def _peak_kilobytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("the kernel does not tell the peak memory")


async def _restart(directory: Path) -> AsyncIterator[Row]:
    async with servers.kind(directory) as server:
        async with server.client() as client:
            sleep = pb.Job(name="sleep", args={"seconds": "30"})
            request = pb.WorkReq(name="Maintenance", blocks=[block(*[sleep] * 100, rate_limit=50)])
            ids = [await client.submit(request) for _ in range(100)]
            await asyncio.gather(*(client.exec(workflow_id) for workflow_id in ids))
            while sum(w.jobs.running for w in (await client.list()).workflows) < 5_000:
                await asyncio.sleep(0.05)
        begin = time.perf_counter()
        await server.restart()
        async with server.client() as client:
            while sum(w.jobs.running for w in (await client.list()).workflows) < 5_000:
                await asyncio.sleep(0.01)
            seconds = time.perf_counter() - begin
        yield Row("kill -9 with 100 workflows, 10,000 jobs → serving and resumed", seconds, "s", 1)
