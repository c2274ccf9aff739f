"""What a stop or a cancel did: for every job, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from wf_server.model.block import BlockState
from wf_server.model.status import Status
from wf_server.model.workflow import Workflow


class Fate(IntEnum):
    """What became of a job; the numbers are the contract's."""

    NEVER_STARTED = 1
    INTERRUPTED = 2
    FINISHED_ANYWAY = 3
    UNKNOWN = 4
    ENDED_BEFORE = 5
    IN_FLIGHT = 6


_FATES = {
    Status.NOT_STARTED: Fate.NEVER_STARTED,
    Status.RUNNING: Fate.IN_FLIGHT,
    Status.RETRYING: Fate.IN_FLIGHT,
    Status.COMPLETED: Fate.ENDED_BEFORE,
    Status.FAILED: Fate.ENDED_BEFORE,
    Status.SKIPPED: Fate.ENDED_BEFORE,
    Status.INTERRUPTED: Fate.INTERRUPTED,
    Status.UNKNOWN: Fate.UNKNOWN,
}
_TABLE = bytes(_FATES.get(Status(n), 0) if n in set(Status) else 0 for n in range(256))


@dataclass(frozen=True, slots=True)
class Receipt:
    """The order, and what became of each job. The counts add up to the number of jobs."""

    workflow_id: str
    name: str
    #: STOPPED or CANCELLED.
    order: Status
    operator: str
    reason: str
    ordered_us: int
    #: 0 while it settles.
    settled_us: int
    #: For each block one byte a job: its Fate.
    fates: tuple[bytes, ...]

    @property
    def counts(self) -> Mapping[Fate, int]:
        """How many jobs have each fate."""
        return {fate: sum(block.count(fate) for block in self.fates) for fate in Fate}


def receipt_of(workflow: Workflow) -> Receipt | None:
    """The receipt as it stands now; None where nobody stopped or cancelled the workflow."""
    order = workflow.order
    if order is None:
        return None
    fates = [_fates(block) for block in workflow.blocks]
    for block, job in order.in_flight:
        if fates[block][job] == Fate.ENDED_BEFORE:
            fates[block][job] = Fate.FINISHED_ANYWAY
    return Receipt(
        workflow_id=workflow.id,
        name=workflow.name,
        order=order.status,
        operator=order.operator,
        reason=order.reason,
        ordered_us=order.time_us,
        settled_us=workflow.standing.ended_us,
        fates=tuple(map(bytes, fates)),
    )


def _fates(block: BlockState) -> bytearray:
    fates = bytearray(block.statuses.translate(_TABLE))
    if any(block.started):
        for job, started in enumerate(block.started):
            # Put back to be run again, by a restart or a person: its code has run, and did not end well.
            if started and fates[job] == Fate.NEVER_STARTED:
                fates[job] = Fate.INTERRUPTED
    return fates
