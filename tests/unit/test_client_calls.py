"""The client's calls against a real gRPC server: answers, errors, repetitions, deadlines."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, cast
from urllib.parse import unquote

import pytest
from grpclib.const import Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.metadata import Deadline
from grpclib.server import Stream

import wf_proto as pb
from wf_proto import channel, errors
from wf_proto.client import Client, default_operator
from wf_proto.codec import MessageCodec, Undecoded, decoded
from wf_proto.retry import Backoff
from wf_proto.testing import SocketServer

REQUEST = pb.WorkReq(name="SatelliteDiskErase", blocks=[pb.Block(jobs=[pb.Job(name="sleep")])])


class Workflows(pb.WorkflowServiceBase):
    """Answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.keys: list[str] = []
        self.failures: list[GRPCError] = []
        self.metadata: list[dict[str, str]] = []
        self.deadlines: list[Deadline | None] = []
        self.hang = asyncio.Event()
        self.hanging = False
        self.events: list[pb.WatchResponse] = []
        self.ended = asyncio.Event()

    async def _seen(self, name: str) -> None:
        self.calls.append(name)
        if self.failures:
            raise self.failures.pop(0)
        if self.hanging:
            await self.hang.wait()

    async def check(self, check_request: pb.CheckRequest) -> pb.CheckResponse:
        await self._seen("check")
        return pb.CheckResponse(violations=[pb.Violation(policy=check_request.work_req.name, block=0)])

    async def submit(self, submit_request: pb.SubmitRequest) -> pb.SubmitResponse:
        self.keys.append(submit_request.key)
        await self._seen("submit")
        return pb.SubmitResponse(id=f"id of {submit_request.work_req.name}")

    async def exec(self, exec_request: pb.ExecRequest) -> pb.ExecResponse:
        await self._seen(f"exec {exec_request.id}")
        return pb.ExecResponse()

    async def cancel(self, cancel_request: pb.CancelRequest) -> pb.CancelResponse:
        await self._seen("cancel")
        return pb.CancelResponse()

    async def status(self, status_request: pb.StatusRequest) -> pb.StatusResponse:
        await self._seen("status")
        return pb.StatusResponse(id=status_request.id, desc="x" * 1000)

    async def watch(self, watch_request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
        try:
            await self._seen("watch")
            for event in self.events:
                yield event
            if self.hanging:
                await self.hang.wait()
        finally:
            self.ended.set()

    def __mapping__(self) -> dict[str, Handler]:
        return {path: self._noting(handler) for path, handler in super().__mapping__().items()}

    def _noting(self, handler: Handler) -> Handler:
        async def noted(stream: Stream[Any, Any]) -> None:
            self.metadata.append({key: str(value) for key, value in (stream.metadata or {}).items()})
            self.deadlines.append(stream.deadline)
            await handler.func(stream)

        return handler._replace(func=noted)


@pytest.fixture
def workflows() -> Workflows:
    return Workflows()


@pytest.fixture
async def server(workflows: Workflows) -> AsyncIterator[SocketServer]:
    async with SocketServer([workflows]) as server:
        yield server


@pytest.fixture
async def client(server: SocketServer) -> AsyncIterator[Client]:
    async with Client(server.address, operator="Zoë 50%", backoff=quick()) as client:
        yield client


def quick(tries: int = 4) -> Backoff:
    return Backoff(tries=tries, fraction=lambda: 0.0)


async def test_calls_carry_their_arguments_and_bring_the_answer(client: Client) -> None:
    assert await client.submit(REQUEST) == "id of SatelliteDiskErase"
    [violation] = await client.check(REQUEST)
    assert (violation.policy, violation.block, violation.job) == ("SatelliteDiskErase", 0, None)
    await client.exec("one")
    assert (await client.status("one")).id == "one"


async def test_every_call_names_its_operator_and_has_a_deadline(client: Client, workflows: Workflows) -> None:
    await client.submit(REQUEST)
    await client.status("one")
    assert [unquote(seen["wf-operator"]) for seen in workflows.metadata] == ["Zoë 50%"] * 2
    assert all(deadline is not None for deadline in workflows.deadlines)


async def test_a_large_answer_is_decoded_beside_the_loop(
    client: Client, workflows: Workflows, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, int] = {}
    real = MessageCodec.decode

    def decode(self: MessageCodec, data: bytes, message_type: Any) -> Any:
        threads[message_type.__name__] = threading.get_ident()
        return real(self, data, message_type)

    monkeypatch.setattr(MessageCodec, "decode", decode)
    assert (await client.status("x" * 100_000)).id == "x" * 100_000
    workflows.events = [pb.WatchResponse(snapshot=pb.Snapshot(summary=pb.WorkflowSummary(id="y" * 100_000)))]
    [event] = [event async for event in client.watch("one")]
    assert event.snapshot.summary.id == "y" * 100_000
    await client.exec("one")
    assert threads["StatusResponse"] != threading.get_ident() != threads["WatchResponse"]
    assert threads["ExecResponse"] == threading.get_ident()


async def test_a_large_answer_that_is_no_message_is_refused() -> None:
    with pytest.raises(errors.Undecodable):
        await decoded(Undecoded(b"\x08\x05" * 50_000, pb.WorkReq))


async def test_a_stream_names_its_operator_and_has_no_deadline(client: Client, workflows: Workflows) -> None:
    workflows.events = [pb.WatchResponse(snapshot=pb.Snapshot())]
    assert len([event async for event in client.watch("one")]) == 1
    assert unquote(workflows.metadata[0]["wf-operator"]) == "Zoë 50%"
    assert workflows.deadlines == [None]


def test_the_default_operator_is_the_user_at_this_host() -> None:
    user, _, host = default_operator().partition("@")
    assert user
    assert host


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.NOT_FOUND, errors.NotFound),
        (Status.ALREADY_EXISTS, errors.AlreadyExecuted),
        (Status.FAILED_PRECONDITION, errors.FailedPrecondition),
        (Status.INVALID_ARGUMENT, errors.InvalidRequest),
        (Status.RESOURCE_EXHAUSTED, errors.Overloaded),
        (Status.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        (Status.UNAVAILABLE, errors.Unreachable),
        (Status.ABORTED, errors.EmergencyStopped),
        (Status.INTERNAL, errors.ServerFault),
        (Status.UNKNOWN, errors.ServerFault),
        (Status.UNIMPLEMENTED, errors.ServerFault),
    ],
)
async def test_every_status_has_its_exception(
    client: Client, workflows: Workflows, status: Status, kind: type[errors.ClientError]
) -> None:
    workflows.failures = [GRPCError(status, "what happened")]
    with pytest.raises(errors.ClientError) as caught:
        await client.exec("one")
    assert type(caught.value) is kind
    if status is not Status.UNIMPLEMENTED:
        assert "what happened" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(Status.INVALID_ARGUMENT, errors.Rejected), (Status.ABORTED, errors.EmergencyStopped)],
)
async def test_a_refusal_brings_its_violations(
    client: Client, workflows: Workflows, status: Status, kind: type[errors.Rejected]
) -> None:
    refusal = pb.Refusal(
        rejection_id="kept",
        violations=[pb.Violation(policy="sameArgs", block=1, job=0, arg="site", found="aab", expected="aap")],
    )
    workflows.failures = [GRPCError(status, "refused", refusal)]
    with pytest.raises(kind) as caught:
        await client.submit(REQUEST)
    assert caught.value.rejection_id == "kept"
    [violation] = caught.value.violations
    assert (violation.block, violation.job, violation.arg, violation.found) == (1, 0, "site", "aab")


