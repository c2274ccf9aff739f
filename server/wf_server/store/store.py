"""Everything the server writes down, and reads back.

One connection writes, under one lock, so that no transaction ever mixes with another; a second one
serves long reads. Whatever a writing method has returned from is on the disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import aiosqlite

from wf_server.clock import SystemClock
from wf_server.errors import StoreConflict, StoreError
from wf_server.model import (
    Approval,
    BucketLevel,
    Change,
    IllegalStep,
    JobId,
    Lineage,
    LineageKind,
    LogLine,
    Progress,
    QuotaToken,
    Rejection,
    RejectionSummary,
    ReleaseKey,
    Scope,
    Standing,
    Status,
    StopRecord,
    StopStatus,
    Summary,
    Workflow,
    WorkReq,
)
from wf_server.model.audit import INSIDE, SERVER, Act, AuditEntry, EntryFilter, EntryPage, Outcome
from wf_server.store import encoding, trail
from wf_server.store.audit_reader import read_page
from wf_server.store.connection import in_thread, lock, open_reader, open_writer
from wf_server.store.failures import DATABASE_ERRORS, damaged, is_damage
from wf_server.store.queries import load_queries

T = TypeVar("T")

#: Larger than any key: where a listing begins.
_FIRST_PAGE = 2**62
#: Changes read in one go: a long history must not hold up the others on the loop.
_PORTION = 2_000
#: Characters of what an entry of the audit tells of an outcome.
TOLD_LIMIT = 600


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some entries, newest first, and where the next page begins (0: there is none)."""

    summaries: tuple[T, ...]
    next_before: int


