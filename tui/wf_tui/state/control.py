"""What an operator's orders lead to: receipts, attempts, logs. Frozen values; times are aware, in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from wf_tui.state.statuses import Status


class Resolution(IntEnum):
    """What an operator found out about a job whose outcome was unknown; the numbers are the contract's."""

    DONE = 1
    FAILED = 2
    RERUN = 3


class Fate(IntEnum):
    """What a stop or a cancel did to a job; the numbers are the contract's."""

    UNSPECIFIED = 0
    NEVER_STARTED = 1
    INTERRUPTED = 2
    FINISHED_ANYWAY = 3
    UNKNOWN = 4
    ENDED_BEFORE = 5
    IN_FLIGHT = 6

    @property
    def label(self) -> str:
        """In words: `never started`."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a stop or a cancel did. The counts add up to the number of jobs."""

    workflow_id: str
    name: str
    #: Status.STOPPED or Status.CANCELLED.
    order: Status
    operator: str
    reason: str
    ordered: datetime
    #: When the last job had ended or was given up; None while it settles.
    settled: datetime | None = None
    #: When what has not ended by then is called unknown; None once it is settled.
    grace_ends: datetime | None = None
    jobs: int = 0
    never_started: int = 0
    interrupted: int = 0
    finished_anyway: int = 0
    unknown: int = 0
    ended_before: int = 0
    in_flight: int = 0
    #: For each block one byte a job, its Fate.
    fates: tuple[bytes, ...] = ()

    def count(self, fate: Fate) -> int:
        """How many jobs had that fate; of UNSPECIFIED: those that the other counts leave out."""
        if fate is Fate.UNSPECIFIED:
            return self.jobs - sum(self.count(other) for other in Fate if other)
        number: int = getattr(self, fate.name.lower())
        return number


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a job's code ran."""

    started: datetime
    #: None while it runs.
    ended: datetime | None = None
    #: RETRYING: it failed and another followed.
    status: Status = Status.RUNNING
    error: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a job's log; numbers go from 1, and the oldest lines may have been dropped."""

    number: int
    time: datetime
    text: str


@dataclass(frozen=True, slots=True)
class JobDetail:
    """Everything about one job, its log's newest lines only."""

    block: int
    job: int
    name: str
    desc: str
    args: Mapping[str, str] = field(default_factory=dict)
    status: Status = Status.UNSPECIFIED
    error: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    fraction: float | None = None
    progress_message: str = ""
    log: tuple[str, ...] = ()
    #: How often it was begun.
    attempts: int = 0
    #: When it is tried again, of a job that waits for that.
    next_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobStory:
    """One job with all its attempts, oldest first, and the whole log that is kept."""

    job: JobDetail
    attempts: tuple[Attempt, ...] = ()
    log: tuple[LogLine, ...] = ()
    #: How many of the oldest lines are gone.
    dropped_lines: int = 0
