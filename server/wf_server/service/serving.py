"""grpclib's server behind limits, with an end that does not wait for its clients to hang up.

Since Python 3.12 `asyncio.Server.wait_closed` waits until the last connection is gone, and a client that
watches never goes by itself.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from typing import Any

from grpclib.config import Configuration
from grpclib.protocol import H2Protocol
from grpclib.server import Server

from wf_proto.details import DetailsCodec
from wf_server.config import ConnectionLimits
from wf_server.service.connection import Calls, Connection
from wf_server.service.connections import SWEEP_SECONDS, Connections
from wf_server.service.guard import Codec, Guarded

#: Seconds that the calls being served have to end once they are cancelled.
CLOSE_SECONDS = 2.0
#: Connections that wait to be accepted: many may come at once.
BACKLOG = 1024
#: What a client may send before somebody reads it, per connection. Bytes.
WINDOW = 2**20


class GrpcServer(Server):
    """Serves guarded services. `start`, and in the end `end`."""

    def __init__(self, services: list[Guarded], limits: ConnectionLimits) -> None:
        super().__init__(
            services,
            codec=Codec(),
            status_details_codec=DetailsCodec(),
            config=Configuration(http2_connection_window_size=WINDOW, http2_stream_window_size=WINDOW),
        )
        self._limits = limits
        self.connections = Connections(limits, time.monotonic)
        self._sweeping: asyncio.Task[None] | None = None

    def _protocol_factory(self) -> H2Protocol:
        self.__gc_step__()
        handler = Calls(self._mapping, self._codec, self._status_details_codec, self.__dispatch__)
        self._handlers.add(handler)
        connection = Connection(self.connections, self._limits, handler, self._config, self._h2_config)
        handler.owner = connection
        return connection

    async def start(self, *args: Any, **options: Any) -> None:
        """Listens, as grpclib does, and looks after the connections from then on."""
        if options.get("ssl") is None:
            await super().start(*args, **{"backlog": BACKLOG, **options})
        else:
            await self._start_tls(options["sock"], options["ssl"])
        self._sweeping = asyncio.create_task(self._sweep(), name="sweep of the connections")

    async def _start_tls(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        """As grpclib's start, which sets no limit to the handshake: until then no connection is known."""
        self._server = await self._loop.create_server(
            self._protocol_factory,
            sock=sock,
            ssl=context,
            backlog=BACKLOG,
            ssl_handshake_timeout=self._limits.handshake,
        )
        self._server_closed_fut = self._loop.create_future()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.connections.sweep()

    async def end(self) -> None:
        """Takes no more connections, cancels the calls, lets them answer, and hangs up."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait({self._sweeping})
        self.close()
        # The handlers of open connections: grpclib keeps them until their tasks have ended.
        calls = [handler.wait_closed() for handler in self._handlers]
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*calls)
        except TimeoutError:
            pass
        for connection in self.connections.all():
            assert isinstance(connection, Connection)
            connection.hang_up()
        await self.wait_closed()
