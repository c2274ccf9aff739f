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

    @property
    def label(self) -> str:
        """The status in words, as people read it: `not started`."""
        return self.name.lower().replace("_", " ")


S = Status

#: A workflow that is in one of these never changes again.
WORKFLOW_FINAL = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.STOPPED})
#: A workflow that is in one of these has been executed and has not ended.
WORKFLOW_ACTIVE = frozenset({S.RUNNING, S.PAUSING, S.PAUSED, S.NEEDS_OPERATOR, S.STOPPING})
BLOCK_FINAL = WORKFLOW_FINAL | {S.SKIPPED}
#: A job in one of these never changes by a report of the job itself.
JOB_FINAL = frozenset({S.COMPLETED, S.FAILED, S.INTERRUPTED, S.UNKNOWN, S.SKIPPED})
#: What makes a block's `has_error` and a workflow's `had_errors` true.
JOB_TROUBLE = frozenset({S.FAILED, S.INTERRUPTED, S.UNKNOWN})

_ACTIVE_ENDS = WORKFLOW_FINAL | WORKFLOW_ACTIVE

WORKFLOW_STEPS: dict[Status, frozenset[Status]] = {
    S.NOT_STARTED: frozenset({S.AWAITING_APPROVAL, S.RUNNING, S.CANCELLED, S.STOPPED}),
    S.AWAITING_APPROVAL: frozenset({S.NOT_STARTED, S.RUNNING, S.CANCELLED, S.STOPPED, S.FAILED}),
    S.RUNNING: _ACTIVE_ENDS - {S.RUNNING},
    S.PAUSING: _ACTIVE_ENDS - {S.PAUSING},
    S.PAUSED: _ACTIVE_ENDS - {S.PAUSED, S.PAUSING},
    S.NEEDS_OPERATOR: _ACTIVE_ENDS - {S.NEEDS_OPERATOR},
    # Told to end, on record before it has: a restart does not forget it.
    S.STOPPING: frozenset({S.STOPPED, S.CANCELLED}),
}
BLOCK_STEPS: dict[Status, frozenset[Status]] = {
    S.NOT_STARTED: frozenset({S.RUNNING, S.SKIPPED}),
    S.RUNNING: WORKFLOW_FINAL,
}
JOB_STEPS: dict[Status, frozenset[Status]] = {
    S.NOT_STARTED: frozenset({S.RUNNING, S.SKIPPED}),
    # Back to not started: a restart found that it has to be run again.
    S.RUNNING: JOB_FINAL | {S.NOT_STARTED},
    # Only a person resolves an unknown outcome.
    S.UNKNOWN: frozenset({S.COMPLETED, S.FAILED, S.NOT_STARTED}),
}
