"""The console in a process of its own, as operators run it: `… console_driver keys|views ADDRESS ID`.

It has no terminal, which makes the pictures all the same, and tells when one is made. What it measures
goes to stdout as one JSON object.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.pilot import Pilot
from textual.screen import Screen

from tests.bench.loop import held
from wf_tui.app import WfApp
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.main import spare_the_collector
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.state.models import Status
from wf_tui.testing import press, settle
from wf_tui.widgets.work_tree import WorkTree

KEYS = 200
SIZE = (120, 40)
#: Stands before the line under the cursor, and nowhere else on this screen.
CURSOR = "▌"
#: What is done to a workflow that has ended, by a name for it.
VIEWS = {
    "unfolded": ("g", "l", "j", "l", "G"),
    "folded": ("g", "h"),
    "filtered": ("slash", "a", "a", "p", "escape"),
    "scrubbed": ("H", "home", "end", "pageup", "left", "escape"),
    "on a timeline": ("T", "escape"),
    "as text": ("y", "escape"),
}


class Console(WfApp):
    """The console, with a look at every picture it makes."""

    # Otherwise sought beside this file.
    CSS_PATH = str(Path(inspect.getfile(WfApp)).with_name("app.tcss"))
    on_paint: Callable[[str], None] = staticmethod(lambda _: None)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if isinstance(renderable, CompositorUpdate):
            self.on_paint(renderable.render_segments(self.console))

    async def seconds_until_painted(self, key: str, shown: Callable[[str], bool]) -> float:
        """Presses a key; returns how long it took to the first picture that shows what it did."""
        begin = time.perf_counter()
        painted: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def look(picture: str) -> None:
            if not painted.done() and shown(picture):
                painted.set_result(time.perf_counter() - begin)

        self.on_paint = look
        self.simulate_key(key)
        async with asyncio.timeout(1):
            return await painted


async def _opened(app: Console, workflow_id: str) -> tuple[WorkflowScreen, WorkTree]:
    app.open_workflow(workflow_id)
    while not (trees := list(app.screen.query(WorkTree))) or not trees[0].line_count():
        await asyncio.sleep(0.01)
    assert isinstance(app.screen, WorkflowScreen)
    return app.screen, trees[0]


async def _press_keys(app: Console, screen: WorkflowScreen, tree: WorkTree) -> list[float]:
    """Moves the cursor; returns milliseconds from each key to the picture with the cursor on another line."""
    times: list[float] = []
    assert screen.workflow is not None
    # On a busy machine the workflow may end before.
    while len(times) < KEYS and screen.workflow.summary.status is Status.RUNNING:
        await asyncio.sleep(0.05)
        key = "j" if tree.cursor < tree.line_count() // 2 else "k"
        # Not the line: lines move under the cursor, which stays with its job.
        before = tree.row
        shown = partial(lambda row, picture: tree.row != row and CURSOR in picture, before)
        # Where its job ended that very moment, the cursor may be at an end: the key has no effect.
        with contextlib.suppress(TimeoutError):
            times.append(await app.seconds_until_painted(key, shown) * 1000)
    return times


async def _keys(app: Console, pilot: Pilot[None], workflow_id: str) -> dict[str, object]:
    """Presses keys on a workflow that runs."""
    screen, tree = await _opened(app, workflow_id)
    assert screen.workflow is not None
    await pilot.press("g")
    begin, seq, cpu = time.perf_counter(), screen.workflow.seq, time.process_time()
    with held() as holds:
        times = await _press_keys(app, screen, tree)
    seconds = time.perf_counter() - begin
    return {
        "times": times,
        "arrived": (screen.workflow.seq - seq) / seconds,
        "cpu": (time.process_time() - cpu) / seconds,
        "longest": holds.longest,
        "over_20": holds.over(20),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


async def _views(app: Console, pilot: Pilot[None], workflow_id: str) -> dict[str, object]:
    """Looks at a workflow that has ended in every way; returns the longest hold in each."""
    longest: dict[str, object] = {}
    with held() as holds:
        await _opened(app, workflow_id)
        await settle(pilot)
    longest["opened"] = holds.longest
    for name, keys in VIEWS.items():
        with held() as holds:
            await press(pilot, *keys)
        longest[name] = holds.longest
    return longest


async def main(what: str, address: str, workflow_id: str) -> None:
    """Measures and tells."""
    gateway = GrpcGateway(address)
    app = Console(gateway)
    spare_the_collector()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        figures = await {"keys": _keys, "views": _views}[what](app, pilot, workflow_id)
    await gateway.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
