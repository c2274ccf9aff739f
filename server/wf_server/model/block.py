"""A block's state and that of its jobs, packed."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from wf_server.model.change import Change
from wf_server.model.status import JOB_TROUBLE, Status


@dataclass(slots=True)
class Progress:
    """What a job said of itself last."""

    fraction: float = 0.0
    message: str = ""


@dataclass(slots=True)
class BlockState:
    """A block's status and, packed, those of its jobs."""

    statuses: bytearray
    started: array[int]
    ended: array[int]
    errors: dict[int, str] = field(default_factory=dict)
    #: How often a job was begun, of those that were more than once.
    attempts: dict[int, int] = field(default_factory=dict)
    #: How often a job failed and was to be tried again, of those that were.
    retries: dict[int, int] = field(default_factory=dict)
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

    def attempts_of(self, job: int) -> int:
        """How often a job was begun."""
        return self.attempts.get(job, 1 if self.started[job] else 0)

    def set_job(self, change: Change) -> None:
        """Takes in a job's step."""
        job, status = change.job, change.status
        self.statuses[job] = status
        if status is Status.RUNNING:
            if self.started[job]:
                self.attempts[job] = self.attempts.get(job, 1) + 1
            self.started[job] = change.time_us
            self.ended[job] = 0
            self.errors.pop(job, None)
            return
        if status is Status.RETRYING:
            self.retries[job] = self.retries.get(job, 0) + 1
        self.ended[job] = 0 if status is Status.NOT_STARTED else change.time_us
        if change.error:
            self.errors[job] = change.error
        elif status is Status.COMPLETED:
            # A person found out that it did its work after all.
            self.errors.pop(job, None)

    def set_own(self, change: Change) -> None:
        """Takes in a step of the block itself."""
        self.status = change.status
        if change.status is Status.RUNNING:
            self.started_us = change.time_us
        else:
            self.ended_us = change.time_us
