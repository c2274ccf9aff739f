"""maxConcurrency: how many jobs of a block may run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from wf_server.config import Count, Section
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Block, Violation, WorkReq
from wf_server.policy.base import PORTION, Facts, Policy, Text, known_job_type


class MaxConcurrencySettings(Section):
    """The settings of maxConcurrency."""

    block: Count | None = Field(default=None, alias="Block")
    """The rate limit of every block."""
    job_types: Mapping[Text, Count] = Field(default_factory=dict, alias="JobTypes")
    """By job type, the rate limit of every block that holds a job of it."""

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if not (self.block or self.job_types):
            raise ValueError("there is no limit; set Block or JobTypes")
        return self


class MaxConcurrency(Policy[MaxConcurrencySettings]):
    """A block's rate limit is at most so high."""

    name = "maxConcurrency"
    help = (
        "The rate limit of a block is at most that of JobTypes for each job type in it, and at most Block, "
        "however few jobs the block has."
    )
    settings_type = MaxConcurrencySettings

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for a job type that is not registered."""
        for name in self.settings.job_types:
            known_job_type(registry, "JobTypes", name)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the blocks that would run too many at once, each with every limit that it passes."""
        violations = []
        looked_at = 0
        for b, block in enumerate(request.blocks):
            if self.settings.block is not None and block.rate_limit > self.settings.block:
                violations.append(self._too_high(b, block, self.settings.block, "a block"))
            violations += [
                self._too_high(b, block, limit, f"a block with jobs of type {name}")
                for name, limit in self.settings.job_types.items()
                if block.rate_limit > limit and any(job.name == name for job in block.jobs)
            ]
            looked_at += len(block.jobs) + 1
            if looked_at >= PORTION:
                looked_at = 0
                await asyncio.sleep(0)
        return violations

    def _too_high(self, b: int, block: Block, limit: int, what: str) -> Violation:
        message = f"the rate limit is too high for {what}"
        found, expected = str(block.rate_limit), f"at most {limit}"
        return Violation(self.name, message, b, None, "rateLimit", found, expected)
