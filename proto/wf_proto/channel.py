"""The connection: a channel that notices a dead server and refuses answers past a size."""

from __future__ import annotations

import ssl
from typing import Any, cast

from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality
from grpclib.metadata import Deadline
from grpclib.protocol import H2Protocol
from multidict import MultiDict

from wf_proto.address import Address
from wf_proto.codec import AnswerCodec
from wf_proto.details import DetailsCodec
from wf_proto.errors import Undecodable

#: The largest answer that is taken in, in bytes.
MAX_ANSWER_BYTES = 256 * 2**20


#: A server that hangs is noticed after at most twice this time.
KEEPALIVE_SECONDS = 5.0


def open_channel(
    address: Address, keepalive_seconds: float = KEEPALIVE_SECONDS, context: ssl.SSLContext | None = None
) -> BoundedChannel:
    """Returns a channel that connects when it is first used. Needs a running loop.

    A server that does not answer a ping within `keepalive_seconds` while calls are open counts as
    gone. grpclib's own limits on pings are lifted because a watcher sends nothing else for hours.
    """
    config = Configuration(
        _keepalive_time=keepalive_seconds,
        _keepalive_timeout=keepalive_seconds,
        _http2_max_pings_without_data=0,
        _http2_min_sent_ping_interval_without_data=keepalive_seconds / 2,
    )
    parts: dict[str, Any] = (
        {"path": address.path} if address.path else {"host": address.host, "port": address.port}
    )
    return BoundedChannel(
        **parts, ssl=context, codec=AnswerCodec(), status_details_codec=DetailsCodec(), config=config
    )


class BoundedChannel(Channel):
    """A channel whose calls refuse an answer larger than MAX_ANSWER_BYTES before reading it."""

    #: What broke the connection, where it was TLS: a server that refuses a certificate says so after the
    #: client's side of the handshake is done.
    broken_by: ssl.SSLError | None = None

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        lost = protocol.connection_lost

        def connection_lost(error: BaseException | None) -> None:
            if isinstance(error, ssl.SSLError):
                self.broken_by = error
            lost(error)

        protocol.connection_lost = connection_lost  # type: ignore[method-assign,assignment]
        return protocol

    def request(
        self,
        name: str,
        cardinality: Cardinality,
        request_type: type[Any],
        reply_type: type[Any],
        *,
        timeout: float | None = None,
        deadline: Deadline | None = None,
        metadata: Any = None,
    ) -> Stream[Any, Any]:
        """Returns a call, as grpclib does."""
        if timeout is not None:
            deadline = Deadline.from_timeout(timeout)
        return _BoundedCall(
            self,
            name,
            cast("Any", MultiDict(metadata or ())),
            cardinality,
            request_type,
            reply_type,
            codec=self._codec,
            status_details_codec=self._status_details_codec,
            dispatch=self.__dispatch__,
            deadline=deadline,
        )


class _BoundedCall(Stream[Any, Any]):
    async def recv_initial_metadata(self) -> None:
        # The first point at which the HTTP/2 stream exists and nothing has been read from it.
        await super().recv_initial_metadata()
        self._stream.recv_data = _bounded(self._stream.recv_data)  # type: ignore[method-assign]


def _bounded(recv_data: Any) -> Any:
    async def read(size: int) -> bytes:
        if size > MAX_ANSWER_BYTES:
            raise Undecodable(f"it has {size:,} bytes, and {MAX_ANSWER_BYTES:,} is the limit")
        data: bytes = await recv_data(size)
        return data

    return read
