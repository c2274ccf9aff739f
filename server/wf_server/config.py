"""The server's own configuration: server.toml, validated once and never changed after."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from wf_server.errors import ConfigError
from wf_server.units import parse_duration, parse_size
from wf_server.wording import printable, told

#: The wire's own limit on a message, and more than any server should take at once.
_LARGEST_MESSAGE = 2**31 - 1


Duration = Annotated[float, BeforeValidator(parse_duration)]
PositiveDuration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0)]
Size = Annotated[int, BeforeValidator(parse_size), Field(ge=1024, le=_LARGEST_MESSAGE)]
Count = Annotated[int, Field(strict=True, ge=1, le=_LARGEST_MESSAGE)]
BucketName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


class Section(BaseModel):
    """A part of a configuration file: immutable, and unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class WorkflowSettings(Section):
    """How workflows live."""

    exec_within: PositiveDuration = 3600.0
    """A workflow can be executed for this long after its submission. Seconds."""
    stop_grace: Duration = 10.0
    """What a job that is told to end may take to clean up, before its outcome counts as unknown. Seconds."""
    drain: Duration = 10.0
    """At SIGTERM, how long running jobs have to end by themselves, before they are interrupted. Seconds."""


class Limits(Section):
    """What the server takes at most."""

    max_message_bytes: Size = 64 * 2**20
    """A request larger than this is refused. Bytes."""
    max_jobs: Count = 100_000
    """Jobs in one WorkReq."""
    max_watchers: Count = 1_000
    """Watch streams open at once, over all callers."""
    max_running: Count = 500
    """Workflows that run at once; others queue in the order in which they were executed."""
    max_log_bytes: Size = 64 * 2**10
    """Log kept of one job; its oldest lines are dropped beyond that. Bytes."""


class ConnectionLimits(Section):
    """What clients may keep from each other: connections, streams, memory, and time."""

    max_connections: Count = 512
    """Open at once. A newcomer is let in: the connection goes that is of the least use to its client."""
    max_per_address: Count = 256
    """Open at once from one address; all clients of a unix socket are one."""
    max_streams: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 100
    """Calls open at once on one connection."""
    max_header_bytes: Size = 16 * 2**10
    """The headers of one call, names and values. Bytes."""
    max_receiving_bytes: Size = 256 * 2**20
    """Requests being received and handled at once, over all callers. Bytes."""
    handshake: PositiveDuration = 10.0
    """From the connection to its first call. Seconds."""
    idle: PositiveDuration = 600.0
    """A connection without open calls is closed after this. Seconds."""
    request: PositiveDuration = 30.0
    """For a call's request to arrive, and a second more for every 64 KiB of it. Seconds."""
    send: PositiveDuration = 30.0
    """For a client to take in an answer, and a second more for every 64 KiB of it. Seconds."""


def _absolute(directory: str) -> str:
    if not Path(directory).is_absolute():
        raise ValueError(f"{told(directory)} is no absolute path")
    return directory


class SecretSettings(Section):
    """Which secrets of the server's jobs may be given; everything else is refused."""

    env_prefixes: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ("WF_SECRET_",)
    """Environment variables of the server whose names begin so."""
    directories: tuple[Annotated[str, AfterValidator(_absolute)], ...] = ()
    """Files in these directories, or below them."""


class RateSettings(Section):
    """How often one operator may call. Stops, pauses and cancels are never counted."""

    orders: Count = 1_000
    """Calls that check or change something, a second in the long run."""
    reads: Count = 1_000
    """Calls that only read, a second in the long run."""
    burst: Count = 10_000
    """So many of each may come at once."""


def _parse_all(value: object) -> object:
    return _LARGEST_MESSAGE if value == "all" else value


def _parse_age(value: object) -> float:
    return math.inf if value == "forever" else parse_duration(value)


def _parse_archive(value: object) -> str | None:
    if value is False:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ValueError(
            f"{told(value)} names no directory; name one, or write false to delete without keeping anything"
        )
    return value


