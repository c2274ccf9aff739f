"""The emergency stops: what es.json says is stopped, in force at once, and changed only by whole files.

Fail-safe: no entry means stop, and a file that cannot be read or understood means stop for everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from wf_server.clock import Clock
from wf_server.errors import ConfigError, FailedPrecondition, InvalidRequest
from wf_server.es_file import StopEntries, StopFile, read_stops, text_of, with_entry
from wf_server.files import write_atomically
from wf_server.model import EVERYTHING, StopRecord, StopStatus

log = structlog.get_logger(__name__)

#: The operator of changes that someone made in the file itself.
BY_HAND = "es.json"
#: In characters.
MAX_NAME = 200
MAX_REASON = 1_000


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


class EmergencyStops:
    """What is stopped now. Everything is, until `load` has read the file."""

    def __init__(self, path: Path, log: StopLog, clock: Clock, settle_seconds: float = 0.15) -> None:
        self._path = path
        self._log = log
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._reading = StopFile({}, problem=f"{path}: not read yet")
        self._go: frozenset[str] = frozenset()
        #: Stops that are in force although es.json could not be written: until a write works.
        self._unwritten: dict[str, str] = {}
        self._records: dict[str, StopRecord] = {}
        self._listeners: dict[object, Callable[[], None]] = {}
        self._changing = asyncio.Lock()
        self._recording = asyncio.Lock()
        self._changes: set[asyncio.Task[StopEntry]] = set()

    @property
    def problem(self) -> str:
        """Why everything is stopped, where es.json cannot be used; empty otherwise."""
        return self._reading.problem

    @property
    def unwritten(self) -> str:
        """What an operator has to know of stops that hold in memory only; empty where there are none."""
        told = [f"the stop of {name} is in force, but {why}" for name, why in self._unwritten.items()]
        return "; ".join(told)

    def is_stopped(self, name: str) -> bool:
        """Whether nothing of this workflow type may start or go on."""
        return name not in self._go or name in self._unwritten or EVERYTHING in self._unwritten

    def why(self, name: str) -> str:
        """A sentence that says why the workflow type is stopped; empty where it is not."""
        if not self.is_stopped(name):
            return ""
        if self.problem:
            return f"everything is stopped, because es.json cannot be used: {self.problem}"
        if self._status(EVERYTHING) is StopStatus.STOP:
            return f"an emergency stop is engaged for everything{self._told(EVERYTHING)}"
        if name in self._reading.entries or name in self._unwritten:
            return f"an emergency stop is engaged for {name}{self._told(name)}"
        shown = f"{name[:80]}…" if len(name) > 80 else name or "a WorkReq without a name"
        return f"es.json has no entry for {shown}, which means stop"

    def who(self, name: str) -> str:
        """The operator of the stop that holds a workflow type; es.json where a person edited that."""
        everything = self._status(EVERYTHING) is StopStatus.STOP
        return self._entry(EVERYTHING if everything else name).operator or BY_HAND

    def _status(self, name: str) -> StopStatus | None:
        """What is in force for an entry; None where there is no such entry."""
        return StopStatus.STOP if name in self._unwritten else self._reading.entries.get(name)

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
        unlisted = [name for name in dict.fromkeys((*self._unwritten, *known_names)) if name not in listed]
        return [self._entry(name) for name in (*listed, *unlisted)]

    def _entry(self, name: str) -> StopEntry:
        listed = name in self._reading.entries
        status = self._status(name) or StopStatus.STOP
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
            reading = await asyncio.to_thread(read_stops, self._path)
            if reading.problem:
                raise ConfigError(reading.problem)
            # What the records say held when the server ended; only differences from that are edits.
            before = {name: record.status for name, record in self._records.items()}
            known = {name: status for name, status in reading.entries.items() if name in before}
            edits = self._edits(before, known)
            self._put_in_force(reading)
        await self._keep(edits)

    async def reload(self) -> None:
        """Reads es.json again. Where it is broken, missing or empty, that counts if it stays so."""
        async with self._changing:
            reading = await asyncio.to_thread(read_stops, self._path)
            edits = [] if reading.is_doubtful else self._follow(reading)
        if reading.is_doubtful:
            await self._clock.sleep(self._settle_seconds)
            async with self._changing:
                edits = self._follow(await asyncio.to_thread(read_stops, self._path))
        await self._keep(edits)

    def _follow(self, reading: StopFile) -> list[StopRecord]:
        """Puts what was found in the file in force; returns what someone edited there."""
        before = self._reading
        if reading == before or (reading.problem and reading.problem == before.problem):
            return []
        if reading.problem:
            log.error("everything is stopped until es.json is mended", problem=reading.problem)
            # The entries of before stay on the board, all of them stopped.
            self._put_in_force(StopFile(before.entries, before.lines, reading.problem))
            return []
        if before.problem:
            log.info("es.json is in force again")
        edits = self._edits(before.entries, reading.entries)
        self._put_in_force(reading)
        return edits

    def _put_in_force(self, reading: StopFile) -> None:
        # What the file says now too needs no memory.
        for name in [n for n in self._unwritten if reading.entries.get(n) is StopStatus.STOP]:
            del self._unwritten[name]
        self._reading = reading
        self._go = reading.go()
        self._announce()

    def _announce(self) -> None:
        for callback in list(self._listeners.values()):
            try:
                callback()
            except Exception:
                log.exception("a listener to the stops failed")

    def _edits(self, before: StopEntries, after: StopEntries) -> list[StopRecord]:
        """What was changed in the file by hand; the board shows it from now on."""
        now = self._clock.now_us()
        edits = []
        for name in (*after, *(name for name in before if name not in after)):
            # Erasing an entry stops; where it was a stop, nothing changes.
            old, new = before.get(name), after.get(name, StopStatus.STOP)
            if old is not new:
                log.warning("a stop was changed in the file", name=name, status=new.value)
                edits.append(StopRecord(name, new, BY_HAND, "", now))
        self._records.update({edit.name: edit for edit in edits})
        return edits

    async def _keep(self, records: Iterable[StopRecord]) -> None:
        """Puts on record what is in force already, whether or not that works.

        Outside of `_changing`: the next stop must not wait for a slow disk.
        """
        async with self._recording:
            for record in records:
                try:
                    await self._log.record_stop(record)
                except Exception:
                    log.exception("who changed a stop could not be recorded", name=record.name)

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
        record = StopRecord(name, status, operator, reason, self._clock.now_us())
        released: StopEntry | None = None
        if status is StopStatus.GO:
            async with self._changing:
                await self._usable_reading()
                released = self._entry(name)
            async with self._recording:
                await self._log.record_stop(record)
        unrecorded: list[StopRecord] = []
        try:
            async with self._changing:
                reading = await self._usable_reading()
                unrecorded += self._follow(reading)
                self._expect_unchanged(name, released)
                entry = await self._change(reading, record)
            unrecorded += [record] * (status is StopStatus.STOP)
        except FailedPrecondition as error:
            if status is StopStatus.STOP:
                self._engage_unwritten(record, error)
                unrecorded.append(record)
                told = f"engaged in this server, but not written to es.json: {error}"
                raise FailedPrecondition(told) from error
            raise
        finally:
            await self._keep(unrecorded)
        event = "a stop was engaged" if status is StopStatus.STOP else "a stop was released"
        log.warning(event, name=name, operator=operator, reason=reason)
        return entry

    def _expect_unchanged(self, name: str, released: StopEntry | None) -> None:
        """Somebody engaged it after its release was asked for: the stop wins. Raises FailedPrecondition."""
        if released not in (None, self._entry(name)):
            raise FailedPrecondition(f"{name} was changed meanwhile; look at it again")

    async def _change(self, reading: StopFile, record: StopRecord) -> StopEntry:
        changed = with_entry(reading, record.name, record.status)
        if changed != reading:
            await self._write(changed)
        # The record first, so that whoever is told finds it.
        self._records[record.name] = record
        self._unwritten.pop(record.name, None)
        self._put_in_force(changed)
        return self._entry(record.name)

    def _engage_unwritten(self, record: StopRecord, error: FailedPrecondition) -> None:
        """A stop has to work when the file cannot be written, most of all then."""
        if self.problem:
            # Everything is stopped anyway, for as long as the file cannot be used.
            return
        self._unwritten[record.name] = f"it will not survive a restart: {error}"
        self._records[record.name] = record
        log.error("a stop is in force but not in es.json", name=record.name, reason=str(error))
        self._announce()

    async def _usable_reading(self) -> StopFile:
        """The file as it is now. Raises FailedPrecondition."""
        reading = await asyncio.to_thread(read_stops, self._path)
        if reading.is_doubtful and self._reading.entries:
            # Someone may be saving the file this moment.
            await self._clock.sleep(self._settle_seconds)
            reading = await asyncio.to_thread(read_stops, self._path)
        if reading.problem:
            raise FailedPrecondition(
                f"es.json cannot be changed, and everything is stopped while it is so: {reading.problem}; "
                "mend or restore the file on the server, then try again"
            )
        return reading

    async def _write(self, reading: StopFile) -> None:
        try:
            await asyncio.to_thread(write_atomically, self._path, text_of(reading))
        except OSError as error:
            raise FailedPrecondition(
                f"{self._path} cannot be written: {error.strerror or error}; "
                "make it writable, then set the stop again"
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
