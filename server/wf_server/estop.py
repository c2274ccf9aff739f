"""The emergency stops: what es.json says is stopped, in force at once, and changed only by whole files.

Fail-safe: no entry means stop, and a file that cannot be read or understood means stop for everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from wf_server.clock import Clock
from wf_server.errors import ConfigError, FailedPrecondition
from wf_server.es_file import StopEntries, StopFile, read_stops, releases, text_of, with_entry
from wf_server.files import write_atomically
from wf_server.model import EVERYTHING, ReleaseKey, StopRecord, StopStatus
from wf_server.model.audit import IN_FILE, INSIDE, SERVER
from wf_server.release_keys import BY_HAND, ReleaseKeys
from wf_server.stop_entry import MAX_NAME, NO_TERMS, StopEntry, StopTerms, check_change, check_terms

log = structlog.get_logger(__name__)


class StopLog(Protocol):
    """Where it is kept who changed a stop, when and why: es.json has no room for it."""

    async def latest_stops(self) -> dict[str, StopRecord]:
        """Returns the newest record of each name."""
        ...

    async def record_stop(self, record: StopRecord) -> None:
        """Keeps a record, and forgets the key of that name; durable when it returns."""
        ...

    async def release_keys(self) -> list[ReleaseKey]:
        """Returns the first keys that are kept."""
        ...

    async def put_release_key(self, key: ReleaseKey, source: str) -> None:
        """Keeps a first key, which came from `source`; durable when it returns."""
        ...

    async def drop_release_key(self, name: str, operator: str, source: str) -> None:
        """Forgets a first key, which an operator takes back; durable when it returns."""
        ...


class EmergencyStops:
    """What is stopped now. Everything is, until `load` has read the file."""

    def __init__(
        self,
        path: Path,
        log: StopLog,
        clock: Clock,
        settle_seconds: float = 0.15,
        keys: ReleaseKeys | None = None,
    ) -> None:
        """With `keys`, a release takes two operators."""
        self._path = path
        self._log = log
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._keys = keys
        self._reading = StopFile({}, problem=f"{path}: not read yet")
        self._go: frozenset[str] = frozenset()
        #: Stops that are in force although es.json could not be written: until a write works.
        self._unwritten: dict[str, str] = {}
        #: Why es.json still says go where a release in it does not count; empty: it does not say so.
        self._not_undone = ""
        self._records: dict[str, StopRecord] = {}
        #: When stops were last brought to mind, by name.
        self._reminded: dict[str, int] = {}
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
        return "; ".join([*told, *filter(None, [self._not_undone])])

    @property
    def takes_two_keys(self) -> bool:
        """Whether releasing a stop takes two operators."""
        return self._keys is not None

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
        return self.entry(EVERYTHING if everything else name).operator or BY_HAND

    def _status(self, name: str) -> StopStatus | None:
        """What is in force for an entry; None where there is no such entry."""
        return StopStatus.STOP if name in self._unwritten else self._reading.entries.get(name)

    def _told(self, name: str) -> str:
        """By whom, since when and why, as far as that is known."""
        entry = self.entry(name)
        if entry.time_us is None:
            return ""
        since = datetime.fromtimestamp(entry.time_us // 1_000_000, UTC)
        by = f" by {entry.operator}" if entry.operator else ""
        return f"{by} since {since:%Y-%m-%d %H:%M:%S} UTC" + (f": {entry.reason}" if entry.reason else "")

    def board(self, known_names: Iterable[str]) -> list[StopEntry]:
        """Every entry in the order of the file, then the known workflow types that have none."""
        listed = self._reading.entries
        unlisted = [name for name in dict.fromkeys((*self._unwritten, *known_names)) if name not in listed]
        return [self.entry(name) for name in (*listed, *unlisted)]

    def entry(self, name: str) -> StopEntry:
        """How the entry of a name stands; where there is none, that means stop."""
        listed = name in self._reading.entries
        status = self._status(name) or StopStatus.STOP
        r = self._records.get(name)
        key = self._keys.of(name) if self._keys is not None else None
        if self.problem:
            return StopEntry(name, StopStatus.STOP, listed)
        if r is None or r.status is not status:
            return StopEntry(name, status, listed, key=key)
        return StopEntry(
            name,
            status,
            listed,
            r.operator,
            r.reason,
            r.time_us,
            r.expires_us,
            r.remind_us,
            self._reminded.get(name, 0),
            r.first_operator,
            key,
        )

    def engaged(self) -> list[StopEntry]:
        """The stops in force of which it is known since when."""
        if self.problem:
            return []
        entries = (self.entry(name) for name in (*self._reading.entries, *self._unwritten))
        return [e for e in entries if e.status is StopStatus.STOP and e.time_us is not None]

    def released_by(self, name: str) -> list[str]:
        """The workflow types that releasing an entry would let go again."""
        if self.problem or (EVERYTHING in self._unwritten and name != EVERYTHING):
            return []
        after = with_entry(self._reading, name, StopStatus.GO)
        go = after.go() - (self._unwritten.keys() - {name})
        return [listed for listed in after.entries if listed in go and self.is_stopped(listed)]

    def remind(self, name: str) -> None:
        """Tells everybody who watches that a stop is still in force."""
        self._reminded[name] = self._clock.now_us()
        self._announce()

    def drop_expired_keys(self) -> list[ReleaseKey]:
        """Takes out the first keys whose time is over; returns them."""
        expired = self._keys.drop_expired() if self._keys is not None else []
        if expired:
            self._announce()
        return expired

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
            if self._keys is not None:
                self._keys.load(await self._log.release_keys())
            found = reading
            # Of what has no record, the file is all that is known.
            reading, _, keys = self._held({**found.entries, **before}, found)
            known = {name: status for name, status in reading.entries.items() if name in before}
            edits = self._edits(before, known)
            self._put_in_force(reading)
            await self._undo_releases(found)
        await self._keep((*edits, *keys))

    async def reload(self) -> None:
        """Reads es.json again. Where it is broken, missing or empty, that counts if it stays so."""
        async with self._changing:
            reading = await asyncio.to_thread(read_stops, self._path)
            edits = [] if reading.is_doubtful else await self._take(reading)
        if reading.is_doubtful:
            await self._clock.sleep(self._settle_seconds)
            async with self._changing:
                edits = await self._take(await asyncio.to_thread(read_stops, self._path))
        await self._keep(edits)

    async def _take(self, reading: StopFile) -> list[StopRecord | ReleaseKey]:
        edits = self._follow(reading)
        await self._undo_releases(reading)
        return edits

    def _follow(self, reading: StopFile) -> list[StopRecord | ReleaseKey]:
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
        reading, entries, keys = self._held(before.entries, reading)
        edits = self._edits(entries, reading.entries)
        self._put_in_force(reading)
        return [*edits, *keys]

    def _held(self, before: StopEntries, reading: StopFile) -> tuple[StopFile, StopEntries, list[ReleaseKey]]:
        """The file without the releases in it, where each is but the first of two keys.

        Also what was before as it counts for what was edited, and the keys.
        """
        keys: list[ReleaseKey] = []
        if self._keys is None:
            return reading, before, keys
        for name in releases(before, reading.entries):
            log.warning("a release in the file is not in force: it takes a second operator", name=name)
            key = self._keys.turn_by_hand(name)
            keys += [key] if key is not None else []
            reading = with_entry(reading, name, StopStatus.STOP)
            before = {**before, name: StopStatus.STOP}
        return reading, before, keys

    async def _undo_releases(self, found: StopFile) -> None:
        """Has the file say what is in force. Where that fails, everybody is told."""
        self._not_undone = ""
        if found.problem or self._reading.lines == found.lines:
            return
        try:
            await self._write(self._reading)
        except FailedPrecondition as error:
            log.error("a release in the file is not in force but could not be undone", reason=str(error))
            self._not_undone = f"a release in es.json is not in force, but the file says so still: {error}"

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
                edits.append(StopRecord(name, new, BY_HAND, "", now, source=IN_FILE))
        for edit in edits:
            self._recorded(edit)
        return edits

    def _recorded(self, record: StopRecord) -> None:
        """Shows a change on the board from now on; what concerned the stop before it is over."""
        self._records[record.name] = record
        self._reminded.pop(record.name, None)
        if self._keys is not None:
            self._keys.drop(record.name)

    async def _keep(self, records: Iterable[StopRecord | ReleaseKey]) -> None:
        """Puts on record what is in force already, whether or not that works.

        Outside of `_changing`: the next stop must not wait for a slow disk.
        """
        async with self._recording:
            for record in records:
                try:
                    if isinstance(record, ReleaseKey):
                        await self._log.put_release_key(record, IN_FILE)
                    else:
                        await self._log.record_stop(record)
                except Exception:
                    log.exception("who changed a stop could not be recorded", name=record.name)

    async def set(
        self,
        name: str,
        status: StopStatus,
        operator: str,
        reason: str,
        *,
        proven: bool = False,
        terms: StopTerms = NO_TERMS,
        source: str = "",
    ) -> StopEntry:
        """Engages or releases a stop by rewriting es.json; in force when it returns.

        Where releasing takes two keys, the first release is kept with the stop, which stays in force;
        `proven` says whether the operator's name is more than a claim, without which it cannot be the second,
        and `source` from where they call.
        Raises InvalidRequest for a bad name, a release without a reason, or terms that make no sense;
        FailedPrecondition where the key has to be another one's, or the file is broken, missing or cannot
        be written. A release that cannot be recorded is not made.
        """
        reason = reason.strip()
        check_change(name, status, reason)
        check_terms(status, terms)
        now = self._clock.now_us()
        expires_us = now + round(terms.lasts * 1_000_000) if terms.lasts else 0
        remind_us = round(terms.remind_every * 1_000_000)
        record = StopRecord(name, status, operator, reason, now, expires_us, remind_us, source=source)
        return await self._change_apart(name, self._set(record, proven=proven))

    async def release_expired(self, entry: StopEntry, operator: str, reason: str) -> StopEntry:
        """Releases a stop whose time is over.

        Raises StoreError, and FailedPrecondition where it is not the same stop any more.
        """
        now = self._clock.now_us()
        record = StopRecord(entry.name, StopStatus.GO, operator, reason, now, source=INSIDE)
        return await self._change_apart(entry.name, self._set(record, expected=entry))

    async def withdraw(self, name: str, operator: str, source: str = "") -> StopEntry:
        """Takes back the first key of a release.

        Raises StoreError, and FailedPrecondition where there is none.
        """
        return await self._change_apart(name, self._withdraw(name, operator, source))

    async def _change_apart(self, name: str, change: Coroutine[Any, Any, StopEntry]) -> StopEntry:
        # In a task of its own: a caller who goes away must not leave half a change behind.
        task = asyncio.create_task(change, name=f"set stop {name}")
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

    async def _set(
        self, record: StopRecord, *, proven: bool = False, expected: StopEntry | None = None
    ) -> StopEntry:
        name, status = record.name, record.status
        released: StopEntry | None = None
        if status is StopStatus.GO:
            async with self._changing:
                await self._usable_reading()
                self._expect_unchanged(name, expected)
                first = self._turn(record, proven)
                released = self.entry(name)
            if first is not None:
                return await self._keep_first(first, record.source)
            record = replace(record, first_operator=released.key.operator if released.key else "")
            async with self._recording:
                await self._log.record_stop(record)
        unrecorded: list[StopRecord | ReleaseKey] = []
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
        log.warning(
            event, name=name, operator=record.operator, reason=record.reason, first=record.first_operator
        )
        return entry

    def _turn(self, record: StopRecord, proven: bool) -> ReleaseKey | None:
        """Counts a release as the first key, where it is; None: the stop may be released."""
        name = record.name
        # Without an entry everything goes by its own, and a type is stopped.
        unlisted = StopStatus.GO if name == EVERYTHING else StopStatus.STOP
        if self._keys is None or (self._status(name) or unlisted) is StopStatus.GO:
            return None
        return self._keys.turn(name, record.operator, record.reason, proven=proven)

    async def _keep_first(self, key: ReleaseKey, source: str) -> StopEntry:
        """Puts a first key on record, without which it does not count.

        Raises StoreError, and FailedPrecondition where the stop was changed meanwhile.
        """
        assert self._keys is not None
        try:
            async with self._recording:
                await self._log.put_release_key(key, source)
                if voided := self._keys.of(key.name) != key:
                    await self._log.drop_release_key(key.name, SERVER, INSIDE)
        except BaseException:
            self._keys.drop(key.name)
            raise
        if voided:
            raise FailedPrecondition(f"{key.name} was changed meanwhile; look at it again")
        log.warning("the first key of a release", name=key.name, operator=key.operator, reason=key.reason)
        self._announce()
        return self.entry(key.name)

    async def _withdraw(self, name: str, operator: str, source: str) -> StopEntry:
        key = self._keys.drop(name) if self._keys is not None else None
        if key is None:
            raise FailedPrecondition(f"nobody has turned a key for releasing {name[:MAX_NAME]!a}")
        self._announce()
        async with self._recording:
            await self._log.drop_release_key(name, operator, source)
        log.warning("a key was taken back", name=name, operator=operator, turned_by=key.operator)
        return self.entry(name)

    def _expect_unchanged(self, name: str, released: StopEntry | None) -> None:
        """Somebody engaged it after its release was asked for: the stop wins. Raises FailedPrecondition."""
        if released not in (None, self.entry(name)):
            raise FailedPrecondition(f"{name} was changed meanwhile; look at it again")

    async def _change(self, reading: StopFile, record: StopRecord) -> StopEntry:
        changed = with_entry(self._reading, record.name, record.status)
        if changed != reading:
            await self._write(changed)
        self._not_undone = ""
        # The record first, so that whoever is told finds it.
        self._recorded(record)
        self._unwritten.pop(record.name, None)
        self._put_in_force(changed)
        return self.entry(record.name)

    def _engage_unwritten(self, record: StopRecord, error: FailedPrecondition) -> None:
        """A stop has to work when the file cannot be written, most of all then."""
        if self.problem:
            # Everything is stopped anyway, for as long as the file cannot be used.
            return
        self._unwritten[record.name] = f"it will not survive a restart: {error}"
        self._recorded(record)
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
