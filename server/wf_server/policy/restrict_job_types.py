"""restrictJobTypes: only jobs of listed types."""

from __future__ import annotations

from pydantic import Field

from wf_server.config import Section
from wf_server.jobs.arguments import quoted
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Violation, WorkReq
from wf_server.policy.base import Facts, Policy, Text, in_portions, known_job_type


class RestrictJobTypesSettings(Section):
    """The settings of restrictJobTypes."""

    allowed_jobs: tuple[Text, ...] = Field(alias="AllowedJobs", min_length=1)
    """The job types that a WorkReq may hold."""


class RestrictJobTypes(Policy[RestrictJobTypesSettings]):
    """Every job is of an allowed type."""

    name = "restrictJobTypes"
    help = "Every job is of a type that AllowedJobs lists."
    settings_type = RestrictJobTypesSettings

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for a job type that is not registered."""
        for index, name in enumerate(self.settings.allowed_jobs):
            known_job_type(registry, f"AllowedJobs[{index}]", name)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the jobs of other types."""
        allowed = frozenset(self.settings.allowed_jobs)
        expected = "one of: " + ", ".join(self.settings.allowed_jobs)
        violations = []
        async for portion in in_portions(request):
            violations += [
                Violation(
                    self.name,
                    f"jobs of type {job.name[:200]} are not allowed in {request.name[:200]}",
                    b,
                    j,
                    found=quoted(job.name),
                    expected=expected,
                )
                for b, j, job in portion
                if job.name not in allowed
            ]
        return violations
