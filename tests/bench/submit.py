"""Submissions of a small WorkReq, durable, all policies run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.bench import servers
from tests.bench.table import Row
from tests.e2e.requests import erasure
from tests.e2e.server_process import ServerProcess

ROUNDS = 5
CALLS = 1_000


async def measure(directory: Path) -> AsyncIterator[Row]:
    """Yields the rows of one caller and of eight."""
    async with servers.kind(directory) as server:
        for callers, limit in ((1, 600), (8, 1_500)):
            rates = sorted([await _rate(server, callers) for _ in range(ROUNDS)])
            what = f"Submit of a small WorkReq, {callers} caller{'s' * (callers > 1)}"
            note = f"slowest of {ROUNDS} rounds {rates[0]:,.0f}/s, quickest {rates[-1]:,.0f}/s"
            yield Row(what, rates[ROUNDS // 2], "/s", limit, at_least=True, note=note)


async def _rate(server: ServerProcess, callers: int) -> float:
    request = erasure()

    async def call(times: int) -> None:
        async with server.client() as client:
            for _ in range(times):
                await client.submit(request)

    await call(50)
    begin = time.perf_counter()
    await asyncio.gather(*(call(CALLS // callers) for _ in range(callers)))
    return CALLS / (time.perf_counter() - begin)
