"""mutex: one running workflow per value of an argument."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import Field

from wf_server.config import Section
from wf_server.errors import ConfigError
from wf_server.jobs.arguments import quoted
from wf_server.jobs.base import Arg, ArgKind, JobType
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Violation, WorkReq
from wf_server.policy.base import Facts, Policy, Text, known_arg, known_job_type
from wf_server.policy.executed import Executed, Value, Values, Wanted, values_in
from wf_server.wording import told

#: Values that one violation names; of more it tells the number.
MAX_TOLD = 5


class MutexSettings(Section):
    """The settings of mutex."""

    args: tuple[Text, ...] = Field(alias="Args", min_length=1)
    """The arguments whose values, together, one running workflow has: a machine is `machine` and `site`."""
    job_types: tuple[Text, ...] = Field(default=(), alias="JobTypes")
    """The job types whose arguments count; without it, all that have them."""
    workflow_types: tuple[Text, ...] = Field(default=(), alias="WorkflowTypes")
    """The workflow types whose running workflows count; without it, all, whatever policies they have."""


class Mutex(Policy[MutexSettings]):
    """Who executes first has the value until its end."""

    name = "mutex"
    help = (
        "A WorkReq is not executed while another workflow, which was executed and has not ended, has a job "
        "with the same values of Args. Queued, paused and held ones count, and those that a restart resumed. "
        "It may be submitted, and executed once the other has ended."
    )
    settings_type = MutexSettings

    def __init__(self, settings: MutexSettings) -> None:
        super().__init__(settings)
        self._wanted = Wanted(settings.args, frozenset(settings.job_types) or None)

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for arguments that no job could have, or that are secrets."""
        if self.settings.job_types:
            job_types = [known_job_type(registry, "JobTypes", name) for name in self.settings.job_types]
            for job_type in job_types:
                for arg in self.settings.args:
                    _expect_open(job_type, known_arg(job_type, "Args", arg))
            return
        for arg in self.settings.args:
            self._expect_known(registry, arg)

    def _expect_known(self, registry: JobRegistry, name: str) -> None:
        having = [(kind, arg) for kind in registry for arg in kind.args if arg.name == name]
        if not having:
            known = ", ".join(sorted({arg.name for kind in registry for arg in kind.args}))
            raise ConfigError(f"Args: no job type has an argument {told(name)}; they have {known}")
        for kind, arg in having:
            _expect_open(kind, arg)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds nothing: who runs is asked at the execution. Looks up meanwhile what that will ask for."""
        for other in facts.executed():
            if self._counts(other):
                other.values(self._wanted)
                await asyncio.sleep(0)
        return []

    def check_exec(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the workflows that have the request's values."""
        own = values_in(request, self._wanted)
        violations = []
        for other in facts.executed():
            if self._counts(other) and (shared := _shared(own, other.values(self._wanted))):
                violations.append(self._held(own, shared, other))
        return violations

    def _counts(self, other: Executed) -> bool:
        return not self.settings.workflow_types or other.name in self.settings.workflow_types

    def _held(self, own: Values, shared: Sequence[Value], other: Executed) -> Violation:
        args = self.settings.args
        named = [
            " ".join(f"{arg}={quoted(text)}" for arg, text in zip(args, value, strict=True))
            for value in shared[:MAX_TOLD]
        ]
        more = f" and {len(shared) - MAX_TOLD} more" if len(shared) > MAX_TOLD else ""
        message = f"{', '.join(named)}{more} in use by {other.told}"
        expected = "one at a time: execute it when that one has ended, or cancel that one"
        block, job = own[shared[0]]
        return Violation(self.name, message, block, job, args[0], expected=expected)


def _shared(own: Values, others: Values) -> list[Value]:
    """The values of both, in the order in which the request has them."""
    if own.keys().isdisjoint(others):
        return []
    return [value for value in own if value in others]


def _expect_open(job_type: JobType, arg: Arg) -> None:
    if arg.kind is ArgKind.SECRET:
        reason = "who is refused would be told it"
        raise ConfigError(f"Args: {arg.name} of {job_type.name} is a secret, and {reason}; name another")
