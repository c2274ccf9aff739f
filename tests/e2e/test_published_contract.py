"""The published contract, through a grpcio client that was generated from nothing but its facts."""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_status import rpc_status
from grpc_tools import protoc

import wf_proto as pb
from tests.e2e.requests import block, job, until
from tests.e2e.server_process import ServerProcess
from tests.torture.nursery import Nursery
from wf_proto.details import REFUSAL_URL

PROTO = Path(__file__).with_name("published.proto")
HOUR_US = 3600 * 1_000_000


@dataclass(frozen=True)
class Generated:
    """What grpcio's compiler made of the contract."""

    messages: Any
    services: Any


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    out = tmp_path_factory.mktemp("published")
    args = ["protoc", f"-I{PROTO.parent}", f"--python_out={out}", f"--grpc_python_out={out}", PROTO.name]
    assert protoc.main(args) == 0
    sys.path.insert(0, str(out))
    try:
        yield Generated(
            importlib.import_module("published_pb2"), importlib.import_module("published_pb2_grpc")
        )
    finally:
        sys.path.remove(str(out))


@dataclass(frozen=True)
class Published:
    """A published client and its messages."""

    m: Any
    stub: Any

    def sample(self, site: str = "aap", machines: int = 10) -> Any:
        """The request that the published disk-erase client builds, with short pauses."""
        blocks = [
            self.block(
                "Check pre-conditions",
                self.job("validateDecom", site=site, type="satellite"),
                self.job("tokenBucket", bucket="diskEraseSatellite", fatal="true"),
            )
        ]
        names = [f"aa{n:02}" for n in range(machines)]
        for first in range(0, machines, 5):
            some = names[first : first + 5]
            jobs = [self.job("diskErase", machine=name, site=site) for name in some]
            if first + 5 < machines:
                jobs.append(self.job("sleep", seconds="1"))
            blocks.append(self.block(f"disk erase machines {some[0]}-{some[-1]}", *jobs, rate_limit=5))
        return self.m.WorkReq(name="SatelliteDiskErase", desc=f"erase {site}", blocks=blocks)

    def block(self, desc: str, *jobs: Any, rate_limit: int = 1) -> Any:
        return self.m.Block(desc=desc, rate_limit=rate_limit, jobs=jobs)

    def job(self, name: str, **args: str) -> Any:
        return self.m.Job(name=name, desc=name, args=args)

    async def status(self, workflow_id: str) -> Any:
        return await self.stub.Status(self.m.StatusReq(id=workflow_id))

    async def exec(self, workflow_id: str) -> None:
        await self.stub.Exec(self.m.ExecReq(id=workflow_id))


@pytest.fixture
async def client(generated: Generated, server: ServerProcess) -> AsyncIterator[Published]:
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield Published(generated.messages, generated.services.WorkflowStub(channel))


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_the_sample_erasure_runs_to_completed(client: Published) -> None:
    workflow_id = (await client.stub.Submit(client.sample())).id
    before = await client.status(workflow_id)
    assert before.status == client.m.StatusNotStarted
    await client.exec(workflow_id)
    seen = []
    # As a published client does: until the status is no longer running.
    while (now := await client.status(workflow_id)).status == client.m.StatusRunning:
        seen.append(now)
        await asyncio.sleep(0.05)
    assert seen
    assert now.status == client.m.StatusCompleted
    assert [block.status for block in now.blocks] == [client.m.StatusCompleted] * 3
    assert {job.status for block in now.blocks for job in block.jobs} == {client.m.StatusCompleted}
    assert now.blocks[1].jobs[0].args == {"machine": "aa00", "site": "aap"}
    assert not now.had_errors
    assert not now.was_es_stopped


async def test_the_codes_of_exec(client: Published, server: ServerProcess) -> None:
    workflow_id = (await client.stub.Submit(client.sample(machines=1))).id
    await client.exec(workflow_id)
    assert (await refused(client.exec(workflow_id))).code() == grpc.StatusCode.ALREADY_EXISTS
    unknown = await refused(client.exec(str(uuid.uuid4())))
    assert unknown.code() == grpc.StatusCode.NOT_FOUND
    malformed = await refused(client.exec("no uuid"))
    assert malformed.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_an_id_of_more_than_an_hour_ago_is_too_late(client: Published, server: ServerProcess) -> None:
    workflow_id = (await client.stub.Submit(client.sample(machines=1))).id
    await server.end()
    with sqlite3.connect(server.database) as database:
        database.execute("UPDATE workflow SET created_us = created_us - ?", (HOUR_US + 1_000_000,))
    database.close()
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        late = Published(client.m, type(client.stub)(channel))
        error = await refused(late.exec(workflow_id))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "submit it again" in error.details()


