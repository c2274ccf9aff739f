"""The terminal's title: what it says, and what reaches the terminal."""

from __future__ import annotations

from dataclasses import replace

from wf_tui.settings import Settings
from wf_tui.state.models import Status, Stop, StopBoard
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.state.situation import Link, Situation
from wf_tui.state.window_title import window_title
from wf_tui.testing import add_workflow, frozen_app, sample_gateway, settle

HERE = Situation(
    "127.0.0.1:8080", {"stops": Link(connected=True)}, StopBoard((Stop("*", False), Stop("A", False)))
)


def test_it_says_where_one_is_and_what_there_is_to_see() -> None:
    counts = {Status.RUNNING: 3, Status.FAILED: 1, Status.COMPLETED: 9}
    assert window_title(HERE, {}) == "wf 127.0.0.1:8080"
    assert window_title(replace(HERE, profile="fra"), counts) == "3 running · 1 failed · wf fra"


def test_a_stop_and_a_lost_connection_come_first() -> None:
    stopped = replace(HERE, board=StopBoard((Stop("*", False), Stop("A", True), Stop("B", True))))
    assert window_title(stopped, {Status.RUNNING: 1}) == "■ STOP A +1 · 1 running · wf 127.0.0.1:8080"
    broken = replace(HERE, board=StopBoard((), problem="no file"), links={"stops": Link(connected=False)})
    assert window_title(broken, {}).startswith("■ STOP * (everything) · ✗ lost")


def test_hostile_names_end_no_sequence() -> None:
    evil = Stop("\x07\x1b]52;c;AAAA\x07\x9c\u202e" + "x" * 10_000, True)
    title = window_title(replace(HERE, board=StopBoard((Stop("*", False), evil))), {})
    assert title.isprintable()
    assert len(title) <= 120


async def test_it_is_written_when_it_changes_and_given_back_in_the_end() -> None:
    gateway = sample_gateway()
    gateway.stop_feed.first = StopBoard((Stop("*", False),))
    blocks = erase_blocks(0)
    add_workflow(gateway, summary_of(0, Status.RUNNING, counts_of(blocks), started=ago(60)), blocks)
    app = frozen_app(gateway, settings=Settings(title=True))
    written: list[str] = []
    async with app.run_test() as pilot:
        await settle(pilot)
        assert app._driver is not None
        app._driver.write = written.append  # type: ignore[method-assign, assignment]
        assert app._title is not None
        gateway.stop_feed.send(StopBoard((Stop("*", False), Stop("A", True))))
        await settle(pilot)
        app._title.show()
        app._title.show()
        assert written.count("\x1b]2;■ STOP A · 1 running · wf 127.0.0.1:8080\x07") == 1
    assert written[-1] == "\x1b[23;2t"


async def test_nobody_asked_for_it() -> None:
    app = frozen_app(sample_gateway())
    async with app.run_test():
        assert app._title is None
