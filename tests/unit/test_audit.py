"""The audit chain and the seals of histories: what is written, and that whatever is changed is found."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.unit.conftest import Engine, MakeEngine
from tests.unit.test_verify import BUCKETS, work
from wf_server.clock import SystemClock
from wf_server.engine.trail import EACH, WINDOW, Trail
from wf_server.errors import StoreDamaged
from wf_server.model import Approval, Scope, StopRecord, StopStatus
from wf_server.model.audit import GENESIS, Act, AuditEntry, EntryFilter, Outcome, chained, entry_text
from wf_server.store import Store, audit_reader
from wf_server.store.operators import OperatorTable
from wf_server.upkeep.verify import Verification

COLUMNS = f"{', '.join(AuditEntry._fields)}, hash"
#: What the audit and the histories are, and by what a place in each is told: some part of the problem's line.
TABLES = {
    "audit": ("seq", "audit entry {seq}"),
    "change": ("workflow, seq", "change"),
    "seal": ("workflow, seq", "change"),
    "workflow": ("key", "workflow "),
    "rejection": ("key", "rejection"),
    "stop_change": ("key", "stop change"),
    "approval": ("key", "approval {key}"),
}


def entries(path: Path) -> list[AuditEntry]:
    with closing(sqlite3.connect(path)) as reader:
        return [AuditEntry(*row[:-1]) for row in reader.execute(f"SELECT {COLUMNS} FROM audit ORDER BY seq")]


def problems(path: Path) -> list[str]:
    return [problem.line() for problem in Verification(path, BUCKETS).problems()]


def change(path: Path, *statements: str) -> list[str]:
    with closing(sqlite3.connect(path)) as writer, writer:
        for statement in statements:
            writer.execute(statement)
    return problems(path)


@pytest.fixture
async def database(make_engine: MakeEngine, tmp_path: Path) -> Path:
    """A database in which all kinds of things have happened; nobody has it open any more."""
    engine = await make_engine()
    await work(engine)
    await approve(engine)
    await engine.stops.set("T", StopStatus.STOP, "ann", "smoke", source="token 10.0.0.7:41000")
    await engine.store.append_entries([AuditEntry(5, "eve", "10.0.0.9:5", "x", outcome=Outcome.REFUSED)])
    await make_engine()
    return tmp_path / "wf.db"


async def approve(engine: Engine) -> None:
    """Somebody approves a workflow, and takes it back; somebody else stays with it."""
    workflow = await engine.submit([""])
    kept = []
    for n, name in enumerate(("bob", "carl")):
        given = Approval(name, 7 + n, Scope("r", "p"), "saw it", "token", "10.0.0.8:1")
        entry = AuditEntry(7 + n, name, "here", Act.APPROVE, "T", workflow.id, workflow=workflow.key)
        kept.append(await engine.store.insert_approval(workflow.key, given, entry))
    taken = replace(kept[0], withdrawn_us=9, withdrawn_reason="oh")
    entry = AuditEntry(9, "bob", "here", Act.WITHDRAW, "T", workflow.id, workflow=workflow.key)
    await engine.store.withdraw_approvals([taken], entry)


async def test_an_approval_that_nobody_gave_and_one_that_is_gone_are_found(database: Path) -> None:
    forge = (
        "INSERT INTO approval"
        " (workflow, operator, time_us, request_digest, policies_digest, comment, way, origin)"
        " SELECT workflow, 'dora', time_us, request_digest, policies_digest, comment, way, origin"
        " FROM approval WHERE operator = 'carl'"
    )
    (line,) = change(database, forge)
    assert "the audit does not tell of approval 3" in line
    lines = change(database, "DELETE FROM approval WHERE operator IN ('dora', 'bob')")
    assert ["the approval 1 is gone" in line for line in lines] == [True]


async def test_every_hash_follows_from_the_one_before(database: Path) -> None:
    head = GENESIS
    with closing(sqlite3.connect(database)) as reader:
        rows = reader.execute(f"SELECT seq, {COLUMNS} FROM audit ORDER BY seq").fetchall()
    for n, (seq, *columns, stored) in enumerate(rows, 1):
        head = chained(head, entry_text(seq, AuditEntry(*columns)))
        assert (seq, stored) == (n, head)
    assert [AuditEntry(*row[1:-1]).what for row in rows][:2] == [Act.BEGAN, Act.SUBMIT]


async def test_who_did_what_from_where_and_why(database: Path) -> None:
    told = {entry.what: entry for entry in entries(database)}
    stop = told[Act.STOP_ENGAGED]
    assert stop[1:7] == ("ann", "token 10.0.0.7:41000", Act.STOP_ENGAGED, "T", "T", "smoke")
    ended = [entry for entry in entries(database) if entry.what == Act.ENDED]
    assert {entry.outcome for entry in ended} >= {"failed", "completed"}
    assert all(len(entry.digest) == 64 for entry in ended)
    refused = next(entry for entry in entries(database) if entry.outcome == Outcome.REFUSED)
    assert (refused.what, refused.target, refused.who) == (Act.SUBMIT, "r", "me")
    assert "no" in refused.told


async def test_what_a_server_writes_verifies(database: Path) -> None:
    assert problems(database) == []


_TAMPER = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_TAMPER
@given(st.data())
def test_whatever_is_changed_is_found_where_it_is(database: Path, data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(sorted(TABLES)))
    keys, place = TABLES[table]
    copy = database.with_name("copy.db")
    shutil.copyfile(database, copy)
    with closing(sqlite3.connect(copy)) as writer, writer:
        writer.row_factory = sqlite3.Row
        rows = writer.execute(f"SELECT * FROM {table} ORDER BY {keys}").fetchall()
        row = data.draw(st.sampled_from(rows))
        column = data.draw(st.sampled_from(row.keys()))
        where = " AND ".join(f"{key} = {row[key]}" for key in keys.split(", "))
        try:
            writer.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (data.draw(other(row[column])),))
        except sqlite3.IntegrityError:
            assume(False)
    lines = problems(copy)
    assert any(place.format(**row) in line for line in lines), (table, column, lines)


def other(value: Any) -> st.SearchStrategy[Any]:
    """A value that differs from the given one in one byte, or in being there."""
    if value is None:
        return st.sampled_from(["x", 1])
    if isinstance(value, int):
        return st.sampled_from([1 << bit for bit in range(32)]).map(lambda flip: value ^ flip)
    if isinstance(value, bytes):
        return st.integers(0, len(value) * 8 - 1).map(partial(_flipped, value))
    if not value:
        return st.just("x")
    return st.integers(0, len(value) - 1).map(
        lambda at: value[:at] + chr((ord(value[at]) ^ 1) or 2) + value[at + 1 :]
    )


def _flipped(value: bytes, bit: int) -> bytes:
    flipped = bytearray(value)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


LAST = "(SELECT max(seq) FROM audit)"
MISSING = {
    "an entry": (("DELETE FROM audit WHERE seq = 4",), "audit entry 4: entry 4 is missing"),
    "several entries": (
        ("DELETE FROM audit WHERE seq IN (4, 5)",),
        "audit entry 4: the entries 4 to 5 are missing",
    ),
    "the first entry": (("DELETE FROM audit WHERE seq = 1",), "audit entry 1: entry 1 is missing"),
    "all entries": (("DELETE FROM audit",), "audit: there is no entry"),
    "a whole workflow": (
        *(
            (
                "DELETE FROM job_log",
                "DELETE FROM job_progress",
                "DELETE FROM change WHERE workflow = 2",
                "DELETE FROM seal WHERE workflow = 2",
                "DELETE FROM workflow WHERE key = 2",
            ),
        ),
        "it is gone, and the audit does not tell of its removal",
    ),
    "a rejection": (("DELETE FROM rejection",), "rejection number 1: it is gone"),
    "a stop": (("DELETE FROM stop_change",), "stop change 1: it is gone"),
    "a submission": (
        ("DELETE FROM audit WHERE seq >= (SELECT min(seq) FROM audit WHERE workflow = 5)",),
        "the audit does not tell who submitted it",
    ),
    "seals at the end": (
        ("DELETE FROM seal WHERE workflow = 1 AND seq > 2",),
        "were never sealed",
    ),
    "seals in between": (
        ("DELETE FROM seal WHERE workflow = 1 AND seq = (SELECT min(seq) FROM seal WHERE workflow = 1)",),
        "were never sealed",
    ),
}


@pytest.mark.parametrize("kind", MISSING)
def test_what_was_taken_away_is_found(database: Path, kind: str) -> None:
    statements, expected = MISSING[kind]
    lines = change(database, *statements)
    assert any(expected in line for line in lines), lines


async def test_what_retention_removes_is_told_and_not_taken_for_tampering(
    engine: Engine, tmp_path: Path
) -> None:
    workflow = await engine.run([""])
    head = next(e.digest for e in reversed(entries(tmp_path / "wf.db")) if e.what == Act.ENDED)
    key = workflow.key
    await engine.store.delete_workflows([key], 7)
    last = entries(tmp_path / "wf.db")[-1]
    assert (last.what, last.target, last.why, last.digest) == (Act.REMOVED, workflow.id, "retention", head)
    assert problems(tmp_path / "wf.db") == []


async def test_no_key_is_given_twice_though_its_workflow_is_gone(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = await make_engine()
    first = await engine.run([""])
    await engine.store.delete_workflows([first.key], 7)
    engine = await make_engine()
    second = await engine.run([""])
    assert second.key > first.key
    assert problems(tmp_path / "wf.db") == []


async def test_what_was_there_before_the_audit_began_is_no_problem(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = await make_engine()
    await work(engine)
    await engine.store.record_stop(StopRecord("T", StopStatus.GO, "ann", "", 1))
    engine.jobs.release()
    await engine.until(lambda: not list(engine.executor.active()))
    await make_engine()
    path = tmp_path / "wf.db"
    change(path, "DELETE FROM audit", "DELETE FROM seal")
    engine = await make_engine()
    await engine.clock.advance(1)
    older = next(w for w in await engine.store.load_workflows(range(1, 20)) if w.status == 1)  # type: ignore[arg-type]
    await engine.executor.start(older, "me")
    await engine.until(lambda: older.is_final)
    await engine.run([""])
    assert problems(path) == []
    (line,) = change(path, f"UPDATE change SET operator = 'eve' WHERE workflow = {older.key} AND seq = 1")
    assert "not what was recorded" in line


async def test_another_program_writes_into_the_same_chain(engine: Engine, tmp_path: Path) -> None:
    table = OperatorTable(tmp_path / "wf.db")
    for n in range(3):
        table.put_operator(f"ann{n}", [], "root", SystemClock().now_us())
        await engine.run([""])
    table.revoke("ann1", "root", 5)
    table.close()
    told = [(e.who, e.source, e.what, e.target) for e in entries(tmp_path / "wf.db") if "oper" in e.what]
    assert told[0] == ("root", "command line", Act.OPERATOR_ADDED, "ann0")
    assert told[-1] == ("root", "command line", Act.OPERATOR_REVOKED, "ann1")
    assert problems(tmp_path / "wf.db") == []


async def test_a_change_and_its_entry_are_one_transaction(engine: Engine, tmp_path: Path) -> None:
    workflow = await engine.submit(["wait"])
    await engine.executor.start(workflow, "me")
    path = tmp_path / "wf.db"
    before = len(entries(path))
    engine.recorder.workflow(workflow, workflow.status)
    engine.recorder.entry(AuditEntry(5, "ann", "", Act.PAUSE, workflow=workflow.key))
    await engine.recorder.flush()
    assert len(entries(path)) == before + 1
    engine.jobs.release()


async def test_refusals_that_come_by_the_thousand_are_counted(engine: Engine, tmp_path: Path) -> None:
    trail = Trail(engine.recorder, engine.clock)
    for port in range(1_000):
        refused = AuditEntry(1, "eve", f"10.0.0.9:{port}", "cancel", outcome=Outcome.REFUSED, told="no")
        trail.refused(refused)
    trail.refused(AuditEntry(1, "ann", "10.0.0.1:5", "cancel", outcome=Outcome.REFUSED, told="no"))
    trail.close()
    await engine.recorder.close()
    told = [entry for entry in entries(tmp_path / "wf.db") if entry.what == "cancel"]
    assert len(told) == EACH + 2
    assert sum(entry.times for entry in told if entry.who == "eve") == 1_000
    assert told[-1].source == "10.0.0.9"
    assert f"{WINDOW:.0f} s" in told[-1].told


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A database that was just made."""

    async def make() -> str:
        store = await Store.open(tmp_path / "fresh.db")
        await store.close()
        return store.audit_head

    head = asyncio.run(make())
    assert head.startswith("1:")
    return tmp_path / "fresh.db"