async def test_reads_are_repeated_while_the_server_is_unavailable(
    client: Client, workflows: Workflows
) -> None:
    workflows.failures = [GRPCError(Status.UNAVAILABLE)] * 3
    assert (await client.status("one")).id == "one"
    assert workflows.calls == ["status"] * 4


async def test_repetition_has_an_end(client: Client, workflows: Workflows) -> None:
    workflows.failures = [GRPCError(Status.UNAVAILABLE, "starting")] * 9
    with pytest.raises(errors.Unreachable, match="starting"):
        await client.status("one")
    assert workflows.calls == ["status"] * 4


async def test_only_unavailability_is_repeated(client: Client, workflows: Workflows) -> None:
    workflows.failures = [GRPCError(Status.RESOURCE_EXHAUSTED)]
    with pytest.raises(errors.Overloaded):
        await client.status("one")
    assert workflows.calls == ["status"]


@pytest.mark.parametrize("act", ["submit", "exec", "cancel"])
async def test_what_changes_something_is_never_repeated(
    client: Client, workflows: Workflows, act: str
) -> None:
    workflows.failures = [GRPCError(Status.UNAVAILABLE)] * 2
    orders: dict[str, Callable[[], Awaitable[object]]] = {
        "submit": partial(client.submit, REQUEST, key=""),
        "exec": partial(client.exec, "one"),
        "cancel": partial(client.cancel, "one", "why"),
    }
    with pytest.raises(errors.Unreachable):
        await orders[act]()
    assert len(workflows.calls) == 1


