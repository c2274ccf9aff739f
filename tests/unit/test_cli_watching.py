"""A watch over breaks, gaps and silence; and how it is shown."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from rich.console import Console

from wf_tui.cli.progress import LiveReporter
from wf_tui.cli.reporters import JsonReporter, PlainReporter
from wf_tui.cli.terminal import Terminal
from wf_tui.cli.watching import Watch, Watched
from wf_tui.gateway import Gateway, NotFound, Unreachable
from wf_tui.state.models import (
    Block,
    BlockSnapshot,
    ChangeBatch,
    ChangeNote,
    Job,
    JobCounts,
    JobProgress,
    Snapshot,
    Status,
    Summary,
    WorkReq,
)

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
REQUEST = WorkReq("Maintenance", "", (Block("naps", 2, (Job("sleep", "one"), Job("sleep", "[b]two\x1b"))),))


def summary(seq: int, status: Status = Status.RUNNING, over: int = 0) -> Summary:
    counts = JobCounts(total=2, running=2 - over, completed=over)
    ended = NOON + timedelta(seconds=9) if status is not Status.RUNNING else None
    return Summary("one", "Maintenance", "", status, "me", NOON, NOON, ended, counts, blocks=1, seq=seq)


def snapshot(seq: int, statuses: bytes = b"\x02\x02", status: Status = Status.RUNNING) -> Snapshot:
    block = BlockSnapshot("naps", 2, status, False, statuses, NOON)
    return Snapshot(summary(seq, status), (block,), (JobProgress(0, 0, 0.5, "halfway"),))


def batch(seq: int, job: int, status: Status, error: str = "", ends: Status = Status.RUNNING) -> ChangeBatch:
    notes = {0: ChangeNote(error=error)} if error else {}
    return ChangeBatch(
        seq, [0], [job], bytes([status]), [1_714_564_800_000_000], notes, (), summary(seq, ends, 1)
    )


Script = Sequence[Sequence[Snapshot | ChangeBatch | Exception]]


class Scripted:
    """A gateway whose watches bring what the script says, one part for each opening."""

    address = "here"

    def __init__(self, script: Script) -> None:
        self.parts = [list(part) for part in script]

    async def get(self, workflow_id: str) -> tuple[WorkReq, Summary]:
        return REQUEST, summary(0)

    async def watch(self, workflow_id: str) -> AsyncIterator[Snapshot | ChangeBatch]:
        for event in self.parts.pop(0) if self.parts else [Unreachable("gone")]:
            if isinstance(event, Exception):
                raise event
            yield event


class Notes:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def began(self, watched: Watched, *, again: bool) -> None:
        self.seen.append(("began", watched.live.seq, again))

    def changed(self, watched: Watched, batch: ChangeBatch) -> None:
        self.seen.append(("changed", watched.live.seq))

    def lost(self, error: Unreachable, seconds: float) -> None:
        self.seen.append(("lost", str(error), seconds))

    def ended(self, watched: Watched) -> None:
        self.seen.append(("ended", watched.live.summary.status))


async def follow(script: Script, reporter: Any, patience: float = 60.0) -> tuple[Summary, list[float]]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    gateway = cast("Gateway", Scripted(script))
    watch = Watch(gateway, "one", reporter, patience=patience, sleep=sleep, jitter=lambda: 1.0)
    return await watch.until_it_ends(), slept


DONE = batch(2, 0, Status.COMPLETED, ends=Status.COMPLETED)


async def test_a_watch_ends_with_the_workflow() -> None:
    notes = Notes()
    last, slept = await follow([[snapshot(1), DONE]], notes)
    assert last.status is Status.COMPLETED
    assert notes.seen == [("began", 1, False), ("changed", 2), ("ended", Status.COMPLETED)]
    assert slept == []


async def test_a_break_is_told_and_mended() -> None:
    notes = Notes()
    gone = Unreachable("gone")
    last, slept = await follow([[snapshot(1), gone], [gone], [snapshot(1), DONE]], notes)
    assert last.status is Status.COMPLETED
    assert slept == [0.25, 0.5]
    assert ("lost", "gone", 0.25) in notes.seen
    assert ("began", 1, True) in notes.seen


async def test_a_stream_that_ends_before_the_workflow_is_opened_again() -> None:
    notes = Notes()
    await follow([[snapshot(1)], [snapshot(1), DONE]], notes)
    assert ("lost", "here ended the watch", 0.25) in notes.seen


async def test_a_gap_asks_for_a_new_picture_at_once() -> None:
    notes = Notes()
    _, slept = await follow(
        [
            [snapshot(1), batch(7, 0, Status.COMPLETED)],
            [snapshot(7), DONE],
            [snapshot(9, b"\x04\x04", Status.COMPLETED)],
        ],
        notes,
    )
    assert notes.seen[:2] == [("began", 1, False), ("began", 7, True)]
    assert slept == [0.25]


async def test_patience_has_an_end() -> None:
    notes = Notes()
    with pytest.raises(Unreachable, match="gone"):
        await follow([[snapshot(1)]], notes, patience=10.0)
    waited = [seen[2] for seen in notes.seen if seen[0] == "lost"]
    assert sum(waited) == pytest.approx(10.0)


async def test_what_never_worked_is_told_at_once() -> None:
    with pytest.raises(Unreachable, match="gone"):
        await follow([], Notes())
    with pytest.raises(NotFound):
        await follow([[NotFound("no such workflow")]], Notes())


async def test_lines_say_what_changed_once(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = PlainReporter(Terminal(), lambda: NOON)
    failed = batch(2, 1, Status.FAILED, "no\nsuch disk")
    await follow(
        [
            [snapshot(1), failed, Unreachable("gone")],
            [snapshot(2), batch(3, 0, Status.COMPLETED, ends=Status.FAILED)],
        ],
        reporter,
    )
    written = capsys.readouterr()
    lines = written.out.splitlines()
    assert "0 of 2 jobs over" in lines[0]
    assert lines[1].endswith("[b]two: ✗ failed (no⏎such disk)")
    assert "connected again" in lines[2]
    assert lines[3].endswith("one: ✓ completed")
    assert "✗ failed after 9 s" in lines[4]
    assert len(lines) == 5
    assert written.err == "gone; trying again in 0.2 s (the workflow goes on)\n"


async def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    await follow(
        [[snapshot(1), Unreachable("gone")], [snapshot(1), DONE]], JsonReporter(Terminal(as_json=True))
    )
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["snapshot", "disconnected", "snapshot", "change", "end"]
    assert events[3]["block"] == 0
    assert events[3]["time"] == "2024-05-01T12:00:00Z"


async def test_the_live_display_shows_bars_troubles_and_the_break() -> None:
    terminal = Terminal()
    file = io.StringIO()
    terminal.out = Console(file=file, force_terminal=True, width=80, markup=False, color_system=None)
    with LiveReporter(terminal, lambda: NOON + timedelta(seconds=3)) as reporter:
        failed = batch(2, 1, Status.FAILED, "no disk")
        await follow(
            [
                [snapshot(1), failed, Unreachable("gone")],
                [snapshot(2), batch(3, 0, Status.COMPLETED, ends=Status.FAILED)],
            ],
            reporter,
        )
    painted = file.getvalue()
    assert "● running one  ━━━━━━──────  50%  halfway" in painted
    assert "✗ failed [b]two in block 0 naps: no disk" in painted
    assert "gone; trying again in 0.2 s" in painted
    assert "connected again" in painted
    assert "✗ failed after 9 s" in painted
