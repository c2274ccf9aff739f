"""What the console and `wf` know of the server, as frozen values. No gRPC, no Textual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from wf_tui.state.control import Attempt as Attempt
from wf_tui.state.control import Fate as Fate
from wf_tui.state.control import JobDetail as JobDetail
from wf_tui.state.control import JobStory as JobStory
from wf_tui.state.control import LogLine as LogLine
from wf_tui.state.control import Receipt as Receipt
from wf_tui.state.control import Resolution as Resolution
from wf_tui.state.requests import Block as Block
from wf_tui.state.requests import Job as Job
from wf_tui.state.requests import Lineage as Lineage
from wf_tui.state.requests import LineageKind as LineageKind
from wf_tui.state.requests import OnFailure as OnFailure
from wf_tui.state.requests import PolicyLevel as PolicyLevel
from wf_tui.state.requests import Retry as Retry
from wf_tui.state.requests import Violation as Violation
from wf_tui.state.requests import WorkReq as WorkReq
from wf_tui.state.statuses import JOB_FINAL as JOB_FINAL
from wf_tui.state.statuses import JOB_TROUBLE as JOB_TROUBLE
from wf_tui.state.statuses import WORKFLOW_ACTIVE as WORKFLOW_ACTIVE
from wf_tui.state.statuses import WORKFLOW_FINAL as WORKFLOW_FINAL
from wf_tui.state.statuses import Status as Status

#: The stop entry that stands for every workflow type.
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs are in each status."""

    total: int = 0
    not_started: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    interrupted: int = 0
    unknown: int = 0
    skipped: int = 0
    retrying: int = 0

    @property
    def over(self) -> int:
        """How many have ended, well or not."""
        return self.completed + self.failed + self.interrupted + self.unknown + self.skipped


