"""The list of workflows, as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.format import age, bar, compact, short_id
from wf_tui.state.listing import Listing
from wf_tui.state.marks import Tone, mark, tone
from wf_tui.state.models import Summary
from wf_tui.state.standing import waits_for
from wf_tui.state.text import clean
from wf_tui.widgets.rows import Piece, RowsView, fit

#: Of the columns that are always there; the count is that of failures included.
_COUNT, _BAD, _AGE, _ID, _OPERATOR = 16, 5, 5, 9, 16
_STATUS, _NARROW_STATUS, _NARROW = 20, 18, 100


class Columns(NamedTuple):
    """How many cells each column has; 0: it is left out."""

    status: int
    name: int
    bar: int
    operator: int
    desc: int

    @classmethod
    def for_width(cls, width: int) -> Columns:
        """Divides a width among the columns."""
        status = _STATUS if width >= _NARROW else _NARROW_STATUS
        rest = width - status - _COUNT - _AGE - _ID
        bar_width = 10 if width < 110 else 20
        name = max(8, min(26, rest - bar_width - 2))
        rest -= name + bar_width + 2
        operator = _OPERATOR if rest >= _OPERATOR + 1 else 0
        rest -= operator + 1 if operator else 0
        return cls(status, name, bar_width, operator, rest - 1 if rest >= 12 else 0)


class WorkflowTable(RowsView):
    """Workflows, one a line."""

    def __init__(self, listing: Listing, now: Callable[[], datetime]) -> None:
        super().__init__(id="workflows")
        self.listing = listing
        self._now = now
        self._key = ""

    def line_count(self) -> int:
        """One line a workflow."""
        return len(self.listing)

    @property
    def current(self) -> Summary | None:
        """The workflow under the cursor."""
        return self.listing[self.cursor] if self.cursor < len(self.listing) else None

    def watch_cursor(self, before: int, after: int) -> None:
        """Remembers which workflow the cursor is on."""
        if (current := self.current) is not None:
            self._key = current.id
        super().watch_cursor(before, after)

    def listing_changed(self, lines: set[int] | None) -> None:
        """Repaints what changed. The cursor stays with its workflow, or on top if it never moved."""
        if lines is not None:
            self.lines_changed(lines)
            return
        self.lines_changed()
        place = self.listing.find(self._key) if self._key and self.cursor else None
        self.cursor = place if place is not None else self.cursor
        self._key = self.current.id if self.current is not None else ""
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a workflow."""
        summary = self.listing[line]
        columns = Columns.for_width(width)
        look = tone(summary.status).value
        marked = self.listing.is_marked(summary.id)
        yield Piece("◆" if marked else " ", Tone.HELD.value)
        yield Piece(fit(mark(summary.status), columns.status - 1), look)
        yield Piece(fit(clean(summary.name), columns.name) + " ", "strong")
        yield from self._progress(summary, columns.bar, look)
        yield Piece(fit(age(self._now(), summary.created), _AGE - 1, right=True) + " ")
        yield Piece(fit(" " + short_id(clean(summary.id)), _ID), "dim")
        if columns.operator:
            yield Piece(" " + fit(clean(summary.operator), columns.operator))
        if columns.desc:
            waits = clean(waits_for(summary))
            told = Piece(waits, look) if waits else Piece(clean(summary.desc), "dim")
            yield Piece(" " + fit(told.text, columns.desc), told.look)

    def _progress(self, summary: Summary, width: int, look: str) -> Iterable[Piece]:
        jobs = summary.jobs
        done, rest = bar(jobs.over / jobs.total if jobs.total else 0.0, width)
        yield Piece(done, look)
        yield Piece(rest + " ", "dim")
        counted = f"{compact(jobs.over)}/{compact(jobs.total)}"
        bad = jobs.failed + jobs.unknown + jobs.interrupted
        yield Piece(fit(counted, _COUNT - _BAD, right=True))
        yield Piece(fit(f" ✗{compact(bad)}" if bad else "", _BAD), "bad")


class WorkflowHead(Widget):
    """The columns' names, in step with the table beneath."""

    def render(self) -> Content:
        """Paints the names."""
        # The cursor's mark on the left and the scrollbar on the right have a cell each.
        width = self.content_size.width - 2
        columns = Columns.for_width(width)
        names = [
            "  " + fit("STATUS", columns.status - 1),
            fit("NAME", columns.name) + " ",
            fit("PROGRESS", columns.bar) + " ",
            fit("JOBS", _COUNT - _BAD, right=True) + " " * _BAD,
            fit("AGE", _AGE - 1, right=True) + " ",
            fit(" ID", _ID),
        ]
        if columns.operator:
            names.append(" " + fit("OPERATOR", columns.operator))
        if columns.desc:
            names.append(" " + fit("DESCRIPTION", columns.desc))
        return Content("".join(names))
