"""The settings of job types: `[jobs.TYPE]` of server.toml, each type validating its own."""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field, ValidationError

from wf_server.config import Section, ServerConfig, settings_problem
from wf_server.errors import ConfigError


class NoSettings(Section):
    """The settings of a job type that has none."""


class DiskEraseSettings(Section):
    """`[jobs.diskErase]`."""

    seconds: float = Field(default=30.0, gt=0, le=86_400, allow_inf_nan=False, strict=True)
    """How long one simulated erasure takes. Seconds."""


class AnnounceSettings(Section):
    """`[jobs.announce]`."""

    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """The webhook; empty: there is none."""
    seconds: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False, strict=True)
    """How long it has to answer. Seconds."""


_Settings = TypeVar("_Settings", bound=Section)


def job_settings(config: ServerConfig, job_type: str, model: type[_Settings]) -> _Settings:
    """A job type's settings from server.toml. Raises ConfigError."""
    try:
        return model.model_validate(dict(config.jobs.get(job_type, {})))
    except ValidationError as error:
        where = f"{config.source or 'server.toml'}: jobs.{job_type}"
        raise ConfigError(f"{where}.{settings_problem(error, model)}") from None
