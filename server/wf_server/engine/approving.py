"""What approvers decide: to approve, to reject, to take an approval back; and what they look at first.

Each decision is carried out whole, even if its caller hangs up, and is durable when its method returns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog

from wf_server.clock import Clock
from wf_server.engine.approvals import OPEN, Approvals, Ballot, Held
from wf_server.engine.blast import BlastRadius, blast_radius
from wf_server.engine.deciding import Deciding, Decision
from wf_server.engine.recorder import Recorder
from wf_server.engine.workflows import Workflows
from wf_server.errors import FailedPrecondition, InvalidRequest, PermissionDenied
from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.model import Approval, ApprovalRule, Caller, Role, Status, Workflow
from wf_server.model.approval import listed
from wf_server.model.audit import Act, AuditEntry

log = structlog.get_logger(__name__)

T = TypeVar("T")

_UNPROVEN = (
    "approvals count only under names that are proven, and here a name is only claimed: set [access] "
    "required = true in server.toml, and add operators with `wf-server operator add NAME --role approver`"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a workflow stands with its approvals, as one caller sees it."""

    workflow: Workflow
    ballot: Ballot
    #: When that changes if nobody does anything; 0: never.
    ends_us: int
    #: Why the caller cannot approve it; empty: they can.
    why_not: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an approver has to see."""

    standing: Standing
    #: All approvals, oldest first, each with why it does not count (empty: it does).
    given: tuple[tuple[Approval, str], ...]
    radius: BlastRadius


class Approving:
    """The approvers' hand on workflows that have not begun. `close` it in the end."""

    def __init__(
        self,
        workflows: Workflows,
        approvals: Approvals,
        recorder: Recorder,
        deciding: Deciding,
        clock: Clock,
        registry: JobRegistry,
        inventory: Callable[[], Inventory],
    ) -> None:
        self._workflows = workflows
        self._approvals = approvals
        self._recorder = recorder
        self._deciding = deciding
        self._clock = clock
        self._registry = registry
        self._inventory = inventory
        self._decisions: set[asyncio.Task[Any]] = set()

    async def close(self, timeout: float) -> None:
        """Waits so many seconds until what was decided is carried out; a refusing database gives it up."""
        if self._decisions:
            _, pending = await asyncio.wait(self._decisions, timeout=timeout)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    def inbox(self, who: Caller, limit: int) -> tuple[list[Standing], int]:
        """Those that wait, or are approved and were not executed, of the types that the caller may see.

        The first ones, and how many there are.
        """
        types = who.types(Role.VIEWER)
        seen = [
            held
            for held in self._approvals.held()
            if held.workflow.status in OPEN and (types is None or held.workflow.name in types)
        ]
        return [self._standing(held, who) for held in seen[:limit]], len(seen)

    async def plan(self, workflow_id: str, who: Caller) -> Plan:
        """What there is to decide on. Raises NotFound."""
        workflow = await self._workflows.find(workflow_id)
        held = await self._approvals.look_up(workflow)
        standing = self._standing(held, who)
        case, rules = standing.ballot.case, standing.ballot.rules
        given = tuple((approval, case.void_because(approval, rules)) for approval in held.given)
        return Plan(standing, given, await blast_radius(workflow.request, self._registry, self._inventory()))

    async def approve(self, workflow_id: str, digest: str, comment: str, who: Caller) -> Workflow:
        """Agrees to a workflow as it was seen: `digest` is that of its plan.

        Raises NotFound, InvalidRequest, PermissionDenied, FailedPrecondition, StoreError.
        """
        if not digest:
            raise InvalidRequest("digest: say what is approved, by the digest of the plan that was looked at")
        workflow = await self._workflows.find(workflow_id)
        return await self._whole("approve", workflow, self._approve(workflow, digest, comment, who))

    async def reject(self, workflow_id: str, reason: str, who: Caller) -> Workflow:
        """Ends a workflow that has not begun. Raises NotFound, PermissionDenied, FailedPrecondition."""
        workflow = await self._workflows.find(workflow_id)
        return await self._whole("reject", workflow, self._reject(workflow, reason, who))

    async def withdraw(self, workflow_id: str, reason: str, who: Caller) -> Workflow:
        """Takes one's own approval back, while nothing has begun.

        Raises NotFound, PermissionDenied, FailedPrecondition, StoreError.
        """
        workflow = await self._workflows.find(workflow_id)
        return await self._whole("withdraw", workflow, self._withdraw(workflow, reason, who))

    # The decisions

    async def _approve(self, workflow: Workflow, digest: str, comment: str, who: Caller) -> None:
        held = await self._undecided(workflow)
        ballot = self._approvals.ballot(held)
        self._expect_approver(held, ballot, who)
        if workflow.status is not Status.AWAITING_APPROVAL:
            raise FailedPrecondition(f"workflow {workflow.id} awaits no approval: it is approved")
        if problem := _repeated(held, ballot, who.name):
            raise FailedPrecondition(problem)
        if not comment.strip() and (policy := _wants_reason(ballot, who.name)):
            raise InvalidRequest(f"comment: this allows a breach of {policy}: say why")
        if digest != ballot.case.scope.digest:
            told = "is not what was looked at, or its policies have changed: look at it again, then decide"
            raise FailedPrecondition(f"workflow {workflow.id} {told}")
        self._recorder.check_writable()
        approval = Approval(
            who.name, ballot.case.now_us, ballot.case.scope, comment, who.way.value, who.origin
        )
        entry = self._entry(Act.APPROVE, workflow, who, comment)
        held.given.append(await self._approvals.store(workflow, approval, entry))
        await self._settle(held, who.name)

    async def _reject(self, workflow: Workflow, reason: str, who: Caller) -> None:
        held = await self._undecided(workflow)
        self._expect_approver(held, self._approvals.ballot(held), who)
        self._approvals.release(workflow.id)
        self._recorder.workflow(
            workflow, Status.CANCELLED, operator=who.name, reason=f"approval refused: {reason}"
        )
        self._recorder.entry(self._entry(Act.REJECT, workflow, who, reason))
        await self._recorder.flush()

    async def _withdraw(self, workflow: Workflow, reason: str, who: Caller) -> None:
        held = await self._undecided(workflow)
        _expect_proven(who)
        now_us = self._clock.now_us()
        taken = {
            a.key: replace(a, withdrawn_us=now_us, withdrawn_reason=reason)
            for a in held.given
            if a.operator == who.name and not a.withdrawn_us
        }
        if not taken:
            raise FailedPrecondition(f"{who.name} has not approved workflow {workflow.id}")
        self._recorder.check_writable()
        entry = self._entry(Act.WITHDRAW, workflow, who, reason)
        await self._approvals.take_back(list(taken.values()), entry)
        held.given[:] = [taken.get(approval.key, approval) for approval in held.given]
        await self._settle(held, who.name)

    def _entry(self, act: Act, workflow: Workflow, who: Caller, why: str) -> AuditEntry:
        return AuditEntry(
            self._clock.now_us(),
            who.name,
            who.source,
            act,
            workflow.name,
            workflow.id,
            why,
            workflow=workflow.key,
        )

    async def _settle(self, held: Held, operator: str) -> None:
        if self._approvals.settle(held, self._approvals.ballot(held), operator):
            await self._recorder.flush()
        self._approvals.told(held)

    async def _undecided(self, workflow: Workflow) -> Held:
        """Raises FailedPrecondition where there is nothing to decide any more."""
        if workflow.status not in OPEN or self._approvals.has_begun(workflow):
            label = workflow.status.label if workflow.status not in OPEN else "executed"
            raise FailedPrecondition(f"workflow {workflow.id} cannot be decided on any more: it is {label}")
        return await self._approvals.look_up(workflow)

    async def _whole(self, what: str, workflow: Workflow, decision: Coroutine[Any, Any, None]) -> Workflow:
        async def decide() -> Workflow:
            try:
                with self._deciding.on(workflow.id, Decision.APPROVAL):
                    await decision
            finally:
                decision.close()
            return workflow

        task = asyncio.create_task(decide(), name=f"{what} {workflow.id}")
        self._decisions.add(task)
        task.add_done_callback(self._decided)
        return await asyncio.shield(task)

    def _decided(self, task: asyncio.Task[Any]) -> None:
        self._decisions.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its caller hears it too, unless they have hung up.
            log.info("not decided", what=task.get_name(), reason=str(error))
        else:
            log.info("decided", what=task.get_name())

    # Who may

    def _standing(self, held: Held, who: Caller) -> Standing:
        ballot, workflow = self._approvals.ballot(held), held.workflow
        why_not = ""
        try:
            self._expect_approver(held, ballot, who)
        except (PermissionDenied, FailedPrecondition) as error:
            why_not = str(error)
        if workflow.status is not Status.AWAITING_APPROVAL:
            approved = workflow.status is Status.NOT_STARTED and ballot.rules
            why_not = "it is approved" if approved else f"it is {workflow.status.label}"
        ends_us = self._approvals.ends_us(held, ballot) if workflow.status in OPEN else 0
        return Standing(workflow, ballot, ends_us, why_not or _repeated(held, ballot, who.name))

    def _expect_approver(self, held: Held, ballot: Ballot, who: Caller) -> None:
        """Raises PermissionDenied or FailedPrecondition where somebody's word cannot count."""
        workflow = held.workflow
        _expect_proven(who)
        if not ballot.rules:
            raise FailedPrecondition(f"no policy asks for approvals of {workflow.name!r}")
        if not workflow.proven:
            told = "nobody has proved who submitted it, so it could be you: it has to be submitted anew"
            raise FailedPrecondition(f"workflow {workflow.id} cannot be approved: {told}")
        if workflow.operator == who.name:
            raise PermissionDenied(f"{who.name} submitted it, and the submitter never counts")
        if not self._approvals.may_approve(who.name, workflow.name):
            told = f"is no operator with the role approver for {workflow.name[:80]!r}"
            advice = "`wf-server operator` has the list, which counts where [access] required is true"
            raise PermissionDenied(f"{who.name} {told}: {advice}")
        if not any(rule.asks(who.name) for rule in ballot.rules):
            asked = dict.fromkeys(name for rule in ballot.rules for name in rule.approvers)
            raise PermissionDenied(f"{who.name} is not asked: {listed(list(asked), 'or')} may approve it")


def _expect_proven(who: Caller) -> None:
    if not who.proven:
        raise PermissionDenied(_UNPROVEN)


def _repeated(held: Held, ballot: Ballot, operator: str) -> str:
    """That an operator has approved it already; empty: their approval would add to what counts."""
    rules: Iterable[ApprovalRule] = [rule for rule in ballot.rules if rule.asks(operator)]
    counted = [t.rule for t in ballot.tallies if any(a.operator == operator for a in t.counted)]
    again = counted and all(rule in counted for rule in rules)
    return f"{operator} has approved it: each counts once" if again else ""


def _wants_reason(ballot: Ballot, operator: str) -> str:
    """The policy of which an operator may allow a breach, with a reason; empty: there is none."""
    rules = (rule for rule in ballot.rules if rule.needs_reason and rule.asks(operator))
    return next((rule.policy for rule in rules), "")
