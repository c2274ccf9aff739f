"""Every error the server expects, under one root.

An expected error has a message for the person who can do something about it. Anything else that is
raised is a bug: it is logged with its traceback and told to callers as an internal error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wf_server.model import Violation


class WfError(Exception):
    """The root of all expected errors."""


class ConfigError(WfError):
    """A file or flag that the server cannot work with; says which, where in it, and why."""


class StoreError(WfError):
    """The database cannot be used: not writable, damaged, or of a newer version."""


class StoreInUse(StoreError):
    """Another process uses the database."""


class StoreDamaged(StoreError):
    """What is in the database cannot be read; no waiting mends that."""


class StoreConflict(StoreError):
    """A write contradicts what is in the database: a bug, which no waiting mends."""


class Refused(WfError):
    """A WorkReq breaks its structure or a policy; `advice` is what could be done without mending it."""

    def __init__(self, violations: Sequence[Violation], rejection_id: str = "", advice: str = "") -> None:
        self.violations = tuple(violations)
        self.rejection_id = rejection_id
        first = self.violations[0].sentence() if self.violations else "refused"
        more = len(self.violations) - 1
        more_words = f" (and {more} more violation{'s' * (more > 1)})" if more else ""
        super().__init__(first + more_words + (f"; {advice}" if advice else ""))


class EmergencyStopped(Refused):
    """An emergency stop is engaged for the WorkReq's name."""


class NotFound(WfError):
    """There is no such workflow, site or block."""


class AlreadyExecuted(WfError):
    """The workflow was executed before."""


class KeyReused(WfError):
    """A submit key was used for another request before."""


class TooLate(WfError):
    """The workflow was submitted too long ago to be executed."""


class InvalidRequest(WfError):
    """A call's own arguments make no sense."""


class FailedPrecondition(WfError):
    """What was asked cannot be done as things stand."""


class AwaitingApproval(FailedPrecondition):
    """The workflow waits for approvals; says which are missing, whose, and until when."""


class Unauthenticated(WfError):
    """Nobody knows who calls: no proof, or one that is wrong, has expired or was revoked."""


class PermissionDenied(WfError):
    """The caller is known, and has not the role for this."""


class Overloaded(WfError):
    """A limit of the server is reached; later it may work."""


class TooFast(Overloaded):
    """The call was not carried out; `retry_after` is when another may be made, in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ShuttingDown(WfError):
    """The server is stopping and takes no new work."""
