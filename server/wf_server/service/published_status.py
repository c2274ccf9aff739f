"""The published contract's five statuses, for all of ours."""

from __future__ import annotations

from wf_proto import published as old
from wf_server.model import WORKFLOW_ACTIVE, Status

#: A published client watches until the status is no longer running: what goes on has to read so.
_PUBLISHED = {
    Status.NOT_STARTED: "StatusNotStarted",
    # Nothing began, so nothing went wrong.
    Status.SKIPPED: "StatusNotStarted",
    Status.COMPLETED: "StatusCompleted",
    Status.AWAITING_APPROVAL: "StatusRunning",
    # It failed, and is about to begin again.
    Status.RETRYING: "StatusRunning",
    **dict.fromkeys(WORKFLOW_ACTIVE, "StatusRunning"),
}


def published_status(status: int) -> old.Status:
    """The published status that stands for one of ours; every unhappy end reads as failed."""
    return old.Status.from_string(_PUBLISHED.get(Status(status), "StatusFailed"))
