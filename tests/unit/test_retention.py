"""What goes into the archive and out of the database: whole, durable before it is gone, and nothing else."""

import asyncio
import gzip
import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.unit.conftest import Engine, job
from wf_server.cli import main
from wf_server.config import RetentionSettings, ServerConfig, load_server_config
from wf_server.engine import retention as retention_module
from wf_server.engine.cache import WorkflowCache
from wf_server.engine.retention import Removed, Retention, due
from wf_server.errors import ConfigError, StoreError
from wf_server.model import Block, BucketLevel, JobId, Rejection, Violation, Workflow, WorkReq
from wf_server.store import Store
from wf_server.upkeep import archive as archive_module
from wf_server.upkeep.archive import Archive, entries, whole_length
from wf_server.upkeep.verify import Totals, Verification, check_archive

TABLES = ("workflow", "change", "job_log", "job_progress", "token", "erasure", "rejection")


def retention(engine: Engine, cache: WorkflowCache | None = None, **settings: Any) -> Retention:
    made = RetentionSettings.model_validate(settings)
    return Retention(engine.store, made, engine.clock, cache, rest=0, pause=0)


async def run_some(engine: Engine, n: int) -> list[str]:
    """Runs workflows, a day after each other, the newest just now; returns their ids, oldest first."""
    ids = []
    for _ in range(n):
        await engine.clock.advance(86_400)
        ids.append((await engine.run(["", "fail:boom"], [""])).id)
    return ids


async def leave_all_there_is(engine: Engine) -> Workflow:
    """Runs a workflow that has rows in every table."""
    workflow = await engine.submit(["wait", "fail:boom"], rate_limit=2)
    await engine.executor.start(workflow, "ann")
    await engine.until(lambda: bool(engine.jobs.running))
    run = await engine.executor.run_of(workflow)
    run.progressed(JobId(workflow.id, 0, 0), 0.5, "half")
    engine.recorder.job_progress(workflow, 0, 0)
    run.logged(JobId(workflow.id, 0, 0), 'a "line"\nof ☕')
    engine.jobs.release()
    await engine.until(lambda: workflow.is_final)
    await engine.store.take_token("b", BucketLevel(0, 5), JobId(workflow.id, 0, 0), 6)
    await engine.store.record_erasure(JobId(workflow.id, 0, 1), "aap", "aa00", 7)
    return workflow


def rows(engine: Engine) -> dict[str, int]:
    with closing(sqlite3.connect(engine.store.path)) as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


def archived(tmp_path: Path, kind: str = "workflows") -> list[dict[str, Any]]:
    return [entry for path in sorted((tmp_path / "archive").glob(f"{kind}-*")) for entry in entries(path)]


async def left(engine: Engine) -> list[str]:
    return [summary.id for summary in (await engine.store.list_workflows()).summaries][::-1]


async def test_what_goes_is_kept_whole_and_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    workflow = await leave_all_there_is(engine)
    before = {**rows(engine), "rejection": 0}
    assert all(before[table] for table in TABLES if table != "rejection"), before
    history = await engine.store.load_history(workflow.key, 0, 100)
    await run_some(engine, 1)
    removed = await retention(engine, workflows=1).run_once()
    assert removed == Removed(workflows=1)
    (entry,) = archived(tmp_path)
    assert entry["id"] == workflow.id
    assert (entry["status_name"], entry["ended_us"]) == ("failed", workflow.standing.ended_us)
    assert [tuple(change) for change in entry["changes"]] == [
        (*c[:5], c.error or None, c.operator or None, c.reason or None) for c in history
    ]
    assert [line[4] for line in entry["log"]] == ['a "line"\nof ☕']
    assert entry["progress"] == [[0, 0, 0.5, "half"]]
    assert entry["tokens"] == [[0, 0, "b", 6]]
    assert entry["erasures"] == [[0, 1, "aap", "aa00", 7]]
    assert entry["request"]["blocks"][0]["jobs"][1]["args"] == {"do": "fail:boom"}
    with closing(sqlite3.connect(engine.store.path)) as database:
        for table in ("change", "job_log", "job_progress"):
            assert not database.execute(f"SELECT 1 FROM {table} WHERE workflow = {workflow.key}").fetchall()
        for table in ("token", "erasure"):
            assert not database.execute(f"SELECT 1 FROM {table}").fetchall()
    assert await engine.store.load_workflow(workflow.id) is None


async def test_files_are_private(engine: Engine, tmp_path: Path) -> None:
    await run_some(engine, 2)
    await retention(engine, workflows=1).run_once()
    (path,) = (tmp_path / "archive").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.name == "workflows-2023-11-16.jsonl.gz"


