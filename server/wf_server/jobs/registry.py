"""The job types that this server has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from wf_server.config import ServerConfig
from wf_server.errors import ConfigError
from wf_server.inventory import Inventory
from wf_server.jobs.announce import Announce
from wf_server.jobs.arguments import ArgumentChecker
from wf_server.jobs.base import ArgKind, ArgProblem, JobType
from wf_server.jobs.disk_erase import DiskErase, Erasures
from wf_server.jobs.secrets import Secrets, hidden
from wf_server.jobs.settings import AnnounceSettings, DiskEraseSettings, NoSettings, job_settings
from wf_server.jobs.sleep import Sleep
from wf_server.jobs.token_bucket import TokenBucket
from wf_server.jobs.validate_decom import ValidateDecom
from wf_server.model import Job, WorkReq
from wf_server.tokens import Tokens
from wf_server.wording import printable


class JobRegistry:
    """Job types by name, in name order; iterating gives the types."""

    def __init__(self, job_types: Iterable[JobType], checker: ArgumentChecker) -> None:
        self._types = {found.name: found for found in sorted(job_types, key=lambda found: found.name)}
        self._checker = checker
        self._with_secrets = {
            name: found
            for name, found in self._types.items()
            if any(arg.kind is ArgKind.SECRET for arg in found.args)
        }

    @property
    def secrets(self) -> Secrets:
        """What opens the secrets among a job's arguments."""
        return self._checker.secrets

    def without_plain_secrets(self, request: WorkReq) -> WorkReq:
        """The request with every plain value hidden that stands where a secret's reference belongs."""
        if not any(job.name in self._with_secrets for _, _, job in request.jobs()):
            return request
        blocks = [
            replace(block, jobs=tuple(self._without_plain_secrets(job) for job in block.jobs))
            for block in request.blocks
        ]
        return replace(request, blocks=tuple(blocks))

    def _without_plain_secrets(self, job: Job) -> Job:
        job_type = self._with_secrets.get(job.name)
        return job if job_type is None else replace(job, args=hidden(job_type, job.args))

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
        Announce(job_settings(config, Announce.name, AnnounceSettings)),
        DiskErase(job_settings(config, DiskErase.name, DiskEraseSettings), inventory, erasures),
        Sleep(),
        TokenBucket(tokens),
        ValidateDecom(inventory),
        *more,
    ]
    registry = JobRegistry(job_types, ArgumentChecker(inventory, tokens.names, Secrets(config.secrets)))
    for name in config.jobs:
        if registry.get(name) is None:
            known = ", ".join(registry.names)
            where = config.source or "server.toml"
            raise ConfigError(
                f"{where}: jobs.{printable(name)}: there is no such job type; known are {known}"
            )
    return registry
