"""What screens with a filter share: the line it is typed in, and esc that clears it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from wf_tui.screens.base import WfScreen
from wf_tui.widgets.fields import quiet_input


class FilteredScreen(WfScreen):
    """Its `AUTO_FOCUS` names the list; `narrow` says what filtering does to it."""

    #: What the filter looks at, for who has not typed yet.
    FILTER_HINT: ClassVar[str]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Filter", id="filtered.filter", tooltip="Show only some; esc shows all again"
        ),
    ]

    def narrow(self, text: str) -> None:
        """Shows only what contains every word of the text."""
        raise NotImplementedError

    def filter_line(self) -> ComposeResult:
        """The line, hidden until it is wanted."""
        with Vertical(id="filter"):
            yield quiet_input(f"{self.FILTER_HINT} – enter keeps, esc clears", id="text")

    @property
    def filter_text(self) -> str:
        """What is typed."""
        return self.query_one("#text", Input).value.strip()

    def action_filter(self) -> None:
        """Opens the filter's line."""
        self.add_class("-filtering")
        self.query_one("#text", Input).focus()

    @on(Input.Changed, "#text")
    def _narrow(self, event: Input.Changed) -> None:
        self.narrow(event.value)

    @on(Input.Submitted, "#text")
    def _narrowed(self) -> None:
        self._leave_filter(shown=bool(self.filter_text))

    def action_back(self) -> None:
        """Clears the filter, if there is one; goes back otherwise."""
        if not self.has_class("-filtering"):
            super().action_back()
            return
        self.query_one("#text", Input).value = ""
        self._leave_filter(shown=False)

    def _leave_filter(self, *, shown: bool) -> None:
        self.set_class(shown, "-filtering")
        self.query_one(str(self.AUTO_FOCUS)).focus()
