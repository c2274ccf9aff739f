"""What `wf` ends with, so that scripts can tell endings apart."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from wf_tui import gateway
from wf_tui.diskerase import CannotErase
from wf_tui.private_server import PrivateServerError
from wf_tui.state.models import Status, Violation
from wf_tui.workreq_files import BadFile


class Exit(IntEnum):
    """The exit codes; `wf --help` documents them."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    REJECTED = 3
    STOPPED = 4
    FAILED = 5
    UNREACHABLE = 6
    IMPOSSIBLE = 7
    INTERRUPTED = 130


EPILOGUE = """\b
Exit codes:
  0    completed, or done as asked
  1    internal error, here or in the server
  2    usage, an unreadable file, or not confirmed
  3    rejected by validation or policy
  4    emergency stop: refused by one, or ended by one
  5    the workflow failed or was cancelled; what was verified is not what was written
  6    the server cannot be reached, or is overloaded
  7    not possible: unknown id, executed before, too late, cannot be erased
  130  interrupted (the workflow goes on)
"""

_OF_ERROR: tuple[tuple[type[Exception], Exit], ...] = (
    (gateway.EmergencyStopped, Exit.STOPPED),
    (gateway.Refused, Exit.REJECTED),
    (gateway.Unreachable, Exit.UNREACHABLE),
    (gateway.Overloaded, Exit.UNREACHABLE),
    (PrivateServerError, Exit.UNREACHABLE),
    (gateway.NotFound, Exit.IMPOSSIBLE),
    (gateway.AlreadyExecuted, Exit.IMPOSSIBLE),
    (gateway.Unauthenticated, Exit.IMPOSSIBLE),
    (gateway.PermissionDenied, Exit.IMPOSSIBLE),
    (gateway.FailedPrecondition, Exit.IMPOSSIBLE),
    (CannotErase, Exit.IMPOSSIBLE),
    (gateway.InvalidRequest, Exit.USAGE),
    (BadFile, Exit.USAGE),
)
#: Errors whose text is for the operator; anything else is a bug.
EXPECTED = (gateway.GatewayError, BadFile, CannotErase, PrivateServerError)


def exit_of_error(error: Exception) -> Exit:
    """Returns the code for one of the EXPECTED errors."""
    return next((code for kind, code in _OF_ERROR if isinstance(error, kind)), Exit.INTERNAL)


def exit_of_status(status: Status) -> Exit:
    """Returns the code for how a workflow ended."""
    if status is Status.COMPLETED:
        return Exit.OK
    return Exit.STOPPED if status is Status.STOPPED else Exit.FAILED


def exit_of_violations(violations: Iterable[Violation]) -> Exit:
    """Returns the code for what refuses a WorkReq."""
    policies = {violation.policy for violation in violations}
    if not policies:
        return Exit.OK
    return Exit.STOPPED if "emergencyStop" in policies else Exit.REJECTED
