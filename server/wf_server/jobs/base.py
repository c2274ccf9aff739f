"""What a job type is: a declaration that everything reads, and the code that does the work.

The declaration serves the validation at submission, the catalogue, the console's forms and the
documentation. The code is one coroutine with a context; it ends by returning (completed), by raising
`JobFailed` (failed), or by being cancelled (interrupted). It must let CancelledError pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol

from wf_server.clock import Clock
from wf_server.errors import WfError
from wf_server.model import JobId


class JobFailed(WfError):
    """The job could not do its work; `fatal` also ends its workflow after the running jobs."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


class ArgKind(Enum):
    """What an argument's text stands for."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    SITE = "site"
    MACHINE = "machine"
    BUCKET = "bucket"
    #: A reference to a secret; the job's code gets what it stands for.
    SECRET = "secret"  # noqa: S105 - a kind


@dataclass(frozen=True, slots=True)
class Arg:
    """The declaration of one argument."""

    name: str
    kind: ArgKind
    help: str
    required: bool = True
    choices: tuple[str, ...] = ()
    example: str = ""
    #: Of integers.
    minimum: int | None = None


class Recovery(Enum):
    """What a restart does with a job of this type that was running."""

    IDEMPOTENT = "idempotent"
    VERIFIABLE = "verifiable"
    IRREVERSIBLE = "irreversible"


@dataclass(frozen=True, slots=True)
class ArgProblem:
    """What is wrong with a job's argument, without its place in the request."""

    arg: str
    message: str
    found: str = ""
    expected: str = ""


class JobContext(Protocol):
    """What a running job may ask of its surroundings."""

    @property
    def holder(self) -> JobId:
        """Which job of which workflow this is."""
        ...

    @property
    def clock(self) -> Clock:
        """The time to wait by."""
        ...

    def progress(self, fraction: float, message: str = "") -> None:
        """Reports how far it is, from 0 to 1. Cheap; watchers get the newest only."""
        ...

    def log(self, line: str) -> None:
        """Adds a line to the job's log."""
        ...


class JobType(ABC):
    """One kind of action. An instance serves all jobs of its type: it holds no job's state."""

    name: ClassVar[str]
    #: One paragraph for the catalogue: what it does and when it fails.
    help: ClassVar[str]
    args: ClassVar[tuple[Arg, ...]]
    recovery: ClassVar[Recovery]
    #: It checks what has to hold before the work: a rerun of what failed repeats it.
    precondition: ClassVar[bool] = False
    #: Nobody can take back what it does, however it is recovered.
    is_final: ClassVar[bool] = False

    def check(self, args: Mapping[str, str]) -> list[ArgProblem]:
        """Finds what the declaration cannot express, of arguments that fit the declaration.

        It is called at submission and again at execution; it must not wait.
        """
        return []

    @abstractmethod
    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Does the work. Raises JobFailed."""

    async def verify(self, ctx: JobContext, args: Mapping[str, str]) -> bool:
        """After a crash: tells whether the work was done. Only for verifiable types."""
        raise NotImplementedError(f"{self.name} is not verifiable")
