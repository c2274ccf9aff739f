"""A stored WorkReq's life: the changes it went through and the state they add up to.

`Workflow.apply` is the only way a state moves, in the server as it runs and when it reads its own
history back, so both give the same picture and neither can make an illegal step.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
class Workflow:
    """A stored WorkReq with everything that happened to it so far."""

    id: str
    request: WorkReq
    operator: str
    created_us: int
    #: The database's own number for it; 0 before it is stored.
    key: int = 0
    status: Status = Status.NOT_STARTED
    started_us: int = 0
    ended_us: int = 0
    reason: str = ""
    seq: int = 0
    current_block: int | None = None
    blocks: list[BlockState] = field(default_factory=list)
    counts: Counter[Status] = field(default_factory=Counter)
    #: Of running jobs only, by (block, job).
    progress: dict[tuple[int, int], Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.blocks:
            self.blocks = [BlockState.of(len(block.jobs)) for block in self.request.blocks]
            self.counts = Counter({Status.NOT_STARTED: self.request.job_count})

    @property
    def is_final(self) -> bool:
        """Whether it never changes again."""
        return self.status in WORKFLOW_FINAL

    @property
    def had_errors(self) -> bool:
        """Whether a job failed, was interrupted, or has an unknown outcome."""
        return any(self.counts[status] for status in JOB_TROUBLE)

    @property
    def was_es_stopped(self) -> bool:
        """Whether an emergency stop ended it."""
        return self.status is Status.STOPPED

    def summary(self) -> Summary:
        """Where it stands, in one line."""
        return Summary(
            id=self.id,
            name=self.request.name,
            desc=self.request.desc,
            operator=self.operator,
            status=self.status,
            created_us=self.created_us,
            started_us=self.started_us,
            ended_us=self.ended_us,
            reason=self.reason,
            seq=self.seq,
            blocks=len(self.blocks),
            current_block=self.current_block,
            counts=dict(self.counts),
        )

    def apply_all(self, changes: Sequence[Change]) -> None:
        """Applies changes in order; raises IllegalStep at the first that cannot be."""
        for change in changes:
            self.apply(change)

    def apply(self, change: Change) -> None:
        """Makes one step. Raises IllegalStep where the model forbids it, and changes nothing then."""
        if change.seq != self.seq + 1:
            raise IllegalStep(f"{self.id}: change {change.seq} after {self.seq}")
        if change.job >= 0:
            self._apply_job(change)
        elif change.block >= 0:
            self._apply_block(change)
        else:
            self._apply_workflow(change)
        self.seq = change.seq

    def _apply_job(self, change: Change) -> None:
        block, job, status = self.blocks[change.block], change.job, change.status
        before = block.statuses[job]
        if status not in JOB_STEPS.get(before, ()):  # type: ignore[call-overload]
            self._refuse(change, Status(before))
        block.statuses[job] = status
        self.counts[before] -= 1  # type: ignore[index]
        self.counts[status] += 1
        if status is Status.RUNNING:
            block.started[job] = change.time_us
            block.ended[job] = 0
            block.errors.pop(job, None)
        else:
            block.ended[job] = 0 if status is Status.NOT_STARTED else change.time_us
            if change.error:
                block.errors[job] = change.error
            self.progress.pop((change.block, job), None)

    def _apply_block(self, change: Change) -> None:
        block = self.blocks[change.block]
        if change.status not in BLOCK_STEPS.get(block.status, ()):
            self._refuse(change, block.status)
        block.status = change.status
        if change.status is Status.RUNNING:
            block.started_us = change.time_us
            self.current_block = change.block
        else:
            block.ended_us = change.time_us

    def _apply_workflow(self, change: Change) -> None:
        if change.status not in WORKFLOW_STEPS.get(self.status, ()):
            self._refuse(change, self.status)
        if change.status is Status.RUNNING and not self.started_us:
            self.started_us = change.time_us
        self.status = change.status
        if self.is_final:
            self.ended_us = change.time_us
        self.reason = change.error or change.reason

    def _refuse(self, change: Change, before: Status) -> None:
        place = f"{change.block}/{change.job}" if change.block >= 0 else "workflow"
        raise IllegalStep(f"{self.id} {place}: {before.label} to {change.status.label}")
