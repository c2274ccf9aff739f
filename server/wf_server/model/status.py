"""Where a workflow, a block or a job stands, and which steps are legal."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """One vocabulary for all three levels; the numbers are those of the contract and the database."""

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
        """The status in words, as people read it: `not started`."""
        return self.name.lower().replace("_", " ")


S = Status

#: A workflow that is in one of these never changes again.
WORKFLOW_FINAL = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.STOPPED})
#: Executed, begun, and not told to end.
_GOING_ON = frozenset({S.RUNNING, S.PAUSING, S.PAUSED, S.NEEDS_OPERATOR, S.HELD})
#: Told to end, on record before it has: a restart does not forget it.
WORKFLOW_ENDING = frozenset({S.STOPPING, S.CANCELLING})
#: A workflow that is in one of these has been executed and has not ended.
WORKFLOW_ACTIVE = _GOING_ON | WORKFLOW_ENDING | {S.QUEUED}
#: A workflow that is in one of these waits for a person, or for its time: nothing of it runs until then.
WORKFLOW_PARKED = frozenset({S.PAUSED, S.NEEDS_OPERATOR, S.HELD})
BLOCK_FINAL = WORKFLOW_FINAL | {S.SKIPPED}
#: A job in one of these never changes by a report of the job itself.
JOB_FINAL = frozenset({S.COMPLETED, S.FAILED, S.INTERRUPTED, S.UNKNOWN, S.SKIPPED})
#: What makes a block's `has_error` and a workflow's `had_errors` true.
JOB_TROUBLE = frozenset({S.FAILED, S.INTERRUPTED, S.UNKNOWN})

_NEXT = _GOING_ON | WORKFLOW_ENDING | WORKFLOW_FINAL
_BEGIN = frozenset({S.QUEUED, S.RUNNING, S.CANCELLED, S.STOPPED})

WORKFLOW_STEPS: dict[Status, frozenset[Status]] = {
    S.NOT_STARTED: _BEGIN | {S.AWAITING_APPROVAL},
    # Approved, it can be executed like any other; it never begins by itself.
    S.AWAITING_APPROVAL: frozenset({S.NOT_STARTED, S.FAILED, S.CANCELLED, S.STOPPED}),
    S.QUEUED: _BEGIN - {S.QUEUED},
    S.RUNNING: _NEXT - {S.RUNNING},
    S.PAUSING: _NEXT - {S.PAUSING},
    S.PAUSED: _NEXT - {S.PAUSED, S.PAUSING},
    S.NEEDS_OPERATOR: _NEXT - {S.NEEDS_OPERATOR},
    S.HELD: _NEXT - {S.HELD, S.PAUSING},
    S.STOPPING: frozenset({S.STOPPED}),
    S.CANCELLING: frozenset({S.CANCELLED}),
}
BLOCK_STEPS: dict[Status, frozenset[Status]] = {
    S.NOT_STARTED: frozenset({S.RUNNING, S.SKIPPED}),
    S.RUNNING: WORKFLOW_FINAL,
}
JOB_STEPS: dict[Status, frozenset[Status]] = {
    S.NOT_STARTED: frozenset({S.RUNNING, S.SKIPPED}),
    # Back to not started: a restart found that it has to be run again.
    S.RUNNING: JOB_FINAL | {S.NOT_STARTED, S.RETRYING},
    S.RETRYING: frozenset({S.RUNNING, S.FAILED, S.INTERRUPTED}),
    # Only a person resolves an unknown outcome.
    S.UNKNOWN: frozenset({S.COMPLETED, S.FAILED, S.NOT_STARTED}),
}