@pytest.mark.parametrize("workflow_id", ["", "../../etc/passwd", "..", "x" * 100_000, "\x00"])
async def test_a_strange_id_is_just_unknown(client: Published, workflow_id: str) -> None:
    assert (await refused(client.status(workflow_id))).code() == grpc.StatusCode.NOT_FOUND


async def test_a_refusal_tells_every_violation_to_any_grpc_client(client: Published) -> None:
    request = client.sample()
    request.blocks[1].jobs[0].args["site"] = "aas"
    request.blocks[2].jobs[1].name = "formatDisk"
    error = await refused(client.stub.Submit(request))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(error)
    assert status is not None
    (detail,) = status.details
    assert detail.type_url == REFUSAL_URL
    violations = pb.Refusal().parse(detail.value).violations
    assert (1, 0, "site") in {(v.block, v.job, v.arg) for v in violations}
    assert (2, 1, "") in {(v.block, v.job, v.arg) for v in violations}


async def test_a_stop_reads_as_aborted_and_failed(client: Published, server: ServerProcess) -> None:
    request = client.sample(machines=1)
    request.blocks[1].jobs.append(client.job("sleep", seconds="60"))
    workflow_id = (await client.stub.Submit(request)).id
    await client.exec(workflow_id)

    async def sleeps() -> bool:
        return bool((await client.status(workflow_id)).blocks[1].jobs[-1].status == client.m.StatusRunning)

    # A stop before anything runs cuts nothing short, and is no error of any job.
    await until(sleeps)
    server.es_json.write_text('{"Name": "SatelliteDiskErase", "Status": "stop"}')

    async def failed() -> bool:
        return bool((await client.status(workflow_id)).status == client.m.StatusFailed)

    await until(failed)
    now = await client.status(workflow_id)
    assert now.was_es_stopped
    assert now.had_errors
    assert (await refused(client.stub.Submit(request))).code() == grpc.StatusCode.ABORTED


async def test_a_taken_token_fails_the_next_erasure(client: Published) -> None:
    first, second = [(await client.stub.Submit(client.sample(machines=1))).id for _ in range(2)]
    await client.exec(first)
    await client.exec(second)

    async def over() -> bool:
        return bool((await client.status(second)).status != client.m.StatusRunning)

    await until(over)
    now = await client.status(second)
    assert now.status == client.m.StatusFailed
    assert now.had_errors
    assert now.blocks[0].has_error
    assert "token" in now.blocks[0].jobs[1].error
    assert now.blocks[1].status == client.m.StatusNotStarted
    assert now.blocks[1].jobs[0].status == client.m.StatusNotStarted


async def test_a_status_of_ten_thousand_jobs_fits_a_default_client(
    client: Published,
) -> None:
    """Which takes messages of 4 MiB at most."""
    request = client.m.WorkReq(name="Maintenance", desc="many")
    jobs = [client.job("sleep", seconds="1")] * 10_000
    request.blocks.append(client.block("many", *jobs, rate_limit=10_000))
    workflow_id = (await client.stub.Submit(request)).id
    await client.exec(workflow_id)
    now = await client.status(workflow_id)
    assert len(now.blocks[0].jobs) == 10_000


async def _in_state(ours: Any, workflow_id: str, state: str) -> None:
    """Brings a workflow that naps into a state, by the new contract."""
    if state in ("pausing", "paused"):
        await ours.pause(workflow_id, "a test")
    elif state in ("cancelling", "cancelled"):
        await ours.cancel(workflow_id, "a test")
    elif state == "stopped":
        await ours.set_stop("Maintenance", pb.StopStatus.from_string("STOP"), "a test")


