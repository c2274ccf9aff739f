"""How a watch is shown where nothing can be painted over: lines for people, JSON lines for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from rich.text import Text

from wf_tui.cli.terminal import Terminal, status_text
from wf_tui.cli.watching import Watched
from wf_tui.gateway import Unreachable
from wf_tui.state.format import between, count
from wf_tui.state.models import ChangeBatch, ChangeNote, Status
from wf_tui.state.text import clean
from wf_tui.state.workflow import known_status, moment_of

_NOTHING = ChangeNote()


class PlainReporter:
    """A line for every change."""

    def __init__(self, terminal: Terminal, now: Callable[[], datetime]) -> None:
        self._terminal = terminal
        self._now = now
        self._seq = -1

    def began(self, watched: Watched, *, again: bool) -> None:
        """Says where it stands."""
        summary = watched.live.summary
        self._seq = watched.live.seq
        over = f"{summary.jobs.over:,} of {count(summary.jobs.total, 'job')} over"
        lead = "connected again; " if again else ""
        self._line(self._now(), f"{lead}{summary.name} {summary.id}", summary.status, over)

    def changed(self, watched: Watched, batch: ChangeBatch) -> None:
        """Writes the changes that are new."""
        for at in range(max(0, self._seq + 1 - batch.first_seq), len(batch.statuses)):
            self._change(watched, batch, at)
        self._seq = watched.live.seq

    def lost(self, error: Unreachable, seconds: float) -> None:
        """Says so on standard error."""
        self._terminal.note(f"{error}; trying again in {seconds:.1f} s (the workflow goes on)")

    def ended(self, watched: Watched) -> None:
        """Says how it ended."""
        self._terminal.say(ending(watched, self._now()))

    def _change(self, watched: Watched, batch: ChangeBatch, at: int) -> None:
        block, job = batch.blocks[at], batch.jobs[at]
        note = batch.notes.get(at, _NOTHING)
        why = note.error or note.reason
        if job >= 0:
            what = f"    {watched.label(block, job)}"
        elif block >= 0:
            what = f"  {block_title(watched, block)}"
        else:
            what = watched.live.summary.name
        self._line(moment_of(batch.times_us[at]), what, known_status(batch.statuses[at]), why)

    def _line(self, when: datetime, what: str, status: Status, more: str) -> None:
        line = Text.assemble(
            (f"{when.astimezone():%H:%M:%S} ", "dim"), clean(what), ": ", status_text(status)
        )
        if more:
            line.append(f" ({clean(more)})")
        self._terminal.say(line)


class JsonReporter:
    """A JSON line for every event."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def began(self, watched: Watched, *, again: bool) -> None:
        """Writes the summary."""
        self._write("snapshot", again=again, summary=watched.live.summary)

    def changed(self, watched: Watched, batch: ChangeBatch) -> None:
        """Writes every change, and what running jobs report."""
        for change in _changes(batch):
            self._write("change", **change)
        for progress in batch.progress:
            self._write("progress", progress=progress)

    def lost(self, error: Unreachable, seconds: float) -> None:
        """Writes that the connection broke."""
        self._write("disconnected", error=str(error), retrySeconds=round(seconds, 3))

    def ended(self, watched: Watched) -> None:
        """Writes the last summary."""
        self._write("end", summary=watched.live.summary)

    def _write(self, event: str, **members: Any) -> None:
        self._terminal.json({"event": event, **members}, one_line=True)


def _changes(batch: ChangeBatch) -> Iterator[dict[str, Any]]:
    for at, byte in enumerate(batch.statuses):
        block, job = batch.blocks[at], batch.jobs[at]
        note = batch.notes.get(at, _NOTHING)
        place = ({"block": block} if block >= 0 else {}) | ({"job": job} if job >= 0 else {})
        words = {"error": note.error, "operator": note.operator, "reason": note.reason}
        yield {
            "seq": batch.first_seq + at,
            **place,
            "status": known_status(byte),
            "time": moment_of(batch.times_us[at]),
            **{key: text for key, text in words.items() if text},
        }


def block_title(watched: Watched, block: int) -> str:
    """What a block is called: its zero-based place, as everywhere, and its description."""
    return f"block {block} {watched.live.blocks[block].desc}".rstrip()


def ending(watched: Watched, now: datetime) -> Text:
    """How a workflow ended, in one line."""
    summary = watched.live.summary
    line = Text.assemble(clean(summary.name), " ", clean(summary.id), ": ", status_text(summary.status))
    if summary.started:
        line.append(f" after {between(summary.started, summary.ended, now)}")
    line.append(f", {summary.jobs.completed:,} of {count(summary.jobs.total, 'job')} completed")
    if summary.reason:
        line.append(f": {clean(summary.reason)}")
    return line
