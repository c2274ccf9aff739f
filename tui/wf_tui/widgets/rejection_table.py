"""The list of refused WorkReqs, as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.format import age, compact, moment
from wf_tui.state.models import RejectionSummary
from wf_tui.state.rejections import Rejections, mended_words
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit
from wf_tui.widgets.theme import MUTED

_MARK, _AGE, _COUNT, _WIDE = 9, 5, 7, 110


class Columns(NamedTuple):
    """How many cells each column has; 0: it is left out."""

    time: int
    name: int
    operator: int
    first: int

    @classmethod
    def for_width(cls, width: int) -> Columns:
        """Divides a width among the columns."""
        wide = width >= _WIDE
        time, name, operator = (20, 24, 16) if wide else (0, 18, 12)
        used = _MARK + _AGE + _COUNT + time + name + operator + 3
        return cls(time, name, operator, max(0, width - used))


class RejectionTable(RowsView):
    """Rejections, one a line; the cursor stays with its rejection."""

    def __init__(self, rejections: Rejections, now: Callable[[], datetime]) -> None:
        super().__init__(id="rejections")
        self._rejections = rejections
        self._now = now
        self._key = ""

    def line_count(self) -> int:
        """One line a rejection."""
        return len(self._rejections)

    @property
    def current(self) -> RejectionSummary | None:
        """The rejection under the cursor."""
        return self._rejections[self.cursor] if self.cursor < len(self._rejections) else None

    def watch_cursor(self, before: int, after: int) -> None:
        """Remembers which rejection the cursor is on."""
        if (current := self.current) is not None:
            self._key = current.id
        super().watch_cursor(before, after)

    def rejections_changed(self) -> None:
        """Paints anew after any change of the list; a cursor that never moved stays on top."""
        self.lines_changed()
        place = self._rejections.find(self._key) if self._key and self.cursor else None
        self.cursor = place if place is not None else self.cursor
        self._key = self.current.id if self.current is not None else ""
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a rejection."""
        refused = self._rejections[line]
        columns = Columns.for_width(width)
        mended = bool(refused.mended_by)
        yield Piece(fit("✓ mended" if mended else "✗ open", _MARK), "good" if mended else "bad")
        yield Piece(fit(age(self._now(), refused.time), _AGE - 1, right=True) + " ")
        if columns.time:
            yield Piece(fit(moment(self._now(), refused.time), columns.time), "dim")
        yield Piece(fit(clean(refused.name) or "(no name)", columns.name) + " ", "strong")
        yield Piece(fit(clean(refused.operator) or "–", columns.operator) + " ")
        yield Piece(fit(compact(refused.violations), _COUNT - 1, right=True) + " ")
        yield Piece(" " + fit(clean(refused.first), columns.first), "dim")


class RejectionHead(Widget):
    """The columns' names, in step with the table beneath."""

    def render(self) -> Content:
        """Paints the names."""
        width = self.content_size.width - 2
        columns = Columns.for_width(width)
        names = [" " + fit("STATE", _MARK), fit("AGE", _AGE - 1, right=True) + " "]
        if columns.time:
            names.append(fit("TIME", columns.time))
        names += [
            fit("NAME", columns.name) + " ",
            fit("WHO", columns.operator) + " ",
            fit("ERRORS", _COUNT - 1, right=True) + " ",
            " FIRST VIOLATION",
        ]
        return Content("".join(names)).truncate(max(1, width), ellipsis=True)


def rejection_words(refused: RejectionSummary, now: datetime) -> Content:
    """Tells a rejection in two lines: what it was, and its first violation whole."""
    who = f" by {clean(refused.operator)}" if refused.operator else ""
    mended = mended_words(refused)
    return Content.assemble(
        (clean(refused.desc) or "(no description)", "bold"),
        (f"  ✓ {mended}" if mended else "", "$text-success"),
        (f"  refused {moment(now, refused.time)}{who}", MUTED),
        f"\n{clean(refused.first)}",
    )


def rejection_facts(refused: RejectionSummary, now: datetime) -> Iterator[Fact]:
    """Tells all that the list knows of a rejection; opening it tells every violation."""
    yield Fact("Name", refused.name)
    yield Fact("About", refused.desc or "(no description)")
    yield Fact("Id", refused.id)
    yield Fact("Refused", moment(now, refused.time))
    yield Fact("By", refused.operator or "–")
    yield Fact("Asked for", f"{refused.jobs:,} jobs in {refused.blocks:,} blocks")
    yield Fact("Violations", f"{refused.violations:,}")
    yield Fact("First", refused.first, "$text-error")
    yield Fact("Mended", mended_words(refused) or "not yet")
