"""A request for work, and what is wrong with one. Immutable, so that no rule can change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

_NO_ARGS: Mapping[str, str] = MappingProxyType({})


class JobId(NamedTuple):
    """Which job of which workflow; positions are zero-based."""

    workflow: str
    block: int
    job: int


@dataclass(frozen=True, slots=True)
class Job:
    """One action: a job type's name and its arguments."""

    name: str
    desc: str = ""
    args: Mapping[str, str] = field(default_factory=lambda: _NO_ARGS)


@dataclass(frozen=True, slots=True)
class Block:
    """Jobs that run together, at most `rate_limit` at once."""

    desc: str
    rate_limit: int
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class WorkReq:
    """A workflow type's name and blocks that run one at a time, in order."""

    name: str
    desc: str
    blocks: tuple[Block, ...]

    def jobs(self) -> Iterator[tuple[int, int, Job]]:
        """Yields every job with its zero-based block and job position."""
        for b, block in enumerate(self.blocks):
            for j, job in enumerate(block.jobs):
                yield b, j, job

    @property
    def job_count(self) -> int:
        """How many jobs there are in all blocks."""
        return sum(len(block.jobs) for block in self.blocks)


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
        return f"{self.policy}: " + "".join(parts)

    def place(self) -> tuple[int, int, str]:
        """A sort key: the WorkReq before its blocks, a block before its jobs."""
        return (
            -1 if self.block is None else self.block,
            -1 if self.job is None else self.job,
            self.arg,
        )
