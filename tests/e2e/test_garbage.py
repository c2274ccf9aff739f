"""Whatever arrives, the server answers or hangs up, and goes on serving the others."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Cardinality, Status
from grpclib.encoding.proto import ProtoCodec
from grpclib.exceptions import GRPCError, StreamTerminatedError

from tests.e2e.requests import naps
from tests.e2e.server_process import ServerProcess

REQUESTS = [
    *(f"/workflow.v1.WorkflowService/{n}" for n in ("Check", "Submit", "Exec", "Status", "Get", "List")),
    "/workflow.v1.WorkflowService/ListJobs",
    "/workflow.v1.StopsService/Set",
    "/workflow.v1.InventoryService/GetSite",
    *(f"/diskerase.Workflow/{n}" for n in ("Submit", "Exec", "Status")),
]
#: Field 1 as a number, where a text or a message is expected.
NO_TEXT = b"\x08\x96\x01"


class RawCodec(ProtoCodec):
    """Sends and returns bytes as they are."""

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> Any:
        return data


async def raw(server: ServerProcess, path: str, data: bytes) -> Status:
    host, port = server.address.rsplit(":", 1)
    async with Channel(host, int(port), codec=RawCodec()) as channel:
        method: Any = UnaryUnaryMethod(channel, path, bytes, bytes)
        try:
            await method(data, timeout=10)
        except GRPCError as error:
            return error.status
        except StreamTerminatedError:
            return Status.UNAVAILABLE
        return Status.OK


async def lives(server: ServerProcess) -> None:
    async with server.client() as client:
        assert await client.check(naps(1)) == []


async def test_bytes_that_are_no_message(server: ServerProcess) -> None:
    for path in REQUESTS:
        status = await raw(server, path, NO_TEXT)
        # Also where field 1 is a list of statuses: 150 is none.
        assert status is Status.INVALID_ARGUMENT, path
    assert await raw(server, "/workflow.v1.WorkflowService/Nothing", b"") is not Status.OK
    await lives(server)
    assert "a bug" not in server.log()


async def test_random_bytes_in_every_request(server: ServerProcess) -> None:
    generator = random.Random(7)
    for _ in range(20):
        for path in REQUESTS:
            data = generator.randbytes(generator.randrange(40))
            status = await raw(server, path, data)
            assert status not in (Status.INTERNAL, Status.UNKNOWN), (path, data, status)
    await lives(server)
    assert "a bug" not in server.log()


async def test_connections_that_speak_something_else(server: ServerProcess) -> None:
    host, port = server.address.rsplit(":", 1)
    generator = random.Random(8)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for data in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        generator.randbytes(500),
        preface + generator.randbytes(500),
        preface + b"\xff" * 300,
        b"",
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()
    await lives(server)


async def test_a_client_that_announces_more_than_it_sends(server: ServerProcess) -> None:
    """Its stream ends early: the call is refused, and no memory is set aside for the promise."""
    host, port = server.address.rsplit(":", 1)
    async with Channel(host, int(port), codec=RawCodec()) as channel:
        async with channel.request(
            "/workflow.v1.WorkflowService/Check", Cardinality.UNARY_UNARY, bytes, bytes
        ) as stream:
            await stream.send_request()
            await stream._stream.send_data(b"\0\0\x10\0\0abc", end_stream=True)
            stream._end_done = True
            with pytest.raises(GRPCError) as caught:
                await stream.recv_message()
        assert caught.value.status is Status.INVALID_ARGUMENT
    await lives(server)