@pytest.mark.parametrize(
    ("state", "published"),
    [
        ("queued", "Running"),
        ("held", "Running"),
        ("pausing", "Running"),
        ("paused", "Running"),
        ("cancelled", "Failed"),
        ("stopped", "Failed"),
    ],
)
async def test_a_published_client_sees_its_five_statuses_whatever_operators_do(
    client: Published, server: ServerProcess, state: str, published: str
) -> None:
    if state == "queued":
        toml = server.configs / "server.toml"
        toml.write_text(toml.read_text() + "[limits]\nmax_running = 1\n")
        await server.restart()
    nap = pb.Job(name="sleep", args={"seconds": "1" if state == "paused" else "60"})
    request = pb.WorkReq(name="Maintenance", blocks=[pb.Block(jobs=[nap, nap], hold=state == "held")])
    async with server.client() as ours, grpc.aio.insecure_channel(server.address) as channel:
        published_client = Published(client.m, type(client.stub)(channel))
        ids = [await ours.submit(request) for _ in range(2 if state == "queued" else 1)]
        for workflow_id in ids:
            await ours.exec(workflow_id)
        if state not in ("queued", "held"):
            await until(lambda: _has_running(ours, ids[0]))
        await _in_state(ours, ids[-1], state)

        async def is_there() -> bool:
            return bool((await ours.get(ids[-1])).summary.status == pb.Status.from_string(state.upper()))

        await until(is_there)
        seen = await published_client.status(ids[-1])
        assert seen.status == getattr(client.m, f"Status{published}")
        known = {client.m.StatusNotStarted, client.m.StatusRunning, client.m.StatusFailed}
        known |= {client.m.StatusCompleted}
        assert {b.status for b in seen.blocks} | {j.status for b in seen.blocks for j in b.jobs} <= known
        assert seen.was_es_stopped == (state == "stopped")
        if published == "Running":
            # It watches on, and hears of the end.
            for workflow_id in ids:
                await ours.cancel(workflow_id, "a test")
            await until(lambda: _reads(published_client, ids[-1], client.m.StatusFailed))


@dataclass(frozen=True)
class Trouble:
    """What only jobs of their own bring a workflow into: the request, the deed, what both clients see."""

    job: pb.Job
    of_workflow: str
    of_job: str
    published_job: str
    deed: str = ""


TROUBLES = {
    "retrying": Trouble(
        pb.Job(
            name="idempotent",
            args={"ms": "1", "how": "fail"},
            retry=pb.Retry(attempts=9, delay="5m"),
        ),
        of_workflow="RUNNING",
        of_job="RETRYING",
        published_job="Running",
    ),
    "needs operator": Trouble(
        job("irreversible", ms="60000", how="ok"),
        of_workflow="NEEDS_OPERATOR",
        of_job="UNKNOWN",
        published_job="Failed",
        deed="kill",
    ),
    "cancelling": Trouble(
        job("irreversible", ms="2000", how="deaf"),
        of_workflow="CANCELLING",
        of_job="RUNNING",
        published_job="Running",
        deed="cancel",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_a_published_client_watches_on_while_a_workflow_is_in_trouble(
    generated: Generated, tmp_path: Path, trouble: Trouble
) -> None:
    async with Nursery(tmp_path, toml='[workflow]\nstop_grace = "1m"\n') as nursery:
        await nursery.start()
        async with nursery.client() as ours, grpc.aio.insecure_channel(nursery.address) as channel:
            assert await nursery.serving(ours)
            client = Published(generated.messages, generated.services.WorkflowStub(channel))
            workflow_id = await ours.submit(pb.WorkReq(name="Torture", blocks=[block(trouble.job)]))
            await ours.exec(workflow_id)
            await until(lambda: _job_reads(ours, workflow_id, {"RUNNING", "RETRYING"}))
            if trouble.deed == "kill":
                await nursery.kill()
                await nursery.start()
                assert await nursery.serving(ours)
            elif trouble.deed == "cancel":
                await ours.cancel(workflow_id, "a test")
            await until(lambda: _job_reads(ours, workflow_id, {trouble.of_job}))
            await until(lambda: _workflow_reads(ours, workflow_id, trouble.of_workflow))
            seen = await client.status(workflow_id)
            assert seen.status == client.m.StatusRunning
            assert seen.blocks[0].jobs[0].status == getattr(client.m, f"Status{trouble.published_job}")
            if trouble.of_job == "UNKNOWN":
                failed = pb.Resolution.from_string("FAILED")
                await ours.resolve(workflow_id, 0, 0, failed, "looked at the machine")
            elif trouble.deed != "cancel":
                await ours.cancel(workflow_id, "a test")
            await until(lambda: _reads(client, workflow_id, client.m.StatusFailed))


async def _workflow_reads(ours: Any, workflow_id: str, status: str) -> bool:
    return bool((await ours.get(workflow_id)).summary.status == pb.Status.from_string(status))


async def _job_reads(ours: Any, workflow_id: str, statuses: set[str]) -> bool:
    now = (await ours.status(workflow_id)).blocks[0].jobs[0].status
    return now in {pb.Status.from_string(status) for status in statuses}


async def _has_running(ours: Any, workflow_id: str) -> bool:
    return bool((await ours.get(workflow_id)).summary.jobs.running)


async def _reads(client: Published, workflow_id: str, status: int) -> bool:
    return bool((await client.status(workflow_id)).status == status)
