"""One connection, and the calls that come by it: `connections` as hooks into grpclib.

grpclib bounds nothing that a client may do beside HTTP/2's own flow control, passes on whatever h2
raises, and takes frames it does not know for a bug.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, cast

import grpclib.protocol
import structlog
from grpclib.protocol import EventsProcessor, H2Protocol
from grpclib.server import Handler
from h2.errors import ErrorCodes
from h2.events import Event, PingReceived, PriorityUpdated, RemoteSettingsChanged, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from wf_server.config import ConnectionLimits
from wf_server.service.connections import UNSENT_LIMIT, Connections, ControlBudget, Stage

log = structlog.get_logger(__name__)

#: Headers of one call.
MAX_HEADERS = 64
#: Headers without which grpclib cannot tell what is called.
_NEEDED = frozenset({":method", ":path"})
#: Frames that cost the server work and carry no call.
_CONTROL = (PingReceived, RemoteSettingsChanged, StreamReset, PriorityUpdated)

#: The connection that a call came by, in that call's own task.
_connection: ContextVar[Connection | None] = ContextVar("connection", default=None)


def connection_of_call() -> Connection | None:
    """The connection of the call that is being served; None in tests without one."""
    return _connection.get()


class Connection(H2Protocol):
    """A connection within its server's limits: see `connections.Connected`."""

    def __init__(self, connections: Connections, limits: ConnectionLimits, *args: Any) -> None:
        super().__init__(*args)
        self._connections = connections
        self._limits = limits
        self._transport: asyncio.Transport | None = None
        self._made_a_call = False
        self._greeted = False
        #: Calls whose request is here.
        self._serving = 0
        self._control = ControlBudget(time.monotonic())
        self.address = "unknown"
        self.began = self.heard = time.monotonic()
        self.stuck_since: float | None = None

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        if self._serving:
            return Stage.SERVING
        if self._made_a_call:
            return Stage.IDLE
        return Stage.NEW if self._greeted else Stage.SILENT

    @property
    def has_calls(self) -> bool:
        """Whether a call is open, complete or not."""
        return bool(self.processor.streams)

    def drop(self, why: str) -> None:
        """Ends it at once, without waiting for what is to be sent."""
        if self._transport is not None:
            log.info("a connection is closed", peer=self.address, reason=why, stage=self.stage.name)
            with contextlib.suppress(ProtocolError):
                self.connection._connection.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
                self.connection.flush()
            self._transport.abort()

    def hang_up(self) -> None:
        """Ends it once what is to be sent has been."""
        if self._transport is not None:
            self._transport.close()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """While a call is handled whose request is here."""
        self._made_a_call = True
        self._serving += 1
        try:
            yield
        finally:
            self._serving -= 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.address = _address(transport)
        self.began = self.heard = time.monotonic()
        super().connection_made(transport)
        self._bound()
        self.processor = _Events(self)
        self._connections.admit(self)

    def _bound(self) -> None:
        """Announces the limits, and holds to that of the headers before the client has agreed to it."""
        h2 = self.connection._connection
        h2.decoder.max_header_list_size = self._limits.max_header_bytes
        h2.update_settings(
            {
                SettingCodes.MAX_CONCURRENT_STREAMS: self._limits.max_streams,
                SettingCodes.MAX_HEADER_LIST_SIZE: self._limits.max_header_bytes,
            }
        )
        self.connection.flush()

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        try:
            super().data_received(data)
        except Exception as error:  # noqa: BLE001 - h2 and hpack raise much on bytes that are no HTTP/2
            self.drop(f"bytes that are no HTTP/2: {type(error).__name__}")
            return
        if self._transport is not None and self._transport.get_write_buffer_size() > UNSENT_LIMIT:
            self.drop("it sends and does not read")

    def pause_writing(self) -> None:
        self.stuck_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.stuck_since = None
        super().resume_writing()

    def heard_of(self, event: Event) -> bool:
        """Notes a frame; False where it is one too many, and the connection was ended for it."""
        if isinstance(event, RemoteSettingsChanged):
            self._greeted = True
        if isinstance(event, _CONTROL) and not self._control.take(time.monotonic()):
            self.drop(f"a flood of frames: {type(event).__name__}")
            return False
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.remove(self)
        self._transport = None
        super().connection_lost(exc)


class _Events(EventsProcessor):
    """Hands on what grpclib knows, and passes over frames that it does not, as HTTP/2 asks for."""

    def __init__(self, owner: Connection) -> None:
        super().__init__(owner.handler, owner.connection)
        self._owner = owner

    def process(self, event: Event) -> None:
        """Handles one event."""
        if self._owner.heard_of(event) and type(event) in getattr(self, "processors", ()):
            super().process(event)


class Calls(Handler):
    """Takes calls whose headers are those of a call."""

    owner: Connection | None = None

    def accept(
        self,
        stream: grpclib.protocol.Stream,
        headers: list[tuple[str, str]],
        release_stream: Callable[[], Any],
    ) -> None:
        """Begins to serve a call, or resets its stream."""
        if len(headers) > MAX_HEADERS or not _NEEDED.issubset(name for name, _ in headers):
            log.info("no call's headers", peer=self.owner and self.owner.address, count=len(headers))
            stream.reset_nowait(ErrorCodes.PROTOCOL_ERROR)
            release_stream()
            return
        token = _connection.set(self.owner)
        try:
            super().accept(stream, headers, release_stream)
        finally:
            _connection.reset(token)

    def cancel(self, stream: grpclib.protocol.Stream) -> None:
        """Ends a call; its client may do so after it was over."""
        if stream in self._tasks:
            super().cancel(stream)


def _address(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else "unix"
