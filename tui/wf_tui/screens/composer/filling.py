"""The form of what the cursor is on: what is typed becomes the request's, values are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from wf_tui.dialogs.pick import Choice, PickDialog
from wf_tui.screens.composer.choices import job_choices, site_words
from wf_tui.screens.composer.desk import Desk, typing_of
from wf_tui.state.composition import settled
from wf_tui.state.form import TYPE, BadValue, FormField, is_option_key, value_at, with_value
from wf_tui.state.text import clean
from wf_tui.widgets.form_pane import FieldInput, FormPane
from wf_tui.widgets.rows import RowsView


class Filling(Desk):
    """What comes of the form."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "O,ctrl+o",
            "options",
            "Options",
            id="composer.options",
            tooltip="Options: budgets, holds, waves, retries",
        ),
    ]

    def action_options(self) -> None:
        """Shows the options of request, blocks and jobs, or only those that are set."""
        self.with_options = not self.with_options
        self.call_later(self.show_request)

    @on(RowsView.Opened, "#outline")
    def _opened(self) -> None:
        self.form.focus_field()

    @on(FormPane.Edited)
    def _edited(self, event: FormPane.Edited) -> None:
        if settled(self.request, event.place) != event.place:
            return
        self.form.complain(event.key, "")
        # What is typed into must not go away when it is emptied.
        self.with_options = self.with_options or is_option_key(event.key)
        if event.value == clean(value_at(self.request, event.place, event.key)):
            return
        try:
            request = with_value(self.request, event.place, event.key, event.value, self.known)
        except BadValue as reason:
            self.form.complain(event.key, str(reason))
            return
        typing = typing_of(event.place, event.key)
        self.take(self.composition.edited(request, self.composition.place, typing=typing))

    @on(FormPane.Finished)
    def _finished(self) -> None:
        self.outline.focus()

    @on(FieldInput.Choosing)
    def _choose(self, event: FieldInput.Choosing) -> None:
        place, shown = self.composition.place, event.shown

        def answered(value: str | None) -> None:
            if value is not None:
                request = with_value(self.request, place, shown.key, value, self.known)
                self.take(self.composition.edited(request, place))

        self.app.push_screen(PickDialog(shown.label, self._choices(shown)), answered)

    def _choices(self, shown: FormField) -> Sequence[Choice]:
        if shown.key == TYPE:
            return job_choices(self.known, self.request.name)
        told = {site.name: site_words(site) for site in self.known.sites}
        return [Choice(value, told.get(value, "")) for value in shown.values]
