"""The integrity check: the database against its own history. Reads one snapshot, and blocks."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from wf_server.config import BucketSpec
from wf_server.errors import StoreError
from wf_server.model import StopStatus
from wf_server.store import encoding, trail
from wf_server.store.failures import DATABASE_ERRORS
from wf_server.store.queries import load_queries
from wf_server.store.snapshot import open_snapshot
from wf_server.upkeep.archive import entries, is_cut_short
from wf_server.upkeep.chain import (
    SealCheck,
    Told,
    check_approvals,
    check_chain,
    check_gone,
    check_record,
    check_records_gone,
)
from wf_server.upkeep.histories import UNREADABLE, HistoryCheck, Records, Stored
from wf_server.upkeep.problems import RESTORE, Problem

#: Rows read in one go.
_PORTION = 2_000
_TABLES = ("change", "seal", "job_log", "job_progress", "approval", "token", "erasure")


@dataclass(slots=True)
class Totals:
    """How much there is."""

    workflows: int = 0
    changes: int = 0
    rejections: int = 0
    #: Of the audit.
    entries: int = 0


class Verification:
    """Checks one database. `problems` yields what is wrong as it is found; `totals` counts."""

    def __init__(
        self,
        path: Path,
        buckets: Mapping[str, BucketSpec],
        progress: Callable[[int, int], None] = lambda done, whole: None,
    ) -> None:
        self._path = path
        self._buckets = buckets
        #: Hears how many changes of how many were replayed.
        self._progress = progress
        self.totals = Totals()
        self._sql = load_queries("upkeep")
        self._told = Told()
        self._present: set[int] = set()
        self._connection: sqlite3.Connection

    def problems(self) -> Iterator[Problem]:
        """Reads the whole database. Raises StoreError where it cannot be opened at all."""
        with open_snapshot(self._path) as self._connection:
            checks = {
                "pages": self._check_pages,
                "references": self._check_references,
                "audit": self._check_audit,
                "workflows": self._check_workflows,
                "submit keys": self._check_keys,
                "rejections": self._check_rejections,
                "stop changes": self._check_stops,
                "token buckets": self._check_buckets,
                "quota tokens": self._check_quota_tokens,
            }
            for what, check in checks.items():
                try:
                    yield from check()
                except DATABASE_ERRORS as error:
                    yield Problem(f"its {what} cannot be read any further: {error}")

    def _rows(self, name: str, *values: Any) -> Iterator[Sequence[Any]]:
        cursor = self._connection.execute(self._sql[name], values)
        while rows := cursor.fetchmany(_PORTION):
            yield from rows

    def _check_pages(self) -> Iterator[Problem]:
        for (verdict,) in self._connection.execute("PRAGMA integrity_check"):
            if verdict != "ok":
                yield Problem(f"is damaged: {verdict}")

    def _check_references(self) -> Iterator[Problem]:
        orphaned = set()
        for table in _TABLES:
            for workflow, n in self._rows(f"orphans_of_{table}"):
                orphaned.add(table)
                yield Problem(f"{n} row{'s' * (n > 1)} of a workflow that is gone: {workflow}", about=table)
        for table, *_ in self._connection.execute("PRAGMA foreign_key_check"):
            if table not in orphaned:
                orphaned.add(table)
                yield Problem("rows refer to what is not there", about=str(table))

    def _check_audit(self) -> Iterator[Problem]:
        yield from check_chain(self._connection, self._told)
        self.totals.entries = self._told.entries

    def _check_workflows(self) -> Iterator[Problem]:
        _, whole, _ = next(self._rows("count_all"))
        self._progress(0, whole)
        # Row by row: each one brings a whole WorkReq.
        for row in self._connection.execute(self._sql["select_stored"]):
            stored = Stored(*row)
            self.totals.workflows += 1
            self._present.add(stored.key)
            check = HistoryCheck(stored)
            problems = check.run(self._changes(stored.key, whole), self._records(stored))
            yield from problems
            if not problems:
                # What is wrong by itself need not be told once more.
                seals = SealCheck(self._connection, stored.key, stored.id, self._told)
                yield from seals.problems(check.changes)
                yield from check_approvals(self._connection, stored.key, stored.id)
        yield from check_gone(self._told, self._present)

    def _changes(self, key: int, whole: int) -> Iterator[Sequence[Any]]:
        for row in self._rows("select_changes", key):
            self.totals.changes += 1
            if self.totals.changes % _PORTION == 0:
                self._progress(self.totals.changes, whole)
            yield row

    def _records(self, stored: Stored) -> Records:
        noted = {(b, j) for b, j in self._rows("select_logged", stored.key)}
        noted.update((b, j) for b, j, _, _ in self._rows("select_progress", stored.key))
        return Records(
            noted=sorted(noted),
            tokens=[tuple(row) for row in self._rows("select_tokens", stored.id)],
            erasures=[tuple(row) for row in self._rows("select_erasures", stored.id)],
        )

    def _check_keys(self) -> Iterator[Problem]:
        for key, ids in self._rows("select_used_keys"):
            yield Problem(f"is used by more than one workflow: {ids}", about=f"submit key {key!r}")

    def _check_rejections(self) -> Iterator[Problem]:
        for row in self._connection.execute(self._sql["select_rejections"]):
            self.totals.rejections += 1
            problems = list(check_rejection(row))
            yield from problems
            tampered = list(self._check_rejection_digest(row[11], row[0]))
            yield from () if problems else tampered
        yield from check_records_gone(self._told.rejections, "rejection number")

    def _check_rejection_digest(self, key: int, rejection_id: str) -> Iterator[Problem]:
        found, told = trail.rejection_hash(self._connection, key), self._told
        about = f"rejection {rejection_id}"
        yield from check_record(found, told.rejections, key, told.beginning.rejection, about)

    def _check_stops(self) -> Iterator[Problem]:
        for row in self._rows("select_stop_changes"):
            key, name, status = row[:3]
            found, told = trail.stop_hash(self._connection, key), self._told
            about = f"stop change {key}"
            yield from check_record(found, told.stops, key, told.beginning.stop_change, about)
            if status not in {known.value for known in StopStatus}:
                yield Problem(f"of {name!r} has the status {status!r}, which is none", about=about)
        yield from check_records_gone(self._told.stops, "stop change")

    def _check_buckets(self) -> Iterator[Problem]:
        for name, tokens, _, taken in self._rows("select_levels"):
            yield from _check_level(name, tokens, taken, self._buckets.get(name))
        for name, n in self._rows("select_buckets_without_level"):
            yield Problem(f"{n} were taken, and it has no level", about=f"bucket {name}")

    def _check_quota_tokens(self) -> Iterator[Problem]:
        for _, workflow, block, job in self._rows("select_unfounded_quota_tokens"):
            told = f"block {block} job {job}: a quota's token was taken when it did not begin"
            yield Problem(told, about=f"workflow {workflow}")


def check_archive(directory: Path, totals: Totals) -> Iterator[Problem]:
    """Reads every file of an archive; `totals` counts each id once. Raises StoreError."""
    if not directory.is_dir():
        raise StoreError(f"{directory}: there is no such directory; name the archive's")
    seen: set[str] = set()
    for kind, check in (("workflows", _check_archived), ("rejections", _check_archived_rejection)):
        for path in sorted(directory.glob(f"{kind}-*.jsonl.gz")):
            yield from _check_file(path, check, totals, seen)


def _check_file(
    path: Path,
    check: Callable[[dict[str, Any], Totals], Iterator[Problem]],
    totals: Totals,
    seen: set[str],
) -> Iterator[Problem]:
    line = 0
    try:
        for line, entry in enumerate(entries(path), 1):
            # A crash may have archived it twice.
            if entry["id"] not in seen:
                seen.add(entry["id"])
                for problem in check(entry, totals):
                    yield replace(problem, about=f"{path} line {line}")
    except (OSError, EOFError, zlib.error, *UNREADABLE) as error:
        yield _unreadable(path, line, error)


def _unreadable(path: Path, line: int, error: Exception) -> Problem:
    if isinstance(error, (EOFError, gzip.BadGzipFile)) and is_cut_short(path):
        told = f"ends in the middle of an entry, after line {line}"
        advice = "it is in the database still: a server is archiving it, or will do so again"
        return Problem(told, advice, str(path))
    return Problem(f"cannot be read after line {line}: {error}", "restore the file from a backup", str(path))


def _check_archived(entry: dict[str, Any], totals: Totals) -> Iterator[Problem]:
    columns = {field.name: entry[field.name] for field in fields(Stored)}
    columns |= {name: json.dumps(entry[name]) for name in ("counts", "request")}
    noted = {(row[0], row[1]) for row in (*entry["log"], *entry["progress"])}
    records = Records(sorted(noted), entry["tokens"], entry["erasures"])
    totals.workflows += 1
    totals.changes += len(entry["changes"])
    yield from HistoryCheck(Stored(**columns)).run(entry["changes"], records)


def _check_archived_rejection(entry: dict[str, Any], totals: Totals) -> Iterator[Problem]:
    names = ("id", "name", "desc", "operator", "time_us", "blocks", "jobs", "violated", "first")
    totals.rejections += 1
    texts = [json.dumps(entry[name]) for name in ("violations", "request")]
    yield from check_rejection([*(entry[name] for name in names), *texts])


def check_rejection(row: Sequence[Any]) -> Iterator[Problem]:
    """Whether a refused WorkReq can be read, and is what its line in a listing says."""
    rejection_id, name, *_, blocks, jobs, violated, _, violations, request = row[:11]
    about = f"rejection {rejection_id}"
    try:
        read, breaches = encoding.decode_request(request), encoding.decode_violations(violations)
    except UNREADABLE as error:
        yield Problem(f"cannot be read: {error}", about=about)
        return
    found = (name, blocks, jobs, violated)
    if found != (read.name, len(read.blocks), read.job_count, len(breaches)):
        yield Problem("its row says otherwise than its WorkReq and violations do", about=about)


def _check_level(name: str, tokens: int, taken: int, spec: BucketSpec | None) -> Iterator[Problem]:
    """`taken`: how many tokens were taken since the moment from which its refills count."""
    about = f"bucket {name}"
    if tokens < 0:
        yield Problem(f"holds {tokens} tokens", about=about)
    if spec is None:
        # It is in no server.toml any more: nobody can take from it.
        return
    lowered = f"if its size was lowered in server.toml, the next token taken mends this; if not, {RESTORE}"
    if tokens > spec.size:
        yield Problem(f"holds {tokens} tokens, and its size is {spec.size}", lowered, about=about)
    elif taken > spec.size - max(0, tokens):
        told = f"holds {tokens} of {spec.size} tokens, though {taken} were taken since its last refill"
        yield Problem(told, lowered, about=about)
