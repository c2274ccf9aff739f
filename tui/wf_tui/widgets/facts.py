"""A pane of facts: headings, labelled values, and text as it came, painted without interpretation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from wf_tui.state.text import clean
from wf_tui.widgets.theme import MUTED

#: The widest column of labels, in cells; a longer label pushes its own value aside, no other.
_LABEL = 24


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the pane: `label` and `value`, or a heading if there is no value."""

    label: str
    value: str | Content = ""
    style: str = ""

    def content(self, width: int) -> Content:
        """Paints the line, labels in a column of `width` cells."""
        if not self.label:
            return self._painted()
        if not self.value:
            return Content.styled(clean(self.label), self.style or "bold")
        return Content.assemble((f"{clean(self.label):<{width}} ", MUTED), self._painted())

    def _painted(self) -> Content:
        if isinstance(self.value, Content):
            return self.value
        return Content.styled(clean(self.value), self.style)


class Facts(VerticalScroll):
    """Scrolls where there are more facts than lines."""

    can_focus = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told: list[Fact] = []

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(markup=False)

    @property
    def told(self) -> tuple[Fact, ...]:
        """What it shows."""
        return tuple(self._told)

    @property
    def plain(self) -> str:
        """What it shows, as text to copy."""
        return "\n".join(line.plain.rstrip() for line in self._lines())

    def tell(self, facts: Iterable[Fact]) -> None:
        """Shows these facts; nothing is painted anew if they are the same."""
        told = list(facts)
        if told == self._told or not self.is_mounted:
            return
        self._told = told
        text = self.query_one(Static)
        text.update(Content("\n").join(self._lines()), layout=False)
        width, height = text.content_size
        if text.get_content_height(self.size, self.screen.size, width) != height:
            # Only then: it takes longer than all else that a key causes.
            text.refresh(layout=True)

    def _lines(self) -> list[Content]:
        width = max((len(clean(fact.label)) for fact in self._told if fact.value), default=0)
        width = min(width, _LABEL)
        return [fact.content(width) for fact in self._told]
