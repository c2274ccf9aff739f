"""policies.json: which policies hold for which workflow type, all of it or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import structlog

from wf_server.clock import Clock, SystemClock
from wf_server.errors import ConfigError
from wf_server.files import parse_objects, read_objects
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Level, Violation
from wf_server.policy.allowed_args import AllowedArgs
from wf_server.policy.base import Policy, PolicyBook
from wf_server.policy.change_window import ChangeWindow
from wf_server.policy.expression import Expression
from wf_server.policy.max_concurrency import MaxConcurrency
from wf_server.policy.max_jobs import MaxJobs
from wf_server.policy.must_follow import MustFollow
from wf_server.policy.mutex import Mutex
from wf_server.policy.quota import Quota
from wf_server.policy.require_approval import RequireApproval
from wf_server.policy.require_options import RequireOptions
from wf_server.policy.restrict_job_types import RestrictJobTypes
from wf_server.policy.same_args import SameArgs
from wf_server.policy.start_or_end import StartOrEnd
from wf_server.wording import told

log = structlog.get_logger(__name__)

#: Every policy there is, by the name that policies.json uses, in name order.
POLICIES: Mapping[str, type[Policy[Any]]] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            AllowedArgs,
            ChangeWindow,
            Expression,
            MaxConcurrency,
            MaxJobs,
            MustFollow,
            Mutex,
            Quota,
            RequireApproval,
            RequireOptions,
            RestrictJobTypes,
            SameArgs,
            StartOrEnd,
        )
    }
)
_LEVELS = {level.word: level for level in Level}
#: In seconds.
DAY = 86_400
#: The `policy` of the violation that policies.json as it is now is not in force.
POLICIES_FILE = "policies.json"


@dataclass(frozen=True, slots=True)
class _Reading:
    """What policies are made with, and the other files that are read for them."""

    registry: JobRegistry
    directory: Path
    now_us: int
    files: set[Path]
    #: Whether these have to be in the directory: who writes a draft need not be who writes files there.
    confined: bool = False


def load_policies(
    path: Path, registry: JobRegistry, now_us: int | None = None, files: set[Path] | None = None
) -> PolicyBook:
    """Reads and validates policies.json whole, and the files that it names. Blocks.

    What those say is worked out as of `now_us` (the machine's time without it). The files are added to
    `files`, even where they are wrong. Raises ConfigError "path:line: what is wrong and what to do".
    """
    now_us = SystemClock().now_us() if now_us is None else now_us
    reading = _Reading(registry, path.parent, now_us, set() if files is None else files)
    return _book(str(path), read_objects(path), reading)


def parse_policies(text: str, name: str, registry: JobRegistry, directory: Path, now_us: int) -> PolicyBook:
    """Does the same with a text, whose other files are in a directory; `name` is what errors call it.

    Takes a while. Raises ConfigError.
    """
    return _book(name, parse_objects(text, name), _Reading(registry, directory, now_us, set(), confined=True))


def _book(path: str, entries: Iterable[tuple[int, Mapping[str, Any]]], reading: _Reading) -> PolicyBook:
    workflow_types: dict[str, tuple[Policy[Any], ...]] = {}
    for line, entry in entries:
        where = f"{path}:{line}"
        name = _fields(where, entry, required=("Name", "Policies"))
        if name in workflow_types:
            raise ConfigError(f"{where}: {told(name)} has a second entry; put its policies into the first")
        workflow_types[name] = _policies(f"{where}: {told(name)}", entry["Policies"], reading)
    if not workflow_types:
        raise ConfigError(f"{path}:1: there is no entry; every workflow type needs one with its policies")
    return PolicyBook(MappingProxyType(workflow_types))


def _fields(
    where: str, found: Mapping[str, Any], *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> str:
    """Checks the fields of an object; returns its Name."""
    known = [*required, *optional]
    for key in found:
        if key not in known:
            raise ConfigError(f"{where}: unknown field {told(key)}; the fields are {', '.join(known)}")
    for key in required:
        if key not in found:
            raise ConfigError(f'{where}: the field "{key}" is missing; add it')
    name = found["Name"]
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > 200:
        raise ConfigError(f"{where}: Name is {told(name)}; 1 to 200 printable characters are expected")
    return name


def _policies(where: str, found: object, reading: _Reading) -> tuple[Policy[Any], ...]:
    if not isinstance(found, list):
        raise ConfigError(f"{where}: Policies is {told(found)}; a list of policies is expected")
    if not found:
        raise ConfigError(f"{where}: Policies is empty, which would let anything pass; list at least one")
    return tuple(_policy(f"{where}: Policies[{i}]", entry, reading) for i, entry in enumerate(found))


def _policy(where: str, found: object, reading: _Reading) -> Policy[Any]:
    if not isinstance(found, dict):
        raise ConfigError(f"{where}: {told(found)} is not a policy; an object with Name and Settings is one")
    name = _fields(where, found, required=("Name",), optional=("Level", "Settings"))
    settings = found.get("Settings", {})
    if not isinstance(settings, dict):
        raise ConfigError(f"{where}: Settings is {told(settings)}; an object is expected")
    if name not in POLICIES:
        raise ConfigError(f"{where}: there is no policy {told(name)}; known are {', '.join(POLICIES)}")
    level = found.get("Level", Level.DENY.word)
    if not isinstance(level, str) or level not in _LEVELS:
        raise ConfigError(f"{where}: Level is {told(level)}; one of {', '.join(_LEVELS)} is expected")
    try:
        policy = POLICIES[name].configure(settings, reading.registry, _LEVELS[level])
        named = policy.files(reading.directory)
        reading.files.update(named)
        if reading.confined:
            _expect_within(reading.directory, named)
        policy.read_files(reading.directory, reading.now_us)
    except ConfigError as error:
        raise ConfigError(f"{where}: {name}: {error}") from None
    return policy


def _expect_within(directory: Path, files: Iterable[Path]) -> None:
    """Raises ConfigError where a file is not in a directory, whatever links say."""
    root = directory.resolve()
    for file in files:
        if not file.resolve().is_relative_to(root):
            raise ConfigError(f"{told(file.name)} is not beside policies.json; a draft names no other files")


def _spelled(book: PolicyBook) -> dict[str, list[tuple[str, str, str]]]:
    """What tells one book from another."""
    return {name: book.spelled(name) for name in book.names}


class LivePolicies:
    """The policies in force, which follow their file; a broken file leaves the last good ones in force."""

    def __init__(
        self,
        path: Path,
        registry: JobRegistry,
        settle_seconds: float = 0.1,
        clock: Clock | None = None,
        watch: Callable[[Path], None] = lambda file: None,
    ) -> None:
        self._path = path
        self._registry = registry
        self._book = PolicyBook()
        self._problem = ""
        self._settle_seconds = settle_seconds
        self._reading = asyncio.Lock()
        self._clock = clock or SystemClock()
        #: Is told each file that is read for the policies, over and over.
        self._watch = watch

    @property
    def book(self) -> PolicyBook:
        """The policies in force; none before `load`."""
        return self._book

    @property
    def problem(self) -> str:
        """Why the file as it is now is not in force; empty when it is."""
        return self._problem

    def refusal(self) -> list[Violation]:
        """What refuses every submission while the file is broken; empty while it is not."""
        if not self._problem:
            return []
        message = f"the policies cannot be trusted until the file is mended: {self._problem}"
        return [Violation(POLICIES_FILE, message)]

    async def load(self) -> None:
        """Reads the file. Raises ConfigError."""
        async with self._reading:
            files: set[Path] = set()
            now_us = self._clock.now_us()
            try:
                self._book = await asyncio.to_thread(load_policies, self._path, self._registry, now_us, files)
            finally:
                for file in files:
                    self._watch(file)
            self._problem = ""

    async def reload(self) -> None:
        """Reads the file again; where it is broken, keeps what is in force and the reason."""
        # An editor may have written a part of it.
        await asyncio.sleep(self._settle_seconds)
        before, known = _spelled(self._book), self._problem
        try:
            await self.load()
        except ConfigError as error:
            self._problem = str(error)
            if self._problem != known:
                log.warning("policies not in force, submissions are refused", problem=self._problem)
            return
        if known or _spelled(self._book) != before:
            log.info("policies in force", workflow_types=list(self._book.names))

    async def run(self) -> None:
        """Reads the file again once a day: files that it names tell of times only so far ahead."""
        while True:
            await self._clock.sleep(DAY)
            try:
                await self.reload()
            except Exception:
                log.exception("reading the policies again failed")
