"""What stands between the network and every RPC: limits, decoding, who calls, and refusals.

Calls are counted by operator, a message is measured before it is read and has to arrive in time, an answer
has to be taken in in time, bytes that are no message become INVALID_ARGUMENT, expected
errors become their gRPC status with machine-readable violations, and anything else becomes INTERNAL
with its traceback in the log and nothing of it on the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import grpclib.const
import grpclib.server
import structlog
from grpclib.const import Status
from grpclib.encoding.proto import ProtoCodec
from grpclib.exceptions import GRPCError

import wf_proto as pb
from wf_proto.details import RetryInfo
from wf_server import errors
from wf_server.config import ConnectionLimits
from wf_server.eager import Done, begin
from wf_server.model import Level, Violation
from wf_server.model.caller import Caller
from wf_server.service.access import Rule
from wf_server.service.connection import connection_of_call
from wf_server.service.origin import origin_of
from wf_server.service.rates import Rates, Room
from wf_server.service.streams import OpenStreams
from wf_server.service.translate import violation_message

log = structlog.get_logger(__name__)

#: Bytes of violations in the trailers. Base64 adds a third, and gRPC clients take 8 KiB by default.
DETAILS_LIMIT = 4800
#: Characters of an error's text, which travels beside them.
MESSAGE_LIMIT = 600

#: The slowest that a client may send or take in, beyond the time that each message has. Bytes a second.
SLOWEST = 64 * 2**10
#: A request is read in portions of so many bytes, and each has its share of the time.
PORTION = 2**18

#: A message's frame: whether it is compressed, and how many bytes it has.
_HEADER = struct.Struct(">?I")

_STATUS = (
    (errors.EmergencyStopped, Status.ABORTED),
    (errors.Refused, Status.INVALID_ARGUMENT),
    (errors.NotFound, Status.NOT_FOUND),
    (errors.AlreadyExecuted, Status.ALREADY_EXISTS),
    (errors.KeyReused, Status.ALREADY_EXISTS),
    (errors.TooLate, Status.FAILED_PRECONDITION),
    (errors.FailedPrecondition, Status.FAILED_PRECONDITION),
    (errors.InvalidRequest, Status.INVALID_ARGUMENT),
    (errors.Unauthenticated, Status.UNAUTHENTICATED),
    (errors.PermissionDenied, Status.PERMISSION_DENIED),
    (errors.Overloaded, Status.RESOURCE_EXHAUSTED),
    (errors.ShuttingDown, Status.UNAVAILABLE),
    (errors.StoreDamaged, Status.DATA_LOSS),
    (errors.StoreError, Status.UNAVAILABLE),
)


#: Set for the duration of each RPC, in that RPC's own task.
_caller: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """Who makes the call that is being served."""
    return _caller.get()


@dataclass(frozen=True, slots=True)
class Undecoded:
    """The bytes of a message that its handler reads itself, in portions: see `wire`."""

    data: bytes
    #: Whether it holds the WorkReq as its field 1, and is none itself.
    nested: bool = True


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message that is bytes already, because several streams share it."""

    data: bytes


#: They carry a WorkReq, of any size.
_UNDECODED = (pb.SubmitRequest, pb.CheckRequest, pb.TestCaseRequest, pb.WorkReq)


class Codec(ProtoCodec):
    """betterproto messages; bytes that were encoded before; requests that are decoded later."""

    def encode(self, message: Any, message_type: Any) -> bytes:
        """Returns the bytes of a message."""
        return message.data if isinstance(message, Encoded) else bytes(message)

    def decode(self, data: bytes, message_type: Any) -> Any:
        """Reads a message. Raises GRPCError INVALID_ARGUMENT where the bytes are none."""
        if message_type in _UNDECODED:
            return Undecoded(data, nested=message_type is not pb.WorkReq)
        try:
            return message_type().parse(data)
        except (RuntimeError, ValueError) as error:
            told = f"the request is not a {message_type.__name__} message"
            raise GRPCError(Status.INVALID_ARGUMENT, told) from error


class Service(Protocol):
    """What grpclib serves: handlers by path."""

    def __mapping__(self) -> Mapping[str, grpclib.const.Handler]:
        """Returns the handlers of a service by their full method names."""
        ...


