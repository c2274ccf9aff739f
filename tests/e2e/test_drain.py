"""The end of a server: what it still does, what it refuses, and what probes hear of it."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_tools import protoc

import wf_proto as pb
from tests.e2e.requests import ended, naps, until
from tests.e2e.server_process import ServerProcess, run_to_exit
from wf_proto.client import Client
from wf_proto.errors import Unreachable

PROTO = Path(__file__).with_name("health.proto")
SERVICES = ("WorkflowService", "StopsService", "CatalogService", "InventoryService")
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server that waits a minute for its jobs: no test waits so long."""
    server = ServerProcess(tmp_path, drain="1m")
    async with server:
        yield server
        await server.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def health(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Messages and stubs as grpcio's compiler makes them of the standard's text."""
    out = tmp_path_factory.mktemp("health")
    args = ["protoc", f"-I{PROTO.parent}", f"--python_out={out}", f"--grpc_python_out={out}", PROTO.name]
    assert protoc.main(args) == 0
    sys.path.insert(0, str(out))
    try:
        yield importlib.import_module("health_pb2"), importlib.import_module("health_pb2_grpc")
    finally:
        sys.path.remove(str(out))


async def begin(client: Client, *seconds: int, rate_limit: int = 10) -> str:
    workflow_id = await client.submit(naps(*seconds, rate_limit=rate_limit))
    await client.exec(workflow_id)
    await until(lambda: running(client, workflow_id, min(len(seconds), rate_limit)))
    return workflow_id


async def running(client: Client, workflow_id: str, jobs: int) -> bool:
    return (await client.get(workflow_id)).summary.jobs.running == jobs


async def draining(client: Client) -> bool:
    return (await client.server_info()).draining


async def test_a_short_job_ends_and_what_comes_after_waits_for_the_next_server(
    patient: ServerProcess,
) -> None:
    async with patient.client() as client:
        workflow_id = await begin(client, 1, 60, rate_limit=1)
    assert await patient.end() == 0
    # Only the first one was in flight, and it ended by itself.
    await patient.start()
    async with patient.client() as client:
        report = await client.status(workflow_id)
        first, second = report.blocks[0].jobs
        assert first.status == pb.Status.COMPLETED
        assert first.started is not None
        assert first.ended is not None
        assert (first.ended - first.started).total_seconds() >= 1
        await until(lambda: running(client, workflow_id, 1))
        assert (await client.get_job(workflow_id, 0, 0)).attempts[1:] == []
        assert second.started is None or second.started > first.ended


async def test_a_long_job_is_cut_short_and_run_again(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path, drain="100ms") as server:
        async with server.client() as client:
            workflow_id = await begin(client, 3)
        await server.restart(signal.SIGTERM)
        assert "Resumed workflows:   1" in server.output
        async with server.client() as client:
            assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED
            story = await client.get_job(workflow_id, 0, 0)
    assert [attempt.status for attempt in story.attempts] == [pb.Status.INTERRUPTED, pb.Status.COMPLETED]


async def test_a_draining_server_tells_all_and_takes_nothing_new(patient: ServerProcess) -> None:
    async with patient.client() as client:
        submitted = await client.submit(naps(1))
        workflow_id = await begin(client, 60)
        other = await begin(client, 60)
        assert not await draining(client)
        watch = client.watch(workflow_id)
        await anext(watch)
        patient.send(signal.SIGTERM)
        await until(lambda: draining(client))
        # New work, and orders that would be lost.
        for refused in (
            client.exec(submitted),
            client.pause(workflow_id, "why not"),
            client.submit(naps(1)),
        ):
            with pytest.raises(Unreachable, match="the server is shutting down"):
                await refused
        # Everything that is only asked.
        assert (await client.status(workflow_id)).status == pb.Status.RUNNING
        assert len((await client.list()).workflows) == 3
        assert await client.list_stops()
        # Ending work is always possible.
        await client.cancel(workflow_id, "smoke")
        assert (await ended(client, workflow_id)).status == pb.Status.CANCELLED
        events = [event async for event in watch]
        assert events[-1].batch.summary.status == pb.Status.CANCELLED
        await client.cancel(other, "smoke")
    # Nothing runs any more, so nothing is waited for.
    assert await patient.wait() == 0
    assert "Traceback" not in patient.log()


async def test_a_second_signal_ends_at_once(patient: ServerProcess) -> None:
    async with patient.client() as client:
        workflow_id = await begin(client, 60)
        patient.send(signal.SIGTERM)
        await until(lambda: draining(client))
    assert await patient.end(signal.SIGTERM) == -signal.SIGTERM
    await patient.start()
    async with patient.client() as client:
        await until(lambda: running(client, workflow_id, 1))


async def test_a_paused_workflow_holds_up_no_end_and_stays_paused(patient: ServerProcess) -> None:
    async with patient.client() as client:
        workflow_id = await begin(client, 1, 60, rate_limit=1)
        await client.pause(workflow_id, "lunch")
        await until(lambda: is_in(client, workflow_id, pb.Status.PAUSED))
    assert await patient.end() == 0
    await patient.start()
    async with patient.client() as client:
        assert (await client.get(workflow_id)).summary.status == pb.Status.PAUSED


async def is_in(client: Client, workflow_id: str, status: int) -> bool:
    return bool((await client.get(workflow_id)).summary.status == status)


async def test_a_private_server_never_outlives_its_console(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, drain="1m")
    await server.init()
    await server.start("--exit-with-parent", piped=True)
    async with server.client() as client:
        workflow_id = await begin(client, 60)
    server.close_input()
    assert await server.wait() == 0
    await server.start()
    async with server.client() as client:
        await until(lambda: running(client, workflow_id, 1))
    await server.end(signal.SIGKILL)


async def test_probes_of_other_make_hear_whether_it_takes_work(patient: ServerProcess, health: Any) -> None:
    messages, services = health
    async with patient.client() as client:
        workflow_id = await begin(client, 60)
        async with grpc.aio.insecure_channel(patient.address) as channel:
            stub = services.HealthStub(channel)
            names = ("", *(f"workflow.v1.{name}" for name in SERVICES), "diskerase.Workflow")
            for name in names:
                assert (await stub.Check(messages.HealthCheckRequest(service=name))).status == SERVING
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Check(messages.HealthCheckRequest(service="no.Such"))
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
            stranger = stub.Watch(messages.HealthCheckRequest(service="no.Such"))
            assert (await stranger.read()).status == SERVICE_UNKNOWN
            watch = stub.Watch(messages.HealthCheckRequest(service="workflow.v1.WorkflowService"))
            assert (await watch.read()).status == SERVING
            patient.send(signal.SIGTERM)
            assert (await watch.read()).status == NOT_SERVING
            for name in names:
                assert (await stub.Check(messages.HealthCheckRequest(service=name))).status == NOT_SERVING
            watch.cancel()
            stranger.cancel()
        await client.cancel(workflow_id, "enough")
    assert await patient.wait() == 0


async def test_the_probe_command_tells_by_its_exit_code(patient: ServerProcess) -> None:
    probe = [sys.executable, "-m", "wf_server", "health", "--address", patient.address]
    assert await run_to_exit(probe) == (0, f"{patient.address}: serving\n", "")
    code, _, error = await run_to_exit([*probe, "--service", "no.Such"])
    assert (code, error.startswith("wf-server: there is no service 'no.Such'; there are ")) == (1, True)
    async with patient.client() as client:
        await begin(client, 60)
        patient.send(signal.SIGTERM)
        await until(lambda: draining(client))
    code, told, _ = await run_to_exit(probe)
    assert (code, told) == (1, f"{patient.address}: not serving: it drains, or cannot write its database\n")
    await patient.end(signal.SIGTERM)
    code, _, error = await run_to_exit(probe)
    assert code == 1
    assert error.startswith(f"wf-server: cannot connect to {patient.address}: ")