async def test_the_newest_stay_by_their_number(engine: Engine) -> None:
    ids = await run_some(engine, 5)
    assert (await retention(engine, workflows=2).run_once()).workflows == 3
    assert await left(engine) == ids[3:]
    assert (await retention(engine, workflows=2).run_once()) == Removed()


async def test_the_young_stay_by_their_age(engine: Engine) -> None:
    ids = await run_some(engine, 5)
    assert (await retention(engine, age="36h").run_once()).workflows == 3
    assert await left(engine) == ids[3:]
    assert (await retention(engine, workflows="all", age="forever").run_once()) == Removed()


async def test_what_is_unfinished_stays_however_old_it_is(engine: Engine) -> None:
    running = await engine.submit(["wait"])
    await engine.executor.start(running, "me")
    await engine.until(lambda: bool(engine.jobs.running))
    submitted = await engine.submit([""])
    done = [(await engine.run([""])).id for _ in range(3)]
    await engine.clock.advance(1_000 * 86_400)
    assert (await retention(engine, workflows=1, age="1d").run_once()).workflows == 3
    assert await left(engine) == [running.id, submitted.id]
    assert done
    engine.jobs.release()
    await engine.until(lambda: running.is_final)


async def test_one_that_has_just_ended_stays_for_whoever_ran_it(engine: Engine) -> None:
    ids = await run_some(engine, 2)
    settings = RetentionSettings.model_validate({"workflows": 1, "age": "1s"})
    keeping = Retention(engine.store, settings, engine.clock, pause=0)
    assert (await keeping.run_once()).workflows == 1
    assert await left(engine) == ids[1:]
    await engine.clock.advance(61)
    assert (await keeping.run_once()).workflows == 1


async def test_refused_requests_stay_by_their_number(engine: Engine, tmp_path: Path) -> None:
    request = WorkReq("T", "", (Block("", 1, (job(""),)),))
    for n in range(5):
        refused = Rejection.of(f"r{n}", request, (Violation("p", "no"),), "ann", n)
        await engine.store.insert_rejection(refused)
    assert (await retention(engine, rejections=2).run_once()).rejections == 3
    kept = await engine.store.list_rejections()
    assert [summary.id for summary in kept.summaries] == ["r4", "r3"]
    entries = archived(tmp_path, "rejections")
    assert [entry["id"] for entry in entries] == ["r0", "r1", "r2"]
    assert entries[0]["violations"][0]["message"] == "no"
    assert entries[0]["request"]["name"] == "T"


async def test_without_an_archive_they_are_deleted(engine: Engine, tmp_path: Path) -> None:
    await run_some(engine, 3)
    assert (await retention(engine, workflows=1, archive=False).run_once()).workflows == 2
    assert not (tmp_path / "archive").exists()


async def test_large_ones_go_alone_and_many_small_ones_together(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "BATCH", 3)
    monkeypatch.setattr(retention_module, "BATCH_CHANGES", 50)
    deleted: list[int] = []
    delete = engine.store.delete_workflows

    async def noted(keys: list[int], now_us: int) -> None:
        deleted.append(len(keys))
        await delete(keys, now_us)

    monkeypatch.setattr(engine.store, "delete_workflows", noted)
    for jobs in (1, 1, 1, 1, 40, 1, 1):
        await engine.run([""] * jobs)
    await retention(engine, workflows=1).run_once()
    assert deleted == [3, 1, 1, 1]


# Whoever looks at one


async def test_one_that_is_held_stays_and_goes_the_next_time(engine: Engine) -> None:
    ids = await run_some(engine, 3)
    cache = WorkflowCache()
    watched = await engine.store.load_workflow(ids[0])
    assert watched is not None
    cache.put(watched)
    engine.seen.clear()
    keeping = retention(engine, cache, workflows=1)
    assert await keeping.run_once() == Removed(workflows=1, held=1)
    assert cache.get(ids[0]) is watched
    assert await left(engine) == [ids[0], ids[2]]
    del watched
    assert await keeping.run_once() == Removed(workflows=1)
    assert cache.get(ids[0]) is None


async def test_one_that_is_being_read_stays(engine: Engine) -> None:
    ids = await run_some(engine, 2)
    cache = WorkflowCache()
    with cache.reading(ids[0]):
        assert await retention(engine, cache, workflows=1).run_once() == Removed(held=1)
    assert await retention(engine, cache, workflows=1).run_once() == Removed(workflows=1)


