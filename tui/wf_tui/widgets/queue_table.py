"""The entries of a queue: what is done, what runs, what waits and for what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from wf_tui.state.format import bar, between, count, short_id
from wf_tui.state.marks import mark, tone
from wf_tui.state.models import Status, Summary
from wf_tui.state.queue import Entry, Queue, Stage
from wf_tui.state.text import clean
from wf_tui.widgets.rows import Piece, RowsView, fit

_NUMBER, _STAGE, _TOOK, _BAR = 4, 22, 11, 12
_GLYPHS = {
    Stage.WAITING: ("○", "idle"),
    Stage.TOKEN: ("◇", "held"),
    Stage.RUNNING: ("●", "busy"),
    Stage.DONE: ("✓", "good"),
    Stage.TROUBLE: ("✗", "bad"),
    Stage.LEFT_OUT: ("–", "dim"),
}


class QueueTable(RowsView):
    """One line an entry; the running one shows how far its workflow is."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(id="queue")
        self._now = now
        self._queue = Queue("")
        self._summary: Summary | None = None

    def line_count(self) -> int:
        """One line an entry."""
        return len(self._queue.entries)

    @property
    def current(self) -> Entry | None:
        """The entry under the cursor."""
        entries = self._queue.entries
        return entries[self.cursor] if self.cursor < len(entries) else None

    def show_queue(self, queue: Queue, summary: Summary | None) -> None:
        """Shows a queue; `summary` is of the workflow that runs."""
        fresh = not self._queue.entries or len(queue.entries) < len(self._queue.entries)
        self._queue, self._summary = queue, summary
        self.lines_changed()
        if fresh:
            self.cursor = queue.current or 0

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints an entry."""
        entry = self._queue.entries[line]
        glyph, look = _GLYPHS[entry.stage]
        told = f"{glyph} {entry.stage.value}"
        if entry.stage is Stage.TROUBLE and entry.status is not Status.UNSPECIFIED:
            told, look = mark(entry.status), tone(entry.status).value
        elif entry.stage is Stage.TROUBLE:
            told = "✗ refused" if not entry.stopped else "■ stopped"
        widest = max(len(clean(one.title)) for one in self._queue.entries)
        sites = max(6, min(24, widest + 1, width - _NUMBER - _STAGE - _TOOK - 8))
        yield Piece(f"{line + 1:>{_NUMBER - 1}} ", "dim")
        yield Piece(fit(clean(entry.title), sites) + " ", "strong")
        yield Piece(fit(told, _STAGE), look)
        started = entry.started
        if entry.stage is Stage.RUNNING and self._summary is not None:
            started = self._summary.started
        yield Piece(fit(between(started, entry.ended, self._now()), _TOOK), "dim")
        rest = width - _NUMBER - sites - 1 - _STAGE - _TOOK
        yield from self._rest(entry, max(0, rest))

    def _rest(self, entry: Entry, width: int) -> Iterable[Piece]:
        summary = self._summary
        if entry.stage is Stage.RUNNING and summary is not None and summary.id == entry.workflow_id:
            jobs = summary.jobs
            if summary.status not in (Status.RUNNING, Status.NOT_STARTED):
                yield Piece(fit(mark(summary.status), width), tone(summary.status).value)
                return
            done, rest = bar(jobs.over / jobs.total if jobs.total else 0.0, min(_BAR, width))
            yield Piece(done, "busy")
            yield Piece(rest, "dim")
            yield Piece(fit(f" {jobs.over:,} of {count(jobs.total, 'job')}", max(0, width - _BAR)))
            return
        words = clean(entry.words) or (short_id(clean(entry.workflow_id)) if entry.workflow_id else "")
        yield Piece(fit(words, width), "dim")