async def test_a_submission_is_repeated_under_its_key(client: Client, workflows: Workflows) -> None:
    workflows.failures = [GRPCError(Status.UNAVAILABLE)] * 2
    await client.submit(REQUEST)
    assert workflows.calls == ["submit"] * 3
    assert len(set(workflows.keys)) == 1
    assert workflows.keys[0]
    await client.submit(REQUEST)
    assert len(set(workflows.keys)) == 2


async def test_the_opening_of_a_stream_is_repeated(client: Client, workflows: Workflows) -> None:
    workflows.failures = [GRPCError(Status.UNAVAILABLE)] * 2
    workflows.events = [pb.WatchResponse(snapshot=pb.Snapshot())]
    assert len([event async for event in client.watch("one")]) == 1
    assert workflows.calls == ["watch"] * 3


async def test_pauses_grow_with_jitter_and_stay_bounded() -> None:
    assert list(Backoff(tries=5, first=0.1, most=0.5, fraction=lambda: 1.0).pauses()) == [0.1, 0.2, 0.4, 0.5]
    assert all(0 <= pause <= 0.1 * 2**n for n, pause in enumerate(Backoff().pauses()))


async def test_no_pause_reaches_past_the_deadline(server: SocketServer, workflows: Workflows) -> None:
    workflows.failures = [GRPCError(Status.UNAVAILABLE)] * 9
    slow = Backoff(first=1000, most=1000, fraction=lambda: 1.0)
    async with Client(server.address, backoff=slow, timeout=5) as client:
        with pytest.raises(errors.Unreachable):
            await client.status("one")
    assert workflows.calls == ["status"]


async def test_no_answer_in_time_says_that_nobody_knows_what_was_done(
    server: SocketServer, workflows: Workflows
) -> None:
    workflows.hanging = True
    async with Client(server.address, timeout=0.05) as client:
        with pytest.raises(errors.DeadlineExceeded, match="may or may not have been carried out"):
            await client.submit(REQUEST)
        with pytest.raises(errors.DeadlineExceeded, match="did not answer in time"):
            await client.status("one")


async def test_a_stream_without_a_first_message_has_a_deadline(
    server: SocketServer, workflows: Workflows
) -> None:
    workflows.hanging = True
    async with Client(server.address, timeout=0.05) as client:
        with pytest.raises(errors.DeadlineExceeded):
            await anext(client.watch("one"))
        await workflows.ended.wait()


async def test_a_stream_outlives_the_deadline_of_its_first_message(
    server: SocketServer, workflows: Workflows
) -> None:
    workflows.events = [pb.WatchResponse(snapshot=pb.Snapshot())]
    workflows.hanging = True
    workflows.hang.set()
    async with Client(server.address, timeout=0.2) as client:
        events = client.watch("one")
        await anext(events)
        await asyncio.sleep(0.25)
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_nobody_listening_is_told_with_the_address(tmp_path: object) -> None:
    async with Client("unix:/nonexistent/wf.sock", backoff=quick()) as client:
        with pytest.raises(errors.Unreachable, match=r"unix:/nonexistent/wf\.sock: there is no such socket"):
            await client.server_info()


