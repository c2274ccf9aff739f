"""sameArgs: an argument has one value throughout the WorkReq."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from wf_server.config import Section
from wf_server.errors import ConfigError
from wf_server.jobs.arguments import quoted
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Violation, WorkReq
from wf_server.policy.base import Facts, Flag, Located, Policy, Text, in_portions, known_arg, known_job_type

#: The value of an argument and the job where it stood first, by job type and argument.
_First = dict[tuple[str, str], tuple[str | None, int, int]]


class SameArgsSettings(Section):
    """The settings of sameArgs."""

    jobs: Mapping[Text, tuple[Text, ...]] = Field(alias="Jobs", min_length=1)
    """By job type, the arguments that have one value in all its jobs."""
    across_jobs: Flag = Field(default=False, alias="AcrossJobs")
    """Whether an argument listed for several job types has one value in all of them together."""


class SameArgs(Policy[SameArgsSettings]):
    """Listed arguments have one value throughout."""

    name = "sameArgs"
    help = (
        "For each job type in Jobs, each listed argument has one value in all jobs of that type; with "
        "AcrossJobs, an argument listed for several job types has one value across all of them."
    )
    settings_type = SameArgsSettings

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for an unknown job type or argument, or an empty list."""
        for name, args in self.settings.jobs.items():
            job_type = known_job_type(registry, "Jobs", name)
            if not args:
                raise ConfigError(f"Jobs.{name}: the list is empty; name an argument or remove {name}")
            for arg in args:
                known_arg(job_type, f"Jobs.{name}", arg)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the jobs whose argument differs from the first one's."""
        first: _First = {}
        violations = []
        async for portion in in_portions(request):
            for located in portion:
                args = self.settings.jobs.get(located[2].name)
                if args is not None:
                    violations += self._differences(located, args, first)
        return violations

    def _differences(self, located: Located, args: tuple[str, ...], first: _First) -> list[Violation]:
        b, j, job = located
        scope = "" if self.settings.across_jobs else job.name
        violations = []
        for arg in args:
            value = job.args.get(arg)
            expected, first_b, first_j = first.setdefault((scope, arg), (value, b, j))
            if value != expected:
                message = f"{arg} differs from that of block {first_b} job {first_j}"
                violations.append(
                    Violation(self.name, message, b, j, arg, _quoted(value), _quoted(expected)),
                )
        return violations


def _quoted(value: str | None) -> str:
    return "no value" if value is None else quoted(value)
