"""The live tree of a workflow: blocks, jobs by status, jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from wf_tui.state.estimate import block_rate, block_time_left, share_done
from wf_tui.state.format import bar, between, duration, rate
from wf_tui.state.marks import GLYPHS, mark, tone
from wf_tui.state.models import JOB_TROUBLE, JobDetail, Status
from wf_tui.state.pages import JobPages
from wf_tui.state.rows import BlockView, Row, Tree
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveBlock, LiveWorkflow
from wf_tui.widgets.rows import Piece, RowsView, fit

_BAR, _SHORT_BAR, _ROOMY = 10, 6, 100
#: A block's jobs a second have their column from this width on.
_RATE, _RATE_FROM = 9, 84
#: And its estimated rest from this one on.
_LEFT, _LEFT_FROM = 15, 112
#: Of a job's error, beside what the job is.
_LEAST_ERROR = 24
_INDENT = " " * 10


class WorkTree(RowsView):
    """The tree's lines. Until the operator moves the cursor it follows the running block."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter,space",
            "open_or_close",
            "Open",
            id="tree.toggle",
            tooltip="Open or close a block or status",
        ),
        Binding("right", "expand", "Open", show=False, id="tree.expand", tooltip="Open, or step into"),
        Binding("left", "collapse", "Close", show=False, id="tree.collapse", tooltip="Close, or step out"),
        Binding("n", "trouble(1)", "Trouble", id="tree.next", tooltip="To the next job in trouble"),
        Binding(
            "N", "trouble(-1)", "Last trouble", show=False, id="tree.previous", tooltip="To the one before"
        ),
        Binding(
            "f",
            "follow",
            "Follow",
            show=False,
            id="tree.follow",
            tooltip="Keep the cursor on the running block",
        ),
    ]

    def __init__(self, pages: JobPages, now: Callable[[], datetime]) -> None:
        super().__init__(id="tree")
        self.following = True
        self._pages = pages
        self._now = now
        self._workflow: LiveWorkflow | None = None
        self._tree: Tree | None = None
        self._row: Row | None = None
        #: Cells that the numbers of the largest block need.
        self._counted = 0

    @property
    def row(self) -> Row | None:
        """What the cursor is on: a job stays it when its line is folded away."""
        return self._row

    def line_count(self) -> int:
        """As many as are open."""
        return len(self._tree) if self._tree is not None else 0

    def show_workflow(self, workflow: LiveWorkflow) -> None:
        """Takes a new picture of the workflow; cursor and open lines stay."""
        self._workflow = workflow
        most = max((block.total for block in workflow.blocks), default=0)
        self._counted = max(6, len(f"{most:,}/{most:,}"))
        if self._tree is None:
            self._tree = Tree(workflow)
        else:
            self._tree.rebase(workflow)
        self._settle()

    def narrow(self, blocks: Sequence[BlockView] | None) -> None:
        """Shows only these blocks' jobs, None: all again; the cursor goes to the nearest that is left."""
        if self._tree is None:
            return
        self.following = self.following and blocks is None
        self._tree.narrow(blocks)
        self._settle()
        if blocks is not None and len(self._tree):
            self._row = self._tree.row(self.cursor)

    def blocks_changed(self, blocks: Iterable[int]) -> None:
        """Paints anew after changes in some blocks."""
        if self._tree is not None:
            self._tree.refresh(blocks)
            self._settle()

    def visible_jobs(self) -> list[tuple[int, int]]:
        """Returns the (block, job) of the lines on the screen."""
        if self._tree is None:
            return []
        top = self.scroll_offset.y
        lines = range(top, min(top + max(1, self.size.height), len(self._tree)))
        rows = (self._tree.row(line) for line in lines)
        return [(row.block, row.job) for row in rows if row.job is not None]

    def jobs_here(self) -> list[tuple[int, int]]:
        """Returns the (block, job) of what the cursor is on: one, or those under it that have begun."""
        if self._tree is None or self._row is None or not len(self._tree):
            return []
        return self._tree.jobs(self._row)

    def watch_cursor(self, before: int, after: int) -> None:
        """Notes which row the operator moved to; from then on the cursor follows nothing."""
        if self._tree is not None and len(self._tree) and self._tree.line_of(self._row or Row(0)) != after:
            self._row = self._tree.row(after)
            self.following = False
        super().watch_cursor(before, after)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines are on the screen: their details may be needed."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved(self))

    def _settle(self) -> None:
        """Puts the cursor back on its row, wherever that is now."""
        assert self._tree is not None
        if self.following:
            self._row = self._running_row()
        elif self._row is None:
            self._row = Row(0)
        self.lines_changed()
        self._put_cursor(self._row)

    def _put_cursor(self, row: Row) -> None:
        assert self._tree is not None
        line = self._tree.line_of(row) if len(self._tree) else 0
        if line != self.cursor:
            self.cursor = line
            # The lines that were just opened can be scrolled to only once they are laid out.
            self.call_after_refresh(self.show_cursor)
        self.post_message(self.Moved(self))

    def _running_row(self) -> Row:
        assert self._workflow is not None
        # Held before a block, it is about that one.
        wanted = Status.NOT_STARTED if self._workflow.summary.status is Status.HELD else Status.RUNNING
        for number, block in enumerate(self._workflow.blocks):
            if block.status is wanted:
                return Row(number)
        return self._row or Row(0)

    def _go(self, row: Row) -> None:
        assert self._tree is not None
        self.following = False
        self._row = row
        self.lines_changed()
        self._put_cursor(row)

    def _here(self) -> Row | None:
        """What stands on the cursor's line, which hides its row perhaps."""
        return self._tree.row(self.cursor) if self._tree is not None and len(self._tree) else None

    def action_open(self) -> None:
        """A click on the cursor's line opens or closes it."""
        self.action_open_or_close()

    def action_open_or_close(self) -> None:
        """Opens or closes what the cursor is on."""
        row = self._here()
        if row is not None and self._tree is not None and row.job is None:
            self._tree.open(row, opened=not self._tree.is_open(row))
            self._go(row)

    def action_expand(self) -> None:
        """Opens what the cursor is on; opened already, steps into it."""
        row = self._here()
        if row is None or self._tree is None or row.job is not None:
            return
        if self._tree.is_open(row):
            self._go(self._tree.row(min(self.cursor + 1, len(self._tree) - 1)))
        else:
            self._tree.open(row, opened=True)
            self._go(row)

    def action_collapse(self) -> None:
        """Closes what the cursor is on; closed already, steps out of it."""
        row = self._here()
        if row is None or self._tree is None:
            return
        if row.job is None and self._tree.is_open(row):
            self._tree.open(row, opened=False)
            self._go(row)
        else:
            self._go(self._tree.parent(row))

    def action_trouble(self, step: int) -> None:
        """Goes to the next job in trouble, opening what hides it."""
        if self._tree is None or not len(self._tree):
            return
        found = self._tree.next_trouble(self._row or Row(0), step)
        if found is None:
            self.notify("No job is in trouble.", markup=False)
            return
        self._tree.reveal(found)
        self._go(found)

    def go_to(self, block: int, job: int) -> None:
        """Puts the cursor on a job, opening what hides it; -1: on the block itself."""
        if self._tree is None or block < 0:
            return
        row = Row(block, None, job) if job >= 0 else Row(block)
        if job >= 0:
            row = Row(block, self._tree.parent(row).status, job)
        self._tree.reveal(row)
        self._go(row)

    def action_follow(self) -> None:
        """Keeps the cursor on the running block from now on."""
        if self._tree is not None:
            self.following = True
            self._settle()

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a block, a status or a job."""
        assert self._tree is not None
        assert self._workflow is not None
        row = self._tree.row(line)
        block = self._workflow.blocks[row.block]
        if row.status is None:
            return self._block_pieces(row, block, width)
        if row.job is None:
            return self._group_pieces(row)
        return self._job_pieces(row.block, row.job, block, width)

    def _block_pieces(self, row: Row, block: LiveBlock, width: int) -> Sequence[Piece]:
        assert self._tree is not None
        assert self._workflow is not None
        look = tone(block.status).value
        bar_width = _BAR if width >= _ROOMY else _SHORT_BAR
        done, rest = bar(share_done(self._workflow, row.block), bar_width)
        counted = f"{block.over:,}/{block.total:,}"
        took = between(block.started, block.ended, self._now()) if block.started else ""
        bad = f"✗{block.trouble} " if block.trouble else ""
        tail = (
            f" {counted:>{self._counted}} {self._rate(block, width)}{self._left(row.block, width)}{took:>8} "
        )
        desc = width - 2 - 4 - 14 - bar_width - len(tail) - len(bad)
        return (
            Piece("▾ " if self._tree.is_open(row) else "▸ ", "dim"),
            Piece(f"{row.block:>2}  "),
            Piece(fit(mark(block.status), 14), look),
            Piece(fit(clean(block.desc) or "(no description)", max(0, desc)), "strong"),
            Piece(bad, "bad"),
            Piece(done, look),
            Piece(rest, "dim"),
            Piece(tail),
        )

    def _rate(self, block: LiveBlock, width: int) -> str:
        if width < _RATE_FROM:
            return ""
        per_second = block_rate(block, self._now())
        return f"{rate(per_second) if per_second is not None else '':>{_RATE - 1}} "

    def _left(self, number: int, width: int) -> str:
        if width < _LEFT_FROM:
            return ""
        assert self._workflow is not None
        left = block_time_left(self._workflow, number, self._now())
        return f"{f'≈{duration(left.total_seconds())} left' if left is not None else '':>{_LEFT}} "

    def _group_pieces(self, row: Row) -> Sequence[Piece]:
        assert self._tree is not None
        assert row.status is not None
        return (
            Piece("      "),
            Piece("▾ " if self._tree.is_open(row) else "▸ ", "dim"),
            Piece(f"{mark(row.status)} {self._tree.size(row.block, row.status):,}", tone(row.status).value),
        )

    def _job_pieces(self, number: int, job: int, block: LiveBlock, width: int) -> Sequence[Piece]:
        status = block.status_of(job)
        detail = self._pages.get(number, job)
        digits = max(3, len(str(block.total - 1)))
        room = width - len(_INDENT) - 2 - digits - 1
        head = Piece(_INDENT + GLYPHS[status] + " ", tone(status).value), Piece(f"{job:>{digits}} ", "dim")
        if status in JOB_TROUBLE:
            return *head, *self._trouble_pieces(number, job, detail, room)
        tail = self._job_tail(number, job, status, detail)
        what = job_words(detail) if detail is not None else "…"
        return *head, Piece(fit(what, max(0, room - sum(len(piece.text) for piece in tail)))), *tail

    def _trouble_pieces(self, number: int, job: int, detail: JobDetail | None, room: int) -> Sequence[Piece]:
        """What it is in short, and as much of the error as there is room for."""
        assert self._workflow is not None
        what = job_name(detail) if detail is not None else "…"
        error = self._workflow.errors.get((number, job)) or (detail.error if detail is not None else "")
        if not error:
            return (Piece(fit(what, max(0, room))),)
        size = max(0, min(cell_len(what), room - _LEAST_ERROR))
        return Piece(fit(what, size)), Piece("  " + fit(clean(error), max(0, room - size - 2)), "bad")

    def _job_tail(self, number: int, job: int, status: Status, detail: JobDetail | None) -> Sequence[Piece]:
        assert self._workflow is not None
        report = self._workflow.progress.get((number, job))
        if status is Status.RUNNING and report is not None:
            done, rest = bar(report.fraction, _BAR)
            return Piece(" " + done, "busy"), Piece(rest, "dim"), Piece(f" {int(100 * report.fraction):>3}% ")
        if status is Status.COMPLETED and detail is not None and detail.ended is not None:
            return (Piece(f" {between(detail.started, detail.ended, self._now())} ", "dim"),)
        return ()


def job_name(detail: JobDetail) -> str:
    """Tells a job in short: its type and its arguments."""
    args = " ".join(f"{clean(name)}={clean(value)}" for name, value in sorted(detail.args.items()))
    return f"{clean(detail.name)}  {args}" if args else clean(detail.name)


def job_words(detail: JobDetail) -> str:
    """Tells a job in one line: its type, its arguments and its description."""
    return f"{job_name(detail)}  {clean(detail.desc)}" if detail.desc else job_name(detail)
