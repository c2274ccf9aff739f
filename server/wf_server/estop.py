"""The emergency stops: what es.json says is stopped, in force at once, and changed only by whole files.

Fail-safe: no entry means stop, and a file that cannot be read or understood means stop for everything.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from wf_server.clock import Clock
from wf_server.config import told
from wf_server.errors import ConfigError, FailedPrecondition, InvalidRequest
from wf_server.files import read_objects, write_atomically
from wf_server.model import EVERYTHING, StopRecord, StopStatus

log = structlog.get_logger(__name__)

#: The operator of changes that someone made in the file itself.
BY_HAND = "es.json"
#: In characters.
MAX_NAME = 200
MAX_REASON = 1_000

_Entries = Mapping[str, StopStatus]


class StopLog(Protocol):
    """Where it is kept who changed a stop, when and why: es.json has no room for it."""

    async def latest_stops(self) -> dict[str, StopRecord]:
        """Returns the newest record of each name."""
        ...

    async def record_stop(self, record: StopRecord) -> None:
        """Keeps a record; durable when it returns."""
        ...


@dataclass(frozen=True, slots=True)
class StopEntry:
    """One line of the stop board."""

    name: str
    status: StopStatus
    #: False: there is no entry in es.json, which means stop.
    listed: bool
    #: Who set it and why, where that is known.
    operator: str = ""
    reason: str = ""
    #: Microseconds since 1970-01-01 UTC.
    time_us: int | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """es.json as it was read: its entries in order, or what is wrong with it."""

    #: The first entry of each name.
    entries: _Entries
    #: All entries as they stand, those that are ignored too.
    lines: tuple[tuple[str, StopStatus], ...] = ()
    problem: str = ""

    @property
    def is_doubtful(self) -> bool:
        """Whether it may be the middle of someone's saving the file."""
        return bool(self.problem) or not self.entries

    def go(self) -> frozenset[str]:
        """What is not stopped."""
        if self.problem or self.entries.get(EVERYTHING) is StopStatus.STOP:
            return frozenset()
        return frozenset(
            name for name, status in self.entries.items() if status is StopStatus.GO and name != EVERYTHING
        )


