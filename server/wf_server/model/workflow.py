"""A stored WorkReq's life: the changes it went through and the state they add up to.

`Workflow.apply` is the only way a state moves, in the server as it runs and when it reads its own
history back, so both give the same picture and neither can make an illegal step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wf_server.model.block import BlockState, Progress
from wf_server.model.change import FATAL, WHOLE, Change, IllegalStep
from wf_server.model.standing import Lineage, Standing, Summary
from wf_server.model.status import (
    BLOCK_STEPS,
    JOB_STEPS,
    JOB_TROUBLE,
    WORKFLOW_ENDING,
    WORKFLOW_FINAL,
    WORKFLOW_STEPS,
    Status,
)
from wf_server.model.workreq import WorkReq

_ORDERS = {Status.STOPPING: Status.STOPPED, Status.CANCELLING: Status.CANCELLED}


@dataclass(frozen=True, slots=True)
class Order:
    """The stop or the cancel that ended a workflow, or is ending it."""

    #: STOPPED or CANCELLED.
    status: Status
    operator: str
    reason: str
    time_us: int
    #: The jobs that were running then, by (block, job).
    in_flight: tuple[tuple[int, int], ...]


class Plan(NamedTuple):
    """Changes that may be made now, in order, with their numbers."""

    changes: list[Change]
    #: How many of those asked for are not legal any more, and left out.
    dropped: int
    #: Where the workflow will stand after them; None where they are about jobs only.
    standing: Standing | None


@dataclass(slots=True, weakref_slot=True)
class Workflow:
    """A stored WorkReq with everything that happened to it so far."""

    id: str
    request: WorkReq
    operator: str
    created_us: int
    #: The rejection that it mends; empty: none.
    mends: str = ""
    lineage: Lineage | None = None
    #: The key under which the client submitted it; empty: none.
    submit_key: str = ""
    #: The policies whose warnings its submission acknowledged, by name.
    acknowledged: tuple[str, ...] = ()
    #: Whether who submitted it had shown that the name is theirs.
    proven: bool = False
    #: The database's own number for it; 0 before it is stored.
    key: int = 0
    blocks: list[BlockState] = field(default_factory=list)
    standing: Standing = field(default_factory=lambda: Standing(Counter()))
    #: The first fatal error: nothing more may start after it. Empty: there was none.
    fatal: str = ""
    #: The stop or cancel that ended it, or is ending it.
    order: Order | None = None
    #: Of running jobs only, by (block, job).
    progress: dict[tuple[int, int], Progress] = field(default_factory=dict, compare=False)
    #: What it does while nothing seems to happen, and until when at the latest (0: nobody knows).
    activity: str = field(default="", compare=False)
    until_us: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if not self.blocks:
            self.blocks = [BlockState.of(len(block.jobs)) for block in self.request.blocks]
            self.standing.counts[Status.NOT_STARTED] = self.request.job_count
            self.standing.since_us = self.created_us

    @property
    def name(self) -> str:
        """The workflow type, which policies and stops refer to."""
        return self.request.name

    @property
    def status(self) -> Status:
        """Where the workflow as a whole stands."""
        return self.standing.status

    @property
    def seq(self) -> int:
        """The number of the newest change."""
        return self.standing.seq

    @property
    def is_final(self) -> bool:
        """Whether it never changes again."""
        return self.standing.status in WORKFLOW_FINAL

    @property
    def had_errors(self) -> bool:
        """Whether a job failed, was interrupted, or has an unknown outcome."""
        return any(self.standing.counts[status] for status in JOB_TROUBLE)

    @property
    def was_es_stopped(self) -> bool:
        """Whether an emergency stop ended it."""
        return self.standing.status is Status.STOPPED

    def summary(self) -> Summary:
        """Where it stands, in one line."""
        standing = self.standing
        return Summary(
            id=self.id,
            name=self.request.name,
            desc=self.request.desc,
            operator=self.operator,
            created_us=self.created_us,
            blocks=len(self.blocks),
            status=standing.status,
            started_us=standing.started_us,
            ended_us=standing.ended_us,
            since_us=standing.since_us,
            reason=standing.reason,
            seq=standing.seq,
            current_block=standing.current_block,
            counts=dict(standing.counts),
            mends=self.mends,
            lineage=self.lineage,
            activity=self.activity,
            until_us=self.until_us,
        )

    def plan(self, changes: Sequence[Change]) -> Plan:
        """Numbers changes and leaves out what would not be legal, in the order they are given.

        What is final stays so: a late report of a job that has been written off is left out here.
        """
        planned: list[Change] = []
        now: dict[tuple[int, int], Status] = {}
        standing: Standing | None = None
        if any(change.job == WHOLE for change in changes):
            standing = self.standing.copy()
        seq = self.standing.seq
        for change in changes:
            place = change[1:3]
            before = now.get(place) or self._before(change)
            if change.status not in _steps(change).get(before, ()):
                continue
            seq += 1
            now[place] = change.status
            planned.append(numbered := Change(seq, *change[1:]))
            if standing is not None:
                standing.note(numbered, before)
        return Plan(planned, len(changes) - len(planned), standing)

    def apply_all(self, changes: Sequence[Change]) -> None:
        """Applies changes in order; raises IllegalStep at the first that cannot be."""
        for change in changes:
            self.apply(change)

    def apply(self, change: Change) -> None:
        """Makes one step. Raises IllegalStep where the model forbids it, and changes nothing then."""
        before = self._before(change)
        if change.seq != self.standing.seq + 1:
            raise IllegalStep(f"{self.id}: change {change.seq} after {self.standing.seq}")
        if change.status not in _steps(change).get(before, ()):
            place = f"{change.block}/{change.job}" if change.block >= 0 else "workflow"
            raise IllegalStep(f"{self.id} {place}: from {Status(before).label} to {change.status.label}")
        if change.job >= 0:
            self._set_job(change)
        elif change.block >= 0:
            self.blocks[change.block].set_own(change)
        else:
            self._note_order(change)
        self.standing.note(change, before)

    def _before(self, change: Change) -> Status:
        if change.job >= 0:
            return self.blocks[change.block].statuses[change.job]  # type: ignore[return-value]
        if change.block >= 0:
            return self.blocks[change.block].status
        return self.standing.status

    def _set_job(self, change: Change) -> None:
        self.blocks[change.block].set_job(change)
        if change.status is Status.RUNNING:
            return
        # The reason of an operator's word on a job is the operator's own.
        if change.reason == FATAL and not change.operator and not self.fatal:
            self.fatal = f"block {change.block} job {change.job}: {change.error}"
        self.progress.pop((change.block, change.job), None)

    def _note_order(self, change: Change) -> None:
        if self.order is not None:
            return
        status = _ORDERS.get(change.status, change.status)
        if status in (Status.STOPPED, Status.CANCELLED):
            in_flight = self._in_flight() if change.status in WORKFLOW_ENDING else ()
            self.order = Order(status, change.operator, change.reason, change.time_us, in_flight)

    def _in_flight(self) -> tuple[tuple[int, int], ...]:
        return tuple(
            (b, j)
            for b, block in enumerate(self.blocks)
            if block.status is Status.RUNNING
            for j, status in enumerate(block.statuses)
            if status == Status.RUNNING
        )


def _steps(change: Change) -> dict[Status, frozenset[Status]]:
    if change.job >= 0:
        return JOB_STEPS
    return BLOCK_STEPS if change.block >= 0 else WORKFLOW_STEPS
