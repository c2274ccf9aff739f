"""The list of workflows that wait for approvals, and of those that have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.approvals import ApprovalCase, ends_words, progress_words, whose_words
from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.format import age, duration
from wf_tui.state.models import Status
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit
from wf_tui.widgets.theme import MUTED

#: What a filter can ask for by name.
FIELDS = ("state", "name", "by", "desc", "id")

_STATE, _HAVE, _AGE, _ENDS, _WIDE = 11, 8, 6, 13, 110


class Columns(NamedTuple):
    """How many cells each column has."""

    name: int
    operator: int
    rest: int

    @classmethod
    def for_width(cls, width: int) -> Columns:
        """Divides a width among the columns."""
        name, operator = (24, 18) if width >= _WIDE else (18, 12)
        return cls(name, operator, max(0, width - _STATE - _HAVE - _AGE - _ENDS - name - operator - 3))


class ApprovalTable(RowsView):
    """Cases, one a line; the cursor stays with its workflow."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(id="approvals")
        self._now = now
        self._known: tuple[ApprovalCase, ...] = ()
        self._shown: tuple[ApprovalCase, ...] = ()
        self._filter = NO_FILTER

    def line_count(self) -> int:
        """One line a case."""
        return len(self._shown)

    @property
    def known(self) -> tuple[ApprovalCase, ...]:
        """All cases, shown or not."""
        return self._known

    @property
    def current(self) -> ApprovalCase | None:
        """The case under the cursor."""
        return self._shown[self.cursor] if self.cursor < len(self._shown) else None

    def show_cases(self, cases: tuple[ApprovalCase, ...]) -> None:
        """Shows what waits now."""
        self._known = cases
        self.choose(self._filter)

    def choose(self, chosen: Filter) -> None:
        """Shows only what the filter lets through."""
        before, self._filter = self.current, chosen
        self._shown = tuple(case for case in self._known if chosen.lets_through(_fields(case)))
        if self._known:
            self.placeholder = [[Piece("Nothing that waits matches "), Piece(clean(chosen.text), "strong")]]
        self.lines_changed()
        ids = [case.summary.id for case in self._shown]
        if before is not None and before.summary.id in ids:
            self.cursor = ids.index(before.summary.id)
        else:
            self.cursor = self.validate_cursor(self.cursor)
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a case."""
        case = self._shown[line]
        summary, columns = case.summary, Columns.for_width(width)
        word, look = _state(case)
        yield Piece(fit(word, _STATE), look)
        yield Piece(fit(progress_words(case), _HAVE))
        yield Piece(fit(age(self._now(), summary.created), _AGE - 1, right=True) + " ")
        yield Piece(fit(ends_words(case, self._now()), _ENDS), "dim")
        yield Piece(fit(clean(summary.name), columns.name) + " ", "strong")
        yield Piece(fit(clean(summary.operator) or "–", columns.operator) + " ")
        yield Piece(" " + fit(clean(summary.desc), columns.rest), "dim")


def _state(case: ApprovalCase) -> tuple[str, str]:
    """What there is to do, and its look."""
    if case.summary.status is not Status.AWAITING_APPROVAL:
        return "✓ approved", "good"
    return ("◇ waits", "dim") if case.why_not else ("◇ for you", "held")


def _fields(case: ApprovalCase) -> Mapping[str, str]:
    summary = case.summary
    values = (_state(case)[0], summary.name, summary.operator, summary.desc, summary.id)
    return dict(zip(FIELDS, map(clean, values), strict=True))


class ApprovalHead(Widget):
    """The columns' names, in step with the table beneath."""

    def render(self) -> Content:
        """Paints the names."""
        width = self.content_size.width - 2
        columns = Columns.for_width(width)
        names = (
            " " + fit("STATE", _STATE),
            fit("HAVE", _HAVE),
            fit("AGE", _AGE - 1, right=True) + " ",
            fit("ENDS", _ENDS),
            fit("NAME", columns.name) + " ",
            fit("SUBMITTED BY", columns.operator) + " ",
            " ABOUT",
        )
        return Content("".join(names)).truncate(max(1, width), ellipsis=True)


def case_words(case: ApprovalCase) -> Content:
    """Tells a case in two lines: what it is, and whose approval is missing, or why one cannot give it."""
    missing = [
        f"{rule.counted} of {rule.count} by {whose_words(rule)}"
        for rule in case.rules
        if rule.counted < rule.count
    ]
    told = f"not yours to approve: {case.why_not}" if case.why_not else "enter shows what it would reach"
    return Content.assemble(
        (clean(case.summary.desc) or "(no description)", "bold"),
        (f"  {clean('; '.join(missing))}", MUTED),
        f"\n{clean(told)}",
    )


def case_facts(case: ApprovalCase, now: datetime) -> Iterator[Fact]:
    """Tells all that the list knows of a case."""
    summary = case.summary
    yield Fact("Name", summary.name)
    yield Fact("About", summary.desc or "(no description)")
    yield Fact("Id", summary.id)
    yield Fact("Submitted by", summary.operator or "–")
    yield Fact("Stands", summary.status.label)
    for rule in case.rules:
        yield Fact(rule.policy, f"{rule.counted} of {rule.count}, by {whose_words(rule)}")
        yield Fact("Counts for", duration(rule.validity_seconds))
        if rule.message:
            yield Fact("To look at", rule.message)
    if case.ends is not None:
        yield Fact("Ends", ends_words(case, now))
    if case.why_not:
        yield Fact("Not yours", case.why_not)
