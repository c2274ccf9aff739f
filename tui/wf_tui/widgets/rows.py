"""A list of one-line rows that paints only the lines it shows, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wf_tui.state.marks import Tone


class Piece(NamedTuple):
    """A run of text in one look: a tone's value, `dim`, `strong`, or "" for plain. Already clean."""

    text: str
    look: str = ""


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Cuts a text with an ellipsis, or pads it, to exactly `width` cells."""
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


class RowsView(ScrollView, can_focus=True):
    """The base of every list here. A subclass says how many lines there are, and what is on each.

    `key` names what a line is about: the cursor stays with it when lines move.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--cursor",
        "rows--blurred",
        "rows--dim",
        "rows--strong",
        *(f"rows--{tone.value}" for tone in Tone),
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="rows.up", tooltip="One line up"),
        Binding("down,j", "move(1)", "Down", show=False, id="rows.down", tooltip="One line down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="rows.page_up", tooltip="One page up"),
        Binding(
            "pagedown,ctrl+f",
            "page(1)",
            "Page down",
            show=False,
            id="rows.page_down",
            tooltip="One page down",
        ),
        Binding("home,g", "first", "First", show=False, id="rows.first", tooltip="To the first line"),
        Binding("end,G", "last", "Last", show=False, id="rows.last", tooltip="To the last line"),
        Binding("enter", "open", "Open", id="rows.open", tooltip="Open what the cursor is on"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)

    class Moved(Message):
        """The cursor is on another line, or on another thing."""

        def __init__(self, rows: RowsView) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> RowsView:
            """The list it is about."""
            return self.rows

    class Opened(Message):
        """The operator opened the line under the cursor."""

        def __init__(self, rows: RowsView, line: int) -> None:
            super().__init__()
            self.rows = rows
            self.line = line

        @property
        def control(self) -> RowsView:
            """The list it is about."""
            return self.rows

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        #: Shown in the middle while there are no lines.
        self.placeholder: Sequence[Sequence[Piece]] = ()
        #: What each line of the screen was painted with last.
        self._painted: dict[int, tuple[Piece, ...]] = {}
        #: Of one picture, by (under the cursor, look).
        self._shades: dict[tuple[bool, str], Style] = {}

    def line_count(self) -> int:
        """Returns how many lines there are."""
        raise NotImplementedError

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Returns what is on a line of so many cells."""
        raise NotImplementedError

    def lines_changed(self, lines: Iterable[int] | None = None) -> None:
        """Repaints some lines; None: there may be more or fewer, or others, and what differs is repainted."""
        if lines is None:
            self._count_lines()
            top, width = self.scroll_offset.y, self.scrollable_content_region.width
            visible = range(self.size.height)
            lines = [top + y for y in visible if self._content(y, width) != self._painted.get(y)]
        top, height, across = self.scroll_offset.y, self.size.height, self.size.width
        regions = [Region(0, line - top, across, 1) for line in lines if top <= line < top + height]
        if regions:
            self.refresh(*regions)

    def _count_lines(self) -> None:
        """Takes in how many lines there are. Only the scrollbar shows it, so nothing is laid out anew."""
        size = Size(self.scrollable_content_region.width, self.line_count())
        if size == self.virtual_size:
            return
        if not self.container_size:
            self.virtual_size = size
            return
        self.set_reactive(RowsView.virtual_size, size)
        self._scroll_update(size)

    def move_to(self, line: int) -> None:
        """Puts the cursor on a line and brings it into view."""
        self.cursor = line
        self.show_cursor()

    def show_cursor(self) -> None:
        """Scrolls as little as brings the cursor into view."""
        height = self.scrollable_content_region.height
        if not height:
            return
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor among the lines."""
        return max(0, min(cursor, self.line_count() - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Repaints both lines and tells of it."""
        self.lines_changed((before, after))
        self.show_cursor()
        self.post_message(self.Moved(self))

    def _size_updated(
        self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True
    ) -> bool:
        """Takes in another size.

        By no Resize event: Textual sends none where something asked for the new layout before it was painted.
        """
        resized = super()._size_updated(size, virtual_size, container_size, layout)
        if resized:
            self.call_after_refresh(self._resized)
        return resized

    def _resized(self) -> None:
        """Lines are as wide as the widget, and the cursor stays in view."""
        self.lines_changed()
        self.show_cursor()

    def on_focus(self) -> None:
        """The cursor looks different with the focus."""
        self.lines_changed((self.cursor,))

    def on_blur(self) -> None:
        """The cursor looks different without the focus."""
        self.lines_changed((self.cursor,))

    def on_click(self, event: events.Click) -> None:
        """Moves the cursor to a clicked line; a click on the cursor opens it."""
        line = event.y + self.scroll_offset.y
        if not 0 <= line < self.line_count():
            return
        if line == self.cursor:
            self.action_open()
        else:
            self.cursor = line

    def action_move(self, lines: int) -> None:
        """Moves the cursor."""
        self.cursor += lines

    def action_page(self, pages: int) -> None:
        """Moves the cursor by what fits on the screen."""
        self.cursor += pages * max(1, self.scrollable_content_region.height - 1)

    def action_first(self) -> None:
        """Moves the cursor to the first line."""
        self.cursor = 0

    def action_last(self) -> None:
        """Moves the cursor to the last line."""
        self.cursor = self.line_count() - 1

    def action_open(self) -> None:
        """Tells that the line under the cursor was opened."""
        if self.line_count():
            self.post_message(self.Opened(self, self.cursor))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paints the lines of a picture, which have their styles in common."""
        self._shades.clear()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Paints one line of the screen."""
        width = self.scrollable_content_region.width
        pieces = self._painted[y] = self._content(y, width)
        on_cursor = y + self.scroll_offset.y == self.cursor and self.line_count() > 0
        base = self._shade(on_cursor, "")
        if base.reverse:
            # Colours of sixteen are not made to be read upside down.
            pieces = tuple(Piece(piece.text) for piece in pieces)
        segments = [Segment(text, self._shade(on_cursor, look)) for text, look in pieces if text]
        return Strip(segments).adjust_cell_length(width, base)

    def _content(self, y: int, width: int) -> tuple[Piece, ...]:
        """Returns what is on a line of the screen, the cursor included."""
        line, total = y + self.scroll_offset.y, self.line_count()
        if line < total:
            cursor = Piece("▌" if line == self.cursor else " ", Tone.BUSY.value)
            return cursor, *self.pieces(line, width - 1)
        return self._placeholder_line(y, width) if not total else ()

    def _placeholder_line(self, y: int, width: int) -> tuple[Piece, ...]:
        top = max(0, (self.scrollable_content_region.height - len(self.placeholder)) // 3)
        if not 0 <= y - top < len(self.placeholder):
            return ()
        pieces = self.placeholder[y - top]
        length = sum(cell_len(piece.text) for piece in pieces)
        return Piece(" " * max(0, (width - length) // 2)), *pieces

    def _shade(self, on_cursor: bool, look: str) -> Style:
        known = self._shades.get((on_cursor, look))
        if known is None:
            base = self.rich_style
            if on_cursor:
                cursor = self.get_component_rich_style("rows--cursor" if self.has_focus else "rows--blurred")
                base += Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse)
            known = self._shades[on_cursor, look] = base + self._look(look)
        return known

    def _look(self, look: str) -> Style:
        if not look:
            return Style.null()
        # Only what is painted on top: the background is the line's.
        style = self.get_component_rich_style(f"rows--{look}")
        return Style(color=style.color, bold=style.bold, dim=style.dim)