async def test_one_that_leaves_is_not_found_any_more(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await run_some(engine, 2)
    cache = WorkflowCache()
    seen: list[bool] = []
    add = Archive.add_workflows

    def noted(self: Archive, keys: list[int], now_us: int) -> None:
        seen.append(cache.is_leaving(ids[0]))
        add(self, keys, now_us)

    monkeypatch.setattr(Archive, "add_workflows", noted)
    await retention(engine, cache, workflows=1).run_once()
    assert seen == [True]
    assert not cache.is_leaving(ids[0])


# Faults


async def test_a_crash_before_the_deletion_loses_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await run_some(engine, 3)

    async def crash(keys: list[int], now_us: int) -> None:
        raise StoreError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(engine.store, "delete_workflows", crash)
        with pytest.raises(StoreError):
            await retention(engine, workflows=1).run_once()
    assert await left(engine) == ids
    assert (await retention(engine, workflows=1).run_once()).workflows == 2
    # Twice, and read once.
    assert [entry["id"] for entry in archived(tmp_path)] == ids[:2] * 2
    totals = Totals()
    assert list(check_archive(tmp_path / "archive", totals)) == []
    assert totals.workflows == 2


@pytest.mark.parametrize("fault", ["write", "sync"])
async def test_a_full_disk_deletes_nothing_and_leaves_the_file_whole(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    ids = await run_some(engine, 4)
    await retention(engine, workflows=3).run_once()
    (path,) = (tmp_path / "archive").iterdir()
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        if fault == "write":
            patched.setattr(archive_module, "_write_rows", full)
        else:
            patched.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"archive: cannot archive: No space left on device"):
            await retention(engine, workflows=1).run_once()
    assert path.read_bytes() == before
    assert await left(engine) == ids[1:]
    assert (await retention(engine, workflows=1).run_once()).workflows == 2
    assert [entry["id"] for entry in archived(tmp_path)] == ids[:3]


@pytest.mark.parametrize("cut", [1, 9, 40])
async def test_what_a_crash_left_half_written_is_cut_off(engine: Engine, tmp_path: Path, cut: int) -> None:
    ids = await run_some(engine, 4)
    await retention(engine, workflows=3).run_once()
    (path,) = (tmp_path / "archive").iterdir()
    member = path.read_bytes()
    path.write_bytes(member + member[:cut])
    (problem,) = check_archive(tmp_path / "archive", Totals())
    assert problem.line().startswith(f"{path}: ends in the middle of an entry, after line 1; ")
    # A new process.
    assert (await retention(engine, workflows=2).run_once()).workflows == 1
    assert [entry["id"] for entry in archived(tmp_path)] == ids[:2]


async def test_nothing_good_follows_bad(engine: Engine, tmp_path: Path) -> None:
    ids = await run_some(engine, 4)
    await retention(engine, workflows=3).run_once()
    (path,) = (tmp_path / "archive").iterdir()
    damaged = bytearray(path.read_bytes())
    damaged[-20] ^= 0xFF
    path.write_bytes(damaged)
    await retention(engine, workflows=2).run_once()
    assert path.read_bytes() == damaged
    other = path.with_name(path.name.replace(".jsonl", "-2.jsonl"))
    assert [entry["id"] for entry in entries(other)] == [ids[1]]
    (problem,) = check_archive(tmp_path / "archive", Totals())
    assert str(path) in problem.line()
    assert "restore the file from a backup" in problem.line()


async def test_the_length_of_whole_members_is_found_over_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "_CHUNK", 7)
    whole = gzip.compress(b"one") + gzip.compress(b"two" * 100) + gzip.compress(b"")
    path = tmp_path / "x"
    for more in (b"", b"\x1f", gzip.compress(b"three")[:-1]):
        path.write_bytes(whole + more)
        assert whole_length(path) == len(whole)


async def test_an_archive_that_was_changed_is_found_out(engine: Engine, tmp_path: Path) -> None:
    await run_some(engine, 2)
    await retention(engine, workflows=1).run_once()
    (entry,) = archived(tmp_path)
    (path,) = (tmp_path / "archive").iterdir()
    del entry["changes"][2]
    path.write_bytes(gzip.compress(json.dumps(entry).encode() + b"\n"))
    (problem,) = check_archive(tmp_path / "archive", Totals())
    assert problem.line().startswith(f"{path} line 1 workflow {entry['id']} change 4: follows change 2")


