"""A workflow's blocks and jobs as bars along the time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.state.format import duration
from wf_tui.state.marks import tone
from wf_tui.state.pages import JobPages
from wf_tui.state.text import clean
from wf_tui.state.timeline import Line, Timeline, Window, drawn
from wf_tui.widgets.rows import Piece, RowsView, fit
from wf_tui.widgets.work_tree import job_name

_TOOK = 10


def label_width(width: int) -> int:
    """Returns the cells of the column that names the lines."""
    return max(12, min(48, width * 9 // 20))


class TimelineRows(RowsView):
    """A line for each block, and under it one for each of its jobs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", "Open", id="timeline.toggle", tooltip="Show or hide a block's jobs"),
        Binding(
            "plus,equals_sign", "zoom(0.5)", "Zoom in", id="timeline.zoom_in", tooltip="Less time, larger"
        ),
        Binding("minus", "zoom(2)", "Zoom out", id="timeline.zoom_out", tooltip="More time, smaller"),
        Binding("left", "pan(-0.25)", "Earlier", show=False, id="timeline.earlier", tooltip="Earlier"),
        Binding("right", "pan(0.25)", "Later", show=False, id="timeline.later", tooltip="Later"),
    ]

    def __init__(self, pages: JobPages) -> None:
        super().__init__(id="timeline")
        self._pages = pages
        self._timeline: Timeline | None = None
        self.window = Window(0, 1)

    def show_timeline(self, timeline: Timeline) -> None:
        """Shows a history's runs, all of its time."""
        self._timeline = timeline
        self.window = timeline.whole
        self.lines_changed()
        self.post_message(self.Moved(self))

    def line_count(self) -> int:
        """As many as are open."""
        return len(self._timeline) if self._timeline is not None else 0

    def visible_jobs(self) -> list[tuple[int, int]]:
        """Returns the (block, job) of the lines on the screen."""
        top, height = self.scroll_offset.y, max(1, self.size.height)
        lines = range(top, min(top + height, self.line_count()))
        rows = (self._timeline.line(at) for at in lines) if self._timeline is not None else ()
        return [(row.block, row.job) for row in rows if row.job is not None]

    def jobs_here(self) -> list[tuple[int, int]]:
        """Returns the (block, job) of what the cursor is on: one, or all of a block."""
        if self._timeline is None or not self.line_count():
            return []
        row = self._timeline.line(self.cursor)
        total = self._timeline.sizes[row.block][2]
        return [(row.block, row.job)] if row.job is not None else [(row.block, job) for job in range(total)]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines are on the screen: their names may be needed."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """What it is, its bar, and how long it took."""
        assert self._timeline is not None
        row = self._timeline.line(line)
        spans = self._timeline.spans(row)
        room = label_width(width)
        yield Piece(fit(self._label(row), room), "" if row.job is not None else "strong")
        cells = drawn(spans, self.window, max(1, width - room - _TOOK - 1))
        for status, alike in groupby(cells, key=lambda cell: cell[1]):
            look = tone(status).value if status is not None else ""
            yield Piece("".join(text for text, _ in alike), look)
        took = sum(span.end - span.start for span in spans) / 1_000_000
        yield Piece(f" {duration(took) if spans else '–':>{_TOOK}}", "dim")

    def _label(self, row: Line) -> str:
        assert self._timeline is not None
        if row.job is None:
            desc = clean(self._timeline.sizes[row.block][0]) or "(no description)"
            return f"{'▾' if self._timeline.is_open(row.block) else '▸'} {row.block:>2} {desc}"
        detail = self._pages.get(row.block, row.job)
        return f"    {row.job:>3} {job_name(detail) if detail is not None else '…'}"

    def action_open(self) -> None:
        """Opens or closes the block that the cursor is on or in."""
        if self._timeline is not None and self.line_count():
            self.cursor = self._timeline.toggle(self._timeline.line(self.cursor).block)
            self.lines_changed()
            self.post_message(self.Moved(self))

    def action_zoom(self, factor: float) -> None:
        """Draws more or less time."""
        if self._timeline is not None:
            self._draw(self.window.zoomed(factor, self._timeline.whole))

    def action_pan(self, share: float) -> None:
        """Draws earlier or later time."""
        if self._timeline is not None:
            self._draw(self.window.moved(share, self._timeline.whole))

    def _draw(self, window: Window) -> None:
        self.window = window
        self.refresh()
        self.post_message(self.Moved(self))
