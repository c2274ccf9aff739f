"""One workflow as it is watched: a snapshot, kept up to date by batches of changes.

Statuses are packed, one byte a job, and the jobs of a status are kept in order only for the
statuses somebody looked at; so a batch costs what it changes, however many jobs there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wf_tui.state.models import (
    JOB_TROUBLE,
    BlockSnapshot,
    ChangeBatch,
    JobProgress,
    Snapshot,
    Status,
    Summary,
)

_STATUSES = len(Status)
_BY_NUMBER = tuple(Status(number) for number in range(_STATUSES))
_OVER = (Status.COMPLETED, Status.FAILED, Status.INTERRUPTED, Status.UNKNOWN, Status.SKIPPED)


class Gap(Exception):
    """Changes are missing before this batch: the watch has to begin again from a snapshot."""


def known_status(number: int) -> Status:
    """Returns the status of a byte; one that a newer server may know and we don't is unspecified."""
    return _BY_NUMBER[number] if number < _STATUSES else Status.UNSPECIFIED


def moment_of(time_us: int) -> datetime:
    """Returns the aware UTC time of microseconds since 1970."""
    return datetime.fromtimestamp(time_us / 1_000_000, UTC)


@dataclass(slots=True)
class LiveBlock:
    """A block, its jobs' packed statuses, and how many are in each."""

    desc: str
    rate_limit: int
    status: Status
    statuses: bytearray
    started: datetime | None
    ended: datetime | None
    #: Waits for an operator's go; of a point of no return `confirm` has to be typed with it.
    hold: bool = False
    point_of_no_return: bool = False
    confirm: str = ""
    counts: list[int] = field(default_factory=lambda: [0] * _STATUSES)
    #: What its running jobs have done of themselves, as they say: the sum of their fractions.
    partly: float = 0.0
    _members: dict[Status, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, block: BlockSnapshot) -> LiveBlock:
        """Unpacks a block of a snapshot."""
        highest = _STATUSES - 1
        packed = bytearray(byte if byte <= highest else 0 for byte in block.job_statuses)
        live = cls(
            block.desc,
            block.rate_limit,
            block.status,
            packed,
            block.started,
            block.ended,
            block.hold,
            block.point_of_no_return,
            block.confirm,
        )
        live.counts = [packed.count(number) for number in range(_STATUSES)]
        return live

    @property
    def total(self) -> int:
        """How many jobs it has."""
        return len(self.statuses)

    @property
    def over(self) -> int:
        """How many of its jobs have ended, well or not."""
        return sum(self.counts[status] for status in _OVER)

    @property
    def trouble(self) -> int:
        """How many of its jobs failed, were interrupted, or have an unknown outcome."""
        return sum(self.counts[status] for status in JOB_TROUBLE)

    def status_of(self, job: int) -> Status:
        """Returns where a job stands."""
        return _BY_NUMBER[self.statuses[job]]

    def members(self, status: Status) -> Sequence[int]:
        """Returns the jobs in a status, in order; kept up to date from the first call on."""
        known = self._members.get(status)
        if known is None:
            known = [job for job, byte in enumerate(self.statuses) if byte == status]
            self._members[status] = known
        return known

    def place(self, job: int) -> int:
        """Returns a job's place among those of its status."""
        return bisect_left(self.members(self.status_of(job)), job)

    def move(self, job: int, status: Status) -> None:
        """Puts a job into another status."""
        before = self.status_of(job)
        if before is status:
            return
        self.statuses[job] = status
        self.counts[before] -= 1
        self.counts[status] += 1
        if (left := self._members.get(before)) is not None:
            del left[bisect_left(left, job)]
        if (joined := self._members.get(status)) is not None:
            insort(joined, job)


class LiveWorkflow:
    """A watched workflow. Made from a snapshot; a later snapshot makes a new one."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.summary: Summary = snapshot.summary
        self.seq = snapshot.summary.seq
        self.blocks = [LiveBlock.of(block) for block in snapshot.blocks]
        #: Who ordered the status that it has, where that was seen; "": nobody, or not seen.
        self.ordered_by = ""
        #: What running jobs said last, by (block, job).
        self.progress: dict[tuple[int, int], JobProgress] = {}
        #: Errors that came with changes, by (block, job).
        self.errors: dict[tuple[int, int], str] = {}
        #: When jobs started, where the change was seen, by (block, job).
        self.started: dict[tuple[int, int], datetime] = {}
        self._take_progress(snapshot.progress)

    @property
    def trouble(self) -> int:
        """How many jobs failed, were interrupted, or have an unknown outcome."""
        jobs = self.summary.jobs
        return jobs.failed + jobs.interrupted + jobs.unknown

    def apply(self, batch: ChangeBatch) -> set[tuple[int, int]]:
        """Applies the changes not yet known; returns the (block, job) they are about, a block itself as -1.

        Raises Gap where changes before the batch are missing, and applies none of it then.
        """
        if batch.first_seq > self.seq + 1:
            raise Gap(f"change {batch.first_seq} after {self.seq}")
        touched: set[tuple[int, int]] = set()
        for at in range(self.seq + 1 - batch.first_seq, len(batch.statuses)):
            block, job = batch.blocks[at], batch.jobs[at]
            status = known_status(batch.statuses[at])
            if job >= 0:
                self._job(batch, at, status)
                touched.add((block, job))
            elif block >= 0:
                self._block(block, status, moment_of(batch.times_us[at]))
                touched.add((block, -1))
            else:
                note = batch.notes.get(at)
                self.ordered_by = note.operator if note is not None else ""
        self.seq = max(self.seq, batch.first_seq + len(batch.statuses) - 1)
        self._take_progress(batch.progress)
        if batch.summary.seq >= self.summary.seq:
            self.summary = batch.summary
        return touched

    def _job(self, batch: ChangeBatch, at: int, status: Status) -> None:
        key = batch.blocks[at], batch.jobs[at]
        block = self.blocks[key[0]]
        block.move(key[1], status)
        if status is Status.RUNNING:
            self.started[key] = moment_of(batch.times_us[at])
            self.errors.pop(key, None)
            return
        if (report := self.progress.pop(key, None)) is not None:
            # Sums of fractions drift a little.
            block.partly = max(0.0, block.partly - report.fraction)
        self.started.pop(key, None)
        note = batch.notes.get(at)
        if note is not None and note.error:
            self.errors[key] = note.error

    def _block(self, number: int, status: Status, when: datetime) -> None:
        block = self.blocks[number]
        block.status = status
        if status is Status.RUNNING:
            block.started, block.ended = when, None
        elif block.started is not None:
            block.ended = when

    def _take_progress(self, reports: Sequence[JobProgress]) -> None:
        for report in reports:
            key = report.block, report.job
            block = self.blocks[report.block]
            if block.statuses[report.job] == Status.RUNNING:
                before = self.progress.get(key)
                block.partly += report.fraction - (before.fraction if before is not None else 0.0)
                self.progress[key] = report
