"""Reading the audit in pages: a stretch of it at a time, so that a rare find does not hold up other reads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any

from wf_server.model.audit import GENESIS, AuditEntry, EntryFilter, EntryPage, Link
from wf_server.store.queries import load_queries

#: Entries looked at for one page.
STRETCH = 50_000
#: Larger than any number or time.
_END = 2**62

_SQL = load_queries("audit")


def read_page(
    connection: sqlite3.Connection,
    wanted: EntryFilter,
    types: Collection[str] | None,
    *,
    after: int,
    before: int,
    oldest_first: bool,
    limit: int,
) -> EntryPage:
    """Reads a page of entries between two numbers; `types` are the workflow types to tell of, None: all."""
    newest, head = connection.execute(_SQL["select_head"]).fetchone() or (0, GENESIS)
    before = min(before or _END, newest + 1)
    low, high = after, before
    if oldest_first:
        high = min(before, after + STRETCH + 1)
    else:
        low = max(after, before - STRETCH - 1)
    query = _SQL["list_oldest" if oldest_first else "list_newest"]
    rows = connection.execute(query, _values(wanted, types, low, high, limit)).fetchall()
    if len(rows) == limit:
        follows = int(rows[-1][0])
    elif oldest_first:
        follows = high - 1 if high < before else 0
    else:
        follows = low + 1 if low > after else 0
    links = tuple(_link(row) for row in rows)
    return EntryPage(links, follows, newest, bytes(head))


def _values(
    wanted: EntryFilter, types: Collection[str] | None, low: int, high: int, limit: int
) -> dict[str, Any]:
    escaped = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {
        "after": low,
        "before": high,
        "types": None if types is None else json.dumps(sorted(types)),
        "who": wanted.who or None,
        "what": wanted.what or None,
        "outcome": wanted.outcome or None,
        "target": wanted.target or None,
        "since_us": wanted.since_us,
        "until_us": wanted.until_us or _END,
        "text": f"%{escaped}%" if escaped else None,
        "limit": limit,
    }


def _link(row: sqlite3.Row) -> Link:
    seq, *columns, stored, previous = row
    return Link(seq, AuditEntry(*columns), bytes(stored), GENESIS if seq == 1 else bytes(previous or b""))
