"""A choice from a list that is narrowed by typing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from wf_tui.dialogs.base import Dialog
from wf_tui.state.listing import contains_all
from wf_tui.state.text import clean
from wf_tui.widgets.fields import quiet_input
from wf_tui.widgets.rows import Piece, RowsView, fit


class Choice(NamedTuple):
    """A value, and what it is in words."""

    value: str
    words: str = ""


class ChoiceList(RowsView):
    """The choices that the filter lets through."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__(id="choices")
        self._choices = tuple(choices)
        self._shown = list(self._choices)
        self._width = min(28, max((len(clean(choice.value)) for choice in choices), default=0)) + 2

    @property
    def current(self) -> Choice | None:
        """The choice under the cursor."""
        return self._shown[self.cursor] if self.cursor < len(self._shown) else None

    def line_count(self) -> int:
        """As many as are shown."""
        return len(self._shown)

    def narrow(self, text: str) -> None:
        """Shows only choices with these words, those that begin so first."""
        wanted = text.strip().casefold()
        self._shown = [choice for choice in self._choices if contains_all(text, choice)]
        self._shown.sort(key=lambda choice: not choice.value.casefold().startswith(wanted))
        self.placeholder = [[Piece("Nothing of that kind is known.", "dim")]]
        self.lines_changed()
        self.cursor = 0
        self.lines_changed((0,))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a choice."""
        choice = self._shown[line]
        yield Piece(fit(clean(choice.value), min(width, self._width)), "strong")
        yield Piece(fit(clean(choice.words), max(0, width - self._width)), "dim")


class PickDialog(Dialog[str]):
    """Answers with a value of the list. Arrows move while the focus stays where one types."""

    AUTO_FOCUS = "#text"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False, id="pick.up", tooltip="One line up"),
        Binding("down", "move(1)", "Down", show=False, id="pick.down", tooltip="One line down"),
        Binding("pageup", "move(-8)", "Page up", show=False, id="pick.page_up", tooltip="Some lines up"),
        Binding("pagedown", "move(8)", "Page down", show=False, id="pick.page_down", tooltip="Some down"),
    ]

    def __init__(self, question: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._question = question
        self._choices = tuple(choices)

    def compose(self) -> ComposeResult:
        """The question, what is typed, the list."""
        with Vertical(classes="box tall"):
            yield Static(clean(self._question), classes="question", markup=False)
            yield quiet_input("type to narrow the list", id="text")
            yield ChoiceList(self._choices)
            yield Static("↑ ↓ move   enter chooses   esc leaves", classes="hint", markup=False)

    @on(Input.Changed, "#text")
    def _narrow(self, event: Input.Changed) -> None:
        self.query_one(ChoiceList).narrow(event.value)

    def action_move(self, lines: int) -> None:
        """Moves the cursor of the list."""
        self.query_one(ChoiceList).cursor += lines

    @on(Input.Submitted, "#text")
    @on(RowsView.Opened)
    def _chosen(self) -> None:
        choice = self.query_one(ChoiceList).current
        if choice is not None:
            self.dismiss(choice.value)
