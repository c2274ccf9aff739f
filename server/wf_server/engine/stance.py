"""Where a run stands: what stops and operators ordered, and the status that follows from it.

Whatever is recorded of the workflow itself, and of a block's begin, is recorded here, so that an order and
what the run decides by itself never contradict each other. An order is valid, or raises FailedPrecondition;
it is queued for the record when its method returns.
"""

from __future__ import annotations

from collections.abc import Callable

from wf_server.engine.orders import Halt, Order, Resolution
from wf_server.engine.recorder import Recorder
from wf_server.engine.start_problem import StartProblem
from wf_server.errors import FailedPrecondition
from wf_server.events import Hub
from wf_server.model import WORKFLOW_ENDING, Status, Workflow

_NOBODY = Order("", "")
_PASSED = Order("", "nothing forbids the next block to begin any more")


class Stance:
    """The orders in force for one run, and the status of its workflow."""

    def __init__(
        self,
        workflow: Workflow,
        recorder: Recorder,
        hub: Hub,
        *,
        is_busy: Callable[[], bool],
        parked: Callable[[], None],
        start_problem: Callable[[Workflow, int], StartProblem | None],
    ) -> None:
        self._workflow = workflow
        self._recorder = recorder
        self._hub = hub
        #: Whether a job is in flight, or on its way.
        self._is_busy = is_busy
        #: Called whenever the status has changed: another workflow's turn may have come.
        self._parked = parked
        #: Why a block must not begin right now; None: it may.
        self._start_problem = start_problem
        #: The status that was queued for the record last.
        self.status = workflow.status
        #: The stop or the cancel; final.
        self.halted: Halt | None = None
        self.paused: Order | None = None
        #: The block before which it is held.
        self._held: int | None = None
        #: What forbade that block to begin when that was asked last.
        self._problem: StartProblem | None = None
        #: The block that was begun last, on the way to the record or there.
        self._begun_block = -1
        #: Who let it go on last, and why.
        self._go = _NOBODY
        #: Resolved by a person, on the way to the record: (block, job, how).
        self._resolving: list[tuple[int, int, Resolution]] = []
        self._live = False
        #: The end is decided and on its way to the record.
        self._ending = False

    def begin(self) -> None:
        """From here on the status follows the orders; before, it is what an earlier server left."""
        self.status = self._workflow.status
        if self.status in (Status.PAUSING, Status.PAUSED) and self.paused is None:
            self.paused = Order("", self._workflow.standing.reason)
        self._live = True

    def leave(self) -> None:
        """The server ends: the status stays as it is on record."""
        self._live = False

    @property
    def held_before(self) -> int | None:
        """The block before which it is held."""
        return self._held if self.status is Status.HELD else None

    @property
    def waits_out(self) -> StartProblem | None:
        """What forbids a block to begin that needs no go: it begins by itself once that has passed."""
        held = self.held_before
        return None if held is None or self._needs_go(held) else self._problem

    @property
    def unknown(self) -> int:
        """How many jobs have an outcome that nobody knows, by the record."""
        return self._workflow.standing.counts[Status.UNKNOWN]

    # Orders

    def halt(self, order: Halt) -> bool:
        """Ends it. False: that was ordered before."""
        if self.halted is not None or self._ending:
            return False
        self.halted = order
        if self.status not in WORKFLOW_ENDING:
            # On record at once, so that no restart forgets it while the jobs are ending.
            self.record(order.ending, order)
        return True

    def pause(self, order: Order) -> None:
        """Starts nothing more until it is resumed; jobs in flight end by themselves."""
        if self.halted is not None or self._ending:
            raise FailedPrecondition(f"it is {self.status.label} and ending: there is nothing to pause")
        if self.paused is not None:
            by = f", by {self.paused.operator}" if self.paused.operator else ""
            raise FailedPrecondition(f"it is {self.status.label} already{by}")
        self.paused = order
        self.settle()

    def resume(self, order: Order) -> None:
        """Lets a paused workflow go on."""
        if self.paused is None or self.halted is not None or self._ending:
            raise FailedPrecondition(f"it is {self.status.label}, not paused")
        self.paused, self._go = None, order
        self.settle()

    def release(self, block: int, order: Order) -> None:
        """Gives the go for the block before which it is held."""
        if self.held_before != block:
            told = "it is paused: resume it first" if self.paused else f"it is {self.status.label}"
            where = f", before block {self.held_before}" if self.held_before is not None else ""
            raise FailedPrecondition(f"it is not held before block {block}: {told}{where}")
        self._held, self._problem, self._go = None, None, order
        # Together, so that no restart ever asks for a go that was given.
        self.record(Status.RUNNING, order)
        self._begin_block(block, order)

    def resolve(self, block: int, job: int, resolution: Resolution, order: Order) -> None:
        """A person says what became of a job whose outcome is unknown."""
        if self.halted is not None or self._ending:
            raise FailedPrecondition(f"it is {self.status.label}: its jobs' outcomes are final")
        status = Status(self._workflow.blocks[block].statuses[job])
        pending = any((b, j) == (block, job) for b, j, _ in self._resolving)
        if status is not Status.UNKNOWN or pending:
            told = "being resolved" if pending else status.label
            raise FailedPrecondition(f"the outcome of block {block} job {job} is not unknown: it is {told}")
        self._resolving.append((block, job, resolution))
        error = order.reason if resolution is Resolution.FAILED else ""
        self._recorder.job(self._workflow, block, job, resolution.status, error, order.reason, order.operator)
        self._go = Order(order.operator, "every unknown outcome is settled")

    @property
    def is_resolving(self) -> bool:
        """Whether a person has resolved an outcome that the run has not gone on from."""
        return bool(self._resolving)

    def take_resolutions(self) -> list[tuple[int, int, Resolution]]:
        """Takes what persons said; it counts once everything queued is on record."""
        resolved, self._resolving = self._resolving, []
        return resolved

    # The status

    def may_begin(self, block: int) -> None:
        """Records the begin of a block if nothing speaks against it; holds before it where it has to."""
        if self._begun_block != block and not (self._held == block and self._needs_go(block)):
            self._hold(block)
        self.settle()
        if problem := self.waits_out:
            self.tell(problem.reason, problem.until_us)
        elif self.halted is None:
            self.tell("", 0)
        if self.status is Status.RUNNING and self._held is None and self._begun_block != block:
            self._begin_block(block, _NOBODY)

    def _hold(self, block: int) -> None:
        """Holds before a block that asks for it, or as long as a policy forbids it to begin."""
        if self.paused is None and not self.unknown:
            # Where it could not begin anyhow, the time to ask is when it could.
            self._problem = self._start_problem(self._workflow, block)
            if self._problem is None and self.status is Status.HELD:
                self._go = _PASSED
        self._held = block if self._problem or self._needs_go(block) else None

    def _needs_go(self, block: int) -> bool:
        return self._workflow.request.blocks[block].holds

    def settle(self) -> None:
        """Records the status that follows from the orders and from what is in flight."""
        if self.halted is not None or self._ending or not self._live:
            return
        status, order = self._wanted()
        if status is not self.status:
            self.record(status, order)

    def record(self, status: Status, order: Order | Halt) -> None:
        """Queues a step of the workflow itself."""
        self.status = status
        self._recorder.workflow(self._workflow, status, operator=order.operator, reason=order.reason)
        self._parked()

    def end(self, failure: str) -> None:
        """Records the end: the halt's, or failed for this reason, or completed where there is none."""
        self._ending = True
        if self.halted is not None:
            self.record(self.halted.status, self.halted)
            return
        self.status = Status.FAILED if failure else Status.COMPLETED
        self._recorder.workflow(self._workflow, self.status, error=failure)

    def tell(self, activity: str, until_us: int) -> None:
        """Says what it does while nothing seems to happen; not on record."""
        workflow = self._workflow
        if (workflow.activity, workflow.until_us) != (activity, until_us):
            workflow.activity, workflow.until_us = activity, until_us
            self._hub.noted(workflow)

    def _wanted(self) -> tuple[Status, Order]:
        busy = self._is_busy()
        if self.paused is not None:
            return (Status.PAUSING if busy else Status.PAUSED), self.paused
        if self.unknown and not busy:
            words = f"the outcome of {self.unknown} job{'s' * (self.unknown > 1)} is unknown"
            return Status.NEEDS_OPERATOR, Order("", words)
        if self._held is not None:
            return Status.HELD, Order("", self._hold_words(self._held))
        return Status.RUNNING, self._go

    def _hold_words(self, block: int) -> str:
        desc = self._workflow.request.blocks[block].desc
        because = f": {self._problem.reason}" if self._problem else ""
        waits = "waits for a go" if self._needs_go(block) else "waits"
        return f"block {block}{f' ({desc})' if desc else ''} {waits}{because}"

    def _begin_block(self, block: int, order: Order) -> None:
        self._begun_block = block
        self._recorder.workflow(
            self._workflow, Status.RUNNING, block=block, operator=order.operator, reason=order.reason
        )
