"""Copies of the database, and bringing one up to date: nothing is lost, nothing half done stays."""

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.conftest import Engine
from wf_server.cli import main
from wf_server.errors import StoreError
from wf_server.model import Status
from wf_server.store import Store, backup, connection
from wf_server.store.backup import back_up
from wf_server.store.queries import load_migrations
from wf_server.upkeep.verify import Verification

NEWEST = len(load_migrations())


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, catch_exceptions=False)


def clean(path: Path) -> bool:
    return not list(Verification(path, {}).problems())


async def test_a_copy_of_a_database_in_use_is_whole_and_private(engine: Engine, tmp_path: Path) -> None:
    workflow = await engine.run(["", "fail:boom"], [""])
    running = await engine.submit(["wait"])
    await engine.executor.start(running, "me")
    target = tmp_path / "copies" / "wf.db"
    target.parent.mkdir()
    result = run("backup", str(target), "--db", str(tmp_path / "wf.db"))
    assert result.exit_code == 0
    assert result.output.startswith(f"{target}: a checked copy of {tmp_path / 'wf.db'}, ")
    assert len(result.output.splitlines()) == 1
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert os.listdir(target.parent) == ["wf.db"]
    assert clean(target)
    store = await Store.open(target)
    try:
        assert await store.load_workflow(workflow.id) == workflow
    finally:
        await store.close()


