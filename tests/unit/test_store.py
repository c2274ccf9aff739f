"""The store, on a real SQLite file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType

import pytest

from wf_server.errors import StoreError
from wf_server.model import (
    WHOLE,
    Block,
    BucketLevel,
    Change,
    Job,
    JobId,
    Rejection,
    ReleaseKey,
    Status,
    StopRecord,
    StopStatus,
    Violation,
    Workflow,
    WorkReq,
)
from wf_server.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "wf.db")
    yield store
    await store.close()


def make(workflow_id: str = "w", name: str = "T", desc: str = "") -> Workflow:
    job = Job("sleep", "naps ☕", MappingProxyType({"seconds": "1"}))
    return Workflow(workflow_id, WorkReq(name, desc, (Block("b", 2, (job, job)),)), "ann", 7)


async def insert(store: Store, workflow: Workflow) -> None:
    workflow.key = store.new_key()
    await store.commit([workflow], {}, {})


async def put(store: Store, workflow: Workflow, changes: list[Change]) -> None:
    workflow.apply_all(changes)
    await store.commit([], {workflow.key: changes}, {workflow.key: workflow.standing})


async def test_a_workflow_comes_back_with_its_history(store: Store) -> None:
    w = make()
    await insert(store, w)
    await put(store, w, [Change(1, WHOLE, WHOLE, Status.RUNNING, 10, operator="bob", reason="now")])
    await put(store, w, [Change(2, 0, 1, Status.RUNNING, 11)])
    await put(store, w, [Change(3, 0, 1, Status.FAILED, 12, error="boom")])
    assert await store.load_workflow("w") == w


async def test_an_unknown_id_is_none(store: Store) -> None:
    assert await store.load_workflow("../../etc/passwd") is None


async def test_a_failed_commit_leaves_nothing_behind(store: Store) -> None:
    w = make()
    await insert(store, w)
    twice = [Change(1, WHOLE, WHOLE, Status.RUNNING, 1), Change(1, 0, WHOLE, Status.RUNNING, 1)]
    with pytest.raises(StoreError):
        await store.commit([], {w.key: twice}, {})
    found = await store.load_workflow("w")
    assert found is not None
    assert found.seq == 0


async def test_pages_and_filters(store: Store) -> None:
    for n in range(5):
        await insert(store, make(f"id{n}", "A" if n % 2 else "B", f"50% of_{n}"))
    first = await store.list_workflows(limit=2)
    assert [s.id for s in first.summaries] == ["id4", "id3"]
    second = await store.list_workflows(limit=2, before=first.next_before)
    assert [s.id for s in second.summaries] == ["id2", "id1"]
    last = await store.list_workflows(limit=2, before=second.next_before)
    assert ([s.id for s in last.summaries], last.next_before) == (["id0"], 0)
    assert [s.id for s in (await store.list_workflows(name="A")).summaries] == ["id3", "id1"]
    assert [s.id for s in (await store.list_workflows(text="% OF_3")).summaries] == ["id3"]
    assert (await store.list_workflows(text="%x")).summaries == ()
    assert (await store.list_workflows(statuses=[Status.RUNNING])).summaries == ()
    assert len((await store.list_workflows(statuses=[Status.NOT_STARTED])).summaries) == 5


async def test_the_row_follows_the_workflows_own_changes(store: Store) -> None:
    w = make()
    await insert(store, w)
    await put(
        store, w, [Change(1, WHOLE, WHOLE, Status.RUNNING, 10), Change(2, 0, WHOLE, Status.RUNNING, 11)]
    )
    (summary,) = (await store.list_workflows()).summaries
    assert summary == w.summary()
    assert [x.id for x in await store.load_workflows([Status.RUNNING])] == ["w"]
    assert await store.load_workflows([Status.COMPLETED]) == []


async def test_a_token_is_taken_with_its_level_or_not_at_all(store: Store) -> None:
    holder = JobId("w", 0, 1)
    assert not await store.token_taken(holder)
    await store.take_token("b", BucketLevel(0, 5), holder, 6)
    assert await store.token_taken(holder)
    with pytest.raises(StoreError):
        await store.take_token("b", BucketLevel(3, 9), holder, 9)
    assert await store.load_buckets() == {"b": BucketLevel(0, 5)}


async def test_the_newest_record_of_each_stop(store: Store) -> None:
    await store.record_stop(StopRecord("T", StopStatus.STOP, "ann", "smoke", 1))
    await store.record_stop(StopRecord("T", StopStatus.GO, "bob", "cleared", 2))
    await store.record_stop(StopRecord("*", StopStatus.STOP, "eve", "", 3))
    latest = await store.latest_stops()
    assert latest["T"] == StopRecord("T", StopStatus.GO, "bob", "cleared", 2)
    assert latest["*"].status is StopStatus.STOP


async def test_a_cancelled_transaction_does_not_linger(store: Store) -> None:
    task = asyncio.create_task(store.take_token("b", BucketLevel(0, 5), JobId("w", 0, 0), 6))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await insert(store, make())
    found = await store.load_workflow("w")
    assert found is not None
    # The token and its level stand together, whether the cancellation came in time or not.
    assert bool(await store.load_buckets()) == await store.token_taken(JobId("w", 0, 0))


async def test_rejections_come_back_whole_and_know_what_mended_them(store: Store) -> None:
    wrong = (Violation("p", "no", 0, 1, "seconds", "x", "y"), Violation("q", "neither"))
    first = Rejection.of("r1", make().request, wrong[:1], "ann", 9)
    second = Rejection.of("r2", make(name="U", desc="100%").request, wrong, "bob", 10)
    await store.insert_rejection(first)
    await store.insert_rejection(second)
    assert await store.load_rejection("r2") == second
    assert await store.load_rejection("r3") is None
    page = await store.list_rejections(limit=1)
    assert page.summaries == (second.summary,)
    assert (await store.list_rejections(limit=1, before=page.next_before)).summaries == (first.summary,)
    assert [s.id for s in (await store.list_rejections(text="NEITHER")).summaries] == ["r2"]
    assert [s.id for s in (await store.list_rejections(name="T")).summaries] == ["r1"]
    mended = make("w9")
    mended.mends = "r1"
    await insert(store, mended)
    found = await store.load_rejection("r1")
    assert found is not None
    assert found.summary.mended_by == "w9"
    (listed,) = (await store.list_workflows()).summaries
    assert listed.mends == "r1"


async def test_history_by_stretches(store: Store) -> None:
    w = make()
    await insert(store, w)
    changes = [Change(1, WHOLE, WHOLE, Status.RUNNING, 10, operator="bob", reason="now")]
    changes += [Change(2, 0, WHOLE, Status.RUNNING, 11), Change(3, 0, 1, Status.RUNNING, 12)]
    await put(store, w, changes)
    assert await store.load_history(w.key, 0, 2) == changes[:2]
    assert await store.load_history(w.key, 2, 10) == changes[2:]


async def test_only_one_server_at_a_time(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"wf\.db: in use by another wf-server \(process \d+\)"):
        await Store.open(tmp_path / "wf.db")


async def test_by_another_name_it_is_still_one_database(store: Store, tmp_path: Path) -> None:
    (tmp_path / "other.db").symlink_to(tmp_path / "wf.db")
    with pytest.raises(StoreError, match="in use by another wf-server"):
        await Store.open(tmp_path / "other.db")


@pytest.mark.parametrize("table", ["workflow", "change"])
async def test_a_damaged_table_is_told_with_what_to_do(tmp_path: Path, table: str) -> None:
    path = tmp_path / "wf.db"
    store = await Store.open(path)
    await insert(store, make())
    await store.close()
    with sqlite3.connect(path) as other:
        (page,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    other.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(StoreError, match=r"wf\.db: .*restore it from a backup"):
        await _read_all(path)


async def test_a_schema_that_is_no_text_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "wf.db"
    await (await Store.open(path)).close()
    content = path.read_bytes()
    assert content.count(b"CREATE TABLE change") == 1
    path.write_bytes(content.replace(b"CREATE TABLE change", b"CREATE \xff\x8cBLE change"))
    with pytest.raises(StoreError, match=r"wf\.db: its schema is damaged; restore it from a backup"):
        await Store.open(path)


async def _read_all(path: Path) -> None:
    store = await Store.open(path)
    try:
        await store.load_workflows([Status.NOT_STARTED])
    finally:
        await store.close()


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wf.db"
    await (await Store.open(path)).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(StoreError, match="schema version 99, newer than"):
        await Store.open(path)


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wf.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(StoreError, match="is not a wf database"):
        await Store.open(path)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wf.db"
    path.write_text("these are my notes, not a database, and they are longer than a header" * 20)
    with pytest.raises(StoreError, match=r"wf\.db: .*file is not a database"):
        await Store.open(path)


async def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        await Store.open(tmp_path / "file" / "wf.db")


async def test_the_file_is_private(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / "wf.db").stat().st_mode & 0o077 == 0


async def test_a_workflow_as_of_a_change_has_what_its_submission_acknowledged(store: Store) -> None:
    workflow = make()
    workflow.acknowledged = ("maxJobs",)
    await insert(store, workflow)
    assert (await store.load_as_of(workflow, 0)).acknowledged == ("maxJobs",)


async def test_the_key_of_a_release_is_kept_until_the_stop_changes(store: Store) -> None:
    key = ReleaseKey("T", "ann", "cleared", 5, 50)
    await store.put_release_key(ReleaseKey("T", "es.json", "", 4, 40, by_hand=True), "")
    await store.put_release_key(key, "")
    await store.put_release_key(ReleaseKey("U", "es.json", "", 6, 60, by_hand=True), "")
    assert [k for k in await store.release_keys() if k.name == "T"] == [key]
    record = StopRecord("T", StopStatus.GO, "bob", "cleared", 7, first_operator="ann")
    await store.record_stop(record)
    assert await store.latest_stops() == {"T": record}
    assert [k.by_hand for k in await store.release_keys()] == [True]
    await store.drop_release_key("U", "ann", "")
    assert await store.release_keys() == []
