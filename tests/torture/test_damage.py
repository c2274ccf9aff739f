"""Damaged databases: refused at the start with what to do, or answered for where nobody could notice then."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import wf_proto as pb
from tests.e2e.requests import block, ended, job
from tests.torture.nursery import Nursery
from wf_proto.client import Client
from wf_proto.errors import ClientError

PAGE = 4096
#: Places at which a few bytes are flipped, in the pages after the first.
FLIPS = 25


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    """A server that has ended, with a database of some workflows, one of them unfinished."""
    async with Nursery(tmp_path) as made:
        await made.start()
        async with made.client() as client:
            assert await made.serving(client)
            for n in range(30):
                jobs = [job("idempotent", ms="0", how="ok")] * 20
                workflow_id = await client.submit(pb.WorkReq(name="Torture", blocks=[block(*jobs)]))
                await client.exec(workflow_id)
                if n:
                    await ended(client, workflow_id)
            jobs = [job("idempotent", ms="60000", how="ok")]
            await client.exec(await client.submit(pb.WorkReq(name="Torture", blocks=[block(*jobs)])))
        await made.kill()
        with closing(sqlite3.connect(made.database)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        made.database.with_name("wf.db-wal").unlink(missing_ok=True)
        made.database.with_name("wf.db-shm").unlink(missing_ok=True)
        yield made


def flip(path: Path, at: int, many: int = 8) -> None:
    """Changes every bit of some bytes."""
    with path.open("r+b") as file:
        file.seek(at)
        found = file.read(many)
        file.seek(at)
        file.write(bytes(byte ^ 0xFF for byte in found))


def _log(nursery: Nursery) -> str:
    return (nursery.directory / "server.log").read_text()


async def refused(nursery: Nursery) -> str:
    """Starts a server that must refuse; returns the one line that it says."""
    before = _log(nursery)
    content = nursery.database.read_bytes()
    await nursery.start()
    assert await nursery.wait() == 2
    told = _log(nursery).removeprefix(before)
    assert "Traceback" not in told
    lines = [line for line in told.splitlines() if line.startswith("wf-server: ")]
    assert len(lines) == 1, told
    assert nursery.database.read_bytes() == content, "it changed what it refused"
    return lines[0]


def header(path: Path) -> None:
    flip(path, 0)


def schema(path: Path) -> None:
    flip(path, 100, 12)


def half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 // PAGE * PAGE])


def text(path: Path) -> None:
    path.write_text("no database, and longer than a header of one: " * 100)


def other(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (x)")


@pytest.mark.parametrize("damage", [header, schema, half, text, other])
async def test_a_damaged_database_is_refused(nursery: Nursery, damage: Callable[[Path], None]) -> None:
    damage(nursery.database)
    told = await refused(nursery)
    assert str(nursery.database) in told
    assert "name another --db" in told


async def test_a_flipped_page_is_refused_or_answered_for(nursery: Nursery) -> None:
    """A server never ends by what it reads, and never tells what it could not read."""
    whole = nursery.database.read_bytes()
    random = Random(2_026)
    outcomes: list[str] = []
    for _ in range(FLIPS):
        nursery.database.write_bytes(whole)
        for end in ("-wal", "-shm"):
            nursery.database.with_name(f"wf.db{end}").unlink(missing_ok=True)
        page = random.randrange(1, len(whole) // PAGE) * PAGE
        # The head of a page, or anywhere in it.
        at = page + random.choice([0, 3, 8, random.randrange(PAGE - 8)])
        flip(nursery.database, at)
        outcomes.append(await _serve_or_refuse(nursery))
    print({outcome: outcomes.count(outcome) for outcome in set(outcomes)})
    assert "Traceback" not in _log(nursery)


async def _serve_or_refuse(nursery: Nursery) -> str:
    await nursery.start()
    gone = asyncio.create_task(nursery.wait(), name="wait for the end")
    async with nursery.client() as client:
        serving = asyncio.create_task(nursery.serving(client), name="wait until it serves")
        await asyncio.wait({gone, serving}, return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        if gone.done():
            assert gone.result() == 2
            return "refused"
        try:
            outcome = await _read_all(client)
            assert (await client.server_info()).version
        finally:
            os.kill(nursery.pid, signal.SIGKILL)
            code = await gone
    assert code == -9, "it ended by itself"
    return outcome


async def _read_all(client: Client) -> str:
    try:
        listed = (await client.list()).workflows
    except ClientError as error:
        told = [str(error)]
        listed = []
    else:
        told = []
    for one in listed:
        try:
            await client.status(one.id)
        except ClientError as error:
            told.append(str(error))
    # Where an index was hit, a workflow may not be found any more.
    assert all("restore it from a backup" in words or "no workflow" in words for words in told), told
    return ("some unreadable" if listed else "no list") if told else "unharmed"


@pytest.mark.parametrize("how", ["cut", "garbage", "empty"])
async def test_a_log_that_is_cut_off_costs_only_what_was_in_it(nursery: Nursery, how: str) -> None:
    wal = nursery.database.with_name("wf.db-wal")
    await nursery.start()
    async with nursery.client() as client:
        assert await nursery.serving(client)
        known = {one.id for one in (await client.list()).workflows}
        jobs = [job("idempotent", ms="0", how="ok")]
        await client.submit(pb.WorkReq(name="Torture", blocks=[block(*jobs)]))
    await nursery.kill()
    nursery.database.with_name("wf.db-shm").unlink(missing_ok=True)
    content = wal.read_bytes()
    wal.write_bytes({"cut": content[: -PAGE // 2], "garbage": content[:40] + b"x" * 9_000, "empty": b""}[how])
    await nursery.start()
    async with nursery.client() as client:
        assert await nursery.serving(client)
        assert known <= {one.id for one in (await client.list()).workflows}
    await nursery.kill()


async def test_the_log_of_another_database_is_no_end_of_the_server(nursery: Nursery, tmp_path: Path) -> None:
    wal = nursery.database.with_name("wf.db-wal")
    other_path = tmp_path / "other.db"
    with closing(sqlite3.connect(other_path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("CREATE TABLE other (x)")
        database.executemany("INSERT INTO other VALUES (?)", [("x" * 3_000,)] * 30)
        shutil.copyfile(tmp_path / "other.db-wal", wal)
    outcome = await _serve_or_refuse(nursery)
    print(outcome)
    assert "Traceback" not in _log(nursery)
