"""The line in which jobs are filtered: what is typed, and what comes of it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from wf_tui.state.job_filter import BadPattern, JobFilter
from wf_tui.widgets.fields import quiet_input


class JobFilterBar(Horizontal):
    """Hidden until it is opened; tells every filter that makes sense, and of others what is wrong."""

    class Changed(Message):
        """Another filter is in force; None: none."""

        def __init__(self, chooser: JobFilter | None) -> None:
            super().__init__()
            self.chooser = chooser

    class Kept(Message):
        """The operator is done with typing and keeps the filter."""

    def __init__(self) -> None:
        super().__init__()
        self._chooser: JobFilter | None = None
        self._wrong = False

    def compose(self) -> ComposeResult:
        """The input, and the note beside it."""
        yield Static("/", id="sign", markup=False)
        yield quiet_input("jobs: a regular expression, ! first turns it round – enter keeps", id="jobs")
        yield Static(id="note", markup=False)

    def open(self) -> None:
        """Shows the line and goes there."""
        self.display = True
        self.query_one(Input).focus()

    def clear(self) -> None:
        """Empties and hides the line."""
        self.query_one(Input).value = ""
        self.display = False

    def tell(self, words: str) -> None:
        """Shows how many match, unless something is wrong with what was typed."""
        if self.display and not self._wrong:
            self.query_one("#note", Static).update(words)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        try:
            chooser = JobFilter.parse(event.value)
        except BadPattern as problem:
            self._wrong = True
            self.query_one("#note", Static).update(f"✗ {problem}")
        else:
            self._wrong = False
            self.query_one("#note", Static).update("")
            if chooser != self._chooser:
                self._chooser = chooser
                self.post_message(self.Changed(chooser))
        self.query_one("#note", Static).set_class(self._wrong, "-wrong")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._chooser is None:
            self.clear()
        self.post_message(self.Kept())
