"""A question before something is done. Cancel has the focus."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from wf_tui.dialogs.base import Dialog
from wf_tui.state.text import clean
from wf_tui.widgets.fields import quiet_button
from wf_tui.widgets.theme import MUTED

#: The widest column of labels, in cells.
_LABEL = 24


class ConfirmDialog(Dialog[bool]):
    """Answers True only if the operator went to the other button and pressed it."""

    AUTO_FOCUS = "#cancel"

    def __init__(self, question: str, facts: Sequence[tuple[str, str]], verb: str) -> None:
        super().__init__()
        self._question = question
        self._facts = tuple(facts)
        self._verb = verb

    def compose(self) -> ComposeResult:
        """The question, what it is about, two buttons."""
        facts = [(clean(label), clean(value)) for label, value in self._facts]
        width = min(_LABEL, max((len(label) for label, _ in facts), default=0))
        lines = [Content.assemble((f"{label:<{width}}  ", MUTED), value) for label, value in facts]
        with Vertical(classes="box"):
            yield Static(clean(self._question), classes="question", markup=False)
            yield Static(Content("\n").join(lines), classes="facts")
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel", id="cancel")
                yield quiet_button(self._verb, id="confirm", variant="primary")

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        self.dismiss(True)
