"""A long text, scrolled by lines and sideways; only what is visible is painted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.state.raw import shifted
from wf_tui.widgets.rows import Piece, RowsView, fit

_STEP = 16


class TextLines(RowsView):
    """Lines that are clean already."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "shift(1)", "Right", show=False, id="text.right", tooltip="The ends of long lines"),
        Binding("left", "shift(-1)", "Left", show=False, id="text.left", tooltip="Back to the left"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[str] = ()
        self._left = 0

    def show_lines(self, lines: Sequence[str]) -> None:
        """Shows another text from its beginning."""
        self._lines = lines
        self._left = 0
        self.cursor = 0
        self.lines_changed()
        self.scroll_to(y=0, animate=False)

    def line_count(self) -> int:
        """As many as the text has."""
        return len(self._lines)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """One line, numbered."""
        digits = len(str(len(self._lines)))
        text = shifted(self._lines[line], self._left)
        return Piece(f"{line + 1:>{digits}} ", "dim"), Piece(fit(text, max(0, width - digits - 1)))

    def action_shift(self, steps: int) -> None:
        """Goes sideways."""
        self._left = max(0, self._left + steps * _STEP)
        self.refresh()
