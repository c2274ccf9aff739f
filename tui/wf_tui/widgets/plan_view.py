"""A plan to decide on, line by line; long lines go on beneath."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len, chop_cells

from wf_tui.state.approvals import Line
from wf_tui.state.text import clean
from wf_tui.widgets.rows import Piece, RowsView, fit

_HANGING = "    "


class PlanView(RowsView):
    """Shows the lines of a plan, broken to its own width."""

    def __init__(self) -> None:
        super().__init__(id="plan")
        self._lines: Sequence[Line] = ()
        self._broken: tuple[Piece, ...] = ()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Shows another state of the plan; the cursor stays where it is."""
        self._lines = lines
        self._break()
        self.lines_changed()

    def line_count(self) -> int:
        """As many as there are when they are broken."""
        return len(self._broken)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """One line, or a part of one."""
        piece = self._broken[line]
        return (Piece(fit(piece.text, width), piece.look),)

    def _resized(self) -> None:
        self._break()
        super()._resized()

    def _break(self) -> None:
        width = max(20, self.scrollable_content_region.width - 2)
        self._broken = tuple(
            Piece(part, "bad" if line.is_grave else "strong" if line.is_head else "")
            for line in self._lines
            for part in broken(clean(line.text), width)
        )


def broken(text: str, width: int) -> Iterator[str]:
    """Breaks a line between words, or within one that is too long; what follows is indented."""
    for part in textwrap.wrap(text, width, subsequent_indent=_HANGING) or [""]:
        # A character may be two cells wide.
        yield from chop_cells(part, width) if cell_len(part) > width else (part,)
