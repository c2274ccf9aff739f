"""The line in which a list is filtered: what is typed, and what comes of it."""

from __future__ import annotations

from collections.abc import Collection

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from wf_tui.state.filters import NO_FILTER, BadPattern, Filter
from wf_tui.widgets.fields import quiet_input


class FilterBar(Horizontal):
    """Hidden until it is opened; tells every filter that makes sense, and of others what is wrong."""

    class Changed(Message):
        """Another filter is in force."""

        def __init__(self, chosen: Filter) -> None:
            super().__init__()
            self.chosen = chosen

    class Kept(Message):
        """The operator is done with typing and keeps the filter."""

    def __init__(self, what: str, names: Collection[str] = ()) -> None:
        super().__init__(id="filter")
        self._what = what
        self._names = tuple(names)
        self.chosen = NO_FILTER
        self._wrong = False

    def compose(self) -> ComposeResult:
        """The sign, the input, and the note beside it."""
        fields = "".join(f" {name}:" for name in self._names)
        yield Static("/", id="sign", markup=False)
        yield quiet_input(f"{self._what}: regex words, !word without{fields}", id="text")
        yield Static(id="note", markup=False)

    def open(self) -> None:
        """Shows the line and goes there."""
        self.display = True
        self.query_one(Input).focus()

    def put(self, text: str) -> None:
        """Types a text for the operator; the focus stays where it is."""
        self.display = bool(text)
        self.query_one(Input).value = text
        self._read(text)

    def clear(self) -> None:
        """Empties and hides the line."""
        self.put("")

    def tell(self, words: str) -> None:
        """Shows how many match, unless something is wrong with what was typed."""
        if self.display and not self._wrong:
            self.query_one("#note", Static).update(words if self.chosen else "")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._read(event.value)

    def _read(self, text: str) -> None:
        note = self.query_one("#note", Static)
        try:
            chosen = Filter.parse(text, self._names)
        except BadPattern as problem:
            self._wrong = True
            note.update(f"✗ {problem}")
        else:
            # What was put here is read at once and again when the input tells of it: the note stays then.
            if self._wrong or chosen != self.chosen:
                self._wrong = False
                note.update("")
                self.chosen = chosen
                self.post_message(self.Changed(chosen))
        note.set_class(self._wrong, "-wrong")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._wrong:
            # What is wrong stands beside it; the list goes by what was right last.
            return
        if not self.chosen:
            self.clear()
        self.post_message(self.Kept())