@dataclass(slots=True)
class JobNotes:
    """What jobs said of themselves, to be written along with the changes."""

    #: (workflow key, block, job, line number, time, text).
    lines: list[tuple[int, int, int, int, int, str]] = field(default_factory=list)
    #: (workflow key, block, job, first line number to keep).
    trims: list[tuple[int, int, int, int]] = field(default_factory=list)
    #: (workflow key, block, job, fraction, message).
    progress: list[tuple[int, int, int, float, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lines or self.trims or self.progress)


class Store:
    """The database of one server. Make it with `await Store.open(path)`."""

    def __init__(
        self,
        path: Path,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        lock_file: IO[str],
        last_key: int,
        kept: Path | None = None,
    ) -> None:
        self.path = path
        #: The copy of the database that was made before it was brought up to date; None: it was.
        self.kept = kept
        self._writer = writer
        self._reader = reader
        self._lock_file = lock_file
        self._last_key = last_key
        #: The number and the hash of the audit's newest entry, as of the end of `close`.
        self.audit_head = ""
        self._lock = asyncio.Lock()
        self._sql = load_queries()

    @classmethod
    async def open(cls, path: Path) -> Store:
        """Opens or makes the database file.

        Raises StoreError: in use, not writable, not a wf database, damaged, or of a newer version.
        """
        # By its true name: two servers must not use one database by two names.
        path = await asyncio.to_thread(path.resolve)
        async with AsyncExitStack() as opened:
            lock_file = opened.enter_context(lock(path))
            writer, kept = await open_writer(path)
            opened.push_async_callback(writer.close)
            reader = await open_reader(path)
            opened.push_async_callback(reader.close)
            try:
                last_key = await in_thread(writer, _begin)
            except DATABASE_ERRORS as error:
                raise damaged(path, error) from error
            opened.pop_all()
        return cls(path, writer, reader, lock_file, last_key, kept)

    async def close(self) -> None:
        """Ends both connections; nothing may be under way."""
        async with self._lock:
            with suppress(*DATABASE_ERRORS):
                self.audit_head = await in_thread(self._writer, trail.chain_head)
            await self._reader.close()
            await self._writer.close()
        self._lock_file.close()

    # Workflows

    def new_key(self) -> int:
        """A number for a new workflow, larger than any before."""
        self._last_key += 1
        return self._last_key

    async def commit(
        self,
        inserts: Sequence[Workflow],
        changes: Mapping[int, Sequence[Change]],
        standings: Mapping[int, Standing],
        notes: JobNotes | None = None,
        entries: Sequence[AuditEntry] = (),
        tokens: Sequence[QuotaToken] = (),
    ) -> None:
        """Writes new workflows, changes by workflow key, where some workflows stand after them, and notes.

        `entries` is what the audit says of it, `tokens` the quotas' of jobs that
        begin by these changes. All or nothing, and durable on return. Raises StoreError.
        """
        rows = [_new_row(workflow) for workflow in inserts]

        def write(connection: sqlite3.Connection) -> None:
            heads: dict[int, bytes] = {}
            if rows:
                connection.executemany(self._sql["insert_workflow"], rows)
            if changes:
                connection.executemany(self._sql["insert_change"], _change_rows(changes))
                heads = trail.seal(connection, _stretches(changes))
            if standings:
                connection.executemany(self._sql["update_workflow"], _standing_rows(standings))
            if notes:
                self._write_notes(connection, notes)
            if tokens:
                connection.executemany(self._sql["insert_quota_token"], tokens)
            if entries:
                trail.append(connection, entries, heads)

        await self._write(write)

    def _write_notes(self, connection: sqlite3.Connection, notes: JobNotes) -> None:
        if notes.lines:
            connection.executemany(self._sql["insert_log_line"], notes.lines)
        if notes.trims:
            connection.executemany(self._sql["delete_log_lines"], notes.trims)
        if notes.progress:
            connection.executemany(self._sql["upsert_progress"], notes.progress)

    async def delete_workflows(self, keys: Sequence[int], now_us: int) -> None:
        """Deletes workflows that have ended, by their keys, with all that belongs to them, or none of it.

        What is left of them is that they went, and the hash of their history.
        """
        rows = [(key,) for key in keys]

        def write(connection: sqlite3.Connection) -> None:
            trail.append(connection, self._removed(connection, "select_leaving", keys, now_us, Act.REMOVED))
            for what in (
                "tokens",
                "erasures",
                "log",
                "progress",
                "approvals",
                "changes",
                "seals",
                "workflow",
            ):
                connection.executemany(self._sql[f"delete_{what}"], rows)

        await self._write(write)

    async def delete_rejections(self, keys: Sequence[int], now_us: int) -> None:
        """Deletes refused WorkReqs, by their keys."""

        def write(connection: sqlite3.Connection) -> None:
            query, act = "select_leaving_rejection", Act.REJECTION_REMOVED
            trail.append(connection, self._removed(connection, query, keys, now_us, act))
            connection.executemany(self._sql["delete_rejection"], [(key,) for key in keys])

        await self._write(write)

    def _removed(
        self, connection: sqlite3.Connection, query: str, keys: Sequence[int], now_us: int, act: Act
    ) -> Iterator[AuditEntry]:
        for key in keys:
            for name, target in connection.execute(self._sql[query], (key,)):
                entry = AuditEntry(now_us, SERVER, INSIDE, act, name, target, "retention")
                yield entry._replace(workflow=key) if act is Act.REMOVED else entry._replace(record=key)

    # The audit

    async def append_entries(self, entries: Sequence[AuditEntry]) -> None:
        """Chains entries to the newest one; durable on return."""
        await self._write(lambda connection: trail.append(connection, entries))

    async def keep_policies(self, text: str, told: str, now_us: int) -> None:
        """Keeps the policies in force, as JSON, where they are others than before; durable on return."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        entry = AuditEntry(now_us, SERVER, INSIDE, Act.POLICIES, told=told, digest=digest)

        def write(connection: sqlite3.Connection) -> None:
            newest = connection.execute(trail.SQL["select_newest_policies"]).fetchone()
            if newest is None or newest[0] != digest:
                key = connection.execute(trail.SQL["insert_policies"], (now_us, digest, text)).lastrowid
                trail.append(connection, [entry._replace(record=key or 0)])

        await self._write(write)

    async def list_entries(
        self,
        wanted: EntryFilter,
        types: Collection[str] | None,
        *,
        after: int = 0,
        before: int = 0,
        oldest_first: bool = False,
        limit: int = 100,
    ) -> EntryPage:
        """Reads a page of the audit between two numbers; `types` are those to tell of, None: all."""
        read = partial(
            read_page,
            wanted=wanted,
            types=types,
            after=after,
            before=before,
            oldest_first=oldest_first,
            limit=limit,
        )
        try:
            return await in_thread(self._reader, read)
        except DATABASE_ERRORS as error:
            raise self._told(error) from error

    async def load_workflow(self, workflow_id: str) -> Workflow | None:
        """Reads a workflow with all its history applied; None where there is no such id."""
        row = await self._read_one("select_workflow", (workflow_id,))
        return await self._restore(row) if row else None

    async def load_request(self, workflow_id: str) -> tuple[WorkReq, tuple[str, ...]] | None:
        """Reads a workflow's request and what its submission acknowledged, without its history.

        None where there is no such id. A large one is read beside the event loop.
        """
        row = await self._read_one("select_request", (workflow_id,))
        if row is None:
            return None
        request = await asyncio.to_thread(encoding.decode_request, row[0])
        return request, tuple(filter(None, row[1].split(",")))

    async def load_workflows(self, statuses: Iterable[Status]) -> list[Workflow]:
        """Reads the workflows in these statuses, oldest first, each with its history applied."""
        wanted = json.dumps([int(status) for status in statuses])
        return [await self._restore(row) for row in await self._read("select_workflows_by_status", (wanted,))]

    async def list_workflows(
        self,
        *,
        statuses: Sequence[Status] = (),
        name: str = "",
        text: str = "",
        names: Collection[str] | None = None,
        limit: int = 100,
        before: int = 0,
    ) -> Page[Summary]:
        """Reads a page of summaries, newest first; `before` is the page before's next_before.

        `names` are the workflow types to tell of; None: all.
        """
        values = _listing(name, text, limit, before, names)
        values["statuses"] = json.dumps([int(s) for s in statuses]) if statuses else None
        return _page(await self._read("list_workflows", values), limit, _summary)

    async def load_history(self, key: int, after_seq: int, limit: int) -> list[Change]:
        """Reads a stretch of a workflow's committed changes, by the workflow's key."""
        return [_change(row) for row in await self._read("select_history", (key, after_seq, limit))]

    async def load_as_of(self, workflow: Workflow, seq: int) -> Workflow:
        """Reads a workflow as it stood after the change of that number: an object of its own."""
        past = Workflow(
            id=workflow.id,
            request=workflow.request,
            operator=workflow.operator,
            created_us=workflow.created_us,
            mends=workflow.mends,
            lineage=workflow.lineage,
            submit_key=workflow.submit_key,
            acknowledged=workflow.acknowledged,
            proven=workflow.proven,
            key=workflow.key,
        )
        for after in range(0, seq, _PORTION):
            portion = await self.load_history(workflow.key, after, min(_PORTION, seq - after))
            past.apply_all(portion)
        return past

    async def load_job_history(self, key: int, block: int, job: int) -> list[Change]:
        """Reads the committed changes of one job."""
        return [_change(row) for row in await self._read("select_job_changes", (key, block, job))]

    async def submitted_under(self, submit_key: str) -> tuple[str, WorkReq] | None:
        """Finds the workflow that was submitted under a key: its id and request."""
        row = await self._read_one("select_by_submit_key", (submit_key,))
        return (row[0], encoding.decode_request(row[1])) if row else None

    # Approvals

    async def load_approved(self) -> list[Workflow]:
        """Reads the workflows that have approvals and were not executed, oldest first."""
        rows = await self._read("select_workflows_with_approvals", (int(Status.NOT_STARTED),))
        return [await self._restore(row) for row in rows]

    async def load_approvals(self, key: int) -> list[Approval]:
        """Reads all approvals that a workflow was ever given, oldest first, by the workflow's key."""
        return [_approval(row) for row in await self._read("select_approvals", (key,))]

    async def insert_approval(self, key: int, approval: Approval, entry: AuditEntry) -> Approval:
        """Keeps an approval of the workflow with that key, and what the audit says of it.

        Returns it with its own key. Durable on return.
        """
        a = approval
        row = (key, a.operator, a.time_us, a.scope.request, a.scope.policies, a.comment, a.way, a.origin)

        def write(connection: sqlite3.Connection) -> int:
            number = connection.execute(self._sql["insert_approval"], row).lastrowid or 0
            trail.append(connection, [entry._replace(told=trail.approvals_told(connection, [number]))])
            return number

        return replace(a, key=await self._write(write))

    async def withdraw_approvals(self, approvals: Sequence[Approval], entry: AuditEntry) -> None:
        """Keeps when and why approvals were taken back, and what the audit says of it; durable on return."""
        rows = [(a.withdrawn_us, a.withdrawn_reason, a.key) for a in approvals]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(self._sql["withdraw_approval"], rows)
            told = trail.approvals_told(connection, [a.key for a in approvals])
            trail.append(connection, [entry._replace(told=told)])

        await self._write(write)

    # What jobs say of themselves

    async def load_log(self, key: int, block: int, job: int) -> list[LogLine]:
        """Reads the kept lines of one job's log, oldest first."""
        return [LogLine(*row) for row in await self._read("select_log", (key, block, job))]

    async def load_logs(self, key: int, block: int, first: int, end: int, lines: int) -> dict[int, list[str]]:
        """Reads the newest log lines, at most so many each, of some jobs of a block, by job."""
        logs: dict[int, list[str]] = {}
        for job, text in await self._read("select_log_page", (key, block, first, end, lines)):
            logs.setdefault(job, []).append(text)
        return logs

    async def load_log_sizes(self, key: int) -> list[tuple[int, int, int, int]]:
        """Reads which log lines of a workflow are kept: (block, job, number, bytes), in order."""
        return [tuple(row) for row in await self._read("select_log_sizes", (key,))]

    async def load_progress(self, key: int, block: int, first: int, end: int) -> dict[int, Progress]:
        """Reads how far some jobs of a block were that ended without completing, by job."""
        rows = await self._read("select_progress_page", (key, block, first, end))
        return {job: Progress(fraction, message) for job, fraction, message in rows}

    async def record_erasure(self, holder: JobId, site: str, machine: str, time_us: int) -> None:
        """Keeps that a machine's disks were erased; durable on return."""
        row = (*holder, site, machine, time_us)
        await self._write(lambda connection: connection.execute(self._sql["insert_erasure"], row))

    async def erased(self, holder: JobId, site: str, machine: str) -> bool:
        """Tells whether this job erased the machine's disks."""
        return await self._read_one("select_erasure", (*holder, site, machine)) is not None

    async def _restore(self, row: sqlite3.Row) -> Workflow:
        try:
            return await self._replay(row)
        except (sqlite3.Error, IllegalStep, ValueError, LookupError, TypeError) as error:
            raise damaged(self.path, error) from error

    async def _replay(self, row: sqlite3.Row) -> Workflow:
        key, workflow_id, operator, created_us, mends, kind, origin, submit_key, *rest = row
        acknowledged, proven, request = rest
        workflow = Workflow(
            id=workflow_id,
            request=encoding.decode_request(request),
            operator=operator,
            created_us=created_us,
            mends=mends,
            lineage=_lineage(kind, origin),
            submit_key=submit_key or "",
            acknowledged=tuple(filter(None, acknowledged.split(","))),
            proven=bool(proven),
            key=key,
        )
        async with self._reader.execute(self._sql["select_changes"], (key,)) as cursor:
            while changes := await cursor.fetchmany(_PORTION):
                workflow.apply_all([_change(change) for change in changes])
                await asyncio.sleep(0)
        return workflow

    # Rejections

    async def insert_rejection(self, rejection: Rejection, source: str = "") -> None:
        """Keeps a refused WorkReq with everything that was wrong with it."""
        r = rejection.summary
        row = (r.id, r.name, r.desc, r.operator, r.time_us, r.blocks, r.jobs, r.violations, r.first)
        violations = encoding.encode_violations(rejection.violations)
        request = encoding.encode_request(rejection.request)

        def write(connection: sqlite3.Connection) -> None:
            inserted = connection.execute(self._sql["insert_rejection"], (*row, violations, request))
            key = inserted.lastrowid or 0
            more = f" (and {r.violations - 1} more)" if r.violations > 1 else ""
            entry = AuditEntry(
                r.time_us,
                r.operator,
                source,
                Act.SUBMIT,
                r.name,
                r.id,
                outcome=Outcome.REFUSED,
                told=(r.first + more)[:TOLD_LIMIT],
                digest=trail.rejection_hash(connection, key).hex(),
                record=key,
            )
            trail.append(connection, [entry])

        await self._write(write)

    async def list_rejections(
        self,
        *,
        name: str = "",
        text: str = "",
        names: Collection[str] | None = None,
        limit: int = 100,
        before: int = 0,
    ) -> Page[RejectionSummary]:
        """Reads a page of rejections, newest first; `before` is the page before's next_before.

        `names` are the workflow types to tell of; None: all.
        """
        values = _listing(name, text, limit, before, names)
        return _page(await self._read("list_rejections", values), limit, _rejection)

    async def load_rejection(self, rejection_id: str) -> Rejection | None:
        """Reads a rejection whole; None where there is no such id."""
        row = await self._read_one("select_rejection", (rejection_id,))
        if row is None:
            return None
        violations = encoding.decode_violations(row[11])
        request = await asyncio.to_thread(encoding.decode_request, row[12])
        return Rejection(_rejection(row), request, violations)

    # Token buckets

    async def load_buckets(self) -> dict[str, BucketLevel]:
        """Reads the level of every bucket that a token was ever taken from."""
        rows = await self._read("select_buckets", ())
        return {name: BucketLevel(tokens, since_us) for name, tokens, since_us in rows}

    async def token_taken(self, holder: JobId) -> bool:
        """Tells whether this job was given its token."""
        return await self._read_one("select_token", tuple(holder)) is not None

    async def take_token(self, bucket: str, level: BucketLevel, holder: JobId, taken_us: int) -> None:
        """Writes a bucket's new level and who got the token, both or neither."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(self._sql["upsert_bucket"], (bucket, level.tokens, level.since_us))
            connection.execute(self._sql["insert_token"], (*holder, bucket, taken_us))

        await self._write(write)

    # Quotas

    async def load_quota_tokens(self, after_us: int, portion: int) -> AsyncIterator[list[QuotaToken]]:
        """Reads the tokens that were taken after a time, in that order, so many in one go."""
        try:
            async with self._reader.execute(self._sql["select_quota_tokens"], (after_us,)) as cursor:
                while rows := await cursor.fetchmany(portion):
                    yield [QuotaToken(*row) for row in rows]
        except DATABASE_ERRORS as error:
            raise self._told(error) from error

    async def delete_quota_tokens(self, until_us: int) -> None:
        """Deletes the tokens that were taken until then."""
        row = (until_us,)
        await self._write(lambda connection: connection.execute(self._sql["delete_quota_tokens"], row))

    # Emergency stops

    async def latest_stops(self) -> dict[str, StopRecord]:
        """Reads the newest record of each stop entry."""
        rows = await self._read("select_latest_stops", ())
        return {name: StopRecord(name, StopStatus(status), *told) for name, status, *told in rows}

    async def record_stop(self, record: StopRecord) -> None:
        """Keeps who set a stop entry, and why; a key that was turned for its release counts no longer."""
        r = record
        ends = (r.expires_us, r.remind_us, r.first_operator)
        row = (r.name, r.status.value, r.operator, r.reason, r.time_us, *ends)
        act = Act.STOP_ENGAGED if r.status is StopStatus.STOP else Act.STOP_RELEASED
        told = f"until {_time(r.expires_us)}" if r.expires_us else ""
        told = f"the first key was {r.first_operator}'s" if r.first_operator else told

        def write(connection: sqlite3.Connection) -> None:
            key = connection.execute(self._sql["insert_stop_change"], row).lastrowid or 0
            connection.execute(self._sql["delete_release_key"], (r.name,))
            entry = AuditEntry(r.time_us, r.operator, r.source, act, r.name, r.name, r.reason, told=told)
            digest = trail.stop_hash(connection, key).hex()
            trail.append(connection, [entry._replace(digest=digest, record=key)])

        await self._write(write)

    async def release_keys(self) -> list[ReleaseKey]:
        """Reads the first keys that were turned for releases."""
        rows = await self._read("select_release_keys", ())
        return [
            ReleaseKey(name, operator, reason, time_us, expires_us, bool(by_hand))
            for name, operator, reason, time_us, expires_us, by_hand in rows
        ]

    async def put_release_key(self, key: ReleaseKey, source: str) -> None:
        """Keeps the first key of a stop's release, in place of one that was there."""
        row = (key.name, key.operator, key.reason, key.time_us, key.expires_us, key.by_hand)
        told = f"counts until {_time(key.expires_us)}"
        entry = AuditEntry(
            key.time_us, key.operator, source, Act.KEY_TURNED, key.name, key.name, key.reason, told=told
        )

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(self._sql["upsert_release_key"], row)
            trail.append(connection, [entry])

        await self._write(write)

    async def drop_release_key(self, name: str, operator: str, source: str) -> None:
        """Takes back the first key of a stop's release."""
        now = SystemClock().now_us()
        entry = AuditEntry(now, operator, source, Act.KEY_WITHDRAWN, name, name)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(self._sql["delete_release_key"], (name,))
            trail.append(connection, [entry])

        await self._write(write)

    # The two connections

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` as one transaction in the writer's thread: one trip there, whatever it writes.

        It ends there even if the caller goes away. Raises StoreError.
        """
        async with self._lock:
            try:
                return await in_thread(self._writer, partial(_in_transaction, work))
            except DATABASE_ERRORS as error:
                raise self._told(error) from error

    def _told(self, error: Exception) -> StoreError:
        if is_damage(error):
            return damaged(self.path, error)
        kind = StoreConflict if isinstance(error, sqlite3.IntegrityError) else StoreError
        return kind(f"{self.path}: {error}")

    async def _read(self, name: str, values: tuple[Any, ...] | Mapping[str, Any]) -> list[sqlite3.Row]:
        try:
            async with self._reader.execute(self._sql[name], values) as cursor:
                return list(await cursor.fetchall())
        except DATABASE_ERRORS as error:
            raise self._told(error) from error

    async def _read_one(self, name: str, values: tuple[Any, ...]) -> sqlite3.Row | None:
        try:
            async with self._reader.execute(self._sql[name], values) as cursor:
                return await cursor.fetchone()
        except DATABASE_ERRORS as error:
            raise self._told(error) from error


def _begin(connection: sqlite3.Connection) -> int:
    """Begins the audit where there is none; returns the largest key that a workflow ever had."""
    _in_transaction(lambda writing: trail.begin(writing, SystemClock().now_us()), connection)
    return trail.last_key(connection)


def _in_transaction(work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return done


def _stretches(changes: Mapping[int, Sequence[Change]]) -> dict[int, tuple[int, int]]:
    """The numbers of the first and the last change, by workflow key."""
    return {key: (some[0].seq, some[-1].seq) for key, some in changes.items() if some}


def _time(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _new_row(workflow: Workflow) -> tuple[Any, ...]:
    request = workflow.request
    return (
        workflow.key,
        workflow.id,
        request.name,
        request.desc,
        workflow.operator,
        workflow.created_us,
        workflow.mends,
        workflow.lineage.kind if workflow.lineage else 0,
        workflow.lineage.workflow_id if workflow.lineage else "",
        workflow.submit_key or None,
        ",".join(workflow.acknowledged),
        int(workflow.proven),
        len(request.blocks),
        workflow.status,
        workflow.standing.since_us,
        encoding.encode_counts(workflow.standing.counts),
        encoding.encode_request(request),
    )


def _change_rows(changes: Mapping[int, Sequence[Change]]) -> list[tuple[Any, ...]]:
    return [
        (key, *change[:5], change.error or None, change.operator or None, change.reason or None)
        for key, some in changes.items()
        for change in some
    ]


def _standing_rows(standings: Mapping[int, Standing]) -> list[tuple[Any, ...]]:
    return [
        (
            s.status,
            s.started_us,
            s.ended_us,
            s.since_us,
            s.reason,
            s.seq,
            s.current_block,
            encoding.encode_counts(s.counts),
            key,
        )
        for key, s in standings.items()
    ]


def _change(row: sqlite3.Row) -> Change:
    seq, block, job, status, time_us, error, operator, reason = row
    return Change(seq, block, job, Status(status), time_us, error or "", operator or "", reason or "")


def _summary(row: sqlite3.Row) -> Summary:
    return Summary(
        id=row[1],
        name=row[2],
        desc=row[3],
        operator=row[4],
        status=Status(row[5]),
        created_us=row[6],
        started_us=row[7],
        ended_us=row[8],
        reason=row[9],
        seq=row[10],
        blocks=row[11],
        current_block=row[12],
        counts=encoding.decode_counts(row[13]),
        mends=row[14],
        since_us=row[15],
        lineage=_lineage(row[16], row[17]),
    )


def _approval(row: sqlite3.Row) -> Approval:
    operator, time_us, request, policies, *rest = row
    return Approval(operator, time_us, Scope(request, policies), *rest)


def _lineage(kind: int, workflow_id: str) -> Lineage | None:
    return Lineage(LineageKind(kind), workflow_id) if kind else None


def _rejection(row: sqlite3.Row) -> RejectionSummary:
    return RejectionSummary(*row[1:11])


def _listing(name: str, text: str, limit: int, before: int, names: Collection[str] | None) -> dict[str, Any]:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {
        "before": before or _FIRST_PAGE,
        "name": name or None,
        "names": None if names is None else json.dumps(sorted(names)),
        "text": f"%{escaped}%" if text else None,
        # One more than asked for tells whether there is a next page.
        "limit": limit + 1,
    }


def _page(rows: list[sqlite3.Row], limit: int, read: Callable[[sqlite3.Row], T]) -> Page[T]:
    shown = rows[:limit]
    return Page(tuple(map(read, shown)), int(shown[-1][0]) if len(rows) > limit else 0)
