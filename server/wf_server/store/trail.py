"""The audit chain and the seals of histories, within a transaction that its caller began. Blocks.

What is hashed of a row is the JSON that SQLite makes of it as it was stored: checking asks for the same.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from wf_server.model.audit import GENESIS, INSIDE, SERVER, Act, AuditEntry, chained, entry_text
from wf_server.store.queries import load_queries

#: The statements about the audit.
SQL = load_queries("audit")


@dataclass(frozen=True, slots=True)
class Beginning:
    """The newest keys of what was there before the audit began, of which it has no entries."""

    workflow: int = 0
    rejection: int = 0
    stop_change: int = 0

    @classmethod
    def of(cls, told: str) -> Beginning:
        """Reads what the first entry tells. Raises ValueError, TypeError."""
        return cls(**json.loads(told))


def begin(connection: sqlite3.Connection, now_us: int) -> None:
    """Writes the first entry where there is none."""
    if not _newest(connection)[0]:
        before = Beginning(*connection.execute(SQL["select_beginning"]).fetchone())
        told = json.dumps(asdict(before))
        append(connection, [AuditEntry(now_us, SERVER, INSIDE, Act.BEGAN, told=told)])


def append(
    connection: sqlite3.Connection, entries: Iterable[AuditEntry], heads: Mapping[int, bytes] | None = None
) -> None:
    """Chains entries to the newest one; those about a workflow tell the hash of its history.

    `heads` are the hashes that are known already, by workflow key.
    """
    seq, head = _newest(connection)
    rows = []
    for entry in entries:
        if entry.workflow and not entry.digest:
            known = heads.get(entry.workflow) if heads else None
            entry = entry._replace(digest=(known or history_head(connection, entry.workflow)).hex())
        seq += 1
        head = chained(head, entry_text(seq, entry))
        rows.append((seq, *entry, head))
    connection.executemany(SQL["insert_entry"], rows)


def chain_head(connection: sqlite3.Connection) -> str:
    """The newest entry's number and hash: what tells, kept elsewhere, that nothing was taken off the end."""
    seq, head = _newest(connection)
    return f"{seq}:{head.hex()}"


def _newest(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """The number and the hash of the newest entry."""
    row = connection.execute(SQL["select_head"]).fetchone()
    return (row[0], _whole(row[1], f"audit entry {row[0]}")) if row else (0, GENESIS)


def _whole(found: object, what: str) -> bytes:
    """A hash as it was read. Raises what SQLite raises for a damaged database: nothing can follow from it."""
    if not isinstance(found, bytes) or len(found) != len(GENESIS):
        raise sqlite3.DatabaseError(f"the hash of {what} is none")
    return found


def last_key(connection: sqlite3.Connection) -> int:
    """The largest key that a workflow ever had: none is given twice."""
    return int(connection.execute(SQL["select_last_key"]).fetchone()[0])


def seal(connection: sqlite3.Connection, stretches: Mapping[int, tuple[int, int]]) -> dict[int, bytes]:
    """Seals changes that were just written, from one number to another, by workflow key.

    Returns the hashes of the histories up to there.
    """
    heads: dict[int, bytes] = {}
    rows = []
    for key, (first, last) in stretches.items():
        (text,) = connection.execute(SQL["select_stretch"], (key, first, last)).fetchone()
        heads[key] = chained(history_head(connection, key), text)
        rows.append((key, last, first, heads[key]))
    connection.executemany(SQL["insert_seal"], rows)
    return heads


def history_head(connection: sqlite3.Connection, key: int) -> bytes:
    """The hash of a workflow's history so far; of its row alone where it has none."""
    row = connection.execute(SQL["select_newest_seal"], (key,)).fetchone()
    return _whole(row[1], f"the seal of workflow {key}") if row else row_hash(connection, key)


def row_hash(connection: sqlite3.Connection, key: int) -> bytes:
    """The hash of what never changes of a workflow: its request, who submitted it and when."""
    return _of_row(connection, "select_row_text", key)


def rejection_hash(connection: sqlite3.Connection, key: int) -> bytes:
    """The hash of a refused WorkReq with its violations."""
    return _of_row(connection, "select_rejection_text", key)


def stop_hash(connection: sqlite3.Connection, key: int) -> bytes:
    """The hash of a change of a stop."""
    return _of_row(connection, "select_stop_text", key)


def approvals_told(connection: sqlite3.Connection, keys: Iterable[int]) -> str:
    """What the audit says of approvals as they are now: each with its number and its hash."""
    hashes = ((key, _of_row(connection, "select_approval_text", key).hex()) for key in keys)
    return ", ".join(f"approval {key} sha256 {found}" for key, found in hashes)


def _of_row(connection: sqlite3.Connection, query: str, key: int) -> bytes:
    row = connection.execute(SQL[query], (key,)).fetchone()
    if row is None:
        raise sqlite3.DatabaseError(f"the row {key} that is to be hashed is not there")
    text, request = row
    return chained(hashlib.sha256(request.encode()).digest(), text)
