"""From violation to violation, and the fix where one is safe."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Static

from wf_tui.screens.composer.desk import Desk
from wf_tui.state.fixes import fix_of
from wf_tui.state.form import field_of
from wf_tui.state.models import Violation
from wf_tui.state.verdict import place_of
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.verdict_list import VerdictList


class Mending(Desk):
    """What is done about the verdict."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "offence(1)", "Next ✗", id="composer.next", tooltip="To the next violation"),
        Binding(
            "N",
            "offence(-1)",
            "Last ✗",
            show=False,
            id="composer.previous",
            tooltip="To the violation before",
        ),
        Binding(
            "F", "fix", "Fix", show=False, id="composer.fix", tooltip="Mend the violation, where that is safe"
        ),
    ]

    @on(RowsView.Moved, "#verdict-list")
    def _other_violation(self) -> None:
        if not self.unchecked and not self.in_text:
            self.query_one("#verdict-line", Static).update(self.verdict_words())

    @on(RowsView.Opened, "#verdict-list")
    def _open_violation(self) -> None:
        violation = self.query_one(VerdictList).current
        if violation is not None and not self.in_text:
            self.go_to(violation)
            self.call_later(self.form.focus_field)

    def action_offence(self, step: int) -> None:
        """Goes to another violation; the first time to the one under the list's cursor."""
        violations = self.query_one(VerdictList)
        if violations.current is None:
            self.say("The server finds nothing wrong." if self.is_checked else "There is no verdict yet.")
            return
        here = place_of(violations.current) == self.composition.place
        if here:
            violations.move_to((violations.cursor + step) % violations.line_count())
        self.go_to(violations.current)

    def go_to(self, violation: Violation) -> None:
        self.take(self.composition.at(place_of(violation)))
        self.call_later(self.form.reveal, field_of(violation))

    def action_fix(self) -> None:
        """Mends the violation under the list's cursor, if one certain thing would."""
        violation = self.query_one(VerdictList).current
        if violation is None or not self.is_checked:
            self.say("There is no verdict on this yet." if not self.is_checked else "Nothing is wrong.")
            return
        fix = fix_of(violation, self.request, self.known)
        if fix is None:
            self.say("This one is for you: no fix of it is certain.")
            return
        self.edit(fix.mended)
        self.say_done(f"{place_of(violation).words()}: {fix.words}. u takes it back.")
