"""1,000 running jobs and a stop, again and again: all interrupted and recorded, and nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import GO, STOP, block, ended, job, naps, until
from tests.e2e.server_process import ServerProcess
from tests.torture.nursery import Nursery
from wf_proto.client import Client

JOBS = 1_000
#: `make torture` asks for a hundred.
ROUNDS = int(os.environ.get("WF_TORTURE_STOPS", "0") or 0) or 25


def resident_kib(pid: int) -> int:
    """What a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def _all_run(client: Client, workflow_id: str, jobs: int) -> bool:
    return (await client.list(text=workflow_id)).workflows[0].jobs.running == jobs


@pytest.mark.timeout(120 + 10 * ROUNDS)
async def test_a_thousand_running_jobs_are_stopped_every_time(server: ServerProcess) -> None:
    after: list[int] = []
    async with server.client() as client:
        for _ in range(ROUNDS):
            workflow_id = await client.submit(naps(*[600] * JOBS, rate_limit=JOBS))
            await client.exec(workflow_id)
            await until(lambda w=workflow_id: _all_run(client, w, JOBS), 30)  # type: ignore[misc]
            assert (await client.set_stop("Maintenance", STOP, "a test")).stopped_workflows == 1
            now = await ended(client, workflow_id)
            assert now.status == pb.Status.STOPPED
            assert {j.status for b in now.blocks for j in b.jobs} == {pb.Status.INTERRUPTED}
            receipt = await client.get_receipt(workflow_id)
            assert receipt.interrupted == JOBS
            assert receipt.settled is not None
            await client.set_stop("Maintenance", GO, "a test")
            after.append(resident_kib(server.pid))
    print(f"resident after each stop: {after[0]} … {after[-1]} KiB")
    # The first rounds fill the caches. What a round leaves behind would be a thousand tasks, each time.
    assert after[-1] < 1.5 * after[ROUNDS // 2]
    assert "Traceback" not in server.log()


async def test_jobs_that_do_not_listen_end_unknown_and_the_server_is_none_the_worse(tmp_path: Path) -> None:
    async with Nursery(tmp_path) as nursery:
        await nursery.start()
        async with nursery.client() as client:
            assert await nursery.serving(client)
            for _ in range(10):
                jobs = [job("irreversible", ms="1000", how="deaf")] * 50
                request = pb.WorkReq(name="Torture", blocks=[block(*jobs, rate_limit=50)])
                workflow_id = await client.submit(request)
                await client.exec(workflow_id)
                await until(lambda w=workflow_id: _all_run(client, w, 50))  # type: ignore[misc]
                await client.set_stop("Torture", STOP, "a test")
                now = await ended(client, workflow_id)
                assert {j.status for b in now.blocks for j in b.jobs} == {pb.Status.UNKNOWN}
                assert (await client.get_receipt(workflow_id)).unknown == 50
                await client.set_stop("Torture", GO, "a test")
            # What they say when they end at last changes nothing, and new work runs as ever.
            fresh = await client.submit(
                pb.WorkReq(name="Torture", blocks=[block(job("idempotent", ms="1500", how="ok"))])
            )
            await client.exec(fresh)
            assert (await ended(client, fresh)).status == pb.Status.COMPLETED
            now = await client.status(workflow_id)
            assert {j.status for b in now.blocks for j in b.jobs} == {pb.Status.UNKNOWN}
        assert await nursery.kill() == -9
    assert "Traceback" not in (tmp_path / "server.log").read_text()
