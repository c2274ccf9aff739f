"""What the server can do and what it forbids: job types, policies, and which type uses what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.models import ArgDeclaration, JobType, Policy, PolicyBook, PolicyLevel, WorkflowType
from wf_tui.state.text import clean

#: The policy that says which job types a workflow type may hold, and its setting.
_RESTRICTS, _ALLOWED = "restrictJobTypes", "AllowedJobs"

RECOVERY_WORDS = {
    "idempotent": "run again after a crash of the server: doing it twice does no harm",
    "verifiable": "after a crash of the server it is looked whether it was done",
    "irreversible": "after a crash of the server nobody knows whether it was done: an operator has to say",
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Both lists as the server told them."""

    job_types: tuple[JobType, ...]
    book: PolicyBook


class Kind(Enum):
    """What an entry of the catalogue is."""

    HEADING = "heading"
    JOB_TYPE = "job type"
    WORKFLOW_TYPE = "workflow type"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the catalogue; `place` tells policies of the same name apart."""

    kind: Kind
    name: str
    words: str
    job_type: JobType | None = None
    workflow_type: WorkflowType | None = None
    policy: Policy | None = None
    place: int = 0

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Names it over the server's answers."""
        owner = self.workflow_type.name if self.workflow_type is not None else ""
        return self.kind.value, owner, self.name, self.place


#: What a filter can ask for by name.
FIELDS = ("kind", "name", "words", "recovery")


def entries(catalogue: Catalogue, chosen: Filter = NO_FILTER) -> tuple[Entry, ...]:
    """Returns what the filter lets through; a workflow type stays where one of its policies does."""
    jobs = [entry for entry in map(_job_entry, catalogue.job_types) if _matches(entry, chosen)]
    types: list[Entry] = []
    for kind in catalogue.book.workflow_types:
        head = Entry(Kind.WORKFLOW_TYPE, kind.name, _count(len(kind.policies)), workflow_type=kind)
        policies = [_policy_entry(kind, policy, at) for at, policy in enumerate(kind.policies)]
        if _matches(head, chosen):
            types += [head, *policies]
        elif found := [entry for entry in policies if _matches(entry, chosen)]:
            types += [head, *found]
    heads = len([entry for entry in types if entry.kind is Kind.WORKFLOW_TYPE])
    return (
        *((Entry(Kind.HEADING, "Job types", f"{len(jobs)}"), *jobs) if jobs else ()),
        *((Entry(Kind.HEADING, "Workflow types and their policies", f"{heads}"), *types) if types else ()),
    )


def _job_entry(kind: JobType) -> Entry:
    return Entry(Kind.JOB_TYPE, kind.name, kind.help, job_type=kind)


def _policy_entry(kind: WorkflowType, policy: Policy, place: int) -> Entry:
    words = compact_settings(policy)
    if policy.level is not PolicyLevel.DENY:
        words = f"{policy.level.value}: {words}"
    return Entry(Kind.POLICY, policy.name, words, None, kind, policy, place)


def _matches(entry: Entry, chosen: Filter) -> bool:
    recovery = entry.job_type.recovery if entry.job_type is not None else ""
    values = (entry.kind.value, entry.name, entry.words, recovery)
    return chosen.lets_through(dict(zip(FIELDS, map(clean, values), strict=True)))


def _count(policies: int) -> str:
    return f"{policies} {'policy' if policies == 1 else 'policies'}"


def compact_settings(policy: Policy) -> str:
    """Writes the settings on one line."""
    return json.dumps(dict(policy.settings), ensure_ascii=False)


def full_settings(policy: Policy) -> list[str]:
    """Writes the settings as policies.json would, in lines."""
    return json.dumps(dict(policy.settings), ensure_ascii=False, indent=2).splitlines()


def argument_words(arg: ArgDeclaration) -> str:
    """Tells in brackets what an argument takes: `(required, site)`."""
    least = "" if arg.minimum is None else f", at least {arg.minimum}"
    kind = " or ".join(arg.choices) or arg.kind
    return f"{'required' if arg.required else 'optional'}, {kind}{least}"


def allowed_jobs(kind: WorkflowType) -> tuple[str, ...] | None:
    """Returns the job types that a workflow type may hold; None: any."""
    allowed: set[str] | None = None
    for policy in kind.policies:
        names = policy.settings.get(_ALLOWED)
        if policy.level is not PolicyLevel.DENY:
            continue
        if policy.name == _RESTRICTS and isinstance(names, Sequence) and not isinstance(names, str):
            here = {str(name) for name in names}
            # Every policy has to pass, so only what all of them allow does.
            allowed = here if allowed is None else allowed & here
    return None if allowed is None else tuple(sorted(allowed))


def users(book: PolicyBook, job: str) -> tuple[str, ...]:
    """Returns the workflow types in which jobs of a type are allowed."""
    found = []
    for kind in book.workflow_types:
        allowed = allowed_jobs(kind)
        if allowed is None or job in allowed:
            found.append(kind.name)
    return tuple(found)


def policy_users(book: PolicyBook, policy: str) -> tuple[str, ...]:
    """Returns the workflow types for which a policy of that name is in force."""
    return tuple(kind.name for kind in book.workflow_types if any(p.name == policy for p in kind.policies))


def policies_about(book: PolicyBook, job: str) -> tuple[str, ...]:
    """Returns `type: policy` for each policy whose settings name a job type."""
    return tuple(
        dict.fromkeys(
            f"{kind.name}: {policy.name}"
            for kind in book.workflow_types
            for policy in kind.policies
            if _names(policy.settings, job)
        )
    )


def _names(settings: object, job: str) -> bool:
    if isinstance(settings, str):
        return settings == job
    if isinstance(settings, dict):
        return any(key == job or _names(value, job) for key, value in settings.items())
    if isinstance(settings, list | tuple):
        return any(_names(value, job) for value in settings)
    return False
