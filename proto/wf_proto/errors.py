"""What a call of the client can raise, and how it follows from what gRPC says."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from h2.exceptions import H2Error

from wf_proto import Refusal, Violation
from wf_proto._gen.google.rpc import RetryInfo


class ClientError(Exception):
    """The root of what the client raises; its text is for the person at the keyboard."""


class InvalidAddress(ClientError, ValueError):
    """The text is no address of a server."""


class InvalidCredentials(ClientError, ValueError):
    """A certificate, key or token cannot be used; says which file, and why."""


class Unauthenticated(ClientError):
    """The server does not know who calls: no token or certificate, or one that it does not take."""


class PermissionDenied(ClientError):
    """The server knows who calls, and they have not the role for this."""


class Unreachable(ClientError):
    """The server cannot be reached, or the connection broke; asking again may work."""


class DeadlineExceeded(ClientError):
    """No answer in time. A call that changes something may or may not have been carried out."""


class Rejected(ClientError):
    """The WorkReq breaks its structure or a policy; every violation is told.

    `rejection_id` is the id under which the server keeps a refused Submit, "" for other calls.
    """

    def __init__(self, message: str, violations: Sequence[Violation] = (), rejection_id: str = "") -> None:
        super().__init__(message)
        self.violations = tuple(violations)
        self.rejection_id = rejection_id


class EmergencyStopped(Rejected):
    """An emergency stop is engaged for the WorkReq's name."""


class NotFound(ClientError):
    """There is no such workflow or site."""


class AlreadyExecuted(ClientError):
    """The workflow was executed before."""


class FailedPrecondition(ClientError):
    """It cannot be done as things stand."""


class InvalidRequest(ClientError):
    """The call's own arguments make no sense."""


class Overloaded(ClientError):
    """A limit of the server is reached; later it may work.

    `retry_after`, in seconds: the call was not carried out, and may be made again then. None: the server
    names no such time.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFault(ClientError):
    """The server failed in a way nobody expected, or sent what is no answer."""


class Unencodable(Exception):
    """A message that cannot be put on the wire."""


class Undecodable(Exception):
    """Bytes from the wire that are no message of the expected type, or too many of them."""


_PLAIN: dict[Status, type[ClientError]] = {
    Status.NOT_FOUND: NotFound,
    Status.UNAUTHENTICATED: Unauthenticated,
    Status.PERMISSION_DENIED: PermissionDenied,
    Status.ALREADY_EXISTS: AlreadyExecuted,
    Status.FAILED_PRECONDITION: FailedPrecondition,
    Status.OUT_OF_RANGE: InvalidRequest,
}

#: What grpclib is known to raise from a call. An assertion or an attribute error is its way to tell
#: that the connection ended within a message, or between being looked up and being used.
CALL_FAILURES = (
    GRPCError,
    StreamTerminatedError,
    H2Error,
    OSError,
    Unencodable,
    Undecodable,
    AssertionError,
    AttributeError,
    NotImplementedError,
)


def client_error(error: BaseException, address: str, *, answered_before: bool = True) -> ClientError:
    """Says in the client's words what one of CALL_FAILURES means; `address` is the server's."""
    if isinstance(error, GRPCError):
        return _of_status(error, address)
    if isinstance(error, TimeoutError) and error.errno is None:
        return DeadlineExceeded(f"{address} did not answer in time")
    if isinstance(error, ssl.SSLError):
        return _of_tls(error, address)
    if isinstance(error, OSError):
        return Unreachable(f"cannot connect to {address}: {_os_reason(error)}")
    if isinstance(error, Unencodable):
        return InvalidRequest(str(error))
    if isinstance(error, (Undecodable, NotImplementedError)):
        return ServerFault(f"{address} sent an answer that cannot be read: {error}")
    if answered_before:
        return Unreachable(f"the connection to {address} was lost")
    return Unreachable(f"{address} hung up without an answer: is it a wf-server?")


def _of_tls(error: ssl.SSLError, address: str) -> ClientError:
    """A handshake that failed: trying again mends none of it."""
    reason = error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        told = f"{address} does not prove who it is: {error.verify_message}"
        return Unauthenticated(f"{told}; is --ca the authority of its certificate?")
    if "UNKNOWN_CA" in reason or "CERTIFICATE" in reason:
        told = f"{address} does not take this client's certificate ({reason.lower().replace('_', ' ')})"
        return Unauthenticated(f"{told}; is it of the server's authority, and still valid?")
    if "WRONG_VERSION" in reason or "RECORD_LAYER" in reason:
        return Unauthenticated(f"{address} speaks no TLS; leave out --ca, --cert and --key")
    return Unauthenticated(f"no secure connection to {address}: {reason.lower().replace('_', ' ')}")


def _of_status(error: GRPCError, address: str) -> ClientError:
    status, message = error.status, error.message or ""
    refusal = error.details if isinstance(error.details, Refusal) else None
    if status is Status.ABORTED:
        return _refused(EmergencyStopped, message or "an emergency stop is engaged", refusal)
    if status is Status.INVALID_ARGUMENT:
        if refusal is None:
            return InvalidRequest(message or "the server finds the request invalid")
        return _refused(Rejected, message or "the server refuses the WorkReq", refusal)
    if status in (Status.UNAVAILABLE, Status.CANCELLED):
        return Unreachable(f"{address} is not available{f': {message}' if message else ''}")
    if status is Status.UNIMPLEMENTED:
        return ServerFault(f"{address} does not know this call: is it a wf-server of this version?")
    if status is Status.DEADLINE_EXCEEDED:
        # The server's own clock may run out first: to the caller it is the same.
        return DeadlineExceeded(f"{address} did not answer in time{f': {message}' if message else ''}")
    if status is Status.RESOURCE_EXHAUSTED:
        hint = error.details.retry_delay if isinstance(error.details, RetryInfo) else None
        told = message or "a limit of the server is reached"
        return Overloaded(told, None if hint is None else max(0.0, hint.total_seconds()))
    if status in _PLAIN:
        return _PLAIN[status](message or status.name.lower().replace("_", " "))
    return ServerFault(f"{address} failed with {status.name}: {message or 'its log may say why'}")


def _refused(kind: type[Rejected], message: str, refusal: Refusal | None) -> Rejected:
    if refusal is None:
        return kind(message)
    return kind(message, refusal.violations, refusal.rejection_id)


def _os_reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(error, FileNotFoundError):
        return "there is no such socket"
    return error.strerror or str(error)
