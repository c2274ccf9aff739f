"""The lines of a workflow's tree: blocks, their jobs grouped by status with trouble first, and jobs.

Nothing is stored per job. A line is found by the running sum of the blocks' heights, so that a
repaint costs what is visible, and an update what it touches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from wf_tui.state.marks import JOB_ORDER
from wf_tui.state.models import JOB_TROUBLE, Status
from wf_tui.state.workflow import LiveWorkflow

#: A block of more jobs than this keeps those that have not started folded away.
_FEW = 50
_RANK = {status: rank for rank, status in enumerate(JOB_ORDER)}
_TROUBLE_ORDER = [status for status in JOB_ORDER if status in JOB_TROUBLE]


class Row(NamedTuple):
    """What a line stands for: a block, one status of it, or one job.

    A job is the same row whatever its status; see `Tree.line_of`.
    """

    block: int
    status: Status | None = None
    job: int | None = None


class BlockView(Protocol):
    """What the tree asks of a block: all of it, or what a filter lets through."""

    @property
    def status(self) -> Status: ...
    @property
    def total(self) -> int: ...
    @property
    def trouble(self) -> int: ...
    @property
    def counts(self) -> Sequence[int]: ...
    def status_of(self, job: int) -> Status: ...
    def members(self, status: Status) -> Sequence[int]: ...
    def place(self, job: int) -> int | None: ...


class Tree:
    """Which lines there are, given what is open; the operator's choices outlast every update."""

    def __init__(self, workflow: LiveWorkflow) -> None:
        self._workflow = workflow
        self._blocks: Sequence[BlockView] = workflow.blocks
        #: Blocks are seen through a filter: all that matches is open, and nothing else is there.
        self._narrowed = False
        #: By (narrowed, block, status).
        self._chosen: dict[tuple[bool, int, Status | None], bool] = {}
        self._heights: list[int] = []
        self._ends: list[int] = []
        self.refresh()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def rebase(self, workflow: LiveWorkflow) -> None:
        """Takes a new picture of the workflow; what is open by choice stays so."""
        self._workflow = workflow
        self._blocks, self._narrowed = workflow.blocks, False
        self.refresh()

    def narrow(self, blocks: Sequence[BlockView] | None) -> None:
        """Shows only these blocks' jobs, None: all again."""
        self._narrowed = blocks is not None
        self._blocks = self._workflow.blocks if blocks is None else blocks
        self.refresh()

    def refresh(self, blocks: Iterable[int] | None = None) -> None:
        """Counts the lines anew: of the blocks that changed, or of all."""
        live = self._blocks
        if blocks is None or len(self._heights) != len(live):
            self._heights = [self._height(number) for number in range(len(live))]
        else:
            for number in blocks:
                self._heights[number] = self._height(number)
        self._ends = list(accumulate(self._heights))

    def is_open(self, row: Row) -> bool:
        """Tells whether the lines under a block or a status are shown."""
        chosen = self._chosen.get((self._narrowed, row.block, row.status))
        if chosen is not None:
            return chosen
        if self._narrowed:
            return True
        block = self._blocks[row.block]
        if row.status is None:
            return self._block_opens(row.block, block)
        if row.status is Status.NOT_STARTED:
            return block.total <= _FEW
        return row.status not in (Status.COMPLETED, Status.SKIPPED)

    def size(self, block: int, status: Status) -> int:
        """Returns how many jobs of a status are seen in a block."""
        return self._blocks[block].counts[status]

    def row(self, line: int) -> Row:
        """Returns what stands on a line (from 0). Raises IndexError past the end."""
        if not 0 <= line < len(self):
            raise IndexError(line)
        number = bisect_right(self._ends, line)
        offset = line - (self._ends[number] - self._heights[number])
        if offset == 0:
            return Row(number)
        offset -= 1
        block = self._blocks[number]
        for status in self._groups(block):
            if offset == 0:
                return Row(number, status)
            offset -= 1
            size = block.counts[status] if self.is_open(Row(number, status)) else 0
            if offset < size:
                return Row(number, status, block.members(status)[offset])
            offset -= size
        raise IndexError(line)

    def line_of(self, row: Row) -> int:
        """Returns the line of a row, or of what hides it: its status folded away, or its block."""
        if row.block >= len(self._blocks):
            return 0
        block = self._blocks[row.block]
        line = self._ends[row.block] - self._heights[row.block]
        if not self.is_open(Row(row.block)) or (row.status is None and row.job is None):
            return line
        wanted = row.status if row.job is None else block.status_of(row.job)
        at = line + 1
        for status in self._groups(block):
            opened = self.is_open(Row(row.block, status))
            if status is wanted:
                place = block.place(row.job) if opened and row.job is not None else None
                return at if place is None else at + 1 + place
            at += 1 + (block.counts[status] if opened else 0)
        return line

    def jobs(self, row: Row) -> list[tuple[int, int]]:
        """Returns the jobs that a row stands for: itself, or those begun under it, trouble first."""
        if row.job is not None:
            return [(row.block, row.job)]
        block = self._blocks[row.block]
        wanted = [status for status in JOB_ORDER if status is not Status.NOT_STARTED]
        statuses = wanted if row.status is None else [row.status]
        return [(row.block, job) for status in statuses for job in block.members(status)]

    def parent(self, row: Row) -> Row:
        """Returns the status of a job, the block of a status, and a block itself."""
        if row.job is not None:
            return Row(row.block, self._blocks[row.block].status_of(row.job))
        return Row(row.block)

    def open(self, row: Row, *, opened: bool) -> None:
        """Opens or closes a block or a status, by the operator's choice."""
        if row.job is None:
            self._chosen[self._narrowed, row.block, row.status] = opened
            self.refresh((row.block,))

    def reveal(self, row: Row) -> int:
        """Opens what hides a job and returns its line."""
        if not self.is_open(Row(row.block)):
            self.open(Row(row.block), opened=True)
        if row.job is not None and not self.is_open(group := self.parent(row)):
            self.open(group, opened=True)
        return self.line_of(row)

    def next_trouble(self, row: Row, step: int) -> Row | None:
        """Returns the next job in trouble (step 1) or the one before (-1), round the end; None: none is."""
        blocks = self._blocks
        groups = [
            (number, status)
            for number, block in enumerate(blocks)
            if block.trouble
            for status in _TROUBLE_ORDER
            if block.counts[status]
        ]
        if not groups:
            return None
        at, inside = self._among(groups, row, step)
        if inside is None:
            number, status = groups[at % len(groups)]
            members = blocks[number].members(status)
            return Row(number, status, members[0 if step > 0 else -1])
        return inside

    def _among(self, groups: list[tuple[int, Status]], row: Row, step: int) -> tuple[int, Row | None]:
        """Finds which group comes next, and the job itself where it is in the row's own group."""
        block = self._blocks[row.block]
        status = row.status if row.job is None else block.status_of(row.job)
        if row.job is not None and status is not None and (row.block, status) in groups:
            members = block.members(status)
            here = block.place(row.job)
            if here is not None and 0 <= here + step < len(members):
                return 0, Row(row.block, status, members[here + step])
            return groups.index((row.block, status)) + step, None
        rank = (row.block, _RANK[status] if status is not None else -1)
        before = sum((number, _RANK[group]) < rank for number, group in groups)
        return (before if step > 0 else before - 1), None

    def _height(self, number: int) -> int:
        if self._narrowed and not self._blocks[number].total:
            return 0
        if not self.is_open(Row(number)):
            return 1
        block = self._blocks[number]
        height = 1
        for status in self._groups(block):
            height += 1 + (block.counts[status] if self.is_open(Row(number, status)) else 0)
        return height

    def _block_opens(self, number: int, block: BlockView) -> bool:
        if block.status is Status.RUNNING or block.trouble:
            return True
        return number == 0 and self._workflow.summary.status is Status.NOT_STARTED

    @staticmethod
    def _groups(block: BlockView) -> list[Status]:
        return [status for status in JOB_ORDER if block.counts[status]]