class EmergencyStops:
    """What is stopped now. Everything is, until `load` has read the file."""

    def __init__(self, path: Path, log: StopLog, clock: Clock, settle_seconds: float = 0.15) -> None:
        self._path = path
        self._log = log
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._reading = _Reading({}, problem=f"{path}: not read yet")
        self._go: frozenset[str] = frozenset()
        self._records: dict[str, StopRecord] = {}
        self._listeners: dict[object, Callable[[], None]] = {}
        self._changing = asyncio.Lock()
        self._changes: set[asyncio.Task[StopEntry]] = set()

    @property
    def problem(self) -> str:
        """Why everything is stopped, where es.json cannot be used; empty otherwise."""
        return self._reading.problem

    def is_stopped(self, name: str) -> bool:
        """Whether nothing of this workflow type may start or go on."""
        return name not in self._go

    def why(self, name: str) -> str:
        """A sentence that says why the workflow type is stopped; empty where it is not."""
        if not self.is_stopped(name):
            return ""
        if self.problem:
            return f"everything is stopped, because es.json cannot be used: {self.problem}"
        if self._reading.entries.get(EVERYTHING) is StopStatus.STOP:
            return f"an emergency stop is engaged for everything{self._told(EVERYTHING)}"
        if name in self._reading.entries:
            return f"an emergency stop is engaged for {name}{self._told(name)}"
        return f"es.json has no entry for {name}, which means stop"

    def who(self, name: str) -> str:
        """The operator of the stop that holds a workflow type; es.json where a person edited that."""
        everything = self._reading.entries.get(EVERYTHING) is StopStatus.STOP
        return self._entry(EVERYTHING if everything else name).operator or BY_HAND

    def _told(self, name: str) -> str:
        """By whom, since when and why, as far as that is known."""
        entry = self._entry(name)
        if entry.time_us is None:
            return ""
        since = datetime.fromtimestamp(entry.time_us // 1_000_000, UTC)
        by = f" by {entry.operator}" if entry.operator else ""
        return f"{by} since {since:%Y-%m-%d %H:%M:%S} UTC" + (f": {entry.reason}" if entry.reason else "")

    def board(self, known_names: Iterable[str]) -> list[StopEntry]:
        """Every entry in the order of the file, then the known workflow types that have none."""
        listed = self._reading.entries
        unlisted = [name for name in dict.fromkeys(known_names) if name not in listed]
        return [self._entry(name) for name in (*listed, *unlisted)]

    def _entry(self, name: str) -> StopEntry:
        listed = name in self._reading.entries
        status = self._reading.entries.get(name, StopStatus.STOP)
        record = self._records.get(name)
        if self.problem:
            return StopEntry(name, StopStatus.STOP, listed)
        if record is None or record.status is not status:
            return StopEntry(name, status, listed)
        return StopEntry(name, status, listed, record.operator, record.reason, record.time_us)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls back after every change, when it is in force; returns what ends that."""
        key = object()
        self._listeners[key] = callback

        def unsubscribe() -> None:
            self._listeners.pop(key, None)

        return unsubscribe

    async def load(self) -> None:
        """Reads es.json and who changed it last. Raises ConfigError where the file cannot be used."""
        async with self._changing:
            self._records = await self._log.latest_stops()
            reading = await asyncio.to_thread(_read, self._path)
            if reading.problem:
                raise ConfigError(reading.problem)
            # What the records say held when the server ended; only differences from that are edits.
            before = {name: record.status for name, record in self._records.items()}
            self._put_in_force(reading)
            known = {name: status for name, status in reading.entries.items() if name in before}
            await self._record_edits(before, known)

    async def reload(self) -> None:
        """Reads es.json again. Where it is broken, missing or empty, that counts if it stays so."""
        async with self._changing:
            reading = await asyncio.to_thread(_read, self._path)
            if not reading.is_doubtful:
                await self._follow(reading)
                return
        await self._clock.sleep(self._settle_seconds)
        async with self._changing:
            await self._follow(await asyncio.to_thread(_read, self._path))

    async def _follow(self, reading: _Reading) -> None:
        """Puts what was found in the file in force, and on record what someone edited there."""
        before = self._reading
        if reading == before or (reading.problem and reading.problem == before.problem):
            return
        if reading.problem:
            log.error("everything is stopped until es.json is mended", problem=reading.problem)
            # The entries of before stay on the board, all of them stopped.
            reading = _Reading(before.entries, before.lines, reading.problem)
        elif before.problem:
            log.info("es.json is in force again")
        self._put_in_force(reading)
        if not reading.problem:
            await self._record_edits(before.entries, reading.entries)

    def _put_in_force(self, reading: _Reading) -> None:
        self._reading = reading
        self._go = reading.go()
        self._announce()

    def _announce(self) -> None:
        for callback in list(self._listeners.values()):
            try:
                callback()
            except Exception:
                log.exception("a listener to the stops failed")

    async def _record_edits(self, before: _Entries, after: _Entries) -> None:
        now = self._clock.now_us()
        for name in (*after, *(name for name in before if name not in after)):
            # Erasing an entry stops; where it was a stop, nothing changes.
            old, new = before.get(name), after.get(name, StopStatus.STOP)
            if old is not new:
                log.warning("a stop was changed in the file", name=name, status=new.value)
                await self._record(StopRecord(name, new, BY_HAND, "", now))

    async def _record(self, record: StopRecord) -> None:
        """Keeps the record; a stop is in force whether or not that works."""
        self._records[record.name] = record
        try:
            await self._log.record_stop(record)
        except Exception:
            log.exception("who changed a stop could not be recorded", name=record.name)
        self._announce()

    async def set(self, name: str, status: StopStatus, operator: str, reason: str) -> StopEntry:
        """Engages or releases a stop by rewriting es.json; in force when it returns.

        Raises InvalidRequest for a bad name, or a release without a reason; FailedPrecondition where the
        file is broken, missing or cannot be written. A release that cannot be recorded is not made.
        """
        reason = reason.strip()
        _check_change(name, status, reason)
        # In a task of its own: a caller who goes away must not leave half a change behind.
        task = asyncio.create_task(self._set(name, status, operator, reason), name=f"set stop {name}")
        self._changes.add(task)
        task.add_done_callback(self._changed)
        return await asyncio.shield(task)

    async def wait_idle(self) -> None:
        """Waits until no stop is being set: before the log closes."""
        await asyncio.gather(*self._changes, return_exceptions=True)

    def _changed(self, task: asyncio.Task[StopEntry]) -> None:
        self._changes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a stop was not set", task=task.get_name(), reason=str(error))

    async def _set(self, name: str, status: StopStatus, operator: str, reason: str) -> StopEntry:
        async with self._changing:
            reading = await self._usable_reading()
            record = StopRecord(name, status, operator, reason, self._clock.now_us())
            if status is StopStatus.GO:
                await self._log.record_stop(record)
            changed = _with(reading, name, status)
            if changed != reading:
                await self._write(changed)
            # The record first, so that whoever is told finds it.
            self._records[name] = record
            self._put_in_force(changed)
            if status is StopStatus.STOP:
                await self._record(record)
            log.warning("a stop was set", name=name, status=status.value, operator=operator, reason=reason)
            return self._entry(name)

    async def _usable_reading(self) -> _Reading:
        """The file as it is now, with what someone edited there since taken over."""
        reading = await asyncio.to_thread(_read, self._path)
        if reading.is_doubtful and self._reading.entries:
            # Someone may be saving the file this moment.
            await self._clock.sleep(self._settle_seconds)
            reading = await asyncio.to_thread(_read, self._path)
        if reading.problem:
            raise FailedPrecondition(
                f"es.json cannot be changed, and everything is stopped while it is so: {reading.problem}; "
                "mend or restore the file on the server, then try again"
            )
        await self._follow(reading)
        return reading

    async def _write(self, reading: _Reading) -> None:
        try:
            await asyncio.to_thread(write_atomically, self._path, _text(reading))
        except OSError as error:
            raise FailedPrecondition(
                f"{self._path} cannot be written: {error.strerror or error}; nothing was changed; "
                "make it writable, or edit the file on the server"
            ) from None


def _check_change(name: str, status: StopStatus, reason: str) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > MAX_NAME:
        found = ascii(name[: MAX_NAME + 1])
        raise InvalidRequest(
            f"{found} is not the name of a stop; a workflow type of at most {MAX_NAME} printable characters "
            f"is one, or {EVERYTHING} for everything"
        )
    if status is StopStatus.GO and not reason:
        raise InvalidRequest("releasing a stop takes a reason; say why it is safe to go on")
    if len(reason) > MAX_REASON:
        raise InvalidRequest(f"the reason is longer than {MAX_REASON} characters; shorten it")


def _read(path: Path) -> _Reading:
    """Reads es.json; what is wrong with it comes back as a problem. Blocks."""
    try:
        lines = tuple(_line(f"{path}:{line}", found) for line, found in read_objects(path))
    except ConfigError as error:
        return _Reading({}, problem=str(error))
    entries: dict[str, StopStatus] = {}
    for name, status in lines:
        entries.setdefault(name, status)
    return _Reading(entries, lines)


def _line(where: str, found: Mapping[str, Any]) -> tuple[str, StopStatus]:
    for key in found:
        if key not in ("Name", "Status"):
            raise ConfigError(f'{where}: unknown field "{key}"; the fields are Name, Status')
    name, status = found.get("Name"), found.get("Status")
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{where}: Name is {told(name)}; a workflow type or {EVERYTHING} is expected")
    if status not in ("go", "stop"):
        raise ConfigError(f'{where}: Status of {told(name)} is {told(status)}; "go" or "stop" is expected')
    return name, StopStatus(status)


def _with(reading: _Reading, name: str, status: StopStatus) -> _Reading:
    """The reading with one entry changed, or a new one at the end."""
    lines = list(reading.lines)
    positions = [i for i, (listed, _) in enumerate(lines) if listed == name]
    if positions:
        lines[positions[0]] = (name, status)
    else:
        lines.append((name, status))
    return _Reading({**reading.entries, name: status}, tuple(lines))


def _text(reading: _Reading) -> str:
    lines = ({"Name": name, "Status": status.value} for name, status in reading.lines)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
