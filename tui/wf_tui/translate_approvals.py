"""The contract's approvals to the console's. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import wf_proto as pb
from wf_tui.state import approvals as a
from wf_tui.translate import EPOCH, summary


def case(message: pb.ApprovalCase) -> a.ApprovalCase:
    """Returns how a workflow stands with its approvals."""
    return a.ApprovalCase(
        summary(message.summary),
        tuple(_rule(rule) for rule in message.rules),
        message.ends,
        message.why_not,
    )


def _rule(message: pb.ApprovalRule) -> a.ApprovalRule:
    return a.ApprovalRule(
        message.policy,
        tuple(message.approvers),
        message.count,
        message.counted,
        message.validity_seconds,
        message.message,
    )


def plan(message: pb.GetApprovalResponse) -> a.ApprovalPlan:
    """Returns what there is to decide on."""
    return a.ApprovalPlan(
        case(message.case),
        tuple(_approval(given) for given in message.approvals),
        _radius(message.radius),
        tuple(_block(block) for block in message.blocks),
        message.block_count,
        message.digest,
    )


def _approval(message: pb.Approval) -> a.Approval:
    return a.Approval(
        message.operator,
        message.time or EPOCH,
        message.comment,
        message.way,
        message.void_because,
        message.withdrawn,
        message.withdrawn_reason,
    )


def _radius(message: pb.BlastRadius) -> a.BlastRadius:
    return a.BlastRadius(
        message.jobs,
        _counts(message.by_type),
        tuple(a.SiteReach(one.site, one.machines, one.of) for one in message.sites),
        message.machines,
        _counts(message.irreversible),
        message.points_of_no_return,
    )


def _block(message: pb.PlannedBlock) -> a.PlannedBlock:
    return a.PlannedBlock(
        message.desc,
        _counts(message.by_type),
        message.rate_limit,
        message.holds,
        message.point_of_no_return,
    )


def _counts(messages: Iterable[pb.JobTypeCount]) -> tuple[a.JobTypeCount, ...]:
    return tuple(a.JobTypeCount(one.name, one.jobs) for one in messages)
