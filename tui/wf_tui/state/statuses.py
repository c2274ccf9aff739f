"""Where workflows, blocks and jobs may stand."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Where a workflow, a block or a job stands; the numbers are the contract's."""

    UNSPECIFIED = 0
    NOT_STARTED = 1
    RUNNING = 2
    FAILED = 3
    COMPLETED = 4
    AWAITING_APPROVAL = 5
    PAUSING = 6
    PAUSED = 7
    NEEDS_OPERATOR = 8
    CANCELLED = 9
    STOPPED = 10
    INTERRUPTED = 11
    UNKNOWN = 12
    SKIPPED = 13
    STOPPING = 14
    CANCELLING = 15
    RETRYING = 16
    HELD = 17
    QUEUED = 18

    @property
    def label(self) -> str:
        """The status in words: `not started`."""
        return self.name.lower().replace("_", " ")


#: A workflow in one of these never changes again.
WORKFLOW_FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.STOPPED})
#: A workflow in one of these was executed and has not ended.
WORKFLOW_ACTIVE = frozenset(
    {
        Status.RUNNING,
        Status.PAUSING,
        Status.PAUSED,
        Status.NEEDS_OPERATOR,
        Status.HELD,
        Status.QUEUED,
        Status.STOPPING,
        Status.CANCELLING,
    }
)
#: A job in one of these is over.
JOB_FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.INTERRUPTED, Status.UNKNOWN, Status.SKIPPED})
#: What an operator looks for first.
JOB_TROUBLE = frozenset({Status.FAILED, Status.INTERRUPTED, Status.UNKNOWN})
