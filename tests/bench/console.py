"""The console: its first paint in a real terminal, and a large, busy workflow on its screen."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.bench.engine import TIMEOUT, no_ops
from tests.bench.table import Row, percentile
from tests.e2e.requests import naps
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client

ROUNDS = 5
JOBS = 50_000
#: Jobs of a second each, so many at once: twice as many changes a second.
AT_ONCE = 2_500
#: Painted by the first screen.
SIGN = b"Workflows"


async def measure(directory: Path) -> AsyncIterator[Row]:
    """Yields the row of the first paint."""
    async with ServerProcess(directory) as server:
        times = sorted([await asyncio.to_thread(_first_paint, server.address) for _ in range(ROUNDS)])
    note = f"quickest {times[0]:.2f} s, slowest {times[-1]:.2f} s"
    yield Row("console: start to first paint", times[ROUNDS // 2], "s", 0.7, note=note)
    async for row in _busy(directory / "busy"):
        yield row
    yield await _views(directory / "views")


async def _busy(directory: Path) -> AsyncIterator[Row]:
    """Moves the cursor through a workflow of 50,000 jobs while 5,000 changes a second come in."""
    async with ServerProcess(directory) as server, Client(server.address, timeout=TIMEOUT) as client:
        workflow_id = await client.submit(naps(*[1] * JOBS, rate_limit=AT_ONCE))
        await client.exec(workflow_id)
        before, begin = _cpu_seconds(server.pid), time.perf_counter()
        figures = await _drive("keys", server.address, workflow_id)
        share = (_cpu_seconds(server.pid) - before) / (time.perf_counter() - begin)
        over = (await client.list(text=workflow_id)).workflows[0].jobs
    times = figures["times"]
    assert over.completed
    assert times, "the workflow did not run while keys were pressed"
    what = f"console: key to paint, {JOBS:,} jobs, {2 * AT_ONCE:,} changes/s, p99 of {len(times)}"
    note = (
        f"median {percentile(times, 50):.0f} ms, worst {max(times):.0f} ms;"
        f" {figures['arrived']:,.0f} changes/s came in;"
        f" busy: server {share:.0%} of a core, console {figures['cpu']:.0%}"
    )
    yield Row(what, percentile(times, 99), "ms", 50, note=note)
    note = f"{figures['over_20']} holds of more than 20 ms"
    yield Row("  longest hold of the console's loop meanwhile", figures["longest"], "ms", 100, note=note)
    yield Row(f"console: peak memory with {JOBS:,} jobs on the screen", figures["megabytes"], "MB", 300)


async def _views(directory: Path) -> Row:
    """Looks in every way at a workflow of 50,000 jobs that has ended."""
    async with ServerProcess(directory) as server, Client(server.address, timeout=TIMEOUT) as client:
        workflow_id = await client.submit(no_ops(JOBS))
        await client.exec(workflow_id)
        while (await client.list(text=workflow_id)).workflows[0].ended is None:
            await asyncio.sleep(0.1)
        longest = await _drive("views", server.address, workflow_id)
    note = ", ".join(f"{name} {held:.0f}" for name, held in longest.items())
    return Row(f"console: longest hold, {JOBS:,} jobs looked at", max(longest.values()), "ms", 100, note=note)


async def _drive(what: str, address: str, workflow_id: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.console_driver", what, address, workflow_id),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, "the console failed"
    figures: dict[str, Any] = json.loads(out)
    return figures


def _cpu_seconds(pid: int) -> float:
    # After the name, which may hold anything: user and system time are the 12th and 13th fields.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _first_paint(address: str) -> float:
    program = Path(sys.executable).with_name("wf-tui")
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
        os.execv(program, [str(program), "--address", address])
    seen = b""
    try:
        while SIGN not in seen:
            seen += os.read(terminal, 65536)
        return time.perf_counter() - begin
    finally:
        os.kill(pid, 15)
        os.close(terminal)
        os.waitpid(pid, 0)
