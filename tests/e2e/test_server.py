"""The process: what it prints, how it starts, refuses to start, ends and comes back."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import block, decom, ended, erase, erasure, job, naps, token, until
from tests.e2e.server_process import ServerProcess, run_to_exit
from wf_proto.client import Client
from wf_proto.errors import (
    AlreadyExecuted,
    DeadlineExceeded,
    InvalidRequest,
    NotFound,
    Overloaded,
    Rejected,
)


async def test_it_tells_what_it_can_do_and_where_it_is(server: ServerProcess) -> None:
    for line in (
        *(
            f"Registered job type: {n}"
            for n in ("announce", "diskErase", "sleep", "tokenBucket", "validateDecom")
        ),
        *(f"Registered policy:   {n}" for n in ("restrictJobTypes", "sameArgs", "startOrEnd")),
        f"Database:            {server.database}",
    ):
        assert line in server.output.splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_in_order(server: ServerProcess, number: signal.Signals) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(naps(60))
        await client.exec(workflow_id)
        watch = client.watch(workflow_id)
        await anext(watch)
        assert await server.end(number) == 0
        await watch.aclose()
    events = [json.loads(line)["event"] for line in server.log().splitlines()]
    assert events[-2:] == ["shutting down", "shut down"]
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_unfinished_work_goes_on_after_a_restart(server: ServerProcess, number: signal.Signals) -> None:
    request = erasure(block(decom(), token()), block(erase(), job("sleep", seconds="2"), rate_limit=2))
    async with server.client() as client:
        workflow_id = await client.submit(request)
        await client.exec(workflow_id)
        await until(lambda: _completed(client, workflow_id, 3))
    await server.restart(number)
    assert "Resumed workflows:   1" in server.output
    async with server.client() as client:
        now = await ended(client, workflow_id)
        # The token was taken once, by the job that ended before.
        assert [b.tokens for b in await client.list_buckets()] == [0]
    assert now.status == pb.Status.COMPLETED
    with sqlite3.connect(server.database) as database:
        runs = database.execute(
            "SELECT job, count(*) FROM change WHERE block = 1 AND job >= 0 AND status = 2 GROUP BY job"
        ).fetchall()
    database.close()
    # Only what had not ended is run again.
    assert runs == [(0, 1), (1, 2)]


async def _completed(client: Client, workflow_id: str, jobs: int) -> bool:
    return bool((await client.get(workflow_id)).summary.jobs.completed == jobs)


async def test_a_taken_token_stays_taken_over_a_restart(server: ServerProcess) -> None:
    async with server.client() as client:
        first = await client.submit(erasure())
        await client.exec(first)
        assert (await ended(client, first)).status == pb.Status.COMPLETED
    await server.restart()
    async with server.client() as client:
        second = await client.submit(erasure())
        await client.exec(second)
        now = await ended(client, second)
    assert now.status == pb.Status.FAILED
    assert "token" in now.reason


async def test_a_token_job_that_is_not_fatal_waits_for_its_token(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, every="1s")
    await server.init()
    (server.configs / "policies.json").write_text(
        '{"Name": "Maintenance", "Policies": '
        '[{"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["tokenBucket"]}}]}'
    )
    await server.start()
    request = pb.WorkReq(name="Maintenance", blocks=[block(*[token(fatal="false")] * 3, rate_limit=3)])
    try:
        async with server.client() as client:
            workflow_id = await client.submit(request)
            await client.exec(workflow_id)
            now = await ended(client, workflow_id)
    finally:
        await server.end()
    assert now.status == pb.Status.COMPLETED
    took = sorted(j.ended.timestamp() for j in now.blocks[0].jobs if j.ended)
    # One at once, the others one period each.
    assert took[1] - took[0] > 0.8
    assert took[2] - took[1] > 0.8


async def test_two_workflows_with_different_sleeps(server: ServerProcess) -> None:
    async with server.client() as client:
        short, long = [await client.submit(naps(s)) for s in (1, 3)]
        await asyncio.gather(client.exec(short), client.exec(long))
        first = await ended(client, short)
        second = await ended(client, long)
    for report, seconds in ((first, 1), (second, 3)):
        (only,) = report.blocks[0].jobs
        assert only.args == {"seconds": str(seconds)}
        assert only.started is not None
        assert only.ended is not None
        assert seconds <= (only.ended - only.started).total_seconds() < seconds + 1


async def test_fifty_status_calls_at_once_are_all_answered(server: ServerProcess) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(naps(1))
        reports = await asyncio.gather(*(client.status(workflow_id) for _ in range(50)))
    assert {r.id for r in reports} == {workflow_id}


async def test_a_watch_is_whole_and_in_order(server: ServerProcess) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(erasure(block(decom(), token()), block(*[erase()] * 5)))
        await client.exec(workflow_id)
        events = [event async for event in client.watch(workflow_id)]
        report = await client.status(workflow_id)
    assert events[0].snapshot is not None
    seq = events[0].snapshot.summary.seq
    for event in events[1:]:
        assert event.batch.first_seq == seq + 1
        seq += len(event.batch.blocks)
    assert seq == report.seq
    assert events[-1].batch.summary.status == pb.Status.COMPLETED


async def test_list_pages_filters_and_lives(server: ServerProcess) -> None:
    async with server.client("ann") as client:
        stream = client.watch_list()
        assert (await anext(stream)).reset
        ids = [await client.submit(naps(1)) for _ in range(3)]
        await client.submit(erasure())
        first = await client.list(name="Maintenance", page_size=2)
        rest = await client.list(name="Maintenance", page_size=2, page_token=first.next_page_token)
        assert [w.id for w in [*first.workflows, *rest.workflows]] == ids[::-1]
        assert rest.next_page_token == ""
        assert len((await client.list(text="ANN")).workflows) == 4
        with pytest.raises(InvalidRequest, match="page_token"):
            await client.list(page_token="x")
        seen: set[str] = set()
        async with asyncio.timeout(10):
            while not set(ids) <= seen:
                seen |= {w.id for w in (await anext(stream)).workflows}
        await stream.aclose()


async def test_history_is_the_sum_of_what_was_watched(server: ServerProcess) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(naps(1, 1))
        await client.exec(workflow_id)
        report = await ended(client, workflow_id)
        first = await client.history(workflow_id, limit=3)
        rest = await client.history(workflow_id, after_seq=3)
    assert (first.batch.first_seq, rest.batch.first_seq, first.newest_seq) == (1, 4, report.seq)
    assert len(first.batch.blocks) + len(rest.batch.blocks) == report.seq
    assert first.batch.notes[0].operator == "tester"
    assert first.batch.statuses[0] == pb.Status.RUNNING
    assert rest.batch.statuses[-1] == pb.Status.COMPLETED
    assert (rest.batch.blocks[-1], rest.batch.jobs[-1]) == (-1, -1)


async def test_an_exec_whose_caller_gave_up_is_not_run_twice(server: ServerProcess) -> None:
    """Another process holds the database: the start waits for its record, the caller does not."""
    async with server.client() as client, Client(server.address, timeout=0.3) as hasty:
        workflow_id = await client.submit(naps(1, 1))
        with sqlite3.connect(server.database) as database:
            database.execute("BEGIN IMMEDIATE")
            for _ in range(2):
                with pytest.raises((DeadlineExceeded, AlreadyExecuted)):
                    await hasty.exec(workflow_id)
            database.execute("ROLLBACK")
        database.close()
        now = await ended(client, workflow_id)
        assert now.status == pb.Status.COMPLETED
        history = await client.history(workflow_id)
        starts = [
            (b, j)
            for b, j, s in zip(history.batch.blocks, history.batch.jobs, history.batch.statuses, strict=True)
            if s == pb.Status.RUNNING
        ]
    assert sorted(starts) == [(-1, -1), (0, -1), (0, 0), (0, 1)]


async def test_a_request_of_many_small_things_is_refused_early(server: ServerProcess) -> None:
    many = pb.WorkReq(name="Maintenance", blocks=[pb.Block()] * 150_000)
    async with server.client() as client:
        with pytest.raises(Rejected, match="too many blocks"):
            await client.check(many)


async def test_jobs_by_page(server: ServerProcess) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(naps(*range(1, 21)))
        page = await client.list_jobs(workflow_id, 0, offset=15, limit=10)
        assert [j.args["seconds"] for j in page.jobs] == ["16", "17", "18", "19", "20"]
        assert page.total == 20
        with pytest.raises(NotFound, match="no block 1"):
            await client.list_jobs(workflow_id, 1)


async def test_a_message_too_large_is_refused_before_it_is_read(server: ServerProcess) -> None:
    toml = server.configs / "server.toml"
    toml.write_text(toml.read_text() + '[limits]\nmax_message_bytes = "64KiB"\n')
    await server.restart()
    async with server.client() as client:
        with pytest.raises(Overloaded, match="at most 65536"):
            await client.check(pb.WorkReq(name="x", desc="y" * 100_000))
        assert await client.check(naps(1)) == []


async def test_the_catalogue_and_the_inventory(server: ServerProcess) -> None:
    async with server.client() as client:
        types = {t.name: t for t in await client.list_job_types()}
        assert [a.name for a in types["diskErase"].args] == ["site", "machine"]
        assert types["sleep"].args[0].minimum == 1
        assert types["validateDecom"].args[1].choices == ["satellite", "cluster"]
        sites = {s.name: s for s in await client.list_sites()}
        assert len(sites) == 100
        assert sites["aap"].status == pb.SiteStatus.DECOM
        site = await client.get_site("aap")
        assert (len(site.machines), site.machines[:2]) == (50, ["aa00", "aa01"])
        with pytest.raises(NotFound):
            await client.get_site("zzz")
        info = await client.server_info()
    assert info.version
    assert info.problems == []


# What it refuses to start with: one line, where and what, exit code 2.


def _spoil(directory: Path, name: str, old: str, new: str) -> None:
    path = directory / name
    path.write_text(path.read_text().replace(old, new, 1))


SPOILED = {
    "server.toml syntax": ("configs/server.toml", "[workflow]", "[workflow", r"server\.toml:1:\d+: "),
    "server.toml key": (
        "configs/server.toml",
        "stop_grace",
        "stop_grease",
        r"server\.toml: workflow\.stop_grease",
    ),
    "server.toml value": ("configs/server.toml", '"2s"', '"soon"', r"server\.toml: workflow\.stop_grace: "),
    "server.toml job": (
        "configs/server.toml",
        "jobs.diskErase",
        "jobs.diskEraze",
        r"server\.toml.*diskEraze",
    ),
    "policies.json syntax": ("configs/policies.json", "{", "{{", r"policies\.json:1:\d+: "),
    "policies.json policy": (
        "configs/policies.json",
        "sameArgs",
        "someArgs",
        r"policies\.json:1: .*someArgs",
    ),
    "policies.json argument": (
        "configs/policies.json",
        '["site"]',
        '["Site"]',
        r'policies\.json:1: .*"Site"',
    ),
    "es.json status": ("configs/es.json", '"go"', '"perhaps"', r"es\.json:1: .*perhaps"),
    "es.json syntax": ("configs/es.json", "}", "", r"es\.json:\d+:\d+: "),
    "sites.json type": ("data/sites.json", "satellite", "sattelite", r"sites\.json:1: .*sattelite"),
    "machines.json site": ("data/machines.json", '"aaa"', '"zzz"', r"machines\.json:1: .*zzz"),
}


async def _refuses(server: ServerProcess, pattern: str, *more: str) -> None:
    code, out, err = await run_to_exit(server.command(*more))
    assert code == 2, err
    assert re.search(pattern, err), err
    assert err.startswith("wf-server: ")
    assert err.count("\n") == 1, err
    assert "Listening" not in out


@pytest.mark.parametrize("case", SPOILED)
async def test_a_spoiled_file(tmp_path: Path, case: str) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    name, old, new, pattern = SPOILED[case]
    _spoil(tmp_path, name, old, new)
    await _refuses(server, pattern)


async def test_a_missing_file(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    (server.configs / "policies.json").unlink()
    await _refuses(server, r"policies\.json: ")


async def test_a_busy_port(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        await _refuses(server, rf"--listen 127\.0\.0\.1:{port}: .*in use", "--listen", f"127.0.0.1:{port}")


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:http", "127.0.0.1:99999", ":80"])
async def test_an_address_that_is_none(tmp_path: Path, listen: str) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    await _refuses(server, r"--listen .*expected HOST:PORT", "--listen", listen)


async def test_an_unwritable_database(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    await _refuses(server, "cannot be written", "--db", "/proc/wf/wf.db")


async def test_a_newer_database(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    with sqlite3.connect(server.database) as database:
        database.execute("PRAGMA application_id = 0x77666462")
        database.execute("PRAGMA user_version = 99")
    database.close()
    await _refuses(server, "schema version 99, newer than")


async def test_a_socket_in_use_and_one_left_behind(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    path = f"unix:{tmp_path}/wf.sock"
    await server.start("--listen", path)
    await _refuses(server, "another server listens there", "--listen", path, "--db", str(tmp_path / "2.db"))
    await server.end(signal.SIGKILL)
    await server.start("--listen", path)
    async with server.client() as client:
        assert (await client.server_info()).version
    await server.end()
    assert not (tmp_path / "wf.sock").exists()