async def test_a_running_server_says_why_nothing_is_archived_and_goes_on(
    engine: Engine, tmp_path: Path
) -> None:
    await run_some(engine, 2)
    (tmp_path / "archive").write_text("in the way")
    keeping = retention(engine, workflows=1)
    task = asyncio.create_task(keeping.run())
    await engine.until(lambda: bool(keeping.problem))
    assert "nothing is archived, and the database grows: " in keeping.problem
    (tmp_path / "archive").unlink()
    # It looks again in an hour.
    await engine.until(lambda: bool(engine.clock.sleeping))
    await engine.clock.advance(3_600)
    await engine.until(lambda: not keeping.problem)
    assert len(archived(tmp_path)) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_database_and_the_archive_are_clean_after_it(engine: Engine, tmp_path: Path) -> None:
    await run_some(engine, 5)
    await retention(engine, workflows=2).run_once()
    assert list(Verification(engine.store.path, {}).problems()) == []
    assert list(check_archive(tmp_path / "archive", totals := Totals())) == []
    assert (totals.workflows, totals.changes) == (3, sum(w.seq for w in engine.seen[:3]))


# The command


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, catch_exceptions=False)


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    (tmp_path / "server.toml").write_text('[retention]\nworkflows = 1\nage = "forever"\n')
    return ["--db", str(tmp_path / "wf.db"), "--configs", str(tmp_path)]


async def test_the_command_leaves_a_running_server_alone(
    engine: Engine, tmp_path: Path, flags: list[str]
) -> None:
    await run_some(engine, 3)
    result = await asyncio.to_thread(run, "archive", *flags)
    assert result.exit_code == 2
    assert "is in use by a wf-server, which archives by itself when it starts and every hour" in result.output
    result = run("archive", *flags, "--dry-run")
    assert result.exit_code == 0
    told = "2 workflows (ended 2023-11-15 to 2023-11-16) and 0 rejections would be archived to"
    assert result.output == f"{tmp_path / 'wf.db'}: {told} {tmp_path / 'archive'}\n"
    assert len(await left(engine)) == 3


async def test_the_command_archives_for_a_server_that_is_down(
    engine: Engine, tmp_path: Path, flags: list[str]
) -> None:
    await run_some(engine, 3)
    await engine.executor.close(1)
    copy = tmp_path / "down" / "wf.db"
    copy.parent.mkdir()
    with closing(sqlite3.connect(engine.store.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    flags[1] = str(copy)
    result = await asyncio.to_thread(run, "archive", *flags)
    assert result.exit_code == 0
    assert f"{copy}: 2 workflows and 0 rejections were archived to {copy.parent / 'archive'}" in result.output
    result = await asyncio.to_thread(run, "archive", *flags)
    assert f"{copy}: nothing has to go" in result.output
    result = run("verify", *flags, "--archive", str(copy.parent / "archive"))
    assert result.exit_code == 0
    assert "clean (1 workflows, " in result.output
    assert "; archived: 2 workflows, " in result.output
    assert run("verify", *flags, "--archive", str(tmp_path / "none")).exit_code == 2


def test_without_a_database_it_says_so(flags: list[str]) -> None:
    for more in ([], ["--dry-run"]):
        result = run("archive", *flags, *more)
        assert result.exit_code == 2
        assert "there is no such file; name the database with --db" in result.output


# The settings


def read(tmp_path: Path, text: str) -> ServerConfig:
    (tmp_path / "server.toml").write_text(f"[retention]\n{text}\n")
    return load_server_config(tmp_path / "server.toml")


def test_the_archive_is_beside_the_database_unless_it_is_elsewhere(tmp_path: Path) -> None:
    database = Path("/var/lib/wf/wf.db")
    assert RetentionSettings().directory(database) == Path("/var/lib/wf/archive")
    assert read(tmp_path, 'archive = "/mnt/a"').retention.directory(database) == Path("/mnt/a")
    assert read(tmp_path, "archive = false").retention.directory(database) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'archive = ""',
            'retention.archive: "" names no directory; name one, or write false to delete without',
        ),
        ("archive = true", "retention.archive: true names no directory"),
        ("workflows = 0", "retention.workflows: "),
        ('workflows = "some"', "retention.workflows: "),
        ('age = "1y"', 'retention.age: "1y" is not a duration'),
        ("keep = 1", "retention.keep: unknown key; known are workflows, age, rejections, archive"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert told in str(refused.value)


def test_due_reads_a_database_nobody_has_open(tmp_path: Path) -> None:
    async def make() -> None:
        await (await Store.open(tmp_path / "wf.db")).close()

    asyncio.run(make())
    assert due(tmp_path / "wf.db", RetentionSettings(), 5) == []
