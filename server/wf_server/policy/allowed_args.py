"""allowedArgs: an argument has one of listed values, or one that fits a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import re2
from pydantic import Field, field_validator, model_validator

from wf_server.config import Section
from wf_server.errors import ConfigError
from wf_server.jobs.arguments import MAX_VALUE, quoted
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Job, Violation, WorkReq
from wf_server.policy.base import (
    Facts,
    Flag,
    Policy,
    Text,
    in_portions,
    known_arg,
    known_job_type,
    possible_value,
)
from wf_server.wording import told

#: In characters.
MAX_PATTERN = 1_000
#: What a compiled pattern may take. Bytes.
_PATTERN_MEMORY = 2**20
#: A violation lists at most so many of the allowed values.
_LISTED = 20


class Allowance(Section):
    """What one argument may be: one of Values, or what Pattern describes."""

    values: tuple[Text, ...] = Field(default=(), alias="Values")
    """The allowed values."""
    pattern: Text = Field(default="", alias="Pattern")
    """A regular expression for the value as a whole, in RE2's syntax."""
    optional: Flag = Field(default=False, alias="Optional")
    """Whether the argument may be left out."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        _compiled(pattern)
        return pattern

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.values) == bool(self.pattern):
            both = "both are" if self.values else "neither is"
            raise ValueError(f"exactly one of Values and Pattern has to be given; {both}")
        return self


class AllowedArgsSettings(Section):
    """The settings of allowedArgs."""

    jobs: Mapping[Text, Mapping[Text, Allowance]] = Field(alias="Jobs", min_length=1)
    """By job type and argument, what the argument may be."""


class AllowedArgs(Policy[AllowedArgsSettings]):
    """Listed arguments have allowed values."""

    name = "allowedArgs"
    help = (
        "For each job type in Jobs, each listed argument has one of Values, or a value that Pattern (a "
        "regular expression in RE2's syntax) describes from its beginning to its end; unless it is Optional, "
        "it has to be there."
    )
    settings_type = AllowedArgsSettings

    def __init__(self, settings: AllowedArgsSettings) -> None:
        super().__init__(settings)
        self._rules = {
            name: {arg: _Rule(allowance) for arg, allowance in args.items()}
            for name, args in settings.jobs.items()
        }

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for an unknown job type or argument, no argument, or an impossible value."""
        for name, args in self.settings.jobs.items():
            job_type = known_job_type(registry, "Jobs", name)
            if not args:
                raise ConfigError(f"Jobs.{name}: it is empty; name an argument or remove {name}")
            for arg_name, allowance in args.items():
                arg = known_arg(job_type, f"Jobs.{name}", arg_name)
                for index, value in enumerate(allowance.values):
                    possible_value(registry, arg, f"Jobs.{name}.{arg_name}.Values[{index}]", value)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the arguments with other values."""
        violations = []
        async for portion in in_portions(request):
            for b, j, job in portion:
                rules = self._rules.get(job.name)
                if rules is not None:
                    violations += self._breaches(b, j, job, rules)
        return violations

    def _breaches(self, b: int, j: int, job: Job, rules: Mapping[str, _Rule]) -> list[Violation]:
        violations = []
        for arg, rule in rules.items():
            value = job.args.get(arg)
            if not rule.allows(value):
                message = f"{arg} of {job.name} is none of the allowed values"
                found = "no value" if value is None else quoted(value)
                violations.append(Violation(self.name, message, b, j, arg, found, rule.expected))
        return violations


class _Rule:
    """An allowance, ready to be asked."""

    def __init__(self, allowance: Allowance) -> None:
        self._optional = allowance.optional
        self._values = frozenset(allowance.values)
        self._pattern = _compiled(allowance.pattern) if allowance.pattern else None
        self.expected = _expected(allowance)

    def allows(self, value: str | None) -> bool:
        if value is None:
            return self._optional
        if self._pattern is None:
            return value in self._values
        # A longer one is refused as such; nothing is gained by reading it.
        return len(value) <= MAX_VALUE and self._pattern.fullmatch(value) is not None


def _expected(allowance: Allowance) -> str:
    if allowance.pattern:
        return f"a value that fits {allowance.pattern}"
    listed = ", ".join(quoted(value) for value in allowance.values[:_LISTED])
    more = len(allowance.values) - _LISTED
    return f"one of: {listed}" + (f" and {more} more" if more > 0 else "")


def _compiled(pattern: str) -> Any:
    """The pattern, which takes time in proportion to the value only. Raises ValueError."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern of {len(pattern)} characters; at most {MAX_PATTERN} are allowed")
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0] if error.args else "refused"
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"{told(pattern)} is no regular expression in RE2's syntax: {reason}") from None
    except UnicodeEncodeError:
        raise ValueError(f"{told(pattern)} is no text: it holds half a character") from None
