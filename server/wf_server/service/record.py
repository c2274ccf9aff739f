"""What the audit says of calls that were refused: which ones it tells of, and what is known of them.

What a call changes goes on record with the change itself, in its transaction: see `engine.control`,
`engine.recorder` and `store`. So this is about the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from wf_server.errors import Refused
from wf_server.model.audit import Act, AuditEntry, Outcome
from wf_server.model.caller import Caller
from wf_server.service.wire import Malformed, read_name
from wf_server.wording import storable

#: Characters of a name or an id, and of a text.
NAME_LIMIT, TEXT_LIMIT = 200, 1_000

#: The RPCs that change something, and what that is called.
_CHANGES = {
    "/workflow.v1.WorkflowService/Submit": Act.SUBMIT,
    "/workflow.v1.WorkflowService/Exec": Act.EXECUTE,
    "/workflow.v1.WorkflowService/Pause": Act.PAUSE,
    "/workflow.v1.WorkflowService/Resume": Act.RESUME,
    "/workflow.v1.WorkflowService/Cancel": Act.CANCEL,
    "/workflow.v1.WorkflowService/Release": Act.RELEASE,
    "/workflow.v1.WorkflowService/Resolve": Act.RESOLVE,
    "/workflow.v1.ApprovalService/Approve": Act.APPROVE,
    "/workflow.v1.ApprovalService/Reject": Act.REJECT,
    "/workflow.v1.ApprovalService/Withdraw": Act.WITHDRAW,
    "/workflow.v1.StopsService/Set": "set stop",
    "/workflow.v1.StopsService/Withdraw": Act.KEY_WITHDRAWN,
    "/diskerase.Workflow/Submit": Act.SUBMIT,
    "/diskerase.Workflow/Exec": Act.EXECUTE,
}
#: What refuses a call that only reads.
_DENIALS = (Status.UNAUTHENTICATED, Status.PERMISSION_DENIED, Status.RESOURCE_EXHAUSTED)
#: What was not refused, and failed all the same.
_FAILURES = (Status.INTERNAL, Status.UNAVAILABLE, Status.DATA_LOSS, Status.DEADLINE_EXCEEDED, Status.UNKNOWN)


class Refusals:
    """`tell` puts a call that was refused on record, where that is not done yet."""

    def __init__(self, keep: Callable[[AuditEntry], None], now_us: Callable[[], int]) -> None:
        self._keep = keep
        self._now_us = now_us

    def tell(
        self,
        path: str,
        caller: Caller | None,
        origin: str,
        message: Any,
        error: GRPCError,
        cause: BaseException | None,
    ) -> None:
        """`caller` and `message` are None where it did not get that far."""
        status = error.status
        changes = _CHANGES.get(path)
        if changes is None and status not in _DENIALS:
            return
        if isinstance(cause, Refused) and cause.rejection_id:
            # Kept as a rejection, and on record with that.
            return
        workflow_type, target, why, digest = _about(message)
        self._keep(
            AuditEntry(
                self._now_us(),
                caller.name if caller else "",
                caller.source if caller else origin,
                changes or path.removeprefix("/"),
                workflow_type,
                target,
                why,
                Outcome.FAILED if status in _FAILURES else Outcome.REFUSED,
                _text(f"{status.name}: {error.message or ''}", TEXT_LIMIT),
                digest,
            )
        )


def _about(message: Any) -> tuple[str, str, str, str]:
    """The workflow type, the target, the reason and the hash of what was asked for."""
    data = getattr(message, "data", None)
    if isinstance(data, bytes):
        try:
            name = read_name(data, nested=message.nested)
        except Malformed:
            name = ""
        return _text(name, NAME_LIMIT), "", "", hashlib.sha256(data).hexdigest()
    target = getattr(message, "id", "") or getattr(message, "name", "")
    return "", _text(target, NAME_LIMIT), _text(getattr(message, "reason", ""), TEXT_LIMIT), ""


def _text(value: Any, limit: int) -> str:
    return storable(value[:limit]) if isinstance(value, str) else ""
