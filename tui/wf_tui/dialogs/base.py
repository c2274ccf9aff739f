"""What all dialogs share: a box in the middle, esc to leave, arrows between the buttons."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A modal question that is answered with a T, or None if the operator leaves it."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", id="dialog.leave", tooltip="Leave; nothing happens"),
        Binding(
            "left,up", "app.focus_previous", show=False, id="dialog.previous", tooltip="The field before"
        ),
        Binding("right,down", "app.focus_next", show=False, id="dialog.next", tooltip="The next field"),
    ]

    def action_leave(self) -> None:
        """Closes the dialog without an answer."""
        self.dismiss(None)
