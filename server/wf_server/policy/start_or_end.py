"""startOrEnd: a job stands at the beginning or at the end of a WorkReq."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field, model_validator

from wf_server.config import Section
from wf_server.jobs.arguments import quoted
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.policy.base import Facts, Flag, Policy, Text, known_arg, known_job_type, possible_value


class StartOrEndSettings(Section):
    """The settings of startOrEnd."""

    job_name: Text = Field(alias="JobName")
    """The job type that has to be there."""
    must_args: Mapping[Text, Text] = Field(default_factory=dict, alias="MustArgs")
    """The arguments that it has to have, with their values."""
    start: Flag = Field(default=False, alias="Start")
    """It stands in the first block. Either this or End."""
    end: Flag = Field(default=False, alias="End")
    """It stands in the last block. Either this or Start."""
    allowed: tuple[Text, ...] = Field(default=(), alias="AllowedBeforeOrAfter")
    """The job types that may stand before it (Start) or after it (End) in its block."""

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.start == self.end:
            both = "both are" if self.start else "neither is"
            raise ValueError(f"exactly one of Start and End has to be true; {both}")
        return self


class StartOrEnd(Policy[StartOrEndSettings]):
    """A job with certain arguments in the first block, or in the last."""

    name = "startOrEnd"
    help = (
        "A job of type JobName with the arguments MustArgs is in the first block with only jobs of the "
        "types AllowedBeforeOrAfter before it (Start), or in the last block with only such jobs after it "
        "(End)."
    )
    settings_type = StartOrEndSettings

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for an unknown job type or argument, or an impossible value."""
        job_type = known_job_type(registry, "JobName", self.settings.job_name)
        for name, value in self.settings.must_args.items():
            arg = known_arg(job_type, "MustArgs", name)
            possible_value(registry, arg, f"MustArgs.{name}", value)
        for index, name in enumerate(self.settings.allowed):
            known_job_type(registry, f"AllowedBeforeOrAfter[{index}]", name)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds that the job is missing, elsewhere, beside jobs not allowed there, or has other arguments."""
        block = 0 if self.settings.start else len(request.blocks) - 1
        jobs = request.blocks[block].jobs if request.blocks else ()
        position = self._position(jobs)
        if position is None:
            return self._absent(request, block)
        return [
            *self._misplaced(block, jobs, position),
            *self._beside(block, request.blocks[block], position),
            *self._wrong_args(block, jobs, position),
        ]

    def _position(self, jobs: Sequence[Job]) -> int | None:
        """Where the job stands: the outermost one that has the arguments, or else the outermost."""
        order = range(len(jobs)) if self.settings.start else range(len(jobs) - 1, -1, -1)
        named = [j for j in order if jobs[j].name == self.settings.job_name]
        must = self.settings.must_args.items()
        fitting = (j for j in named if must <= jobs[j].args.items())
        return next(fitting, named[0] if named else None)

    def _absent(self, request: WorkReq, block: int) -> list[Violation]:
        """The job is not in its block: says so there, or at the first such job elsewhere."""
        name, where = self.settings.job_name, self._where
        for b, j, job in request.jobs():
            if job.name == name:
                message = f"{name} has to be in the {where} block"
                return [Violation(self.name, message, b, j, found=f"block {b}", expected=f"block {block}")]
        message = f"a job {name} is required in the {where} block"
        place = block if request.blocks else None
        found = f"no {name}" if request.blocks else "no blocks"
        return [Violation(self.name, message, place, found=found, expected=self._described)]

    def _misplaced(self, block: int, jobs: Sequence[Job], position: int) -> list[Violation]:
        others = range(position) if self.settings.start else range(position + 1, len(jobs))
        side = "before" if self.settings.start else "after"
        allowed = frozenset(self.settings.allowed)
        message = f"not allowed {side} {self.settings.job_name} in the {self._where} block"
        expected = f"{side} it only: {', '.join(self.settings.allowed)}" if allowed else f"nothing {side} it"
        return [
            Violation(self.name, message, block, j, found=quoted(jobs[j].name), expected=expected)
            for j in others
            if jobs[j].name not in allowed
        ]

    def _beside(self, block: int, spec: Block, position: int) -> list[Violation]:
        """Jobs on the other side of the job run at its side where the block runs several at once."""
        if spec.rate_limit <= 1:
            return []
        others = range(position + 1, len(spec.jobs)) if self.settings.start else range(position)
        allowed = {*self.settings.allowed, self.settings.job_name}
        name = self.settings.job_name
        message = f"runs beside {name}, not {'after' if self.settings.start else 'before'} it"
        found = f"{spec.rate_limit} jobs at once"
        expected = f"rate limit 1, or another block than {name}'s"
        return [
            Violation(self.name, message, block, j, found=found, expected=expected)
            for j in others
            if spec.jobs[j].name not in allowed
        ]

    def _wrong_args(self, block: int, jobs: Sequence[Job], position: int) -> list[Violation]:
        name, args = self.settings.job_name, jobs[position].args
        return [
            Violation(
                self.name,
                f"{name} in the {self._where} block needs another value of {arg}",
                block,
                position,
                arg,
                quoted(args[arg]) if arg in args else "no value",
                quoted(value),
            )
            for arg, value in self.settings.must_args.items()
            if args.get(arg) != value
        ]

    @property
    def _where(self) -> str:
        return "first" if self.settings.start else "last"

    @property
    def _described(self) -> str:
        args = " ".join(f"{name}={value}" for name, value in self.settings.must_args.items())
        return f"{self.settings.job_name} {args}".rstrip()
