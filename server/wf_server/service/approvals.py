"""workflow.v1.ApprovalService."""

from __future__ import annotations

from collections.abc import Iterable

import wf_proto as pb
from wf_server.engine.approving import Approving, Plan, Standing
from wf_server.engine.blast import BlastRadius
from wf_server.errors import InvalidRequest
from wf_server.model import Approval, Tally
from wf_server.service.guard import caller
from wf_server.service.paging import page_limit
from wf_server.service.reasons import reason_of
from wf_server.service.translate import summary_message, time_of, time_or_none

_MICROSECONDS = 1_000_000


class ApprovalService(pb.ApprovalServiceBase):
    """Tells what waits for approvals, and takes the approvers' decisions."""

    def __init__(self, approving: Approving) -> None:
        self._approving = approving

    async def list(self, list_approvals_request: pb.ListApprovalsRequest) -> pb.ListApprovalsResponse:
        """Lists what awaits approval, or has it and was not executed."""
        shown, total = self._approving.inbox(caller(), page_limit(list_approvals_request.limit))
        return pb.ListApprovalsResponse(cases=[_case(one) for one in shown], total=total)

    async def get(self, get_approval_request: pb.GetApprovalRequest) -> pb.GetApprovalResponse:
        """Returns what there is to decide on."""
        plan = await self._approving.plan(get_approval_request.id, caller())
        return pb.GetApprovalResponse(
            case=_case(plan.standing),
            approvals=[_approval(*given) for given in plan.given],
            radius=_radius(plan.radius),
            blocks=_blocks(plan),
            digest=plan.standing.ballot.case.scope.digest,
            block_count=len(plan.standing.workflow.blocks),
        )

    async def approve(self, approve_request: pb.ApproveRequest) -> pb.ApproveResponse:
        """Agrees to a workflow as it was shown."""
        comment = reason_of(approve_request.comment, "comment")
        workflow = await self._approving.approve(
            approve_request.id, approve_request.digest, comment, caller()
        )
        return pb.ApproveResponse(summary=summary_message(workflow.summary()))

    async def reject(self, reject_request: pb.RejectRequest) -> pb.RejectResponse:
        """Ends a workflow that has not begun."""
        reason = reason_of(reject_request.reason)
        if not reason:
            raise InvalidRequest("reason: say why, to reject a workflow")
        workflow = await self._approving.reject(reject_request.id, reason, caller())
        return pb.RejectResponse(summary=summary_message(workflow.summary()))

    async def withdraw(self, withdraw_request: pb.WithdrawRequest) -> pb.WithdrawResponse:
        """Takes the caller's own approval back."""
        reason = reason_of(withdraw_request.reason)
        workflow = await self._approving.withdraw(withdraw_request.id, reason, caller())
        return pb.WithdrawResponse(summary=summary_message(workflow.summary()))


def _case(standing: Standing) -> pb.ApprovalCase:
    return pb.ApprovalCase(
        summary=summary_message(standing.workflow.summary()),
        rules=[_rule(tally) for tally in standing.ballot.tallies],
        ends=time_or_none(standing.ends_us),
        why_not=standing.why_not,
    )


def _rule(tally: Tally) -> pb.ApprovalRule:
    rule = tally.rule
    return pb.ApprovalRule(
        policy=rule.policy,
        approvers=list(rule.approvers),
        count=rule.count,
        counted=len(tally.counted),
        validity_seconds=rule.validity_us / _MICROSECONDS,
        message=rule.message,
    )


def _approval(approval: Approval, void_because: str) -> pb.Approval:
    return pb.Approval(
        operator=approval.operator,
        time=time_of(approval.time_us),
        comment=approval.comment,
        way=approval.way,
        void_because=void_because,
        withdrawn=time_or_none(approval.withdrawn_us),
        withdrawn_reason=approval.withdrawn_reason,
    )


def _radius(radius: BlastRadius) -> pb.BlastRadius:
    return pb.BlastRadius(
        jobs=radius.jobs,
        by_type=_counts(radius.by_type),
        sites=[pb.SiteReach(site=one.site, machines=one.machines, of=one.of) for one in radius.sites],
        machines=radius.machines,
        irreversible=_counts(radius.irreversible),
        points_of_no_return=radius.points_of_no_return,
    )


def _blocks(plan: Plan) -> list[pb.PlannedBlock]:
    return [
        pb.PlannedBlock(
            desc=block.desc,
            by_type=_counts(by_type),
            rate_limit=block.rate_limit,
            holds=block.holds,
            point_of_no_return=block.point_of_no_return,
        )
        # The radius has the first ones only.
        for block, by_type in zip(plan.standing.workflow.request.blocks, plan.radius.blocks, strict=False)
    ]


def _counts(by_type: Iterable[tuple[str, int]]) -> list[pb.JobTypeCount]:
    return [pb.JobTypeCount(name=name, jobs=jobs) for name, jobs in by_type]
