"""Doubles for tests of whatever calls a server: a real gRPC server on a unix socket."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grpclib.protocol import H2Protocol
from grpclib.server import Server

from wf_proto.codec import MessageCodec
from wf_proto.details import DetailsCodec


class _Server(Server):
    """grpclib's own close leaves the connections open, and a cancelled stream without an end."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connections: list[H2Protocol] = []

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._connections.append(protocol)
        return protocol

    def hang_up(self) -> None:
        for protocol in self._connections:
            protocol.processor.close()

    def fall_silent(self) -> None:
        for protocol in self._connections:
            protocol.data_received = _ignore  # type: ignore[method-assign]


def _ignore(data: bytes) -> None:
    """Hears nothing."""


class SocketServer:
    """Serves objects of the generated `*ServiceBase` classes; can be stopped and started again."""

    def __init__(self, services: Sequence[Any]) -> None:
        self._services = services
        # Not the test's own directory: a socket's path may have about a hundred bytes.
        self._directory = tempfile.TemporaryDirectory(prefix="wf-")
        self.path = Path(self._directory.name) / "s"
        self._server: _Server | None = None

    @property
    def address(self) -> str:
        """What a client is given."""
        return f"unix:{self.path}"

    async def start(self) -> None:
        """Begins to answer."""
        self._server = _Server(self._services, codec=MessageCodec(), status_details_codec=DetailsCodec())
        await self._server.start(path=str(self.path))

    async def stop(self) -> None:
        """Ends every call and connection, as the end of a server's process does."""
        if self._server is not None:
            self._server.close()
            self._server.hang_up()
            await self._server.wait_closed()
            self._server = None
            self.path.unlink(missing_ok=True)

    def fall_silent(self) -> None:
        """Keeps its connections and answers nothing on them any more, not even a ping."""
        if self._server is not None:
            self._server.fall_silent()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._directory.cleanup()
