"""mustFollow: a job of one type is preceded, or followed, by a job of another.

The order is the one in which jobs begin, by *steps*. A block with rate limit 1 has a step for each of its
jobs; a block that runs several at once is one step, because none of its jobs waits for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from pydantic import Field, model_validator

from wf_server.config import Section
from wf_server.jobs.arguments import quoted
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.policy.base import (
    PORTION,
    Facts,
    Flag,
    Located,
    Policy,
    Text,
    known_arg,
    known_job_type,
    possible_value,
)

#: The values of SameArgs in one job.
_Values = tuple[str | None, ...]


class MustFollowSettings(Section):
    """The settings of mustFollow."""

    job_name: Text = Field(alias="JobName")
    """The job type of which every job is looked at."""
    preceded_by: Text | None = Field(default=None, alias="PrecededBy")
    """The job type that has to come before. Either this or FollowedBy."""
    followed_by: Text | None = Field(default=None, alias="FollowedBy")
    """The job type that has to come after. Either this or PrecededBy."""
    directly: Flag = Field(default=False, alias="Directly")
    """Whether it has to be in the very step before or after, rather than in any."""
    must_args: Mapping[Text, Text] = Field(default_factory=dict, alias="MustArgs")
    """The arguments that the other job has to have, with their values."""
    same_args: tuple[Text, ...] = Field(default=(), alias="SameArgs")
    """The arguments that have the same value in both jobs."""

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.preceded_by is None) == (self.followed_by is None):
            both = "both are" if self.preceded_by is not None else "neither is"
            raise ValueError(f"exactly one of PrecededBy and FollowedBy has to be given; {both}")
        if self.other == self.job_name:
            raise ValueError("a job type that has to come before or after itself can never be satisfied")
        return self

    @property
    def other(self) -> str:
        """The job type that has to come before or after."""
        return self.preceded_by or self.followed_by or ""


class MustFollow(Policy[MustFollowSettings]):
    """No job of one type without one of another type before it, or after it."""

    name = "mustFollow"
    help = (
        "Every job of type JobName has a job of type PrecededBy before it, or of type FollowedBy after it; "
        "with Directly in the very step before or after. That job has the arguments MustArgs, and the same "
        "values as the first in SameArgs. A job of a block with rate limit 1 is a step; the jobs of a block "
        "that runs several at once are one step together, and none of them comes before another."
    )
    settings_type = MustFollowSettings

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for an unknown job type or argument, or an impossible value."""
        settings = self.settings
        job_type = known_job_type(registry, "JobName", settings.job_name)
        other = known_job_type(registry, self._key, settings.other)
        for name, value in settings.must_args.items():
            possible_value(registry, known_arg(other, "MustArgs", name), f"MustArgs.{name}", value)
        for index, name in enumerate(settings.same_args):
            known_arg(job_type, f"SameArgs[{index}]", name)
            known_arg(other, f"SameArgs[{index}]", name)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the jobs without the other one on that side."""
        seen: set[_Values] = set()
        last: set[_Values] = set()
        neighbours: Sequence[Located] = ()
        violations = []
        looked_at = 0
        for step in _steps(request.blocks, backwards=self.settings.followed_by is not None):
            enough = last if self.settings.directly else seen
            violations += [
                self._lonely(located, neighbours)
                for located in step
                if located[2].name == self.settings.job_name and self._values(located[2]) not in enough
            ]
            last = {self._values(job) for _, _, job in step if self._is_other(job)}
            seen |= last
            neighbours = step
            looked_at += len(step)
            if looked_at >= PORTION:
                looked_at = 0
                await asyncio.sleep(0)
        return violations

    def _values(self, job: Job) -> _Values:
        return tuple(job.args.get(name) for name in self.settings.same_args)

    def _is_other(self, job: Job) -> bool:
        return job.name == self.settings.other and self.settings.must_args.items() <= job.args.items()

    def _lonely(self, located: Located, neighbours: Sequence[Located]) -> Violation:
        b, j, job = located
        side = "before" if self.settings.preceded_by is not None else "after"
        args = dict(self.settings.must_args)
        args |= {name: job.args[name] for name in self.settings.same_args if name in job.args}
        described = " ".join([self.settings.other, *(f"{name}={value}" for name, value in args.items())])
        directly = "directly " * self.settings.directly
        message = f"{job.name} needs a job {self.settings.other} {directly}{side} it"
        found = f"none {side} it"
        if self.settings.directly:
            names = sorted({other.name for _, _, other in neighbours})
            found = ", ".join(quoted(name) for name in names[:5]) or f"nothing {side} it"
        return Violation(self.name, message, b, j, found=found, expected=f"{described} {directly}{side} it")

    @property
    def _key(self) -> str:
        return "PrecededBy" if self.settings.preceded_by is not None else "FollowedBy"


def _steps(blocks: Sequence[Block], *, backwards: bool) -> Iterator[Sequence[Located]]:
    """The jobs that begin together, in the order in which they begin, or the other way round."""
    order = range(len(blocks) - 1, -1, -1) if backwards else range(len(blocks))
    for b in order:
        jobs = [(b, j, job) for j, job in enumerate(blocks[b].jobs)]
        if blocks[b].rate_limit > 1:
            # A block without jobs is no step.
            yield from filter(None, [jobs])
        else:
            yield from ([located] for located in (reversed(jobs) if backwards else jobs))
