"""The list of the audit's entries, as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.audit import AuditEntry, Trail
from wf_tui.state.format import age, moment, short_id
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit
from wf_tui.widgets.theme import MUTED

_AGE, _OUTCOME, _WIDE = 5, 12, 110
_MARKS = {
    "done": ("✓", "good"),
    "completed": ("✓", "good"),
    "refused": ("✗", "held"),
    "failed": ("✗", "bad"),
}
_ENDED = ("■", "halted")


class Columns(NamedTuple):
    """How many cells each column has; 0: it is left out."""

    time: int
    what: int
    who: int
    source: int
    about: int
    told: int

    @classmethod
    def for_width(cls, width: int) -> Columns:
        """Divides a width among the columns."""
        wide = width >= _WIDE
        time, what, who, source, about = (20, 18, 16, 26, 30) if wide else (0, 17, 12, 0, 30)
        used = _AGE + _OUTCOME + time + what + who + source + 2
        about = min(about, max(0, width - used))
        return cls(time, what, who, source, about, max(0, width - used - about - 1))


class AuditTable(RowsView):
    """Entries, one a line; the cursor stays with its entry."""

    def __init__(self, trail: Trail, now: Callable[[], datetime]) -> None:
        super().__init__(id="audit")
        self._trail = trail
        self._now = now
        self._seq = 0

    def line_count(self) -> int:
        """One line an entry."""
        return len(self._trail)

    @property
    def current(self) -> AuditEntry | None:
        """The entry under the cursor."""
        return self._trail[self.cursor] if self.cursor < len(self._trail) else None

    def watch_cursor(self, before: int, after: int) -> None:
        """Remembers which entry the cursor is on."""
        if (current := self.current) is not None:
            self._seq = current.seq
        super().watch_cursor(before, after)

    def entries_changed(self) -> None:
        """Paints anew after any change of the list; a cursor that never moved stays on top."""
        self.lines_changed()
        place = self._trail.find(self._seq) if self._seq and self.cursor else None
        self.cursor = place if place is not None else self.cursor
        self._seq = self.current.seq if self.current is not None else 0
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints an entry."""
        entry = self._trail[line]
        columns = Columns.for_width(width)
        mark, style = _MARKS.get(entry.outcome, _ENDED)
        yield Piece(fit(age(self._now(), entry.time), _AGE - 1, right=True) + " ")
        if columns.time:
            yield Piece(fit(moment(self._now(), entry.time), columns.time), "dim")
        yield Piece(fit(f"{mark} {clean(entry.outcome)}", _OUTCOME - 1) + " ", style)
        yield Piece(fit(clean(entry.what), columns.what) + " ", "strong")
        yield Piece(fit(clean(entry.who) or "–", columns.who) + " ")
        if columns.source:
            yield Piece(fit(clean(entry.source), columns.source - 1) + " ", "dim")
        yield Piece(fit(about_words(entry), columns.about))
        if columns.told:
            yield Piece(" " + fit(told_words(entry), columns.told), "dim")


class AuditHead(Widget):
    """The columns' names, in step with the table beneath."""

    def render(self) -> Content:
        """Paints the names."""
        width = self.content_size.width - 2
        columns = Columns.for_width(width)
        names = [" " + fit("AGE", _AGE - 1, right=True) + " "]
        if columns.time:
            names.append(fit("TIME", columns.time))
        names += [fit("OUTCOME", _OUTCOME), fit("WHAT", columns.what) + " ", fit("WHO", columns.who) + " "]
        if columns.source:
            names.append(fit("FROM", columns.source))
        names.append(fit("ABOUT", columns.about))
        if columns.told:
            names.append(" WHY")
        return Content("".join(names)).truncate(max(1, width), ellipsis=True)


def about_words(entry: AuditEntry) -> str:
    """What it was about: the type and the id, or the name."""
    kind, target = clean(entry.workflow_type), clean(entry.target)
    if target == kind:
        return target
    return " ".join(part for part in (kind, short_id(target)) if part)


def told_words(entry: AuditEntry) -> str:
    """The reason that was given, and what there is to say of the outcome."""
    times = f"{entry.times:,} times" if entry.times > 1 else ""
    return ": ".join(part for part in (times, clean(entry.why), clean(entry.told)) if part)


def entry_words(entry: AuditEntry, now: datetime) -> Content:
    """Tells an entry in two lines: who did what and from where, and why."""
    return Content.assemble(
        (clean(entry.what), "bold"),
        f" {clean(entry.outcome)} by ",
        (clean(entry.who) or "nobody known", "bold"),
        (f" ({clean(entry.source)})  {moment(now, entry.time)}  entry {entry.seq}", MUTED),
        f"\n{told_words(entry)}",
    )


def entry_facts(entry: AuditEntry, now: datetime) -> Iterator[Fact]:
    """Tells all there is of an entry, its place in the chain too."""
    yield Fact("Entry", f"{entry.seq}")
    yield Fact("Time", moment(now, entry.time))
    yield Fact("What", entry.what)
    yield Fact("Outcome", entry.outcome)
    yield Fact("Who", entry.who or "nobody known")
    yield Fact("From", entry.source or "–")
    yield Fact("Type", entry.workflow_type or "–")
    yield Fact("About", entry.target or "–")
    yield Fact("Why", entry.why or "–")
    yield Fact("Told", entry.told or "–")
    if entry.times > 1:
        yield Fact("Times", f"{entry.times:,}")
    yield Fact("Digest", entry.digest or "–")
    yield Fact("Hash", entry.hash)
    yield Fact("Previous", entry.previous or "missing")
