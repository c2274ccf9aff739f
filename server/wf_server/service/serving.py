"""grpclib's server, with an end that does not wait for its clients to hang up.

Since Python 3.12 `asyncio.Server.wait_closed` waits until the last connection is gone, and a client that
watches never goes by itself.
"""

from __future__ import annotations

import asyncio
from typing import Any

from grpclib.protocol import H2Protocol
from grpclib.server import Server

from wf_proto.details import RefusalDetailsCodec
from wf_server.service.guard import Codec, Guarded

#: Seconds that the calls being served have to end once they are cancelled.
CLOSE_SECONDS = 2.0


class _Connection(H2Protocol):
    """A connection that its server knows."""

    def __init__(self, connections: set[asyncio.BaseTransport], *args: Any) -> None:
        super().__init__(*args)
        self._connections = connections
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._transport is not None:
            self._connections.discard(self._transport)
        super().connection_lost(exc)


class GrpcServer(Server):
    """Serves guarded services. `start`, and in the end `end`."""

    def __init__(self, services: list[Guarded]) -> None:
        super().__init__(services, codec=Codec(), status_details_codec=RefusalDetailsCodec())
        self._connections: set[asyncio.BaseTransport] = set()

    def _protocol_factory(self) -> H2Protocol:
        plain = super()._protocol_factory()
        return _Connection(self._connections, plain.handler, plain.config, plain.h2_config)

    async def end(self) -> None:
        """Takes no more connections, cancels the calls, lets them answer, and hangs up."""
        self.close()
        # The handlers of open connections: grpclib keeps them until their tasks have ended.
        calls = [handler.wait_closed() for handler in self._handlers]
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*calls)
        except TimeoutError:
            pass
        for transport in list(self._connections):
            transport.close()
        await self.wait_closed()
