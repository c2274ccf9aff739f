"""quota: at most so many jobs begin in any stretch of time, by the value of an argument.

The policy says at submission what could never begin, or not in time; the engine keeps the count
(`engine.quotas`) and lets jobs wait for a token. A token is a job's that begins; it counts for `Per`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from wf_server.config import Count, Section
from wf_server.errors import ConfigError
from wf_server.inventory import Inventory
from wf_server.jobs.arguments import quoted
from wf_server.jobs.base import Arg, ArgKind, JobType
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Job, Violation, WorkReq
from wf_server.policy.base import Facts, Policy, Text, in_portions, known_arg, known_job_type
from wf_server.units import parse_duration
from wf_server.wording import told

_MICROSECONDS = 1_000_000
_YEAR = 366 * 86_400.0
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%")


def _limit(value: object) -> object:
    """A count stays a number; a share stays as it is written."""
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, str) and (match is None or not 0 < Fraction(match[1]) <= 100):
        raise ValueError(f'{told(value)} is neither a count, such as 5, nor a share such as "5%"')
    return value


def _span(written: str) -> str:
    if not 0 < parse_duration(written) <= _YEAR:
        raise ValueError(f"{written} is no time, or longer than a year")
    return written


_Span = Annotated[Text, AfterValidator(_span)]


class QuotaSettings(Section):
    """The settings of quota."""

    label: Text = Field(default="", alias="Label")
    """The argument by whose values it counts, each by itself; without it, all jobs together."""
    limit: Annotated[Count | Text, BeforeValidator(_limit)] = Field(alias="Limit")
    """How many jobs: `5`; or, where Label is a site, a share of the site's machines, rounded down: `"5%"`."""
    per: _Span = Field(alias="Per")
    """For how long the begin of a job counts: `1h`."""
    job_types: tuple[Text, ...] = Field(default=(), alias="JobTypes")
    """The job types that count; without it, all that have the argument."""
    max_wait: _Span | None = Field(default=None, alias="MaxWait")
    """A WorkReq that has to wait for longer, even if no other takes a token, is refused at submission."""


class Meter(NamedTuple):
    """What is counted, across all workflows; quotas with the same meter share its tokens."""

    label: str
    #: In name order; empty: all.
    job_types: tuple[str, ...]

    @property
    def key(self) -> str:
        """How the database names it."""
        return f"{self.label}:{','.join(self.job_types)}"

    def value_of(self, job: Job) -> str | None:
        """For which value a job takes a token; None: it takes none."""
        if self.job_types and job.name not in self.job_types:
            return None
        # Without a value of the argument there is nothing to count by.
        return (job.args.get(self.label) or None) if self.label else ""

    def told(self, value: str) -> str:
        """A value as messages name it: `site="aap"`."""
        return f"{self.label}={quoted(value)}" if self.label else "all jobs"


@dataclass(slots=True)
class _Demand:
    """The jobs of one value."""

    jobs: int
    block: int
    job: int


class Quota(Policy[QuotaSettings]):
    """Jobs begin no faster than so."""

    name = "quota"
    help = (
        "At most Limit jobs of JobTypes begin within any stretch of time as long as Per, for each value of "
        "the argument Label, across all workflows. A job that finds no token left waits, with those after "
        "it in its block. A WorkReq of which a job could never begin, or only after MaxWait, is refused."
    )
    settings_type = QuotaSettings

    def __init__(self, settings: QuotaSettings) -> None:
        super().__init__(settings)
        self.meter = Meter(settings.label, tuple(sorted(set(settings.job_types))))
        self.per_us = max(1, round(parse_duration(settings.per) * _MICROSECONDS))

    @property
    def limit_words(self) -> str:
        """The limit as it is written: `5`, or `5%`."""
        return str(self.settings.limit)

    def limit_of(self, value: str, inventory: Inventory) -> int:
        """How many tokens a value has; a share is rounded down."""
        limit = self.settings.limit
        if isinstance(limit, int):
            return limit
        machines = len(inventory.machines.get(value, ()))
        return math.floor(Fraction(limit.removesuffix("%")) * machines / 100)

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for job types and arguments that are not there, and for a share of nothing."""
        job_types = [known_job_type(registry, "JobTypes", name) for name in self.settings.job_types]
        label = self.settings.label
        if not label:
            self._expect_count("without Label")
            return
        if job_types:
            having = [(job_type, known_arg(job_type, "Label", label)) for job_type in job_types]
        else:
            having = [(job_type, arg) for job_type in registry for arg in job_type.args if arg.name == label]
        if not having:
            raise ConfigError(f"Label: no job type has an argument {told(label)}; name one of a job type")
        for job_type, arg in having:
            self._expect_countable(job_type, arg)

    def _expect_countable(self, job_type: JobType, arg: Arg) -> None:
        if arg.kind is ArgKind.SECRET:
            raise ConfigError(f"Label: {arg.name} of {job_type.name} is a secret; name another argument")
        if arg.kind is not ArgKind.SITE:
            self._expect_count(f"where {arg.name} of {job_type.name} is no site")

    def _expect_count(self, where: str) -> None:
        if not isinstance(self.settings.limit, int):
            expected = "write a count, such as 5"
            raise ConfigError(f"Limit: {told(self.settings.limit)} {where} is a share of nothing; {expected}")

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the values of which a job could never begin, or not in time, if no other took a token."""
        demands: dict[str, _Demand] = {}
        async for portion in in_portions(request):
            for b, j, job in portion:
                value = self.meter.value_of(job)
                if value is not None:
                    demands.setdefault(value, _Demand(0, b, j)).jobs += 1
        found = (self._judge(value, demand, facts.inventory) for value, demand in demands.items())
        return [violation for violation in found if violation is not None]

    def _judge(self, value: str, demand: _Demand, inventory: Inventory) -> Violation | None:
        limit, what = self.limit_of(value, inventory), self.meter.told(value)
        if limit == 0:
            if value not in inventory.sites:
                # Where there is no such site, that is said already.
                return None
            machines = len(inventory.machines.get(value, ()))
            found = f"{self.limit_words} of {machines} machine{'s' * (machines != 1)}, which is none"
            return self._violation("no such job can ever begin", demand, found, "a Limit that allows one job")
        longest = self.settings.max_wait
        if longest is None:
            return None
        waits_us = (demand.jobs - 1) // limit * self.per_us
        if waits_us <= parse_duration(longest) * _MICROSECONDS:
            return None
        jobs = f"{demand.jobs} job{'s' * (demand.jobs > 1)}"
        found = f"{jobs} of {what}, {limit} per {self.settings.per}: the last begins {_long(waits_us)} later"
        expected = f"at most {longest} from the first to the last (MaxWait)"
        return self._violation("it would wait too long for its tokens", demand, found, expected)

    def _violation(self, message: str, demand: _Demand, found: str, expected: str) -> Violation:
        return Violation(self.name, message, demand.block, demand.job, self.meter.label, found, expected)


def _long(time_us: int) -> str:
    """A time in words, exact to the second: `3h 20m`."""
    seconds = math.ceil(time_us / _MICROSECONDS)
    parts = [
        (seconds // 86_400, "d"),
        (seconds // 3_600 % 24, "h"),
        (seconds // 60 % 60, "m"),
        (seconds % 60, "s"),
    ]
    return " ".join(f"{n}{unit}" for n, unit in parts if n) or "0s"
