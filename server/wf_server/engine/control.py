"""What operators order of workflows: execute, pause, resume, cancel, a go, what became of a job.

Each order is durable when its method returns. All raise NotFound, and FailedPrecondition where the order
makes no sense as things stand.
"""

from __future__ import annotations

import uuid

import structlog

from wf_server.clock import Clock
from wf_server.engine.approvals import Approvals
from wf_server.engine.deciding import Deciding, Decision
from wf_server.engine.executor import Executor
from wf_server.engine.orders import Order, Resolution, targets_of
from wf_server.engine.recorder import Recorder
from wf_server.engine.workflows import Workflows
from wf_server.errors import AlreadyExecuted, FailedPrecondition, InvalidRequest, TooLate
from wf_server.model import WORKFLOW_ACTIVE, Status, Workflow
from wf_server.model.audit import Act, AuditEntry

log = structlog.get_logger(__name__)

_MICROSECONDS = 1_000_000


class Control:
    """The operators' hand on this server's workflows."""

    def __init__(
        self,
        workflows: Workflows,
        recorder: Recorder,
        executor: Executor,
        clock: Clock,
        approvals: Approvals,
        deciding: Deciding,
        *,
        exec_within: float,
    ) -> None:
        self._workflows = workflows
        self._recorder = recorder
        self._executor = executor
        self._clock = clock
        self._approvals = approvals
        #: Seconds from submission, or from its last approval, in which a workflow may be executed.
        self._exec_within = exec_within
        self._deciding = deciding

    async def execute(self, workflow_id: str, operator: str, source: str = "") -> None:
        """Starts a stored workflow.

        Raises InvalidRequest, NotFound, AlreadyExecuted, AwaitingApproval, TooLate, and what submit raises.
        """
        _expect_id(workflow_id)
        workflow = await self._workflows.find(workflow_id)
        if workflow.status is Status.AWAITING_APPROVAL:
            raise self._approvals.missing(workflow)
        begun = workflow.status is not Status.NOT_STARTED or self._executor.find(workflow_id)
        if begun or self._deciding.of(workflow_id) is Decision.START:
            label = workflow.status.label
            raise AlreadyExecuted(f"workflow {workflow_id} was executed before: it is {label}")
        # Not started since it was submitted, or since its last approval.
        age = (self._clock.now_us() - workflow.standing.since_us) / _MICROSECONDS
        if age > self._exec_within:
            what = "approved" if workflow.seq else "submitted"
            raise TooLate(
                f"workflow {workflow_id} was {what} {age:.0f} s ago; it can be executed only within "
                f"{self._exec_within:.0f} s: submit it again"
            )
        with self._deciding.on(workflow_id, Decision.START):
            held = await self._approvals.prepare(workflow)
            await self._workflows.check_again(workflow)
            # Nothing to wait for from here to the start: approvals may cease to count at any time.
            objection = self._approvals.objection(workflow, held)
            if objection is not None:
                await self._recorder.flush()
                raise objection
            self._check_record()
            self._workflows.check_exec(workflow)
            started = self._executor.start(workflow, operator)
            self._note(Act.EXECUTE, workflow, Order(operator, "", source))
            # From here on the executor knows it.
            self._approvals.release(workflow_id)
        await started

    async def pause(self, workflow_id: str, order: Order) -> Workflow:
        """Starts nothing more of a workflow; jobs in flight end by themselves."""
        workflow = await self._workflows.find(workflow_id)
        (await self._executor.run_of(workflow)).pause(order)
        return await self._ordered(Act.PAUSE, workflow, order)

    async def resume(self, workflow_id: str, order: Order) -> Workflow:
        """Lets a paused workflow go on."""
        workflow = await self._workflows.find(workflow_id)
        run = await self._executor.run_of(workflow)
        self._check_record()
        run.resume(order)
        return await self._ordered(Act.RESUME, workflow, order)

    async def cancel(self, workflow_id: str, order: Order) -> Workflow:
        """Ends a workflow, in whatever state it is."""
        workflow = await self._workflows.find(workflow_id)
        if workflow.is_final or self._deciding.of(workflow_id):
            told = "being decided on right now: try again" if not workflow.is_final else _ended(workflow)
            raise FailedPrecondition(f"workflow {workflow_id} cannot be cancelled: it is {told}")
        if self._executor.find(workflow_id) is None:
            if workflow.status in WORKFLOW_ACTIVE:
                # The server drains, and its run has left: the next server has to end it.
                self._executor.check_open()
            with self._deciding.on(workflow_id, Decision.END):
                self._approvals.release(workflow_id)
                self._recorder.workflow(
                    workflow, Status.CANCELLED, operator=order.operator, reason=order.reason
                )
                return await self._ordered(Act.CANCEL, workflow, order)
        with self._deciding.on(workflow_id, Decision.END):
            # Nobody knows it between the queue and the record: it must not be executed again then.
            if self._executor.cancel_queued(workflow, order):
                return await self._ordered(Act.CANCEL, workflow, order)
        (await self._executor.run_of(workflow, to_end=True)).cancel(order)
        return await self._ordered(Act.CANCEL, workflow, order)

    async def release(self, workflow_id: str, block: int, confirm: str, order: Order) -> Workflow:
        """Gives the go for the block before which a workflow is held.

        Raises Refused where a policy forbids it to begin right now; the go accepts what only warns. A point
        of no return asks for its targets' name and is checked again: raises InvalidRequest, EmergencyStopped.
        """
        workflow = await self._workflows.find(workflow_id)
        run = await self._executor.run_of(workflow)
        if run.held_before == block and workflow.request.blocks[block].point_of_no_return:
            expected = targets_of(workflow, block)
            if confirm != expected:
                told = f"block {block} is a point of no return: confirm it with {expected!r}, not {confirm!r}"
                raise InvalidRequest(told)
            await self._workflows.check_again(workflow, with_warnings=False)
        if run.held_before == block:
            self._workflows.check_start(workflow, block)
        self._check_record()
        run.release(block, order)
        return await self._ordered(Act.RELEASE, workflow, order, f"block {block}")

    async def resolve(
        self, workflow_id: str, block: int, job: int, resolution: Resolution, order: Order
    ) -> Workflow:
        """Says what became of a job whose outcome is unknown."""
        workflow = await self._workflows.find(workflow_id)
        self._workflows.expect_job(workflow, block, job)
        run = await self._executor.run_of(workflow)
        self._check_record()
        run.resolve(block, job, resolution, order)
        return await self._ordered(Act.RESOLVE, workflow, order, f"{block}/{job} as {resolution.value}")

    def _check_record(self) -> None:
        """Raises StoreError where nothing can be recorded: what lets work begin must not do so hours later.

        A pause or a cancel is taken all the same: it is in force at once, and on record as soon as possible.
        """
        self._recorder.check_writable()

    async def _ordered(self, act: Act, workflow: Workflow, order: Order, told: str = "") -> Workflow:
        self._note(act, workflow, order, told)
        await self._recorder.flush()
        log.info("ordered", what=act, workflow=workflow.id, operator=order.operator, reason=order.reason)
        return workflow

    def _note(self, act: Act, workflow: Workflow, order: Order, told: str = "") -> None:
        """The order is queued: so is what the audit says of it, for the same transaction."""
        self._recorder.entry(
            AuditEntry(
                self._clock.now_us(),
                order.operator,
                order.source,
                act,
                workflow.name,
                workflow.id,
                order.reason,
                told=told,
                workflow=workflow.key,
            )
        )


def _ended(workflow: Workflow) -> str:
    return f"{workflow.status.label} already"


def _expect_id(workflow_id: str) -> None:
    """The published contract tells a malformed id of Exec from an unknown one."""
    try:
        uuid.UUID(workflow_id)
    except ValueError:
        told = f"{workflow_id[:80]!r} is no workflow id: expected one that Submit returned (a UUID)"
        raise InvalidRequest(told) from None
