"""Everything there is about one workflow in a file that can be checked without a server. Blocks.

A line is a JSON object that begins with its hash: the SHA-256 of the hash of the line before, in hexadecimal
digits, followed by the rest of the line. So every byte of a bundle is vouched for, and the texts in it are
those of which the database's own hashes were made.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from wf_server.errors import NotFound
from wf_server.model import Change, Status, Workflow, receipt_of
from wf_server.model.audit import AuditEntry, entry_text
from wf_server.store import encoding, trail
from wf_server.store.queries import load_queries
from wf_server.store.snapshot import open_snapshot

#: The version of a bundle.
FORMAT = 1
_AUDIT, _UPKEEP = load_queries("audit"), load_queries("upkeep")


def bundle_lines(database: Path, workflow_id: str, program: str, now_us: int) -> Generator[bytes, None, None]:
    """Yields the lines of a workflow's bundle, of one moment. Raises NotFound, StoreError."""
    with open_snapshot(database) as connection:
        row = connection.execute(_AUDIT["select_key"], (workflow_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no workflow with the id {workflow_id[:80]!r}")
        head, n = "", 0
        first = {
            "part": "bundle",
            "format": FORMAT,
            "workflow": workflow_id,
            "made_us": now_us,
            "by": program,
        }
        for part in (first, *_parts(connection, int(row[0]), workflow_id)):
            n += 1
            head, line = _line(head, part)
            yield line
        _, last = _line(head, {"part": "end", "lines": n + 1, **_head(connection)})
        yield last


def _line(previous: str, part: dict[str, Any]) -> tuple[str, bytes]:
    rest = json.dumps(part, ensure_ascii=False, separators=(",", ":"))[1:].encode()
    digest = hashlib.sha256(previous.encode() + rest).hexdigest()
    return digest, b'{"hash":"%s",%s\n' % (digest.encode(), rest)


def _head(connection: sqlite3.Connection) -> dict[str, Any]:
    seq, _, head = trail.chain_head(connection).partition(":")
    return {"audit_seq": int(seq), "audit_hash": head}


def _parts(connection: sqlite3.Connection, key: int, workflow_id: str) -> Iterator[dict[str, Any]]:
    text, request = connection.execute(_AUDIT["select_row_text"], (key,)).fetchone()
    yield {"part": "row", "text": text}
    yield {"part": "request", "text": request}
    for time_us, digest, policies in connection.execute(_AUDIT["select_policies_of"], (key, key)):
        yield {"part": "policies", "time_us": time_us, "digest": digest, "text": policies}
    for (approval,) in connection.execute(_UPKEEP["archive_approvals"], (key,)):
        yield {"part": "approval", "text": approval}
    for seq, first, stored in connection.execute(_AUDIT["select_seals"], (key,)):
        (changes,) = connection.execute(_AUDIT["select_stretch"], (key, first, seq)).fetchone()
        yield {"part": "history", "first": first, "seq": seq, "seal": stored.hex(), "changes": changes}
    if receipt := _receipt(connection, key, workflow_id, request):
        yield {"part": "receipt", **receipt}
    for seq, *columns, stored, previous in connection.execute(_AUDIT["select_entries_about"], (key, key)):
        yield {
            "part": "audit",
            "text": entry_text(seq, AuditEntry(*columns)),
            "sha256": stored.hex(),
            "previous": (previous or b"").hex() if seq > 1 else "00" * 32,
        }


def _receipt(
    connection: sqlite3.Connection, key: int, workflow_id: str, request: str
) -> dict[str, Any] | None:
    """What a stop or a cancel did, as the history tells."""
    workflow = Workflow(workflow_id, encoding.decode_request(request), "", 0, key=key)
    for seq, block, job, status, time_us, error, operator, reason in connection.execute(
        _UPKEEP["select_changes"], (key,)
    ):
        place = (seq, block, job, Status(status), time_us)
        workflow.apply(Change(*place, error or "", operator or "", reason or ""))
    receipt = receipt_of(workflow)
    if receipt is None:
        return None
    fates = Counter({fate.name.lower(): n for fate, n in receipt.counts.items() if n})
    return {
        "order": receipt.order.label,
        "operator": receipt.operator,
        "reason": receipt.reason,
        "ordered_us": receipt.ordered_us,
        "settled_us": receipt.settled_us,
        "jobs": dict(fates),
    }