class RetentionSettings(Section):
    """How much of the past stays in the database. What is unfinished stays always."""

    workflows: Annotated[Count, BeforeValidator(_parse_all)] = 10_000
    """Workflows that have ended; those that ended first go first."""
    age: Annotated[float, BeforeValidator(_parse_age), Field(gt=0)] = 365 * 86_400.0
    """A workflow goes this long after its end. Seconds."""
    rejections: Annotated[Count, BeforeValidator(_parse_all)] = 1_000
    """Refused WorkReqs; the oldest go first."""
    archive: Annotated[str | None, BeforeValidator(_parse_archive)] = "archive"
    """The directory into which they go, relative to the database's; None: they are deleted."""

    def directory(self, database: Path) -> Path | None:
        """Where the archive of a database is."""
        return None if self.archive is None else database.parent / self.archive


class TlsSettings(Section):
    """With what the server proves who it is; without, it speaks plaintext."""

    certificate: str = ""
    """The server's certificate, with those between it and its authority. PEM; relative to this file."""
    key: str = ""
    """The certificate's key, without a pass phrase. PEM."""
    client_ca: str = ""
    """The authority of the operators' certificates; empty: only tokens tell who calls. PEM."""

    @model_validator(mode="after")
    def _whole(self) -> TlsSettings:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("a certificate goes with its key; name both, or neither")
        if self.client_ca and not self.certificate:
            raise ValueError("client_ca needs the server's own certificate and key; name them too")
        return self


def _parse_mode(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3}", value):
        return int(value, 8)
    raise ValueError(f'{told(value)} is no file mode; write one like "0600"')


class AccessSettings(Section):
    """Whether callers have to prove who they are."""

    required: bool = Field(default=False, strict=True)
    """Every call has to: by a token, a client certificate or a unix socket's user."""
    socket_mode: Annotated[int, BeforeValidator(_parse_mode)] = 0o600
    """The mode of the unix socket."""


def _parse_interval(value: object) -> float:
    return 0.0 if value == "never" else parse_duration(value)


class StopSettings(Section):
    """How emergency stops are released, and brought to mind again."""

    two_keys: bool = Field(default=False, strict=True)
    """Releasing a stop takes two operators."""
    key_valid: PositiveDuration = 1800.0
    """How long the first one's word counts. Seconds."""
    remind_every: Annotated[float, BeforeValidator(_parse_interval), Field(ge=0)] = 0.0
    """A stop in force is brought to mind so often, where it says nothing else; 0: never. Seconds."""


@dataclass(frozen=True, slots=True)
class BucketSpec:
    """A token bucket: full at first; every period a portion of tokens comes back."""

    size: int
    refill: int
    every_seconds: float

    @property
    def every_us(self) -> int:
        """The period in microseconds, at least one."""
        return max(1, round(self.every_seconds * 1_000_000))


class _Bucket(Section):
    """A bucket as server.toml spells it."""

    size: Count
    """Tokens it holds at most."""
    refill: Count
    """Tokens that come back every period."""
    every: PositiveDuration
    """The period. Seconds."""


def _bucket_specs(table: Mapping[str, _Bucket]) -> Mapping[str, BucketSpec]:
    specs = {name: BucketSpec(b.size, b.refill, b.every) for name, b in table.items()}
    return MappingProxyType(specs)


_SAMPLE_BUCKETS = MappingProxyType({"diskEraseSatellite": BucketSpec(1, 1, 1800.0)})