async def test_what_speaks_no_grpc_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    async with other, Client(f"127.0.0.1:{port}", backoff=quick(1)) as client:
        with pytest.raises(errors.Unreachable, match="is it a wf-server"):
            await client.server_info()


async def test_a_server_that_goes_breaks_the_stream_and_comes_back(
    server: SocketServer, client: Client, workflows: Workflows
) -> None:
    workflows.events = [pb.WatchResponse(snapshot=pb.Snapshot())]
    workflows.hanging = True
    workflows.hang.clear()

    async def first_then_rest() -> None:
        async with contextlib.aclosing(client.watch("one")) as events:
            async for _ in events:
                await server.stop()

    workflows._seen = noop  # type: ignore[method-assign]
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(errors.Unreachable, match=r"was lost|not available"):
        await first_then_rest()
    assert task.cancelling() == 0
    workflows.hanging = False
    await server.start()
    assert len([event async for event in client.watch("one")]) == 1


async def noop(name: str) -> None:
    """Asks nothing."""


async def test_a_cancelled_call_is_cancelled_on_the_server(client: Client, workflows: Workflows) -> None:
    workflows.events = [pb.WatchResponse(snapshot=pb.Snapshot())]
    workflows.hanging = True
    workflows._seen = noop  # type: ignore[method-assign]
    async with contextlib.aclosing(client.watch("one")) as events:
        await anext(events)
    await workflows.ended.wait()


async def test_an_answer_past_the_limit_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_ANSWER_BYTES", 500)
    with pytest.raises(errors.ServerFault, match="500 is the limit"):
        await client.status("one")


class Garbled(pb.CatalogServiceBase):
    """Sends a message of another type."""

    async def list_job_types(self, list_job_types_request: pb.ListJobTypesRequest) -> pb.ListJobTypesResponse:
        return cast("pb.ListJobTypesResponse", pb.StatusResponse(name="no job type"))


async def test_an_answer_that_cannot_be_read_is_a_fault_of_the_server() -> None:
    async with SocketServer([Garbled()]) as server, Client(server.address) as client:
        with pytest.raises(errors.ServerFault, match="cannot be read"):
            await client.list_job_types()


async def test_what_cannot_be_sent_is_told(client: Client) -> None:
    with pytest.raises(errors.InvalidRequest, match="cannot be sent"):
        await client.submit(pb.WorkReq(name="lone surrogate \ud800"))


async def test_a_closed_client_says_so(client: Client) -> None:
    await client.close()
    await client.close()
    with pytest.raises(errors.Unreachable, match="closed by this program"):
        await client.status("one")


async def test_a_server_that_falls_silent_is_noticed(server: SocketServer, workflows: Workflows) -> None:
    workflows.events = [pb.WatchResponse(snapshot=pb.Snapshot())]
    workflows.hanging = True
    workflows._seen = noop  # type: ignore[method-assign]
    async with Client(server.address, keepalive_seconds=0.05) as client:
        events = client.watch("one")
        await anext(events)
        server.fall_silent()
        with pytest.raises(errors.Unreachable, match="was lost"):
            await anext(events)


async def test_a_cancelled_caller_is_cancelled(client: Client, workflows: Workflows) -> None:
    workflows.hanging = True
    asked = asyncio.create_task(client.status("one"))
    while not workflows.calls:
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_a_lost_connection_is_no_cancellation(server: SocketServer, workflows: Workflows) -> None:
    workflows.hanging = True
    async with Client(server.address, backoff=quick(1)) as client:

        async def ask() -> int:
            with pytest.raises(errors.Unreachable):
                await client.status("one")
            task = asyncio.current_task()
            assert task is not None
            return task.cancelling()

        asked = asyncio.create_task(ask())
        while not workflows.calls:
            await asyncio.sleep(0)
        await server.stop()
        assert await asked == 0
