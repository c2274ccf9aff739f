"""What the server knows that a WorkReq can be made of, and the values it suggests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from wf_tui.state.models import ArgDeclaration, Bucket, Job, JobType, Policy, PolicyBook, Site

_SITE, _MACHINE, _BUCKET, _BOOLEAN = "site", "machine", "bucket", "boolean"


@dataclass(frozen=True, slots=True)
class Known:
    """Job types, workflow types and inventory; empty while the server has not told them."""

    job_types: tuple[JobType, ...] = ()
    workflow_types: tuple[str, ...] = ()
    sites: tuple[Site, ...] = ()
    buckets: tuple[str, ...] = ()
    #: By site, as far as they were asked for.
    machines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: By workflow type, the policies in force.
    policies: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)
    #: By workflow type, the job types that its policies allow; no entry: all.
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def allows(self, workflow_type: str, job_type: str) -> bool:
        """Whether the policies of a workflow type allow a job type, as far as that is known."""
        return workflow_type not in self.allowed or job_type in self.allowed[workflow_type]

    def job_type(self, name: str) -> JobType | None:
        """Returns a job type."""
        return next((kind for kind in self.job_types if kind.name == name), None)

    def has_site(self, name: str) -> bool:
        """Whether there is such a site."""
        return any(site.name == name for site in self.sites)

    def with_machines(self, site: str, machines: tuple[str, ...]) -> Known:
        """Returns the same, with the machines of a site."""
        return replace(self, machines={**self.machines, site: machines})

    def values(self, arg: ArgDeclaration, job: Job) -> tuple[str, ...]:
        """Returns the values that an argument of a job may have; none: any, or nobody knows."""
        if arg.choices:
            return arg.choices
        if arg.kind == _BOOLEAN:
            return "true", "false"
        if arg.kind == _SITE:
            return tuple(site.name for site in self.sites)
        if arg.kind == _MACHINE:
            return self.machines.get(site_of(job, self.job_type(job.name)), ())
        return self.buckets if arg.kind == _BUCKET else ()


def known_of(
    job_types: Sequence[JobType], book: PolicyBook, sites: Sequence[Site], buckets: Sequence[Bucket]
) -> Known:
    """Puts together what the server told."""
    allowed: dict[str, frozenset[str]] = {}
    for kind in book.workflow_types:
        for policy in kind.policies:
            listed = policy.settings.get("AllowedJobs")
            if isinstance(listed, (list, tuple)):
                names = frozenset(map(str, listed))
                allowed[kind.name] = allowed.get(kind.name, names) & names
    workflow_types = tuple(kind.name for kind in book.workflow_types)
    return Known(
        tuple(job_types),
        workflow_types,
        tuple(sites),
        tuple(bucket.name for bucket in buckets),
        policies={kind.name: kind.policies for kind in book.workflow_types},
        allowed=allowed,
    )


def site_of(job: Job, kind: JobType | None) -> str:
    """Returns the value of a job's site argument; "": it has none."""
    arg = site_arg(kind)
    return job.args.get(arg.name, "") if arg is not None else ""


def site_arg(kind: JobType | None) -> ArgDeclaration | None:
    """Returns the argument of a job type that names its site."""
    return next((arg for arg in kind.args if arg.kind == _SITE), None) if kind is not None else None


def machine_arg(kind: JobType | None) -> ArgDeclaration | None:
    """Returns the argument of a job type that names its machine."""
    return next((arg for arg in kind.args if arg.kind == _MACHINE), None) if kind is not None else None


def fan_arg(kind: JobType | None) -> ArgDeclaration | None:
    """Returns the argument that many jobs of a type differ in: the machine, or else the site."""
    return machine_arg(kind) or site_arg(kind)
