"""The console: its first paint in a real terminal, and a large, busy workflow on its screen."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import pty
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from tests.bench.engine import TIMEOUT
from tests.bench.table import Row, percentile
from tests.e2e.requests import naps
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_tui.app import WfApp
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.widgets.work_tree import WorkTree

ROUNDS = 5
JOBS = 50_000
#: Jobs of a second each, so many at once: twice as many changes a second.
AT_ONCE = 2_500
KEYS = 100
SIZE = (120, 40)
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


async def _busy(directory: Path) -> AsyncIterator[Row]:
    """Moves the cursor through a workflow of 50,000 jobs while 5,000 changes a second come in."""
    async with ServerProcess(directory) as server, Client(server.address, timeout=TIMEOUT) as client:
        workflow_id = await client.submit(naps(*[1] * JOBS, rate_limit=AT_ONCE))
        await client.exec(workflow_id)
        gateway = GrpcGateway(server.address)
        times = await _press_keys(_Console(gateway), workflow_id)
        await gateway.close()
        over = (await client.get(workflow_id)).summary.jobs
    assert 0 < over.completed < JOBS, "the workflow did not run while keys were pressed"
    note = f"median {percentile(times, 50):.0f} ms, worst {max(times):.0f} ms, {over.completed:,} jobs ended"
    what = f"console: key to paint, {JOBS:,} jobs, {2 * AT_ONCE:,} changes/s, p99 of {KEYS}"
    yield Row(what, percentile(times, 99), "ms", 50, note=note)
    # The bench's own process is the console's here: its libraries count, and what else it measured.
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Row(f"console: peak memory with {JOBS:,} jobs on the screen", megabytes, "MB", 300)


async def _press_keys(app: _Console, workflow_id: str) -> list[float]:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.open_workflow(workflow_id)
        while not (trees := list(app.screen.query(WorkTree))) or not trees[0].line_count():
            await asyncio.sleep(0.05)
        tree = trees[0]
        await pilot.press("g")
        times: list[float] = []
        while len(times) < KEYS:
            await asyncio.sleep(0.05)
            key = "j" if tree.cursor < tree.line_count() // 2 else "k"
            # Not the line: lines move under the cursor, which stays with its job.
            before = tree.row
            shown = partial(lambda row: tree.row != row, before)
            # Where its job ended that very moment, the cursor may be at an end: the key has no effect.
            with contextlib.suppress(TimeoutError):
                times.append(await app.seconds_until_painted(key, shown) * 1000)
        return times


class _Console(WfApp):
    """The console without a terminal, which makes the pictures all the same and tells when one is made."""

    # Otherwise sought beside this file.
    CSS_PATH = str(Path(inspect.getfile(WfApp)).with_name("app.tcss"))
    on_paint: Callable[[], None] = staticmethod(lambda: None)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if isinstance(renderable, CompositorUpdate):
            renderable.render_segments(self.console)
            self.on_paint()

    async def seconds_until_painted(self, key: str, shown: Callable[[], bool]) -> float:
        """Presses a key; returns how long it took to the first picture that shows what it did."""
        begin = time.perf_counter()
        painted: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def look() -> None:
            if shown() and not painted.done():
                painted.set_result(time.perf_counter() - begin)

        self.on_paint = look
        self.simulate_key(key)
        async with asyncio.timeout(1):
            return await painted


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
