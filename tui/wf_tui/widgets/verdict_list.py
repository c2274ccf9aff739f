"""The violations of what is being composed, one a line, and what is wrong with a text that is none yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wf_tui.state.models import PolicyLevel, Violation
from wf_tui.state.text import clean
from wf_tui.state.verdict import place_of
from wf_tui.widgets.rows import Piece, RowsView, fit
from wf_tui.workreq_reader import Problem

_PLACE = 16


class VerdictList(RowsView):
    """Where, which rule, what; the cursor is on the one that `F` would fix."""

    def __init__(self) -> None:
        super().__init__(id="verdict-list")
        self._violations: tuple[Violation, ...] = ()
        self._problems: tuple[Problem, ...] = ()

    @property
    def current(self) -> Violation | None:
        """The violation under the cursor."""
        return self._violations[self.cursor] if self.cursor < len(self._violations) else None

    @property
    def current_problem(self) -> Problem | None:
        """What is wrong with the text, under the cursor."""
        return self._problems[self.cursor] if self.cursor < len(self._problems) else None

    def line_count(self) -> int:
        """As many as there are."""
        return len(self._problems) or len(self._violations)

    def show_violations(self, violations: Sequence[Violation]) -> None:
        """Shows these; the cursor stays with its violation."""
        before = self.current
        self._violations, self._problems = tuple(violations), ()
        self._changed()
        if before in self._violations:
            self.cursor = self._violations.index(before)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Shows why a text is no WorkReq."""
        self._violations, self._problems = (), tuple(problems)
        self._changed()

    def _changed(self) -> None:
        self.display = bool(self.line_count())
        # Room for a few; more of them scroll.
        self.styles.height = min(5, max(1, self.line_count()))
        self.lines_changed()
        self.cursor = self.validate_cursor(self.cursor)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a violation, or a problem."""
        if self._problems:
            return (Piece(fit(clean(str(self._problems[line])), width), "bad"),)
        violation = self._violations[line]
        where = place_of(violation).words() if violation.block is not None else "request"
        what = f"{clean(violation.arg)}: " if violation.arg else ""
        if violation.level is not PolicyLevel.DENY:
            what = f"{violation.mark} {what}"
        return (
            Piece(fit(where, _PLACE), "bad" if violation.level is PolicyLevel.DENY else "held"),
            Piece(fit(f"{what}{clean(violation.message)}  [{clean(violation.rule)}]", width - _PLACE)),
        )
