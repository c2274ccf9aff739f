"""Whether the audit is the chain that was written, and histories are what was sealed. Blocks.

A chain tells that something was changed, and where; who can write the database can write a whole new chain
too. What tells of that is its head, kept elsewhere: in the server's log, or in an export.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from wf_server.model.audit import GENESIS, Act, AuditEntry, chained, entry_text
from wf_server.store import trail
from wf_server.store.queries import load_queries
from wf_server.upkeep.problems import Problem

_SQL = load_queries("audit")
_PORTION = 2_000
TAMPERED = (
    "somebody or something changed it; restore the newest backup that verifies clean, and ask who could"
)


@dataclass(slots=True)
class Told:
    """What the audit tells of: what has to be there, and what has gone."""

    beginning: trail.Beginning = field(default_factory=trail.Beginning)
    entries: int = 0
    #: The ids of the workflows that were submitted and not removed since, by key.
    workflows: dict[int, str] = field(default_factory=dict)
    #: The hashes of the rejections that were not removed since, by key.
    rejections: dict[int, str] = field(default_factory=dict)
    #: The hashes of the changes of stops, by key.
    stops: dict[int, str] = field(default_factory=dict)

    def take(self, entry: AuditEntry) -> None:
        """Takes note of an entry."""
        self.entries += 1
        if entry.what == Act.SUBMIT and entry.workflow:
            self.workflows[entry.workflow] = entry.target
        elif entry.what == Act.SUBMIT and entry.record:
            self.rejections[entry.record] = entry.digest
        elif entry.what == Act.REMOVED:
            self.workflows.pop(entry.workflow, None)
        elif entry.what == Act.REJECTION_REMOVED:
            self.rejections.pop(entry.record, None)
        elif entry.what in (Act.STOP_ENGAGED, Act.STOP_RELEASED):
            self.stops[entry.record] = entry.digest


def check_chain(connection: sqlite3.Connection, told: Told) -> Iterator[Problem]:
    """Computes every hash anew; `told` takes in what the entries tell."""
    heads, before = {GENESIS}, 0
    for seq, *columns, stored in _rows(connection, "select_entries", 0):
        entry = AuditEntry(*columns)
        if seq != before + 1:
            yield _missing(before, seq)
            # What came before is gone, so nothing can be said of this one's hash.
            heads = set()
        text = entry_text(seq, entry)
        computed = {chained(head, text) for head in heads}
        if heads and stored not in computed:
            yield Problem("it is not what was written, or its hash is not", TAMPERED, f"audit entry {seq}")
        # Where only the hash was changed, the next one still follows from the true one.
        heads, before = computed | ({stored} if isinstance(stored, bytes) else set()), seq
        told.take(entry)
        if seq == 1:
            yield from _begin(entry, told)
    if not before:
        yield Problem("there is no entry, not even the first", TAMPERED, "audit")


def _missing(before: int, seq: int) -> Problem:
    first, last = before + 1, seq - 1
    which = f"entry {first} is" if first == last else f"the entries {first} to {last} are"
    return Problem(f"{which} missing", TAMPERED, f"audit entry {first}")


def _begin(entry: AuditEntry, told: Told) -> Iterator[Problem]:
    try:
        told.beginning = trail.Beginning.of(entry.told)
    except (ValueError, TypeError):
        yield Problem("it does not tell with what the audit began", TAMPERED, "audit entry 1")


class SealCheck:
    """Checks one workflow's history against its seals, and its seals against the audit.

    Ask `problems` after whatever else reads the history.
    """

    def __init__(self, connection: sqlite3.Connection, key: int, workflow_id: str, told: Told) -> None:
        self._connection = connection
        self._key = key
        self._id = workflow_id
        self._told = told

    def problems(self, newest: int) -> Iterator[Problem]:
        """Computes the hashes anew; `newest` is the number of the newest change. The first problem only."""
        head, before = trail.row_hash(self._connection, self._key), 0
        heads = {head.hex()}
        older = self._key <= self._told.beginning.workflow
        for seq, first, stored in _rows(self._connection, "select_seals", self._key):
            if first != before + 1 and not (older and not before):
                yield self._problem(f"the changes {before + 1} to {first - 1} were never sealed", before + 1)
                return
            (text,) = self._connection.execute(_SQL["select_stretch"], (self._key, first, seq)).fetchone()
            head, before = chained(head, text), seq
            if head != stored:
                which = f"the changes {first} to {seq} are" if first < seq else f"the change {seq} is"
                begun = "" if first > 1 else ", or its row is not"
                yield self._problem(f"{which} not what was recorded{begun}", first)
                return
            heads.add(head.hex())
        if before > newest:
            yield self._problem(f"the changes {newest + 1} to {before} are missing", before)
            return
        if before < newest and not older:
            yield self._problem(f"the changes {before + 1} to {newest} were never sealed", before + 1)
            return
        yield from self._entries(heads, older=older)

    def _entries(self, heads: set[str], *, older: bool) -> Iterator[Problem]:
        """What the audit says of the history, at each entry about it."""
        submitted = older
        for seq, what, target, digest in _rows(self._connection, "select_entries_of_workflow", self._key):
            if target != self._id:
                yield self._problem(f"audit entry {seq} is about the workflow {target}, which had its place")
                return
            submitted = submitted or what == Act.SUBMIT
            if digest not in heads:
                yield self._problem(f"its row or its history is not that of audit entry {seq} ({what})")
                return
        if not submitted:
            yield self._problem("the audit does not tell who submitted it")

    def _problem(self, what: str, seq: int | None = None) -> Problem:
        return Problem(what, TAMPERED, workflow=self._id, seq=seq)


def check_approvals(connection: sqlite3.Connection, key: int, workflow_id: str) -> Iterator[Problem]:
    """Whether a workflow's approvals are those of which the audit tells, each as it told of it last."""
    newest: dict[str, str] = {}
    for (told,) in _rows(connection, "select_approval_entries", key):
        newest |= {one.rpartition(" ")[0]: one for one in told.split(", ")}
    for (approval,) in _rows(connection, "select_approvals_of", key):
        found = trail.approvals_told(connection, [approval])
        about = f"approval {approval}"
        if (told := newest.pop(found.rpartition(" ")[0], None)) is None:
            yield Problem(f"the audit does not tell of {about}", TAMPERED, workflow=workflow_id)
        elif told != found:
            yield Problem(f"{about} is not what was given", TAMPERED, workflow=workflow_id)
    for gone in newest:
        yield Problem(f"the {gone.removesuffix(' sha256')} is gone", TAMPERED, workflow=workflow_id)


