"""Whether a draft that was left behind is gone on with."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets import Button

from wf_tui.dialogs.confirm import ConfirmDialog


class ResumeDialog(ConfirmDialog):
    """Goes on with it unless the operator leaves; either way the draft stays."""

    AUTO_FOCUS = "#confirm"

    def __init__(self, facts: Sequence[tuple[str, str]]) -> None:
        super().__init__("Go on with the draft that was not submitted?", facts, "Go on")

    def on_mount(self) -> None:
        """Says what the other answer means."""
        self.query_one("#cancel", Button).label = "Begin anew"


class ResumeQueueDialog(ConfirmDialog):
    """Goes on only if the operator means it: the next entries are begun without another question."""

    def __init__(self, facts: Sequence[tuple[str, str]]) -> None:
        super().__init__("Go on with the queue that was left behind?", facts, "Go on")

    def on_mount(self) -> None:
        """Says what the other answer means."""
        self.query_one("#cancel", Button).label = "Not now"
