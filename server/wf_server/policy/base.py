"""What a policy is: settings that are checked when they are read, and one check of a request.

A policy is pure: a request and facts in, violations out. It must neither change the request, which is
immutable, nor keep anything of it. On large requests it lets the loop go on: see `in_portions`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import Strict, ValidationError

from wf_server.config import Section, settings_problem
from wf_server.errors import ConfigError
from wf_server.expressions.judge import ExpressionJudge
from wf_server.inventory import Inventory
from wf_server.jobs.arguments import shape_problem
from wf_server.jobs.base import Arg, ArgKind, JobType
from wf_server.jobs.registry import JobRegistry
from wf_server.model import ApprovalRule, Job, Level, Violation, WorkReq
from wf_server.policy.executed import Executed
from wf_server.wording import told

#: How many jobs are looked at before other work gets its turn.
PORTION = 1_000

Text = Annotated[str, Strict()]
Flag = Annotated[bool, Strict()]
Settings = TypeVar("Settings", bound=Section)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a policy may know besides the request."""

    inventory: Inventory
    #: In microseconds since 1970-01-01 UTC.
    now_us: int
    #: Tells of the workflows that were executed and have not ended, as they are when it is asked.
    executed: Callable[[], Iterable[Executed]] = tuple
    #: Judges rules in CEL; None: nobody does, and no rule holds.
    expressions: ExpressionJudge | None = None


class Policy(ABC, Generic[Settings]):
    """A rule with settings. Constructed once per entry of policies.json; it holds no request's state."""

    name: ClassVar[str]
    #: One paragraph for the catalogue: what it demands.
    help: ClassVar[str]
    settings_type: ClassVar[type[Section]]
    #: Whether its check waits for something outside the event loop, so that others should run meanwhile.
    waits: ClassVar[bool] = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        #: What a breach does; the policy itself does not care.
        self.level = Level.DENY

    @classmethod
    def configure(
        cls, settings: Mapping[str, Any], registry: JobRegistry, level: Level = Level.DENY
    ) -> Policy[Any]:
        """Makes the policy from its settings as written. Raises ConfigError, without the place."""
        try:
            policy = cls(cls.settings_type.model_validate(dict(settings)))  # type: ignore[arg-type]
        except ValidationError as error:
            raise ConfigError(settings_problem(error, cls.settings_type)) from None
        policy.check_settings(registry)
        policy.level = level
        return policy

    def files(self, directory: Path) -> list[Path]:
        """The files that the settings name, in a directory; they are read again when they change."""
        return []

    def read_files(self, directory: Path, now_us: int) -> None:
        """Reads them, before the first check. Blocks. Raises ConfigError "path:line: what is wrong"."""

    @property
    def settings_json(self) -> str:
        """The settings as policies.json spells them: a JSON object."""
        return json.dumps(self.settings.model_dump(mode="json", by_alias=True, exclude_unset=True))

    @abstractmethod
    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for settings that this server's job types cannot satisfy."""

    @abstractmethod
    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds every breach of the rule; none: the request may pass."""

    def check_exec(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds what speaks against the execution beside those that run now; it must not wait.

        Asked in the very step in which the workflow is about to be executed, of a request that passed.
        """
        return []

    def check_start(self, request: WorkReq, block: int, facts: Facts) -> list[Violation]:
        """Finds what speaks against a block's begin right now, of a request that passed; it must not wait."""
        return []

    def approval_rule(self) -> ApprovalRule | None:
        """The approvals without which nothing of the workflow type may start; None: it asks for none."""
        return None

    def override_rule(self) -> ApprovalRule | None:
        """The approvals by which a WorkReq that acknowledges the policy may break it; None: it never may."""
        return None

    def at_level(self, violation: Violation) -> Violation:
        """A breach as it counts by the policy's level, and by whether others may allow it."""
        if self.level is Level.DENY and self.override_rule() is not None:
            return replace(violation, level=Level.WARN, needs_approval=True)
        return violation if violation.level is self.level else replace(violation, level=self.level)


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """The policies of every workflow type, in the order of the file."""

    workflow_types: Mapping[str, tuple[Policy[Any], ...]] = field(default_factory=dict)

    def get(self, name: str) -> tuple[Policy[Any], ...] | None:
        """The policies of a workflow type; None where it has no entry."""
        return self.workflow_types.get(name)

    def spelled(self, name: str) -> list[tuple[str, str, str]]:
        """What tells the policies of a workflow type from others: names, levels, settings."""
        return [(policy.name, policy.level.word, policy.settings_json) for policy in self.get(name) or ()]

    def digest(self, name: str) -> str:
        """The SHA-256 of the policies of a workflow type, in hexadecimal."""
        # However the settings are ordered in the file: they are the same rules.
        rules = [(policy, level, json.loads(settings)) for policy, level, settings in self.spelled(name)]
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """The workflow types that have an entry."""
        return tuple(self.workflow_types)


Located = tuple[int, int, Job]


async def in_portions(request: WorkReq) -> AsyncIterator[Sequence[Located]]:
    """Yields all jobs with their block and position, a portion at a time, other work in between."""
    portion: list[Located] = []
    for located in request.jobs():
        portion.append(located)
        if len(portion) == PORTION:
            yield portion
            portion = []
            await asyncio.sleep(0)
    if portion:
        yield portion


def known_job_type(registry: JobRegistry, setting: str, name: str) -> JobType:
    """The job type that a setting names. Raises ConfigError."""
    found = registry.get(name)
    if found is None:
        known = ", ".join(registry.names)
        raise ConfigError(f"{setting}: there is no job type {told(name)}; known are {known}")
    return found


def known_arg(job_type: JobType, setting: str, name: str) -> Arg:
    """The argument that a setting names. Raises ConfigError."""
    for arg in job_type.args:
        if arg.name == name:
            return arg
    known = ", ".join(arg.name for arg in job_type.args) or "none"
    raise ConfigError(f"{setting}: {job_type.name} has no argument {told(name)}; it has {known}")


def possible_value(registry: JobRegistry, arg: Arg, setting: str, value: str) -> None:
    """Raises ConfigError for a value that no job could have in this argument."""
    problem = shape_problem(arg, value)
    if problem is not None:
        raise ConfigError(f"{setting}: {problem.found} can never be; expected is {problem.expected}")
    if arg.kind is ArgKind.BUCKET and value not in registry.buckets:
        known = ", ".join(registry.buckets) or "none"
        raise ConfigError(f"{setting}: there is no token bucket {told(value)}; server.toml has {known}")
