"""A request for work, and what is wrong with one. Immutable, so that no rule can change it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

_NO_ARGS: Mapping[str, str] = MappingProxyType({})


class JobId(NamedTuple):
    """Which job of which workflow; positions are zero-based."""

    workflow: str
    block: int
    job: int


class OnFailure(IntEnum):
    """What becomes of the later blocks when a block ends with errors; the numbers are the contract's."""

    UNSPECIFIED = 0
    CONTINUE = 1
    STOP = 2


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed job is tried again; durations and the rest as they were written."""

    #: In all, the first one included.
    attempts: int = 1
    delay: str = ""
    #: 0: the default.
    backoff: float = 0.0
    max_delay: str = ""
    #: The share of a pause that may be added to it.
    jitter: float = 0.0
    #: Only errors that contain one of these, whatever their case; none: every error.
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One action: a job type's name and its arguments."""

    name: str
    desc: str = ""
    args: Mapping[str, str] = field(default_factory=lambda: _NO_ARGS)
    #: How long one attempt may take, as written: `30s`. Empty: for ever.
    timeout: str = ""
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
    #: Waits for an operator's go.
    hold: bool = False
    #: It cannot be undone: holds, and the go has to name its targets.
    point_of_no_return: bool = False
    #: How many jobs each wave lets start, as written.
    ramp: tuple[str, ...] = ()
    #: How long to wait after each wave, as written.
    soak: str = ""

    @property
    def holds(self) -> bool:
        """Whether it waits for an operator's go before its first job."""
        return self.hold or self.point_of_no_return


@dataclass(frozen=True, slots=True)
class WorkReq:
    """A workflow type's name and blocks that run one at a time, in order."""

    name: str
    desc: str
    blocks: tuple[Block, ...]
    #: As a block's, over all jobs.
    max_failures: str = ""
    no_overshoot: bool = False
    on_failure: OnFailure = OnFailure.UNSPECIFIED

    def stops_after(self, block: int) -> bool:
        """Whether errors in this block end the workflow after it."""
        own = self.blocks[block].on_failure
        return (own or self.on_failure) is OnFailure.STOP

    def jobs(self) -> Iterator[tuple[int, int, Job]]:
        """Yields every job with its zero-based block and job position."""
        for b, block in enumerate(self.blocks):
            for j, job in enumerate(block.jobs):
                yield b, j, job

    @property
    def job_count(self) -> int:
        """How many jobs there are in all blocks."""
        return sum(len(block.jobs) for block in self.blocks)


class Level(IntEnum):
    """What a breach of a policy does, the gravest first; the numbers are the contract's."""

    #: It refuses.
    DENY = 1
    #: It refuses unless the submission acknowledges the policy by name.
    WARN = 2
    #: It is recorded and refuses nothing.
    DRY_RUN = 3

    @property
    def word(self) -> str:
        """As policies.json spells it."""
        return _LEVEL_WORDS[self]


_LEVEL_WORDS = {Level.DENY: "deny", Level.WARN: "warn", Level.DRY_RUN: "dryRun"}


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of a rule and the place it points at; positions are zero-based."""

    policy: str
    message: str
    block: int | None = None
    job: int | None = None
    arg: str = ""
    found: str = ""
    expected: str = ""
    level: Level = Level.DENY
    #: When it passes by itself, in microseconds since 1970-01-01 UTC; 0: nobody knows.
    until_us: int = 0
    #: To acknowledge it is not enough: others have to approve it too, so nobody's go lets it pass.
    needs_approval: bool = False

    def refuses(self, acknowledged: Collection[str] = ()) -> bool:
        """Whether it refuses a request whose submission acknowledges these policies."""
        return self.level is Level.DENY or (self.level is Level.WARN and self.policy not in acknowledged)

    @property
    def denies(self) -> bool:
        """Whether no single person's word lets it pass."""
        return self.level is Level.DENY or self.needs_approval

    def sentence(self) -> str:
        """The violation in one line, place first: `block 1 job 0: unknown job type`."""
        place = "" if self.block is None else f"block {self.block}"
        if self.job is not None:
            place += f" job {self.job}"
        if self.arg:
            place += f" argument {self.arg}"
        parts = [f"{place.strip()}: " if place else "", self.message]
        if self.found or self.expected:
            told = [f"found {self.found}"] * bool(self.found)
            told += [f"expected {self.expected}"] * bool(self.expected)
            parts.append(f" ({', '.join(told)})")
        level = "" if self.level is Level.DENY else f" ({self.level.word})"
        return f"{self.policy}{level}: " + "".join(parts)

    def place(self) -> tuple[int, int, str]:
        """A sort key: the WorkReq before its blocks, a block before its jobs."""
        return (
            -1 if self.block is None else self.block,
            -1 if self.job is None else self.job,
            self.arg,
        )
