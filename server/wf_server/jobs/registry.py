"""The job types that this server has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from wf_server.config import ServerConfig
from wf_server.errors import ConfigError
from wf_server.inventory import Inventory
from wf_server.jobs.arguments import ArgumentChecker
from wf_server.jobs.base import ArgProblem, JobType
from wf_server.jobs.disk_erase import DiskErase, Erasures
from wf_server.jobs.settings import DiskEraseSettings, NoSettings, job_settings
from wf_server.jobs.sleep import Sleep
from wf_server.jobs.token_bucket import TokenBucket
from wf_server.jobs.validate_decom import ValidateDecom
from wf_server.model import Job
from wf_server.tokens import Tokens
from wf_server.wording import printable


class JobRegistry:
    """Job types by name, in name order; iterating gives the types."""

    def __init__(self, job_types: Iterable[JobType], checker: ArgumentChecker) -> None:
        self._types = {found.name: found for found in sorted(job_types, key=lambda found: found.name)}
        self._checker = checker

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the registered job types, in order."""
        return tuple(self._types)

    @property
    def buckets(self) -> tuple[str, ...]:
        """The names of the token buckets that jobs may name, in order."""
        return tuple(self._checker.buckets)

    def __iter__(self) -> Iterator[JobType]:
        return iter(self._types.values())

    def get(self, name: str) -> JobType | None:
        """The job type of that name, if there is one."""
        return self._types.get(name)

    def check_job(self, job: Job) -> list[ArgProblem]:
        """Finds everything wrong with a job's arguments; nothing where its type is unknown."""
        job_type = self._types.get(job.name)
        return [] if job_type is None else self._checker.check(job_type, job.args)


def build_registry(
    config: ServerConfig,
    inventory: Callable[[], Inventory],
    tokens: Tokens,
    erasures: Erasures,
    more: Iterable[JobType] = (),
) -> JobRegistry:
    """Makes every job type with its settings, and adds `more`.

    Raises ConfigError for settings that a job type cannot work with.
    """
    job_settings(config, Sleep.name, NoSettings)
    job_settings(config, TokenBucket.name, NoSettings)
    job_settings(config, ValidateDecom.name, NoSettings)
    job_types: list[JobType] = [
        DiskErase(job_settings(config, DiskErase.name, DiskEraseSettings), inventory, erasures),
        Sleep(),
        TokenBucket(tokens),
        ValidateDecom(inventory),
        *more,
    ]
    registry = JobRegistry(job_types, ArgumentChecker(inventory, tokens.names))
    for name in config.jobs:
        if registry.get(name) is None:
            known = ", ".join(registry.names)
            where = config.source or "server.toml"
            raise ConfigError(
                f"{where}: jobs.{printable(name)}: there is no such job type; known are {known}"
            )
    return registry