def test_a_new_database_begins_with_one_entry(fresh: Path) -> None:
    (entry,) = entries(fresh)
    assert (entry.what, entry.who) == (Act.BEGAN, "wf-server")
    assert problems(fresh) == []


async def pages(store: Store, *, oldest_first: bool, **asked: Any) -> list[list[int]]:
    found, start = [], asked.pop("start", 0)
    while True:
        edges = {"after": start} if oldest_first else {"before": start}
        page = await store.list_entries(
            EntryFilter(**asked), None, oldest_first=oldest_first, limit=3, **edges
        )
        found.append([link.seq for link in page.links])
        if not page.next:
            return found
        start = page.next


async def test_the_audit_is_read_in_pages(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    await engine.store.append_entries([AuditEntry(n, "eve", "", "x" if n % 5 else "y") for n in range(1, 21)])
    assert await pages(engine.store, oldest_first=True, start=15) == [[16, 17, 18], [19, 20, 21], []]
    assert await pages(engine.store, oldest_first=False, start=5) == [[4, 3, 2], [1]]
    assert await pages(engine.store, oldest_first=False, what="y") == [[21, 16, 11], [6]]
    assert await pages(engine.store, oldest_first=True, since_us=3, until_us=5, who="eve") == [[4, 5]]
    monkeypatch.setattr(audit_reader, "STRETCH", 4)
    for oldest_first in (True, False):
        found = await pages(engine.store, oldest_first=oldest_first, what="y")
        assert [seq for page in found for seq in page] == sorted([6, 11, 16, 21], reverse=not oldest_first)
        assert [] in found, "what was looked at in vain is a page too"
        everything = await pages(engine.store, oldest_first=oldest_first)
        assert sorted(seq for page in everything for seq in page) == list(range(1, 22))


def damage(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute(statement)


async def test_a_chain_that_cannot_go_on_is_a_damaged_database(database: Path) -> None:
    copy = database.with_name("copy.db")
    shutil.copyfile(database, copy)
    damage(copy, "UPDATE audit SET hash = X'00' WHERE seq = (SELECT max(seq) FROM audit)")
    with pytest.raises(StoreDamaged, match=r"the hash of audit entry \d+ is none; restore it from a backup"):
        await Store.open(copy)
    assert "not what was written, or its hash is not" in problems(copy)[0]


async def test_what_should_be_hashed_and_is_not_there_is_a_damaged_database(engine: Engine) -> None:
    with pytest.raises(StoreDamaged, match="the row 99 that is to be hashed is not there"):
        await engine.store.append_entries([AuditEntry(5, "eve", "", "x", workflow=99)])
    assert (await engine.run([""])).is_final
