"""A stored WorkReq's life: the changes it went through and the state they add up to.

`Workflow.apply` is the only way a state moves, in the server as it runs and when it reads its own
history back, so both give the same picture and neither can make an illegal step.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from wf_server.model.status import (
    BLOCK_STEPS,
    JOB_STEPS,
    JOB_TROUBLE,
    WORKFLOW_FINAL,
    WORKFLOW_STEPS,
    Status,
)
from wf_server.model.workreq import WorkReq

#: In a change's block or job: it is about the level above.
WHOLE = -1
#: A failed job's reason where its failure also ends the workflow.
FATAL = "fatal"


class IllegalStep(Exception):
    """A bug: something tried to make a step that the model forbids."""


class Change(NamedTuple):
    """One step of a workflow's history. Times are microseconds since 1970-01-01 UTC."""

    seq: int
    block: int
    job: int
    status: Status
    time_us: int
    error: str = ""
    operator: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A workflow in one line, from memory or from the database."""

    id: str
    name: str
    desc: str
    operator: str
    status: Status
    created_us: int
    started_us: int
    ended_us: int
    reason: str
    seq: int
    blocks: int
    current_block: int | None
    #: Jobs by status.
    counts: Mapping[int, int]
    #: The rejection that it mends; empty: none.
    mends: str = ""

    @property
    def had_errors(self) -> bool:
        """Whether a job failed, was interrupted, or has an unknown outcome."""
        return any(self.counts.get(status) for status in JOB_TROUBLE)


@dataclass(slots=True)
class Progress:
    """What a running job said of itself last; not part of the durable record."""

    fraction: float = 0.0
    message: str = ""
    log: list[str] = field(default_factory=list)


@dataclass(slots=True)
class BlockState:
    """A block's status and, packed, those of its jobs."""

    statuses: bytearray
    started: array[int]
    ended: array[int]
    errors: dict[int, str] = field(default_factory=dict)
    status: Status = Status.NOT_STARTED
    started_us: int = 0
    ended_us: int = 0

    @classmethod
    def of(cls, jobs: int) -> BlockState:
        """The state of a block of so many jobs that has not started."""
        zeros = bytes(8 * jobs)
        return cls(bytearray([Status.NOT_STARTED]) * jobs, array("q", zeros), array("q", zeros))

    def count(self, status: Status) -> int:
        """How many jobs are in that status."""
        return self.statuses.count(status)

    @property
    def has_error(self) -> bool:
        """Whether a job failed, was interrupted, or has an unknown outcome."""
        return any(status in self.statuses for status in JOB_TROUBLE)


@dataclass(slots=True)
class Standing:
    """Where a workflow stands, without its blocks and jobs: what a listing shows of it."""

    counts: Counter[int]
    status: Status = Status.NOT_STARTED
    started_us: int = 0
    ended_us: int = 0
    reason: str = ""
    seq: int = 0
    current_block: int | None = None

    def copy(self) -> Standing:
        """A standing of its own, equal to this one."""
        return replace(self, counts=Counter(self.counts))

    def note(self, change: Change, before: int) -> None:
        """Takes in a legal step; `before` is the status that it leads away from."""
        self.seq = change.seq
        if change.job >= 0:
            self.counts[before] -= 1
            self.counts[change.status] += 1
        elif change.block >= 0:
            if change.status is Status.RUNNING:
                self.current_block = change.block
        else:
            self.status = change.status
            self.reason = change.error or change.reason
            if change.status is Status.RUNNING and not self.started_us:
                self.started_us = change.time_us
            if change.status in WORKFLOW_FINAL:
                self.ended_us = change.time_us


