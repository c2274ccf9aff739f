"""requireOptions: work of risky types is asked to be careful, by the options of its blocks and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from wf_server.config import Section
from wf_server.jobs.arguments import quoted
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.policy.base import Facts, Flag, Policy, Text, in_portions, known_job_type
from wf_server.units import parse_amount, parse_duration


def _amount(written: str) -> str:
    parse_amount(written, 100)
    return written


def _duration(written: str) -> str:
    if parse_duration(written) <= 0:
        raise ValueError(f"{written} is no time at all")
    return written


class RequireOptionsSettings(Section):
    """The settings of requireOptions."""

    job_types: tuple[Text, ...] = Field(alias="JobTypes", min_length=1)
    """The job types that ask for care."""
    hold: Flag = Field(default=False, alias="Hold")
    """Their blocks hold, or are points of no return."""
    point_of_no_return: Flag = Field(default=False, alias="PointOfNoReturn")
    """Their blocks are points of no return."""
    max_failures: Annotated[Text, AfterValidator(_amount)] | None = Field(default=None, alias="MaxFailures")
    """Their blocks' failure budget is at most this: `3`, or `5%` of the block's jobs."""
    timeout: Annotated[Text, AfterValidator(_duration)] | None = Field(default=None, alias="Timeout")
    """Their jobs' timeout is at most this: `30m`."""

    @model_validator(mode="after")
    def _some_option(self) -> Self:
        if not (self.hold or self.point_of_no_return or self.max_failures or self.timeout):
            raise ValueError("no option is required; set Hold, PointOfNoReturn, MaxFailures or Timeout")
        return self


class RequireOptions(Policy[RequireOptionsSettings]):
    """Blocks and jobs of risky types have options that limit the harm."""

    name = "requireOptions"
    help = (
        "Each block that holds a job of JobTypes waits for a go (Hold), is a point of no return "
        "(PointOfNoReturn), and has a failure budget of at most MaxFailures, and each such job has a timeout "
        "of at most Timeout, as far as these are set."
    )
    settings_type = RequireOptionsSettings

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for a job type that is not registered."""
        for index, name in enumerate(self.settings.job_types):
            known_job_type(registry, f"JobTypes[{index}]", name)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the blocks and jobs without what they need; a block's once."""
        risky = frozenset(self.settings.job_types)
        violations: list[Violation] = []
        judged = -1
        async for portion in in_portions(request):
            for b, j, job in portion:
                if job.name not in risky:
                    continue
                if b != judged:
                    judged = b
                    violations += self._judge_block(b, request.blocks[b], job.name)
                violations += self._judge_job(b, j, job)
        return violations

    def _judge_block(self, b: int, block: Block, name: str) -> Iterator[Violation]:
        settings, why = self.settings, f"a block with jobs of type {name}"
        if settings.point_of_no_return and not block.point_of_no_return:
            message = f"{why} has to be a point of no return"
            yield Violation(self.name, message, b, None, "pointOfNoReturn", "false", "true")
        if settings.hold and not block.holds:
            yield Violation(self.name, f"{why} has to wait for a go", b, None, "hold", "false", "true")
        if settings.max_failures is not None:
            jobs = len(block.jobs)
            if not _within(block.max_failures, parse_amount(settings.max_failures, jobs), jobs):
                message, found = f"{why} needs a failure budget", _written(block.max_failures)
                expected = f"at most {settings.max_failures}"
                yield Violation(self.name, message, b, None, "maxFailures", found, expected)

    def _judge_job(self, b: int, j: int, job: Job) -> Iterator[Violation]:
        longest = self.settings.timeout
        if longest is not None and not _is_short(job.timeout, parse_duration(longest)):
            message, found = f"jobs of type {job.name} need a timeout", _written(job.timeout)
            yield Violation(self.name, message, b, j, "timeout", found, f"at most {longest}")


def _within(written: str, most: int, jobs: int) -> bool:
    try:
        return parse_amount(written, jobs) <= most
    except ValueError:
        return False


def _is_short(written: str, longest: float) -> bool:
    try:
        return 0 < parse_duration(written) <= longest
    except ValueError:
        return False


def _written(option: str) -> str:
    return quoted(option) if option else "none"
