"""maxJobs: how many jobs a WorkReq and its blocks may hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from wf_server.config import Count, Section
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Violation, WorkReq
from wf_server.policy.base import Facts, Policy, Text, in_portions, known_job_type


class MaxJobsSettings(Section):
    """The settings of maxJobs."""

    work_req: Count | None = Field(default=None, alias="WorkReq")
    """Jobs in the WorkReq."""
    block: Count | None = Field(default=None, alias="Block")
    """Jobs in each block."""
    job_types: Mapping[Text, Count] = Field(default_factory=dict, alias="JobTypes")
    """By job type, its jobs in the WorkReq."""
    job_types_in_block: Mapping[Text, Count] = Field(default_factory=dict, alias="JobTypesInBlock")
    """By job type, its jobs in each block."""

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if not (self.work_req or self.block or self.job_types or self.job_types_in_block):
            raise ValueError("there is no limit; set WorkReq, Block, JobTypes or JobTypesInBlock")
        return self


class MaxJobs(Policy[MaxJobsSettings]):
    """At most so many jobs."""

    name = "maxJobs"
    help = (
        "At most so many jobs: WorkReq limits those of the WorkReq, Block those of each block, JobTypes "
        "those of a type in the WorkReq, and JobTypesInBlock those of a type in each block."
    )
    settings_type = MaxJobsSettings

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for a job type that is not registered."""
        for name in self.settings.job_types:
            known_job_type(registry, "JobTypes", name)
        for name in self.settings.job_types_in_block:
            known_job_type(registry, "JobTypesInBlock", name)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the limits that are passed: those of job types at the first job that is too many."""
        return [*self._totals(request), *await self._by_type(request)]

    def _totals(self, request: WorkReq) -> list[Violation]:
        settings = self.settings
        violations = []
        if settings.work_req is not None and request.job_count > settings.work_req:
            violations.append(self._too_many("the WorkReq has", request.job_count, settings.work_req))
        if settings.block is not None:
            for b, block in enumerate(request.blocks):
                if len(block.jobs) > settings.block:
                    violations.append(self._too_many("the block has", len(block.jobs), settings.block, b))
        return violations

    async def _by_type(self, request: WorkReq) -> list[Violation]:
        if not (self.settings.job_types or self.settings.job_types_in_block):
            return []
        in_all: Counter[str] = Counter()
        in_block: Counter[tuple[int, str]] = Counter()
        #: The first job beyond a limit: its place, by job type, and in which block it counts.
        beyond: dict[tuple[int | None, str], tuple[int, int]] = {}
        async for portion in in_portions(request):
            for b, j, job in portion:
                in_all[job.name] += 1
                in_block[b, job.name] += 1
                if in_all[job.name] - 1 == self.settings.job_types.get(job.name):
                    beyond[None, job.name] = (b, j)
                if in_block[b, job.name] - 1 == self.settings.job_types_in_block.get(job.name):
                    beyond[b, job.name] = (b, j)
        violations = []
        for (scope, name), (b, j) in beyond.items():
            if scope is None:
                what, count, limit = "the WorkReq has", in_all[name], self.settings.job_types[name]
            else:
                what, count = "the block has", in_block[scope, name]
                limit = self.settings.job_types_in_block[name]
            violations.append(self._too_many(what, count, limit, b, j, f" of type {name}"))
        return violations

    def _too_many(
        self, what: str, count: int, limit: int, b: int | None = None, j: int | None = None, kind: str = ""
    ) -> Violation:
        message, jobs = f"{what} too many jobs{kind}", "job" + "s" * (count != 1)
        return Violation(self.name, message, b, j, found=f"{count} {jobs}", expected=f"at most {limit}")
