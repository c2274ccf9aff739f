"""The integrity check: clean after real work, and every kind of damage found at its place."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.conftest import Engine, MakeEngine, job
from wf_server.cli import main
from wf_server.config import BucketSpec
from wf_server.model import (
    WORKFLOW_ACTIVE,
    Block,
    BucketLevel,
    Job,
    JobId,
    QuotaToken,
    Rejection,
    Retry,
    Status,
    Violation,
    WorkReq,
)
from wf_server.store.queries import load_migrations
from wf_server.upkeep.verify import Verification

NEWEST = len(load_migrations())

BUCKETS = {"b": BucketSpec(3, 1, 60.0)}


def found(path: Path) -> list[str]:
    return [problem.line() for problem in Verification(path, BUCKETS).problems()]


async def work(engine: Engine) -> None:
    """Leaves a database with all there can be: ended, failed, retried, running, refused, tokens, logs."""
    await engine.run(["", "fail:boom"], ["", ""], rate_limit=2)
    again = Block("r", 1, (job("fail:often", retry=Retry(attempts=2, delay="1s")),))
    retried = await engine.submit_request(WorkReq("T", "", (again,)))
    await engine.executor.start(retried, "me")
    await engine.until(lambda: bool(engine.clock.sleeping))
    await engine.clock.advance(1)
    await engine.until(lambda: retried.is_final)
    running = await engine.submit(["wait", "wait", ""], rate_limit=2)
    await engine.executor.start(running, "me")
    await engine.until(lambda: len(engine.jobs.running) == 2)
    engine.recorder.log_line(running, 0, 0, "hello")
    await engine.submit([""])
    token = Job("tokenBucket", "", {"bucket": "b", "fatal": "true"})
    holder = await engine.submit_request(WorkReq("T", "", (Block("", 1, (token, job(""))),)))
    for status in (Status.RUNNING, Status.COMPLETED):
        engine.recorder.workflow(holder, status)
        engine.recorder.workflow(holder, status, block=0)
        if status is Status.RUNNING:
            taken = QuotaToken(engine.clock.now_us(), holder.id, 0, 0, "site:", "aap")
            engine.recorder.begin_with(holder, 0, [0, 1], [taken])
        else:
            engine.recorder.jobs(holder, 0, [0, 1], status)
        await engine.recorder.flush()
    now = engine.clock.now_us()
    await engine.store.take_token("b", BucketLevel(2, now), JobId(holder.id, 0, 0), now)
    refused = WorkReq("T", "", (Block("", 1, (job(""),)),))
    await engine.store.insert_rejection(Rejection.of("r", refused, (Violation("p", "no"),), "me", 1))


@pytest.fixture
async def database(make_engine: MakeEngine, tmp_path: Path) -> Path:
    """A database in which all kinds of things have happened; its server is still there."""
    await work(await make_engine())
    return tmp_path / "wf.db"


async def test_all_that_a_server_writes_is_clean_while_it_runs(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = await make_engine()
    await work(engine)
    verification = Verification(tmp_path / "wf.db", BUCKETS)
    assert [problem.line() for problem in verification.problems()] == []
    assert verification.totals.workflows == 5
    assert verification.totals.rejections == 1
    assert verification.totals.changes == sum(workflow.seq for workflow in engine.seen)


async def test_it_is_clean_after_a_restart_too(make_engine: MakeEngine, database: Path) -> None:
    engine = await make_engine()
    (unfinished,) = await engine.store.load_workflows(WORKFLOW_ACTIVE)
    engine.jobs.release()
    engine.executor.resume([unfinished])
    await engine.until(lambda: unfinished.is_final)
    assert found(database) == []


FIRST = "(SELECT key FROM workflow ORDER BY key LIMIT 1)"
DAMAGE = {
    "a gap": (f"DELETE FROM change WHERE workflow = {FIRST} AND seq = 3", "change 4: follows change 2"),
    "a lost end": (
        f"DELETE FROM change WHERE workflow = {FIRST} AND seq > 5",
        "changes are missing at the end: its row stands at",
    ),
    "a lost beginning": (
        f"DELETE FROM change WHERE workflow = {FIRST} AND seq = 1",
        "change 2: follows change 0",
    ),
    "an illegal step": (
        f"UPDATE change SET status = 4 WHERE workflow = {FIRST} AND seq = 3",
        "change 3 block 0 job 0: an illegal step: from not started to completed",
    ),
    "an unknown status": (
        f"UPDATE change SET status = 77 WHERE workflow = {FIRST} AND seq = 3",
        "the status 77",
    ),
    "a job out of range": (
        f"UPDATE change SET job = 9 WHERE workflow = {FIRST} AND seq = 3",
        "change 3 block 0 job 9: is about a place that its WorkReq does not have",
    ),
    "a block out of range": (
        f"UPDATE change SET block = -3 WHERE workflow = {FIRST} AND seq = 3",
        "block -3",
    ),
    "a status of the row": (f"UPDATE workflow SET status = 4 WHERE key = {FIRST}", "status 4"),
    "an end of the row": (f"UPDATE workflow SET ended_us = 5 WHERE key = {FIRST}", "ended_us 5"),
    "a start of the row": (f"UPDATE workflow SET started_us = 5 WHERE key = {FIRST}", "started_us 5"),
    "a time of the row": (f"UPDATE workflow SET since_us = 5 WHERE key = {FIRST}", "since_us 5"),
    "a reason of the row": (f"UPDATE workflow SET reason = 'x' WHERE key = {FIRST}", "reason 'x'"),
    "a block of the row": (f"UPDATE workflow SET current_block = 7 WHERE key = {FIRST}", "current_block 7"),
    "a number of the row": (f"UPDATE workflow SET seq = seq - 1 WHERE key = {FIRST}", "misses this one"),
    "counts of the row": (
        f"""UPDATE workflow SET counts = '{{"4":4}}' WHERE key = {FIRST}""",
        "counts {4: 4}",
    ),
    "no counts": (
        f"UPDATE workflow SET counts = 'x' WHERE key = {FIRST}",
        "the counts in its row cannot be read",
    ),
    "a name": (
        f"UPDATE workflow SET name = 'U' WHERE key = {FIRST}",
        "its row has name 'U', its WorkReq 'T'",
    ),
    "no request": (f"UPDATE workflow SET request = '[' WHERE key = {FIRST}", "its WorkReq cannot be read"),
    "changes of nobody": (
        "INSERT INTO change (workflow, seq, block, job, status, time_us) VALUES (99, 1, -1, -1, 2, 5)",
        "change: 1 row of a workflow that is gone: 99",
    ),
    "log of nobody": ("INSERT INTO job_log VALUES (99, 0, 0, 1, 5, 'x')", "job_log: 1 row of a workflow"),
    "progress of nobody": ("INSERT INTO job_progress VALUES (99, 0, 0, 1, 'x')", "job_progress: 1 row of a"),
    "token of nobody": (
        "INSERT INTO token VALUES ('gone', 0, 0, 'b', 5)",
        "token: 1 row of a workflow that is gone",
    ),
    "erasure of nobody": (
        "INSERT INTO erasure VALUES ('gone', 0, 0, 's', 'm', 5)",
        "erasure: 1 row of a workflow",
    ),
    "log of no job": (
        f"INSERT INTO job_log VALUES ({FIRST}, 0, 9, 1, 5, 'x')",
        "block 0 job 9: a log or progress",
    ),
    "token of another job": (
        "INSERT INTO token SELECT id, 0, 1, 'b', 5 FROM workflow ORDER BY key LIMIT 1",
        "block 0 job 1: a token was given to it, and it is a scripted",
    ),
    "token of another bucket": ("UPDATE token SET bucket = 'c'", "its token is from the bucket 'c'"),
    "a token lost": ("DELETE FROM token", "block 0 job 0: it completed, and was given no token"),
    "an erasure of another": (
        "INSERT INTO erasure SELECT id, 0, 1, 's', 'm', 5 FROM workflow ORDER BY key LIMIT 1",
        "block 0 job 1: an erasure of s/m is on record, which is not its own",
    ),
    "too many tokens": ("UPDATE bucket SET tokens = 4", "bucket b: holds 4 tokens, and its size is 3"),
    "a token given back": (
        "UPDATE bucket SET tokens = 3",
        "bucket b: holds 3 of 3 tokens, though 1 were taken",
    ),
    "less than no tokens": ("UPDATE bucket SET tokens = -1", "bucket b: holds -1 tokens"),
    "a quota's token of another time": (
        "UPDATE quota_token SET taken_us = taken_us + 1",
        "block 0 job 0: a quota's token was taken when it did not begin",
    ),
    "no level": ("DELETE FROM bucket", "bucket b: 1 were taken, and it has no level"),
    "a rejection": ("UPDATE rejection SET violations = '[{}]'", "rejection r: cannot be read"),
    "a rejection's row": ("UPDATE rejection SET jobs = 5", "rejection r: its row says otherwise"),
    "a stop": (
        "INSERT INTO stop_change (key, name, status, operator, reason, time_us)"
        " VALUES (7, 'T', 'halt', '', '', 5)",
        "stop change 7: of 'T' has the status",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_told_with_its_place(database: Path, kind: str) -> None:
    statement, expected = DAMAGE[kind]
    with closing(sqlite3.connect(database)) as other, other:
        other.execute(statement)
    lines = found(database)
    assert any(expected in line for line in lines), lines
    assert len(lines) <= 2, "one damage must not be told over and over"
    for line in lines:
        assert "restore" in line
        assert "\n" not in line


def test_a_submit_key_used_twice_is_found(database: Path) -> None:
    with closing(sqlite3.connect(database)) as other, other:
        other.execute("DROP INDEX workflow_by_submit_key")
        other.execute("UPDATE workflow SET submit_key = 'k' WHERE key <= 2")
    assert any(
        line.startswith("submit key 'k': is used by more than one workflow: w") for line in found(database)
    )


def test_an_overwritten_page_is_told_and_breaks_nothing_off(database: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(broken)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        (page,) = copy.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'change'").fetchone()
        (size,) = copy.execute("PRAGMA page_size").fetchone()
    with broken.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    lines = found(broken)
    assert any("its workflows cannot be read any further: " in line for line in lines), lines
    # What can be read is checked all the same.
    assert not any("token buckets" in line or "rejections" in line for line in lines), lines


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, catch_exceptions=False)


def configs(tmp_path: Path) -> str:
    (tmp_path / "server.toml").write_text('[buckets.b]\nsize = 3\nrefill = 1\nevery = "1m"\n')
    return str(tmp_path)


def test_the_command_says_that_all_is_well(database: Path, tmp_path: Path) -> None:
    result = run("verify", "--db", str(database), "--configs", configs(tmp_path))
    assert result.exit_code == 0
    assert result.output.startswith(f"{database}: clean (5 workflows, ")


def test_the_command_tells_problems_to_people_and_to_programs(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as other, other:
        other.execute(f"DELETE FROM change WHERE workflow = {FIRST} AND seq = 3")
    # The database may be named before the subcommand too.
    result = run("--db", str(database), "--configs", configs(tmp_path), "verify")
    assert result.exit_code == 1
    line, summary = result.output.splitlines()
    assert "change 4: follows change 2" in line
    assert summary.startswith(f"{database}: 1 problem (")
    result = run("verify", "--db", str(database), "--configs", configs(tmp_path), "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["workflows"] == 5
    assert [(p["seq"], p["line"]) for p in told["problems"]] == [(4, line)]


@pytest.mark.parametrize("kind", ["missing", "directory", "text", "foreign", "older", "newer", "empty"])
def test_what_cannot_be_checked_is_one_line_with_what_to_do(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.db"
    if kind == "text":
        path.write_text("no database at all, but long enough to be read as one\n" * 100)
    elif kind == "empty":
        path.touch()
    elif kind != "missing" and kind != "directory":
        with closing(sqlite3.connect(path)) as other:
            version = {"older": 1, "newer": 99}.get(kind, 0)
            other.execute(f"PRAGMA application_id = {0x77666462 if version else 5}")
            other.execute(f"PRAGMA user_version = {version}")
            other.execute("CREATE TABLE x (y)")
    result = run("verify", "--db", str(tmp_path if kind == "directory" else path))
    assert result.exit_code == 2
    told = {
        "missing": "there is no such file; name the database with --db",
        "directory": "is a directory",
        "older": f"older than this wf-server's {NEWEST}; bring it up to date with `wf-server migrate`",
        "newer": f"newer than the {NEWEST} this wf-server knows; use a newer wf-server",
    }
    assert told.get(kind, "is not a wf database; name another --db") in result.output
