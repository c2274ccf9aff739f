"""The name of a file."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from wf_tui.dialogs.base import Dialog
from wf_tui.state.text import clean
from wf_tui.widgets.fields import quiet_button, quiet_input


class PathDialog(Dialog[str]):
    """Answers with what was typed, without the spaces around it; never with nothing."""

    AUTO_FOCUS = "#path"

    def __init__(self, question: str, path: str, verb: str) -> None:
        super().__init__()
        self._question = question
        self._path = path
        self._verb = verb

    def compose(self) -> ComposeResult:
        """The question, the name, two buttons."""
        with Vertical(classes="box"):
            yield Static(clean(self._question), classes="question", markup=False)
            yield quiet_input("a path; .json is proto JSON, anything else YAML", id="path")
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel  esc", id="cancel")
                yield quiet_button(f"{self._verb}  enter", id="confirm", variant="primary")

    def on_mount(self) -> None:
        """Suggests the name that was used before."""
        field = self.query_one("#path", Input)
        field.value = clean(self._path)
        field.cursor_position = len(field.value)

    @on(Input.Submitted, "#path")
    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        path = self.query_one("#path", Input).value.strip()
        if path:
            self.dismiss(path)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)