async def test_what_is_written_during_a_copy_neither_spoils_it_nor_waits(
    engine: Engine, tmp_path: Path
) -> None:
    source = tmp_path / "wf.db"
    await engine.run([""] * 20)
    with closing(sqlite3.connect(source)) as other, other:
        # Several portions of pages.
        other.execute("CREATE TABLE padding (x)")
        other.executemany("INSERT INTO padding VALUES (randomblob(?))", [(1_000_000,)] * 20)
    seen: list[int] = []

    def write(done: int, whole: int) -> None:
        seen.append(done)
        with closing(sqlite3.connect(source, timeout=0)) as other, other:
            other.execute(
                "INSERT INTO stop_change (key, name, status, operator, reason, time_us)"
                " VALUES (?, 'T', 'go', '', '', 1)",
                (done,),
            )

    back_up(source, tmp_path / "copy.db", progress=write)
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert clean(tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        # As it stood at the beginning.
        assert copy.execute("SELECT count(*) FROM stop_change").fetchone() == (0,)


async def test_an_existing_file_is_overwritten_only_when_told_to(engine: Engine, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("dear")
    result = run("backup", str(target), "--db", str(tmp_path / "wf.db"))
    assert result.exit_code == 2
    assert "copy.db: exists; name another file, or overwrite it with --force" in result.output
    assert target.read_text() == "dear"
    assert run("backup", str(target), "--db", str(tmp_path / "wf.db"), "--force").exit_code == 0
    assert clean(target)


@pytest.mark.parametrize("target", ["wf.db", "link.db"])
async def test_a_database_in_use_is_never_overwritten(engine: Engine, tmp_path: Path, target: str) -> None:
    (tmp_path / "link.db").symlink_to("wf.db")
    result = run("backup", str(tmp_path / target), "--db", str(tmp_path / "wf.db"), "--force")
    assert result.exit_code == 2
    assert "is the database itself; name another file" in result.output
    source = tmp_path / "other" / "wf.db"
    other = await Store.open(source)
    await other.close()
    result = run("backup", str(tmp_path / "wf.db"), "--db", str(source), "--force")
    assert result.exit_code == 2
    assert "is a database in use; name another file" in result.output


async def test_a_target_that_cannot_be_written_is_told(engine: Engine, tmp_path: Path) -> None:
    for target, told in (
        (tmp_path, "is a directory; name a file in it"),
        (tmp_path / "no" / "x", "No such file"),
    ):
        result = run("backup", str(target), "--db", str(tmp_path / "wf.db"))
        assert result.exit_code == 2
        assert told in result.output
    result = run("backup", str(tmp_path / "x.db"), "--db", str(tmp_path / "none.db"))
    assert result.exit_code == 2
    assert "there is no such file" in result.output


@pytest.mark.parametrize("step", ["_copy", "_check", "_sync", "_name"])
@pytest.mark.parametrize(
    "kind", [OSError(28, "No space left on device"), sqlite3.OperationalError("database or disk is full")]
)
async def test_a_full_disk_leaves_nothing_behind(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, kind: Exception
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()

    def full(*_: object, **__: object) -> None:
        raise kind

    monkeypatch.setattr(backup, step, full)
    result = run("backup", str(copies / "wf.db"), "--db", str(tmp_path / "wf.db"))
    assert result.exit_code == 2
    assert "the backup failed: " in result.output
    assert "nothing was kept of it" in result.output
    assert os.listdir(copies) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
async def test_a_really_full_disk_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    """As with a small quota: the copy may not grow as large as the database is."""
    import resource

    with closing(sqlite3.connect(tmp_path / "wf.db")) as other, other:
        other.executescript("CREATE TABLE padding (x); INSERT INTO padding VALUES (randomblob(3000000));")
    copies = tmp_path / "copies"
    copies.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(StoreError, match=r"the backup failed: .*nothing was kept of it"):
            back_up(tmp_path / "wf.db", copies / "wf.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(copies) == []


# From version to version

OLD_ROWS = """
INSERT INTO workflow (key, id, name, desc, operator, created_us, mends, blocks, status, started_us, ended_us,
                      reason, seq, current_block, counts, request)
VALUES (1, 'done', 'T', 'd', 'ann', 5, 'r', 1, 4, 10, 15, '', 6, 0, '{"4":1}',
        '{"name":"T","desc":"d","blocks":[{"desc":"b","rate_limit":1,"jobs":[{"name":"sleep","desc":"","args":{"seconds":"1"}}]}]}'),
       (2, 'going', 'T', 'd', 'bob', 6, '', 1, 2, 20, 0, '', 2, 0, '{"1":1}',
        '{"name":"T","desc":"d","blocks":[{"desc":"b","rate_limit":1,"jobs":[{"name":"sleep","desc":"","args":{"seconds":"1"}}]}]}'),
       (3, 'new', 'T', 'd', 'bob', 7, '', 1, 1, 0, 0, '', 0, NULL, '{"1":1}',
        '{"name":"T","desc":"d","blocks":[{"desc":"b","rate_limit":1,"jobs":[{"name":"sleep","desc":"","args":{"seconds":"1"}}]}]}');
INSERT INTO change (workflow, seq, block, job, status, time_us, operator, reason) VALUES
    (1, 1, -1, -1, 2, 10, 'ann', NULL), (1, 2, 0, -1, 2, 11, NULL, NULL), (1, 3, 0, 0, 2, 12, NULL, NULL),
    (1, 4, 0, 0, 4, 13, NULL, NULL), (1, 5, 0, -1, 4, 14, NULL, NULL), (1, 6, -1, -1, 4, 15, NULL, NULL),
    (2, 1, -1, -1, 2, 20, 'bob', NULL), (2, 2, 0, -1, 2, 21, NULL, NULL), (2, 3, 0, 0, 2, 22, NULL, NULL);
INSERT INTO rejection VALUES (1, 'r', 'T', 'd', 'ann', 4, 0, 0, 1, 'p: no',
    '[{"policy":"p","message":"no","block":null,"job":null,"arg":"","found":"","expected":""}]',
    '{"name":"T","desc":"d","blocks":[]}');
INSERT INTO bucket VALUES ('b', 2, 9);
INSERT INTO stop_change VALUES (1, 'T', 'go', 'ann', 'because', 3);
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database as version 1 left it, in mid-run."""
    path = tmp_path / "wf.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript(load_migrations()[0])
        made.executescript(OLD_ROWS)
        made.execute(f"PRAGMA application_id = {0x77666462}")
        made.execute("PRAGMA user_version = 1")
    return path


def rows(path: Path, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall()


COMMON = (
    "key, id, name, desc, operator, created_us, mends, blocks, status, started_us, ended_us, reason, seq, "
    "current_block, counts, request"
)
ALL = {"workflow": COMMON, **dict.fromkeys(("change", "rejection", "bucket", "token"), "*")}
ALL["stop_change"] = "key, name, status, operator, reason, time_us"


def test_migrating_loses_nothing_and_keeps_the_old_database(old: Path, tmp_path: Path) -> None:
    before = {table: rows(old, table, columns) for table, columns in ALL.items()}
    result = run("migrate", "--db", str(old), "--check")
    assert (result.exit_code, result.output) == (1, f"{old}: version 1; this wf-server's is {NEWEST}\n")
    assert rows(old, "workflow")[0][0] == 1
    kept = tmp_path / "wf.db.v1-backup"
    assert not kept.exists()
    result = run("migrate", "--db", str(old))
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == f"{old}: now version {NEWEST}; as it was: {kept}"
    assert {table: rows(old, table, columns) for table, columns in ALL.items()} == before
    assert {table: rows(kept, table, columns) for table, columns in ALL.items()} == before
    assert rows(old, "workflow", "id, since_us") == [("done", 15), ("going", 20), ("new", 7)]
    assert clean(old)
    result = run("migrate", "--db", str(old), "--check")
    assert (result.exit_code, result.output) == (
        0,
        f"{old}: version {NEWEST}; this wf-server's is {NEWEST}\n",
    )


async def test_a_server_keeps_the_old_database_too(old: Path, tmp_path: Path) -> None:
    (tmp_path / "wf.db.v1-backup").write_text("an earlier one")
    store = await Store.open(old)
    try:
        (going,) = await store.load_workflows([Status.RUNNING])
        assert going.seq == 3
    finally:
        await store.close()
    assert (tmp_path / "wf.db.v1-backup").read_text() == "an earlier one"
    assert rows(tmp_path / "wf.db.v1-backup-2", "change") == rows(old, "change")


async def test_a_new_or_empty_database_is_not_copied(tmp_path: Path) -> None:
    await (await Store.open(tmp_path / "wf.db")).close()
    assert not list(tmp_path.glob("*backup*"))


def test_without_room_for_the_copy_nothing_is_changed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_copy", full)
    with pytest.raises(StoreError, match=r"without a backup of it first: .*No space left"):
        asyncio.run(Store.open(old))
    result = run("migrate", "--db", str(old))
    assert result.exit_code == 2
    assert "No space left on device" in result.output
    assert run("migrate", "--db", str(old), "--check").exit_code == 1


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [*load_migrations()[:1], "CREATE TABLE half (x); SELECT no_such_function();"]
    monkeypatch.setattr(connection, "load_migrations", lambda: broken)
    before = rows(old, "change")
    with pytest.raises(
        StoreError, match=r"cannot be brought up to date: no such function.*it is as it was; mend"
    ):
        asyncio.run(Store.open(old))
    assert rows(old, "change") == before
    assert rows(old, "sqlite_schema", "count(*) FILTER (WHERE name = 'half'), 1") == [(0, 1)]
    assert not list(tmp_path.glob("*backup*")), "one more at each try would fill the disk"


def test_a_database_in_use_is_not_migrated_by_another(old: Path) -> None:
    with closing(connection.lock(old)):
        result = run("migrate", "--db", str(old))
    assert result.exit_code == 2
    assert "in use by another wf-server" in result.output