def check_gone(told: Told, present: Iterable[int]) -> Iterator[Problem]:
    """Whether workflows are gone of which the audit does not tell that they went."""
    for key in sorted(told.workflows.keys() - set(present)):
        yield Problem(
            "it is gone, and the audit does not tell of its removal", TAMPERED, workflow=told.workflows[key]
        )


def check_record(
    found: bytes, digests: dict[int, str], key: int, beginning: int, about: str
) -> Iterator[Problem]:
    """Whether a rejection or a change of a stop is what it was; takes it out of `digests`.

    `found` is its hash now, and what has a key up to `beginning` was there before the audit.
    """
    digest = digests.pop(key, None)
    if digest is None:
        if key > beginning:
            yield Problem("the audit does not tell of it", TAMPERED, about)
    elif found.hex() != digest:
        yield Problem("it is not what it was", TAMPERED, about)


def check_records_gone(digests: dict[int, str], what: str) -> Iterator[Problem]:
    """Whether some are gone of which the audit does not tell; asked when all there are were checked."""
    for key in sorted(digests):
        yield Problem("it is gone, and the audit does not tell of its removal", TAMPERED, f"{what} {key}")


def _rows(connection: sqlite3.Connection, name: str, *values: Any) -> Iterator[Sequence[Any]]:
    cursor = connection.execute(_SQL[name], values)
    while rows := cursor.fetchmany(_PORTION):
        yield from rows
