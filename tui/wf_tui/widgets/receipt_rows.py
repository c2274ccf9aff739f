"""What became of each job: fates, and under each the jobs that had it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.state.marks import GLYPHS, tone
from wf_tui.state.models import JobDetail, Receipt
from wf_tui.state.pages import JobPages
from wf_tui.state.receipt import FATES, Line, ReceiptLines
from wf_tui.state.text import clean
from wf_tui.widgets.rows import Piece, RowsView, fit
from wf_tui.widgets.work_tree import job_name

_PLACE = 22


class ReceiptRows(RowsView):
    """The cursor stays with its job while the receipt settles."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter,space",
            "open_or_close",
            "Open",
            id="receipt.toggle",
            tooltip="Show or hide the jobs of a fate",
        ),
    ]

    def __init__(self, pages: JobPages) -> None:
        super().__init__(id="receipt")
        self.lines = ReceiptLines()
        self._pages = pages

    def show_receipt(self, receipt: Receipt) -> None:
        """Shows another state of it."""
        here = self.current
        self.lines.take(receipt)
        self.lines_changed()
        self.cursor = self.lines.find(here) if here is not None else 0
        self.post_message(self.Moved(self))

    @property
    def current(self) -> Line | None:
        """What the cursor is on."""
        return self.lines.line(self.cursor) if self.cursor < len(self.lines) else None

    def line_count(self) -> int:
        """As many as are open."""
        return len(self.lines)

    def visible_jobs(self) -> list[tuple[int, int]]:
        """Returns the (block, job) of the lines on the screen."""
        top = self.scroll_offset.y
        shown = range(top, min(top + max(1, self.size.height), len(self.lines)))
        return [line.job for line in map(self.lines.line, shown) if line.job is not None]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines are on the screen: their details may be needed."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved(self))

    def action_open(self) -> None:
        """A click on the cursor's line opens or closes it."""
        self.action_open_or_close()

    def action_open_or_close(self) -> None:
        """Shows or hides the jobs of the fate that the cursor is on, or in."""
        if (here := self.current) is not None:
            self.lines.toggle(here.fate)
            self.lines_changed()
            self.move_to(self.lines.find(here))
            self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a fate or a job."""
        here = self.lines.line(line)
        status = FATES[here.fate]
        look = tone(status).value
        if here.job is None:
            yield Piece("▾ " if self.lines.is_open(here.fate) else "▸ ", "dim")
            number = len(self.lines.jobs(here.fate))
            yield Piece(f"{GLYPHS[status]} {here.fate.label} {number:,}", look)
            return
        block, job = here.job
        yield Piece(f"    {GLYPHS[status]} ", look)
        yield Piece(fit(f"block {block} job {job}", _PLACE), "dim")
        yield from self._job(self._pages.get(block, job), max(0, width - 6 - _PLACE))

    def _job(self, detail: JobDetail | None, width: int) -> Iterable[Piece]:
        what = job_name(detail) if detail is not None else "…"
        error = f"  {clean(detail.error)}" if detail is not None and detail.error else ""
        yield Piece(fit(what + error, width))
