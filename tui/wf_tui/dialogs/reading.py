"""Something to read at one's ease, in a box that scrolls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from wf_tui.dialogs.base import Dialog
from wf_tui.state.raw import copied_words
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact, Facts


class ReadingDialog(Dialog[None]):
    """Shows facts; nothing can be done here but read and leave."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", show=False, id="reading.up", tooltip="Scroll up"),
        Binding("down,j", "scroll(1)", show=False, id="reading.down", tooltip="Scroll down"),
        Binding("pageup", "scroll(-10)", show=False, id="reading.page_up", tooltip="Scroll up a page"),
        Binding("pagedown,space", "scroll(10)", show=False, id="reading.page_down", tooltip="Down a page"),
        Binding("Y,c", "copy", "Copy", id="reading.copy", tooltip="Copy what it says"),
        Binding("enter", "leave", "Close", id="reading.close", tooltip="Back to the list"),
    ]

    def __init__(self, title: str, facts: Iterable[Fact]) -> None:
        super().__init__()
        self._title = title
        self._facts = tuple(facts)

    def compose(self) -> ComposeResult:
        """Title, text, how to leave."""
        with Vertical(classes="box tall"):
            yield Static(clean(self._title), classes="question", markup=False)
            yield Facts(id="reading")
            yield Static("Y copies   esc closes", classes="hint", markup=False)

    def on_mount(self) -> None:
        """Fills in the text."""
        self.call_after_refresh(self.query_one(Facts).tell, self._facts)

    def action_copy(self) -> None:
        """Copies the text, by OSC 52."""
        text = self.query_one(Facts).plain
        self.app.copy_to_clipboard(text)
        self.notify(copied_words(text), markup=False)

    def action_scroll(self, lines: int) -> None:
        """Scrolls."""
        self.query_one(Facts).scroll_relative(y=lines, animate=False)
