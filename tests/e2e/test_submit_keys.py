"""Submit keys on a real server: lost answers, many callers at once, and another request under a key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.e2e.requests import naps
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import AlreadyExecuted, Unreachable
from wf_proto.retry import Backoff

#: Of a workflow, as the answer to a submission has it.
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4")


class LossyProxy:
    """Passes everything on to a server, and cuts connections before an answer to a submission comes back."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._target = (host, int(port))
        #: How many connections are yet to be cut.
        self.cuts = 0
        self.cut = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Yields its address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        up = asyncio.create_task(self._pass_up(reader, far_writer), name="up")
        try:
            while data := await far_reader.read(65_536):
                if self.cuts and _ID.search(data):
                    # The server has answered, so it has carried it out. Nobody hears of it.
                    self.cuts -= 1
                    self.cut += 1
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            up.cancel()
            for end in (writer, far_writer):
                end.close()

    async def _pass_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)


async def test_a_lost_answer_never_submits_twice(server: ServerProcess) -> None:
    proxy = LossyProxy(server.address)
    async with proxy.listening() as address, server.client() as direct:
        for _ in range(10):
            # Without pauses: it is about the answers, not about waiting.
            async with Client(address, operator="tester", backoff=Backoff(fraction=lambda: 0.0)) as client:
                proxy.cuts = 2
                workflow_id = await client.submit(naps(1))
                assert (await direct.get(workflow_id)).summary.id == workflow_id
        assert proxy.cut == 20
        assert len((await direct.list()).workflows) == 10


async def test_without_a_key_the_client_does_not_try_again(server: ServerProcess) -> None:
    proxy = LossyProxy(server.address)
    async with proxy.listening() as address, server.client() as direct:
        async with Client(address, operator="tester") as client:
            proxy.cuts = 1
            with pytest.raises(Unreachable):
                await client.submit(naps(1), key="")
        assert len((await direct.list()).workflows) == 1


async def test_eight_at_once_with_one_key_get_one_id(server: ServerProcess) -> None:
    clients = [server.client() for _ in range(8)]
    ids = await asyncio.gather(*(client.submit(naps(1), key="one") for client in clients))
    assert len(set(ids)) == 1
    assert len((await clients[0].list()).workflows) == 1
    # What ALREADY_EXISTS is in this client.
    with pytest.raises(AlreadyExecuted, match="was used for another request"):
        await clients[0].submit(naps(2), key="one")
    await server.restart()
    async with server.client() as again:
        assert await again.submit(naps(1), key="one") == ids[0]
    for client in clients:
        await client.close()
