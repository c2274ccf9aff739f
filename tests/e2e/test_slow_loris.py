"""A thousand connections that hold on to the server, and an operator who has to stop something."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import STOP, naps
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import NotFound, Overloaded
from wf_proto.retry import Backoff

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: The id of no workflow.
UNKNOWN = "00000000-0000-4000-8000-000000000000"
#: Of each kind.
MANY = 200
#: Seconds after which a stop counts as hindered. What is promised is one; the test prints how long it took,
#: because a machine that runs other tests too is no measure.
STOP_SECONDS = 10.0


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: str, value: str) -> bytes:
    return bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def headers(path: str) -> bytes:
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "x"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]
    return b"".join(literal(*field) for field in fields)


SETTINGS = frame(4, 0, 0, b"")
#: With a stream window of nothing: the server may answer, and never send a byte.
NO_WINDOW = frame(4, 0, 0, struct.pack(">HI", 4, 0))
CALL = frame(1, 4, 1, headers("/workflow.v1.WorkflowService/WatchList"))
KINDS = {
    "connects only": b"",
    "half a preface": PREFACE[:11],
    "half a header": PREFACE + SETTINGS + CALL[:40],
    "half a message": PREFACE + SETTINGS + CALL + frame(0, 0, 1, b"\0\0\0\0\x09ab"),
    "does not read": PREFACE + NO_WINDOW + CALL + frame(0, 1, 1, b"\0\0\0\0\0"),
}


@contextlib.asynccontextmanager
async def hanging(server: ServerProcess, data: bytes, count: int) -> AsyncIterator[list[socket.socket]]:
    """So many sockets that have sent this and say no more."""
    loop = asyncio.get_running_loop()
    host, port = server.address.rsplit(":", 1)
    async with contextlib.AsyncExitStack() as stack:
        socks = []
        for _ in range(count):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            await loop.sock_connect(sock, (host, int(port)))
            with contextlib.suppress(ConnectionError):
                await loop.sock_sendall(sock, data)
            socks.append(sock)
        yield socks


async def ended(sock: socket.socket) -> bool:
    """Whether the server hangs up; waits for it."""
    loop = asyncio.get_running_loop()
    try:
        while await loop.sock_recv(sock, 65536):
            pass
    except ConnectionError:
        pass
    return True


async def test_a_stop_works_while_a_thousand_connections_hang(server: ServerProcess) -> None:
    async with contextlib.AsyncExitStack() as stack, server.client() as watcher:
        workflow = await watcher.submit(naps(60, 60, 60))
        await watcher.exec(workflow)
        changes = watcher.watch(workflow)
        await anext(changes)
        for data in KINDS.values():
            await stack.enter_async_context(hanging(server, data, MANY))
        # Whose console was open before still sees, and whoever comes now gets in.
        for operator in (watcher, await stack.enter_async_context(server.client())):
            began = time.perf_counter()
            async with asyncio.timeout(STOP_SECONDS):
                await operator.set_stop("Maintenance", STOP, "smoke in the hall")
                await operator.set_stop("Maintenance", STOP, "and again")
            print(f"two stops, {MANY} connections of each kind hanging: {time.perf_counter() - began:.2f} s")
        async with asyncio.timeout(10):
            async for _ in changes:
                pass
            assert (await watcher.get(workflow)).summary.status is pb.Status.STOPPED
    assert "a bug" not in server.log()
    assert "Traceback" not in server.log()


QUICK = """
[connections]
max_connections = 20
max_per_address = 10
handshake = "300ms"
idle = "300ms"
request = "300ms"
send = "300ms"
"""


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server of little patience."""
    server = ServerProcess(tmp_path)
    await server.init()
    toml = server.configs / "server.toml"
    toml.write_text(toml.read_text() + QUICK)
    await server.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.end)
        yield server


@pytest.mark.parametrize("kind", KINDS)
async def test_whoever_hangs_is_cut_off(quick: ServerProcess, kind: str) -> None:
    async with hanging(quick, KINDS[kind], 3) as socks, asyncio.timeout(10):
        assert all([await ended(sock) for sock in socks])


async def test_newcomers_push_out_the_ones_that_said_nothing(quick: ServerProcess) -> None:
    async with quick.client() as client:
        await client.server_info()
        async with hanging(quick, b"", 30):
            await client.server_info()
            async with quick.client() as newcomer:
                await newcomer.server_info()


async def test_too_many_calls_are_refused_until_later_and_stops_are_not(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    toml = server.configs / "server.toml"
    toml.write_text(toml.read_text() + "[rates]\norders = 4\nreads = 1\nburst = 1\n")
    await server.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.end)
        hasty = await stack.enter_async_context(Client(server.address, backoff=Backoff(tries=1)))
        assert await hasty.check(naps(1)) == []
        # However slow this machine is: so many calls at once are more than it allows.
        calls = [hasty.exec(UNKNOWN) for _ in range(50)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, Overloaded)]
        assert "at most 4 orders a second" in str(refused[0])
        assert refused[0].retry_after is not None
        # What reads and what stops is not kept waiting by orders.
        await hasty.list_stops()
        for _ in range(20):
            await hasty.set_stop("Maintenance", STOP, "")
        # A client that comes back when it is told to gets its answer, and an order is carried out once.
        patient = await stack.enter_async_context(Client(server.address))
        with pytest.raises(NotFound):
            await patient.exec(UNKNOWN)