class Doorkeeper(Protocol):
    """What decides on calls: see `gate`."""

    def rule(self, path: str) -> Rule:
        """The rule of an RPC. Raises KeyError where there is none."""
        ...

    def identify(self, rule: Rule, stream: grpclib.server.Stream[Any, Any]) -> Caller:
        """Tells who calls. Raises Unauthenticated."""
        ...

    def admit(self, rule: Rule, caller: Caller) -> None:
        """Raises PermissionDenied where the caller may not make such calls at all."""
        ...

    async def admit_to(self, rule: Rule, caller: Caller, message: Any) -> None:
        """Raises PermissionDenied where the caller may not ask for what the message is about."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much, how long and how often every call may be."""

    max_message_bytes: int
    limits: ConnectionLimits
    rates: Rates
    room: Room


class Auditor(Protocol):
    """What puts refused calls on record: see `record`."""

    def tell(
        self,
        path: str,
        caller: Caller | None,
        origin: str,
        message: Any,
        error: GRPCError,
        cause: BaseException | None,
    ) -> None:
        """Hears of every call that came to nothing, and why; `caller`, `message` are None where unknown."""
        ...


class Guarded:
    """A service whose handlers are all behind the guard."""

    def __init__(
        self,
        service: Service,
        bounds: Bounds,
        gate: Doorkeeper,
        streams: OpenStreams,
        auditor: Auditor | None = None,
    ) -> None:
        self._auditor = auditor
        self._service = service
        self._bounds = bounds
        self._gate = gate
        self._streams = streams

    def __mapping__(self) -> dict[str, grpclib.const.Handler]:
        """Returns the guarded handlers by their full method names."""
        return {
            path: handler._replace(func=self._guard(path, handler))
            for path, handler in self._service.__mapping__().items()
        }

    def _guard(self, path: str, handler: grpclib.const.Handler) -> Callable[[Any], Any]:
        rule, handle = self._gate.rule(path), handler.func
        streams = handler.cardinality.server_streaming

        async def guarded(stream: grpclib.server.Stream[Any, Any]) -> None:
            who: Caller | None = None
            call: _Call | None = None
            try:
                who = self._gate.identify(rule, stream)
                self._gate.admit(rule, who)
                _caller.set(who)
                # It is the only way to a message, so no handler sees one that was not let in.
                admit = partial(self._gate.admit_to, rule, who)
                self._bounds.rates.count(path, who.name)
                with _Call(stream, self._bounds, admit) as call:
                    if streams:
                        identify = partial(self._gate.identify, rule, stream)
                        await self._streams.serve(who, identify, handle(stream))
                    else:
                        await handle(stream)
            except GRPCError as error:
                self._audit(path, stream, who, call, error, error.__cause__)
                raise
            except errors.WfError as error:
                told = _as_grpc(error)
                self._audit(path, stream, who, call, told, error)
                raise told from error
            except Exception as error:
                log.exception("a bug in an RPC", rpc=path)
                told = GRPCError(Status.INTERNAL, "internal error; the server's log says more")
                self._audit(path, stream, who, call, told, error)
                raise told from error

        return guarded

    def _audit(
        self,
        path: str,
        stream: grpclib.server.Stream[Any, Any],
        who: Caller | None,
        call: _Call | None,
        error: GRPCError,
        cause: BaseException | None,
    ) -> None:
        if self._auditor is not None:
            message = call.message if call else None
            self._auditor.tell(path, who, origin_of(stream), message, error, cause)


