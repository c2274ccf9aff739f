"""The lines of logs; the cursor stays on the last while it follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from wf_tui.state.job_log import Kind, LogBook, LogLine
from wf_tui.state.raw import shifted
from wf_tui.widgets.rows import Piece, RowsView, fit

_STEP = 16


class LogLines(RowsView):
    """Moving the cursor ends the following, and the last line begins it again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "shift(1)", "Right", show=False, id="log.right", tooltip="The ends of long lines"),
        Binding("left", "shift(-1)", "Left", show=False, id="log.left", tooltip="Back to the left"),
        Binding("f", "follow", "Follow", id="log.follow", tooltip="Stay on the newest line, or stay here"),
    ]

    def __init__(self, book: LogBook) -> None:
        super().__init__(id="log")
        self.following = True
        self._book = book
        self._left = 0

    def line_count(self) -> int:
        """As many as the filter lets through."""
        return len(self._book.lines)

    @property
    def current(self) -> LogLine | None:
        """The line under the cursor."""
        return self._book.lines[self.cursor] if self.cursor < len(self._book.lines) else None

    def book_changed(self, *, key: LogLine | None = None) -> None:
        """Paints anew; the cursor stays on the newest line, or on the one it was on."""
        lines = self._book.lines
        self.lines_changed()
        if self.following:
            self.cursor = max(0, len(lines) - 1)
            # New lines can be scrolled to only once they are laid out.
            self.call_after_refresh(self.show_cursor)
        elif key is not None and key in lines:
            self.cursor = lines.index(key)
        self.lines_changed()
        self.post_message(self.Moved(self))

    def action_move(self, lines: int) -> None:
        """Moves the cursor."""
        super().action_move(lines)
        self._stay()

    def action_page(self, pages: int) -> None:
        """Moves the cursor by a page."""
        super().action_page(pages)
        self._stay()

    def action_first(self) -> None:
        """Moves to the oldest line."""
        super().action_first()
        self._stay()

    def action_last(self) -> None:
        """Moves to the newest line, and follows it."""
        super().action_last()
        self._stay()

    def action_follow(self) -> None:
        """Stays on the newest line from now on, or on the one under the cursor."""
        self.following = not self.following
        self.book_changed(key=self.current)

    def _stay(self) -> None:
        self.following = self.cursor >= self.line_count() - 1
        self.post_message(self.Moved(self))

    def on_click(self, event: events.Click) -> None:
        """A clicked line is one to stay on."""
        self.following = event.y + self.scroll_offset.y >= self.line_count() - 1

    def on_mouse_scroll_up(self) -> None:
        """Who scrolls back wants to read."""
        self.following = False
        self.post_message(self.Moved(self))

    def action_shift(self, steps: int) -> None:
        """Goes sideways."""
        self._left = max(0, self._left + steps * _STEP)
        self.refresh()

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """A line with its number; a job's heading; or what is missing."""
        shown = self._book.lines[line]
        if shown.kind is Kind.JOB:
            return (Piece(fit(shown.text, width), "strong"),)
        if shown.kind is Kind.GAP:
            return (Piece(fit(shown.text, width), "held"),)
        digits = max(3, len(str(len(self._book.lines))))
        text = shifted(shown.text, self._left)
        return Piece(f"{shown.number:>{digits}} ", "dim"), Piece(fit(text, max(0, width - digits - 1)))
