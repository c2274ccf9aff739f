"""The list of WorkReqs with which a draft of policies finds fault, or which it would no longer refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.format import age, moment
from wf_tui.state.text import clean
from wf_tui.state.trial import JudgedRequest, Verdict, breach_line
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit

_CHANGE, _AGE, _NAME, _WHO = 14, 5, 20, 12
_LOOKS = {
    "would refuse": "bad",
    "still refused": "dim",
    "now passes": "good",
    "now warns": "good",
    "would warn": "held",
    "dry run": "idle",
}
_GLYPHS = {Verdict.REFUSED: "✗", Verdict.WARNS: "!", Verdict.PASSES: "✓"}


class TrialTable(RowsView):
    """WorkReqs, one a line."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(id="trial")
        self._now = now
        self._judged: tuple[JudgedRequest, ...] = ()

    def line_count(self) -> int:
        """One line a WorkReq."""
        return len(self._judged)

    @property
    def current(self) -> JudgedRequest | None:
        """The WorkReq under the cursor."""
        return self._judged[self.cursor] if self.cursor < len(self._judged) else None

    def show_judged(self, judged: tuple[JudgedRequest, ...]) -> None:
        """Shows what was found so far; the cursor stays with its WorkReq."""
        before = self.current
        self._judged = judged
        self.lines_changed()
        ids = [each.id for each in judged]
        self.cursor = ids.index(before.id) if before is not None and before.id in ids else 0
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a WorkReq."""
        judged = self._judged[line]
        mark = f"{_GLYPHS[judged.after]} {judged.change}"
        yield Piece(fit(mark, _CHANGE + 2), _LOOKS[judged.change])
        yield Piece(fit(age(self._now(), judged.submitted), _AGE - 1, right=True) + " ")
        yield Piece(fit(clean(judged.name) or "(no name)", _NAME) + " ", "strong")
        yield Piece(fit(clean(judged.operator) or "–", _WHO) + " ")
        rest = max(0, width - _CHANGE - 2 - _AGE - _NAME - _WHO - 2)
        yield Piece(fit(clean(breach_line(judged)), rest), "dim")


class TrialHead(Widget):
    """The columns' names."""

    def render(self) -> Content:
        """Paints the names."""
        names = (
            " " + fit("OUTCOME", _CHANGE + 2),
            fit("AGE", _AGE - 1, right=True) + " ",
            fit("WORKFLOW TYPE", _NAME) + " ",
            fit("WHO", _WHO) + " ",
            "WHAT IS FOUND FIRST",
        )
        return Content("".join(names)).truncate(max(1, self.content_size.width - 2), ellipsis=True)


def judged_words(judged: JudgedRequest) -> Content:
    """Tells a WorkReq in two lines: what it was, and the first of what is found."""
    kind = "rejection" if judged.rejection else "workflow"
    what = clean(judged.desc) or "(no description)"
    return Content(f"{what}  {kind} {clean(judged.id)}\n{clean(breach_line(judged))}")


def judged_facts(judged: JudgedRequest, now: datetime) -> Iterator[Fact]:
    """Tells all about a WorkReq."""
    yield Fact("Outcome", judged.change)
    yield Fact("Before", judged.before.value)
    yield Fact("By draft", judged.after.value)
    yield Fact("Type", judged.name)
    yield Fact("About", judged.desc or "(no description)")
    yield Fact("Rejection" if judged.rejection else "Workflow", judged.id)
    yield Fact("Submitted", moment(now, judged.submitted))
    yield Fact("By", judged.operator or "–")
    yield Fact("Found", f"{judged.violated:,}")
    for violation in judged.violations:
        yield Fact("")
        yield Fact(violation.rule, violation.message, "$text-error")
        if violation.found:
            yield Fact("found", violation.found)
        if violation.expected:
            yield Fact("expected", violation.expected)
