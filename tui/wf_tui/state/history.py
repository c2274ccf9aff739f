"""A workflow's whole history, and the workflow as of any change of it.

Going forward costs the changes in between; going back starts at the nearest checkpoint before, of
which one is kept every few thousand changes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from wf_tui.state.filters import Filter
from wf_tui.state.format import moment
from wf_tui.state.marks import mark
from wf_tui.state.models import (
    JOB_TROUBLE,
    WORKFLOW_FINAL,
    BlockSnapshot,
    ChangeBatch,
    ChangeNote,
    HistoryStretch,
    JobCounts,
    Snapshot,
    Status,
    Summary,
)
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveBlock, LiveWorkflow, known_status, moment_of

_CHECKPOINT = 4_000
#: What a filter of changes can ask for by name.
FIELDS = ("what", "status", "error", "by")
#: Statuses of jobs, blocks and the workflow that one looks for first.
_TROUBLE = JOB_TROUBLE | {Status.STOPPED, Status.STOPPING, Status.NEEDS_OPERATOR, Status.CANCELLED}


class History:
    """Committed changes in columns: entry i of each is change i + 1. Grows at its end only."""

    def __init__(self, workflow: LiveWorkflow) -> None:
        self.summary = workflow.summary
        self._shape = [(block.desc, block.rate_limit, block.total) for block in workflow.blocks]
        self.blocks = array("i")
        self.jobs = array("i")
        self.statuses = bytearray()
        self.times_us = array("q")
        self.notes: dict[int, ChangeNote] = {}
        #: The number of the newest change that the server knew of.
        self.newest_seq = 0

    def __len__(self) -> int:
        return len(self.statuses)

    @property
    def sizes(self) -> list[tuple[str, int, int]]:
        """Description, rate limit and number of jobs of each block."""
        return self._shape

    @property
    def complete(self) -> bool:
        """Whether every change is here that the server knew of."""
        return len(self) >= self.newest_seq

    def take(self, stretch: HistoryStretch) -> None:
        """Appends a stretch; what is here already, or comes too early, is left out."""
        at = len(self) + 1 - stretch.first_seq
        if at < 0:
            return
        start = len(self)
        self.blocks.extend(list(stretch.blocks[at:]))
        self.jobs.extend(list(stretch.jobs[at:]))
        self.statuses.extend(stretch.statuses[at:])
        self.times_us.extend(list(stretch.times_us[at:]))
        self.notes.update({start + i - at: note for i, note in stretch.notes.items() if i >= at})
        self.newest_seq = max(stretch.newest_seq, len(self))

    def time(self, seq: int) -> datetime | None:
        """Returns when a change was committed, None for 0: the time before the first."""
        return moment_of(self.times_us[seq - 1]) if seq else None

    def words(self, seq: int) -> str:
        """Tells a change: `job 3 of block 2: ✓ completed`."""
        if not seq:
            return "as submitted"
        block, job = self.blocks[seq - 1], self.jobs[seq - 1]
        told = mark(known_status(self.statuses[seq - 1]))
        what = f"job {job} of block {block}" if job >= 0 else f"block {block}"
        return f"{what if block >= 0 else 'workflow'}: {told}"

    def is_block(self, seq: int) -> bool:
        """Tells whether a change is a block's, or the workflow's own."""
        return self.jobs[seq - 1] < 0

    def is_trouble(self, seq: int) -> bool:
        """Tells whether something failed, or was cut short, with a change."""
        return self.statuses[seq - 1] in _TROUBLE

    def seek(self, seq: int, step: int, wanted: Callable[[int], bool]) -> int | None:
        """Returns the nearest change after (step 1) or before (-1) that is wanted, None if none is."""
        places = range(seq + 1, len(self) + 1) if step > 0 else range(min(seq, len(self) + 1) - 1, 0, -1)
        return next((place for place in places if wanted(place)), None)

    def fields(self, seq: int) -> Mapping[str, str]:
        """Returns what a filter of changes looks at."""
        block, job = self.blocks[seq - 1], self.jobs[seq - 1]
        note = self.notes.get(seq - 1, ChangeNote())
        what = f"job {job} of block {block}" if job >= 0 else f"block {block}" if block >= 0 else "workflow"
        status = known_status(self.statuses[seq - 1]).label
        values = (what, status, clean(note.error or note.reason), clean(note.operator))
        return dict(zip(FIELDS, values, strict=True))

    def matching(self, chosen: Filter) -> array[int]:
        """Returns the changes that a filter lets through. Slow for a hundred thousand of them."""
        return array("i", (seq for seq in range(1, len(self) + 1) if chosen.lets_through(self.fields(seq))))

    def batch(self, first: int, last: int, summary: Summary) -> ChangeBatch:
        """Returns the changes from `first` to `last`, both included."""
        cut = slice(first - 1, last)
        notes = {i - first + 1: note for i, note in self.notes.items() if first - 1 <= i < last}
        return ChangeBatch(
            first,
            self.blocks[cut],
            self.jobs[cut],
            bytes(self.statuses[cut]),
            self.times_us[cut],
            notes,
            (),
            summary,
        )

    def beginning(self) -> LiveWorkflow:
        """Returns the workflow before its first change."""
        blocks = tuple(
            BlockSnapshot(desc, rate, Status.NOT_STARTED, False, bytes([Status.NOT_STARTED]) * total)
            for desc, rate, total in self._shape
        )
        total = sum(size for _, _, size in self._shape)
        summary = replace(
            self.summary,
            status=Status.NOT_STARTED,
            started=None,
            ended=None,
            jobs=JobCounts(total=total, not_started=total),
            current_block=None,
            reason="",
            seq=0,
        )
        return LiveWorkflow(Snapshot(summary, blocks))


def along(places: Sequence[int], seq: int, steps: int) -> int | None:
    """Returns the place so many steps from `seq` among ascending ones, as far as there are; None: none is."""
    at = bisect_right(places, seq) + steps - 1 if steps > 0 else bisect_left(places, seq) + steps
    if not places or (steps > 0 and at - steps + 1 >= len(places)) or (steps < 0 and at - steps <= 0):
        return None
    return places[max(0, min(at, len(places) - 1))]


class Scrubber:
    """Holds the workflow as of one change, and goes to others."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.workflow = history.beginning()
        self._checkpoints = {0: _copy(self.workflow)}

    @property
    def seq(self) -> int:
        """The change it stands after."""
        return self.workflow.seq

    def go(self, seq: int) -> LiveWorkflow:
        """Goes to a change, or as near as there is one, and returns the workflow as of then."""
        seq = max(0, min(seq, len(self.history)))
        nearest = max(known for known in self._checkpoints if known <= seq)
        if seq < self.seq or self.seq < nearest:
            self.workflow = _copy(self._checkpoints[nearest])
        while self.seq < seq:
            self._forward(self.workflow, seq)
        return self.workflow

    def checkpoints(self) -> Iterator[int]:
        """Makes the checkpoints that are missing, one at a time, for who has other things to do meanwhile."""
        workflow = _copy(self._checkpoints[max(self._checkpoints)])
        while workflow.seq + _CHECKPOINT <= len(self.history):
            self._forward(workflow, len(self.history))
            yield workflow.seq

    def step(self, share: float) -> int:
        """Returns how many changes a share of the history is, at least one."""
        return max(1, round(len(self.history) * share))

    def line(self, now: datetime, zone: tzinfo | None = None) -> str:
        """Tells where it stands: `seq 120/310  14:32:05  job 3 of block 2: ✓ completed`."""
        when = self.history.time(self.seq) or self.history.summary.created
        total = len(self.history)
        return f"seq {self.seq:,}/{total:,}  {moment(now, when, zone)}  {self.history.words(self.seq)}"

    def _forward(self, workflow: LiveWorkflow, last: int) -> None:
        """Goes to a change, or to the next checkpoint before it, which is kept."""
        first, before = workflow.seq + 1, workflow.summary
        batch = self.history.batch(first, min(last, (workflow.seq // _CHECKPOINT + 1) * _CHECKPOINT), before)
        workflow.apply(batch)
        workflow.summary = _summary(before, batch, workflow.blocks)
        if workflow.seq % _CHECKPOINT == 0 and workflow.seq not in self._checkpoints:
            self._checkpoints[workflow.seq] = _copy(workflow)


def _summary(before: Summary, batch: ChangeBatch, blocks: list[LiveBlock]) -> Summary:
    """The workflow's own line after these changes."""
    summary = before
    for at, block in enumerate(batch.blocks):
        if batch.jobs[at] >= 0:
            continue
        status, when = known_status(batch.statuses[at]), moment_of(batch.times_us[at])
        if block >= 0:
            if status is Status.RUNNING:
                summary = replace(summary, current_block=block)
            continue
        note = batch.notes.get(at, ChangeNote())
        summary = replace(
            summary,
            status=status,
            reason=note.error or note.reason,
            started=summary.started or (when if status is Status.RUNNING else None),
            ended=when if status in WORKFLOW_FINAL else None,
        )
    seq = batch.first_seq + len(batch.statuses) - 1
    return replace(summary, seq=seq, jobs=_counts(blocks))


def _counts(blocks: list[LiveBlock]) -> JobCounts:
    def number(status: Status) -> int:
        return sum(block.counts[status] for block in blocks)

    return JobCounts(
        total=sum(block.total for block in blocks),
        not_started=number(Status.NOT_STARTED),
        running=number(Status.RUNNING),
        completed=number(Status.COMPLETED),
        failed=number(Status.FAILED),
        interrupted=number(Status.INTERRUPTED),
        unknown=number(Status.UNKNOWN),
        skipped=number(Status.SKIPPED),
        retrying=number(Status.RETRYING),
    )


def _copy(workflow: LiveWorkflow) -> LiveWorkflow:
    """A workflow of its own, equal to this one."""
    blocks = tuple(
        BlockSnapshot(
            block.desc,
            block.rate_limit,
            block.status,
            bool(block.trouble),
            bytes(block.statuses),
            block.started,
            block.ended,
        )
        for block in workflow.blocks
    )
    copy = LiveWorkflow(Snapshot(workflow.summary, blocks))
    copy.errors.update(workflow.errors)
    copy.started.update(workflow.started)
    return copy
