"""A request for work, as the operator writes it, and what can be wrong with one. Frozen values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum


class OnFailure(IntEnum):
    """What becomes of the later blocks when a block ends with errors; the numbers are the contract's."""

    UNSPECIFIED = 0
    CONTINUE = 1
    STOP = 2


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed job is tried again; durations as they were written, `10s`."""

    #: In all, the first one included; 0: not said, which the server refuses.
    attempts: int = 0
    delay: str = ""
    #: 0: the default.
    backoff: float = 0.0
    max_delay: str = ""
    #: The share of a pause that may be added to it, from 0 to 1.
    jitter: float = 0.0
    #: Only errors that contain one of these, whatever their case; none: every error.
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One action of a WorkReq."""

    name: str
    desc: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    #: How long one attempt may take, as written: `30s`. Empty: for ever.
    timeout: str = ""
    #: None: one attempt.
    retry: Retry | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Jobs that run together, at most `rate_limit` at once."""

    desc: str
    rate_limit: int
    jobs: tuple[Job, ...]
    #: At which failure nothing more starts, as written: `3`, or `20%` of the jobs. Empty: no budget.
    max_failures: str = ""
    #: Never more at once than may still fail.
    no_overshoot: bool = False
    on_failure: OnFailure = OnFailure.UNSPECIFIED
    #: Waits for an operator's go before its first job.
    hold: bool = False
    #: It cannot be undone: holds, and the go has to name its targets.
    point_of_no_return: bool = False
    #: How many jobs each wave lets start, as written.
    ramp: tuple[str, ...] = ()
    #: How long to wait after each wave, as written.
    soak: str = ""


@dataclass(frozen=True, slots=True)
class WorkReq:
    """A request for work."""

    name: str
    desc: str
    blocks: tuple[Block, ...]
    #: As a block's, over all jobs.
    max_failures: str = ""
    no_overshoot: bool = False
    on_failure: OnFailure = OnFailure.UNSPECIFIED

    @property
    def job_count(self) -> int:
        """How many jobs all blocks have."""
        return sum(len(block.jobs) for block in self.blocks)


class PolicyLevel(Enum):
    """What a breach of a policy does, as policies.json spells it."""

    #: It refuses.
    DENY = "deny"
    #: It refuses unless the submission acknowledges the policy by name.
    WARN = "warn"
    #: It is recorded and refuses nothing.
    DRY_RUN = "dryRun"

    @property
    def suffix(self) -> str:
        """What stands behind a policy's name: nothing behind one that simply refuses."""
        return "" if self is PolicyLevel.DENY else f", {self.value}"


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of a rule; positions are zero-based, None means the level above."""

    policy: str
    message: str
    block: int | None = None
    job: int | None = None
    arg: str = ""
    found: str = ""
    expected: str = ""
    level: PolicyLevel = PolicyLevel.DENY

    def refuses(self, acknowledged: Collection[str] = ()) -> bool:
        """Whether it refuses a request whose submission acknowledges these policies."""
        if self.level is PolicyLevel.WARN:
            return self.policy not in acknowledged
        return self.level is PolicyLevel.DENY

    @property
    def mark(self) -> str:
        """The glyph before it."""
        return _MARKS[self.level]

    @property
    def rule(self) -> str:
        """The policy and, where a breach does not simply refuse, its level: `maxJobs, warn`."""
        return self.policy + self.level.suffix


_MARKS = {PolicyLevel.DENY: "✗", PolicyLevel.WARN: "!", PolicyLevel.DRY_RUN: "·"}


class LineageKind(IntEnum):
    """How a WorkReq was made of another; the numbers are the contract's."""

    UNSPECIFIED = 0
    CLONE = 1
    RERUN = 2

    @property
    def label(self) -> str:
        """In words: `copy of`, `rerun of`."""
        return {LineageKind.CLONE: "copy of", LineageKind.RERUN: "rerun of"}.get(self, "made from")


@dataclass(frozen=True, slots=True)
class Lineage:
    """The workflow that a WorkReq was made from."""

    kind: LineageKind
    workflow_id: str