@dataclass(frozen=True, slots=True)
class Summary:
    """A workflow in one line. Times are aware, in UTC."""

    id: str
    name: str
    desc: str
    status: Status
    operator: str
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    jobs: JobCounts = JobCounts()
    blocks: int = 0
    current_block: int | None = None
    had_errors: bool = False
    was_es_stopped: bool = False
    reason: str = ""
    seq: int = 0
    #: The rejection that it mends; empty: none.
    mends: str = ""
    #: The workflow that it was made from; None: none.
    lineage: Lineage | None = None
    #: Since when it has this status.
    since: datetime | None = None
    #: What it does while nothing seems to happen: `soaking after wave 2 of 4`.
    activity: str = ""
    #: When that will be over, at the latest; while it is stopped or cancelled, the end of the grace period.
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RejectionSummary:
    """A refused WorkReq in one line. The time is aware, in UTC."""

    id: str
    name: str
    desc: str
    operator: str
    time: datetime
    blocks: int
    jobs: int
    violations: int
    #: The first violation, in a sentence.
    first: str
    #: The workflow that was submitted as its mended form; empty: none.
    mended_by: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused WorkReq with everything that was wrong with it."""

    summary: RejectionSummary
    request: WorkReq
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class BlockSnapshot:
    """A block as of one moment; `job_statuses` holds one byte a job, its Status."""

    desc: str
    rate_limit: int
    status: Status
    has_error: bool
    job_statuses: bytes
    started: datetime | None = None
    ended: datetime | None = None
    #: Waits for an operator's go before its first job.
    hold: bool = False
    #: It cannot be undone: it holds, and the go has to spell `confirm`.
    point_of_no_return: bool = False
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """What a running job says of itself; fraction from 0 to 1."""

    block: int
    job: int
    fraction: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A workflow as of `summary.seq`."""

    summary: Summary
    blocks: tuple[BlockSnapshot, ...]
    progress: tuple[JobProgress, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeNote:
    """The words that came with a change."""

    error: str = ""
    operator: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """Consecutive changes in columns: entry i of each column is change `first_seq + i`.

    Block -1: the workflow itself changed; job -1: the block itself changed. Times are microseconds
    since 1970-01-01 UTC; notes go by the change's position in the batch.
    """

    first_seq: int
    blocks: Sequence[int]
    jobs: Sequence[int]
    statuses: bytes
    times_us: Sequence[int]
    notes: Mapping[int, ChangeNote]
    progress: tuple[JobProgress, ...]
    summary: Summary


@dataclass(frozen=True, slots=True)
class HistoryStretch:
    """Consecutive committed changes, in the columns of a ChangeBatch; without progress and summary."""

    first_seq: int
    blocks: Sequence[int]
    jobs: Sequence[int]
    statuses: bytes
    times_us: Sequence[int]
    notes: Mapping[int, ChangeNote]
    #: The number of the workflow's newest change, in this stretch or after it.
    newest_seq: int


@dataclass(frozen=True, slots=True)
class ReleaseKey:
    """The first of two keys that release a stop, while it waits for the second."""

    operator: str
    reason: str
    turned: datetime
    #: It counts until then.
    expires: datetime
    #: Whether it is an edit of es.json: nobody knows whose.
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """One line of the stop board."""

    name: str
    engaged: bool
    operator: str = ""
    reason: str = ""
    changed: datetime | None = None
    #: False: there is no entry in es.json, which means stop.
    listed: bool = True
    running: int = 0
    #: When it ends by itself; where a release takes two keys, when it is to be looked at again.
    expires: datetime | None = None
    #: How often it is to be brought to mind, where it says so itself.
    remind_seconds: float = 0
    #: When it last was.
    reminded: datetime | None = None
    #: The first key of its release.
    key: ReleaseKey | None = None
    #: Of a release that took two keys: who turned the first one.
    first_operator: str = ""


@dataclass(frozen=True, slots=True)
class StopBoard:
    """All stops; a `problem` says why everything is stopped where es.json cannot be read."""

    stops: tuple[Stop, ...]
    problem: str = ""
    #: Whether releasing a stop takes two operators.
    two_keys: bool = False


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What releasing a stop would let go again."""

    stop: Stop
    two_keys: bool
    #: The workflow types whose work would be taken again.
    types: tuple[str, ...]
    #: Their workflows that are stored and can still be executed.
    workflows: int = 0
    jobs: int = 0
    #: The newest of them.
    newest: tuple[Summary, ...] = ()
    #: Whether there are more than were counted.
    more: bool = False


class SiteType(Enum):
    """The values are those of sites.json."""

    SATELLITE = "satellite"
    CLUSTER = "cluster"


class SiteStatus(Enum):
    """The values are those of sites.json."""

    IN_SERVICE = "inService"
    DECOM = "decom"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Site:
    """A site of the inventory."""

    name: str
    type: SiteType
    status: SiteStatus
    machine_count: int


@dataclass(frozen=True, slots=True)
class ArgDeclaration:
    """One argument of a job type; kind is text, integer, boolean, site, machine or bucket."""

    name: str
    kind: str
    required: bool
    help: str
    choices: tuple[str, ...] = ()
    example: str = ""
    minimum: int | None = None


@dataclass(frozen=True, slots=True)
class JobType:
    """What the server can do; recovery is idempotent, verifiable or irreversible."""

    name: str
    help: str
    args: tuple[ArgDeclaration, ...]
    recovery: str
    #: It checks what has to hold before the work: a rerun of what failed repeats it.
    precondition: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as configured; settings as in policies.json."""

    name: str
    help: str
    settings: Mapping[str, object]
    level: PolicyLevel = PolicyLevel.DENY
    #: How many submissions and executions broke it since the server started.
    breaches: int = 0


@dataclass(frozen=True, slots=True)
class WorkflowType:
    """A workflow type and the policies in force for it."""

    name: str
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All workflow types; a `problem` says why a newer policies.json is not in force."""

    workflow_types: tuple[WorkflowType, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket's level."""

    name: str
    size: int
    tokens: int
    refill: int
    every_seconds: float
    next_refill: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a quota is taken for one value of its label."""

    #: The argument by whose values it counts; empty: all jobs together.
    label: str
    #: None: nothing is taken of this quota at all.
    value: str | None
    taken: int
    limit: int
    #: As it is written: `5`, or `5%`.
    written: str
    per_seconds: float
    #: Workflows that wait for a token.
    waiting: int = 0
    next_token: datetime | None = None
    #: The job types that count; empty: all.
    job_types: tuple[str, ...] = ()
    #: The workflow types that it holds for.
    workflow_types: tuple[str, ...] = ()
    level: PolicyLevel = PolicyLevel.DENY


@dataclass(frozen=True, slots=True)
class Identity:
    """How the server knows whoever uses this client, and what they may do."""

    name: str
    #: loopback, unix, token or certificate.
    way: str
    #: The address that the server sees.
    origin: str
    #: `role` or `role:workflow type`.
    grants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The server's version, start, clock, and what is wrong with it."""

    version: str
    started: datetime | None
    now: datetime
    problems: tuple[str, ...] = ()
    #: It is shutting down: takes no new work, and lets running jobs end.
    draining: bool = False