@dataclass(slots=True, weakref_slot=True)
class Workflow:
    """A stored WorkReq with everything that happened to it so far."""

    id: str
    request: WorkReq
    operator: str
    created_us: int
    #: The rejection that it mends; empty: none.
    mends: str = ""
    #: The database's own number for it; 0 before it is stored.
    key: int = 0
    blocks: list[BlockState] = field(default_factory=list)
    standing: Standing = field(default_factory=lambda: Standing(Counter()))
    #: The first fatal error: nothing more may start after it. Empty: there was none.
    fatal: str = ""
    #: Of running jobs only, by (block, job).
    progress: dict[tuple[int, int], Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.blocks:
            self.blocks = [BlockState.of(len(block.jobs)) for block in self.request.blocks]
            self.standing.counts[Status.NOT_STARTED] = self.request.job_count

    @property
    def name(self) -> str:
        """The workflow type, which policies and stops refer to."""
        return self.request.name

    @property
    def status(self) -> Status:
        """Where the workflow as a whole stands."""
        return self.standing.status

    @property
    def seq(self) -> int:
        """The number of the newest change."""
        return self.standing.seq

    @property
    def is_final(self) -> bool:
        """Whether it never changes again."""
        return self.standing.status in WORKFLOW_FINAL

    @property
    def had_errors(self) -> bool:
        """Whether a job failed, was interrupted, or has an unknown outcome."""
        return any(self.standing.counts[status] for status in JOB_TROUBLE)

    @property
    def was_es_stopped(self) -> bool:
        """Whether an emergency stop ended it."""
        return self.standing.status is Status.STOPPED

    def summary(self) -> Summary:
        """Where it stands, in one line."""
        standing = self.standing
        return Summary(
            id=self.id,
            name=self.request.name,
            desc=self.request.desc,
            operator=self.operator,
            created_us=self.created_us,
            blocks=len(self.blocks),
            status=standing.status,
            started_us=standing.started_us,
            ended_us=standing.ended_us,
            reason=standing.reason,
            seq=standing.seq,
            current_block=standing.current_block,
            counts=dict(standing.counts),
            mends=self.mends,
        )

    def standing_after(self, changes: Sequence[Change]) -> Standing:
        """Where it will stand after these changes, no two of which are about the same thing."""
        standing = self.standing.copy()
        for change in changes:
            standing.note(change, self._before(change))
        return standing

    def is_legal(self, change: Change) -> bool:
        """Whether the model allows this step now."""
        if change.job >= 0:
            return change.status in JOB_STEPS.get(self._before(change), ())
        steps = BLOCK_STEPS if change.block >= 0 else WORKFLOW_STEPS
        return change.status in steps.get(self._before(change), ())

    def apply_all(self, changes: Sequence[Change]) -> None:
        """Applies changes in order; raises IllegalStep at the first that cannot be."""
        for change in changes:
            self.apply(change)

    def apply(self, change: Change) -> None:
        """Makes one step. Raises IllegalStep where the model forbids it, and changes nothing then."""
        before = self._before(change)
        if change.seq != self.standing.seq + 1:
            raise IllegalStep(f"{self.id}: change {change.seq} after {self.standing.seq}")
        if not self.is_legal(change):
            place = f"{change.block}/{change.job}" if change.block >= 0 else "workflow"
            raise IllegalStep(f"{self.id} {place}: from {Status(before).label} to {change.status.label}")
        if change.job >= 0:
            self._set_job(change)
        elif change.block >= 0:
            self._set_block(change)
        self.standing.note(change, before)

    def _before(self, change: Change) -> Status:
        if change.job >= 0:
            return self.blocks[change.block].statuses[change.job]  # type: ignore[return-value]
        if change.block >= 0:
            return self.blocks[change.block].status
        return self.standing.status

    def _set_job(self, change: Change) -> None:
        block, job, status = self.blocks[change.block], change.job, change.status
        block.statuses[job] = status
        if status is Status.RUNNING:
            block.started[job] = change.time_us
            block.ended[job] = 0
            block.errors.pop(job, None)
            return
        block.ended[job] = 0 if status is Status.NOT_STARTED else change.time_us
        if change.error:
            block.errors[job] = change.error
        if change.reason == FATAL and not self.fatal:
            self.fatal = f"block {change.block} job {job}: {change.error}"
        self.progress.pop((change.block, job), None)

    def _set_block(self, change: Change) -> None:
        block = self.blocks[change.block]
        block.status = change.status
        if change.status is Status.RUNNING:
            block.started_us = change.time_us
        else:
            block.ended_us = change.time_us
