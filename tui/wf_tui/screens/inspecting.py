"""What screens share that tell all about what the cursor is on: to read, and as YAML and JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType

from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.screens.base import WfScreen
from wf_tui.screens.raw import RawScreen
from wf_tui.state.raw import RawText, document_texts
from wf_tui.widgets.facts import Fact


class Inspected(NamedTuple):
    """What the cursor is on: its name, what there is to know of it, and how it is read as text."""

    name: str
    facts: Iterable[Fact]
    texts: Callable[[], Awaitable[tuple[RawText, ...]]]


class InspectingScreen(WfScreen):
    """`inspected` says what the cursor is on; what it is about is fixed when the key is pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "describe", "Describe", id="list.describe", tooltip="All about what the cursor is on"),
        Binding(
            "y", "raw", "Raw", show=False, id="list.raw", tooltip="What the cursor is on, as YAML and JSON"
        ),
    ]

    def inspected(self) -> Inspected | None:
        """Returns what the cursor is on, None if there is nothing."""
        raise NotImplementedError

    def action_describe(self) -> None:
        """Shows all about it, to read and to copy."""
        if (found := self.inspected()) is not None:
            self.app.push_screen(ReadingDialog(found.name, found.facts))

    def action_raw(self) -> None:
        """Shows it as YAML and JSON."""
        if (found := self.inspected()) is not None:
            self.app.push_screen(RawScreen(self.context, (*self.crumbs(), found.name), found.texts))


def document(value: object) -> Callable[[], Awaitable[tuple[RawText, ...]]]:
    """Returns how something that is known already is written down."""

    async def texts() -> tuple[RawText, ...]:
        return document_texts(value)

    return texts
