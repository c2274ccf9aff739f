"""Job types: their declarations, their code, and the registry that holds them."""

from wf_server.jobs.base import Arg, ArgKind, ArgProblem, JobContext, JobFailed, JobType, Recovery
from wf_server.jobs.registry import JobRegistry, build_registry

__all__ = [
    "Arg",
    "ArgKind",
    "ArgProblem",
    "JobContext",
    "JobFailed",
    "JobRegistry",
    "JobType",
    "Recovery",
    "build_registry",
]
