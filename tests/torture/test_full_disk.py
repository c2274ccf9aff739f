"""A full disk, and one that cannot be written, under a running server: a real file system of its own."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import GO, STOP, block, ended, job, until
from tests.torture import records
from tests.torture.nursery import Nursery
from tests.torture.test_crashes import check_deeds, deeds
from wf_proto.client import Client
from wf_proto.errors import ClientError, DeadlineExceeded, FailedPrecondition

SIZE = 4 * 2**20


def _mounts(*args: str) -> bool:
    return subprocess.run(["mount", *args], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if not _mounts("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)):
        pytest.skip("mounting a file system takes root's rights, and there are none here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Disk:
    """The disk on which the database is."""

    def __init__(self, place: Path) -> None:
        self._ballast = place / "ballast"
        self._read_only = place.parent / "read-only"

    def fill(self) -> None:
        """Leaves no byte."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def free(self) -> None:
        """Takes away what fills it."""
        self._ballast.unlink()

    def lock(self) -> None:
        """Nothing can be written to the database any more."""
        self._read_only.touch()

    def unlock(self) -> None:
        """It can be written again."""
        self._read_only.unlink()


@pytest.fixture
async def nursery(tmp_path: Path, small_disk: Path) -> AsyncIterator[Nursery]:
    async with Nursery(tmp_path, database=small_disk / "wf.db") as made:
        yield made


def work(*ms: int, rate_limit: int = 2, kind: str = "verifiable") -> pb.WorkReq:
    """Jobs that take so long each."""
    jobs = [job(kind, ms=str(one), how="ok") for one in ms]
    return pb.WorkReq(name="Torture", blocks=[block(*jobs, rate_limit=rate_limit)])


async def _is_told(client: Client) -> bool:
    problems = (await client.server_info()).problems
    return any("database cannot be written" in problem for problem in problems)


async def _is_well(client: Client) -> bool:
    return not (await client.server_info()).problems


async def _runs(client: Client, workflow_id: str) -> bool:
    return (await client.get(workflow_id)).summary.jobs.running > 0


@pytest.mark.parametrize("how", ["full", "read-only"])
async def test_nothing_starts_and_nothing_is_lost(nursery: Nursery, small_disk: Path, how: str) -> None:
    disk = Disk(small_disk)
    fail, mend = (disk.fill, disk.free) if how == "full" else (disk.lock, disk.unlock)
    await nursery.start()
    async with nursery.client() as client:
        assert await nursery.serving(client)
        going = await client.submit(work(*[400] * 6))
        waiting = await client.submit(work(1))
        stopped = await client.submit(pb.WorkReq(name="Rack", blocks=work(60_000, 60_000).blocks))
        for workflow_id in (going, stopped):
            await client.exec(workflow_id)
            await until(lambda w=workflow_id: _runs(client, w))  # type: ignore[misc]
        fail()
        await until(lambda: _is_told(client))
        begun = sum(n for (what, *_), n in deeds(nursery.effects).items() if what == "begin")
        # Orders are refused with the reason, or wait; nobody is told that what is not on record has happened.
        with pytest.raises(ClientError, match="cannot be written"):
            await client.submit(work(1))
        # What would begin hours later, when nobody thinks of it any more, is refused.
        with pytest.raises(ClientError, match="cannot be written"):
            await client.exec(waiting)
        with pytest.raises(DeadlineExceeded, match="may or may not"):
            await client.pause(going, "the disk")
        # A stop works all the same: its jobs end now, though that is on record only later.
        assert (await client.set_stop("Rack", STOP, "the disk")).stopped_workflows == 1
        await asyncio.sleep(1)
        now = sum(n for (what, *_), n in deeds(nursery.effects).items() if what == "begin")
        assert now == begun, "a job began that is not on record"
        assert await _is_told(client)
        mend()
        await until(lambda: _is_well(client))
        assert (await ended(client, stopped)).status == pb.Status.STOPPED
        await until(lambda: _paused(client, going))
        await client.resume(going, "there is room")
        assert (await ended(client, going)).status == pb.Status.COMPLETED
        await client.exec(waiting)
        assert (await ended(client, waiting)).status == pb.Status.COMPLETED
        await client.set_stop("Rack", GO, "there is room")
    for record in map(records.check, records.read(nursery.database)):
        check_deeds(record, deeds(nursery.effects))


async def _paused(client: Client, workflow_id: str) -> bool:
    return (await client.get(workflow_id)).summary.status == pb.Status.PAUSED


async def test_a_kill_on_a_full_disk_loses_nothing_that_was_on_record(
    nursery: Nursery, small_disk: Path
) -> None:
    disk = Disk(small_disk)
    await nursery.start()
    async with nursery.client() as client:
        assert await nursery.serving(client)
        workflow_id = await client.submit(work(*[100] * 10))
        await client.exec(workflow_id)
        await until(lambda: _runs(client, workflow_id))
        disk.fill()
        await until(lambda: _is_told(client))
    await nursery.kill()
    # It cannot serve without room: it says so and ends.
    await nursery.start()
    assert await nursery.wait() == 2
    assert "full" in (nursery.directory / "server.log").read_text()
    disk.free()
    await nursery.start()
    async with nursery.client() as client:
        assert await nursery.serving(client)
        assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED
    [record] = map(records.check, records.read(nursery.database))
    check_deeds(record, deeds(nursery.effects))


async def test_an_order_on_a_full_disk_that_makes_no_sense_is_refused_at_once(
    nursery: Nursery, small_disk: Path
) -> None:
    await nursery.start()
    async with nursery.client() as client:
        assert await nursery.serving(client)
        workflow_id = await client.submit(work(300))
        await client.exec(workflow_id)
        await until(lambda: _runs(client, workflow_id))
        Disk(small_disk).fill()
        with pytest.raises(FailedPrecondition, match="not paused"):
            await client.resume(workflow_id, "x")