class _Call(contextlib.ExitStack):
    """One call within the limits: grpclib takes whatever size, and waits for ever for either side."""

    def __init__(
        self, stream: grpclib.server.Stream[Any, Any], bounds: Bounds, admit: Callable[[Any], Awaitable[None]]
    ) -> None:
        super().__init__()
        self._stream = stream
        self._bounds = bounds
        self._admit = admit
        self._send = stream.send_message
        #: Of a request in portions, what is here.
        self._arrived = 0
        #: While something is waited for.
        self._deadline: asyncio.Timeout | None = None
        #: What the call brought, once it was read.
        self.message: Any = None
        stream.recv_message = self._receive_message  # type: ignore[method-assign]
        stream.send_message = self._send_message  # type: ignore[method-assign]

    async def _receive_message(self) -> Any:
        """Reads the request message. Raises GRPCError where there is none, a too large or a too slow one."""
        stream, clock = self._stream, asyncio.get_running_loop().time
        began = clock()
        try:
            read = begin(self._read(began))
            if isinstance(read, Done):
                data = read.value
            else:
                async with asyncio.timeout_at(self._due(began)) as self._deadline:
                    data = await read
        except TimeoutError as error:
            told = (
                f"the request did not arrive in time, which was {clock() - began:.0f} s for what came of it"
            )
            raise GRPCError(Status.DEADLINE_EXCEEDED, told) from error
        except AssertionError as error:  # grpclib's word for a stream that ended too early
            raise GRPCError(Status.INVALID_ARGUMENT, "the request message is incomplete") from error
        connection = connection_of_call()
        if connection is not None:
            self.enter_context(connection.serving())
        self.message = stream._codec.decode(data, stream._recv_type)
        await self._admit(self.message)
        return self.message

    def _due(self, began: float) -> float:
        """When what is still missing of the request has to be here."""
        return began + self._bounds.limits.request + self._arrived / SLOWEST

    async def _read(self, began: float) -> bytes:
        read, limit = self._stream._stream.recv_data, self._bounds.max_message_bytes
        header = await read(_HEADER.size)
        if not header:
            raise GRPCError(Status.INVALID_ARGUMENT, "the call carries no request message")
        compressed, size = _HEADER.unpack(header)
        if compressed:
            raise GRPCError(Status.UNIMPLEMENTED, "compressed messages are not supported")
        if size > limit:
            told = f"the request has {size} bytes; this server takes at most {limit}"
            raise GRPCError(Status.RESOURCE_EXHAUSTED, told)
        if size <= PORTION:
            return await self._portion(size)
        # What is announced is not set aside: only what arrives counts.
        portions = []
        while self._arrived < size:
            portions.append(await self._portion(min(PORTION, size - self._arrived)))
            self._arrived += len(portions[-1])
            if self._deadline is not None:
                self._deadline.reschedule(self._due(began))
        return b"".join(portions)

    async def _portion(self, size: int) -> bytes:
        self._bounds.room.take(size)
        self.callback(self._bounds.room.give_back, size)
        data = await self._stream._stream.recv_data(size)
        assert len(data) == size, "the stream ended"
        return data

    async def _send_message(self, message: Any) -> None:
        """Sends an answer. Ends the call where its client does not take it in."""
        sent = begin(self._send(message))
        if isinstance(sent, Done):
            return
        size = len(message.data) if isinstance(message, Encoded) else 0
        try:
            async with asyncio.timeout(self._bounds.limits.send + size / SLOWEST):
                await sent
        except TimeoutError:
            log.info("a client takes in nothing", rpc=self._stream._method_name)
            # Its trailers would wait behind the answer.
            self._stream._cancel_done = True
            if self._stream._stream.closable:
                self._stream._stream.reset_nowait()
            raise errors.Overloaded("the answer was not taken in in time") from None


def _as_grpc(error: errors.WfError) -> GRPCError:
    status = next((s for kind, s in _STATUS if isinstance(error, kind)), Status.INTERNAL)
    details: pb.Refusal | RetryInfo | None = None
    if isinstance(error, errors.TooFast):
        details = RetryInfo(retry_delay=timedelta(seconds=error.retry_after))
    if isinstance(error, errors.Refused):
        details = pb.Refusal(rejection_id=error.rejection_id, violations=_fitting(error.violations))
    return GRPCError(status, str(error)[:MESSAGE_LIMIT], details)


def _fitting(violations: Sequence[Violation]) -> list[pb.Violation]:
    """The violations, as many as fit into the trailers, where gRPC carries details.

    Of the rest, how many there are of each policy and level: who acknowledges has to know their names.
    """
    messages: list[pb.Violation] = []
    size = 0
    for n, violation in enumerate(violations):
        message = violation_message(violation)
        size += len(bytes(message)) + 3
        if size > DETAILS_LIMIT:
            rest = Counter((hidden.policy, hidden.level) for hidden in violations[n:])
            return [*messages, *(_counted(*key, count) for key, count in rest.items())]
        messages.append(message)
    return messages


def _counted(policy: str, level: Level, count: int) -> pb.Violation:
    message = f"{count} more violation{'s' * (count > 1)}, which Check lists"
    return pb.Violation(policy=policy, message=message, level=pb.PolicyLevel(level))