class _File(Section):
    """server.toml as a whole."""

    workflow: WorkflowSettings = WorkflowSettings()
    limits: Limits = Limits()
    connections: ConnectionLimits = ConnectionLimits()
    rates: RateSettings = RateSettings()
    secrets: SecretSettings = SecretSettings()
    retention: RetentionSettings = RetentionSettings()
    tls: TlsSettings = TlsSettings()
    access: AccessSettings = AccessSettings()
    stops: StopSettings = StopSettings()
    buckets: dict[BucketName, _Bucket] | None = None
    jobs: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_two_people(self) -> _File:
        if self.stops.two_keys and not self.access.required:
            raise ValueError(
                "stops.two_keys asks for two operators who prove who they are, and names that are only "
                "claimed do not count; set required = true in [access] too"
            )
        return self


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Everything that server.toml decides."""

    workflow: WorkflowSettings = field(default_factory=WorkflowSettings)
    limits: Limits = field(default_factory=Limits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    rates: RateSettings = field(default_factory=RateSettings)
    secrets: SecretSettings = field(default_factory=SecretSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    #: By name.
    buckets: Mapping[str, BucketSpec] = field(default_factory=lambda: _SAMPLE_BUCKETS)
    #: Each job type's own settings, as written: the job type validates them.
    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Where it was read from, for messages; empty for the defaults.
    source: str = ""
    tls: TlsSettings = field(default_factory=TlsSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    stops: StopSettings = field(default_factory=StopSettings)


def load_server_config(path: Path) -> ServerConfig:
    """Reads server.toml; without a file, the defaults hold. Blocks.

    Raises ConfigError in one line that says where and what.
    """
    try:
        text = path.read_bytes().decode()
        table = tomllib.loads(text)
    except FileNotFoundError:
        return ServerConfig()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}{printable(_toml_problem(error))}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply; flatten it") from None
    try:
        file = _File.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{path}: {settings_problem(error, _File)}") from None
    buckets = _SAMPLE_BUCKETS if file.buckets is None else _bucket_specs(file.buckets)
    return ServerConfig(
        workflow=file.workflow,
        limits=file.limits,
        connections=file.connections,
        rates=file.rates,
        secrets=file.secrets,
        retention=file.retention,
        buckets=buckets,
        jobs=MappingProxyType(file.jobs),
        source=str(path),
        tls=file.tls,
        access=file.access,
        stops=file.stops,
    )


def _toml_problem(error: tomllib.TOMLDecodeError) -> str:
    match = re.fullmatch(r"(.*?) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
    if match is None:
        return f": not TOML: {error}; mend the text there"
    return f":{match[2]}:{match[3]}: not TOML: {match[1]}; mend the text here"


def settings_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """Puts what a model refused into one line: `workflow.exec_within: "1x" is not a duration …`."""
    # A misspelt key first: what is then missing follows from it.
    details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] != "extra_forbidden")
    problems = [_problem(dict(detail), model) for detail in details]
    more = len(problems) - 1
    return printable(problems[0]) + (f" (and {more} more problem{'s' * (more > 1)})" if more else "")


def _problem(detail: Mapping[str, Any], model: type[BaseModel]) -> str:
    location = [part for part in detail["loc"] if part != "[key]"]
    found, kind = told(detail["input"]), str(detail["type"])
    if kind == "extra_forbidden":
        known = ", ".join(_keys_at(model, location[:-1]))
        what = f"unknown key; known are {known}" if known else "unknown key; there are none here"
    elif kind == "missing":
        what = "missing; add it"
    elif kind == "value_error":
        what = str(detail["ctx"]["error"])
    elif kind in ("model_type", "dict_type", "model_attributes_type"):
        what = f"a table of keys is expected, found {found}"
    elif kind in ("tuple_type", "list_type"):
        what = f"a list is expected, found {found}"
    elif kind == "too_short":
        what = "is empty; at least one entry is expected"
    else:
        what = f"{detail['msg'].removeprefix('Input ').removeprefix('String ')}, found {found}"
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{place.removeprefix('.')}: {what}" if place else what


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The keys that the model knows at a place inside it; empty where it cannot tell."""
    here: type[BaseModel] | None = model
    passed = list(location)
    while passed and here is not None:
        fields = {(info.alias or name): info for name, info in here.model_fields.items()}
        found = fields.get(str(passed.pop(0)))
        here, skipped = (None, 0) if found is None else _model_within(found.annotation)
        # The keys and positions on the way to the model: of a table of tables, or a list of them.
        del passed[:skipped]
    return [] if here is None else [info.alias or name for name, info in here.model_fields.items()]


def _model_within(annotation: Any) -> tuple[type[BaseModel] | None, int]:
    """The model that a mapping or a sequence, nested or not, is of in the end, and how deep it is."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, 0
    is_optional = get_origin(annotation) in (Union, UnionType)
    for part in get_args(annotation):
        model, depth = _model_within(part)
        if model is not None:
            return model, depth + (not is_optional)
    return None, 0
