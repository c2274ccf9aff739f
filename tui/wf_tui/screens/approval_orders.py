"""What an approver decides, as questions: what they are about is fixed when the dialog opens."""

from __future__ import annotations

from collections.abc import Iterator

from wf_tui.dialogs.order import Order, Verb
from wf_tui.gateway import Gateway
from wf_tui.state.approvals import ApprovalPlan, reach_words
from wf_tui.state.format import count, short_id
from wf_tui.state.models import Status, Summary
from wf_tui.widgets.facts import Fact


def approve(gateway: Gateway, plan: ApprovalPlan) -> Order:
    """Agrees to a plan; where its work cannot be taken back, the workflow type is typed."""
    summary, radius = plan.case.summary, plan.radius
    digest = plan.digest

    async def give(comment: str, confirm: str) -> str:
        after = await gateway.approve(summary.id, digest, comment)
        if after.status is Status.AWAITING_APPROVAL:
            return f"You approved {_whom(summary)}; it still waits: {after.activity or 'for others'}."
        return f"{_whom(summary)} is approved and can be executed."

    grave = bool(radius.irreversible or radius.points_of_no_return)
    return Order(
        f"✓ Approve {_whom(summary)}?",
        [*_about(plan)],
        [Verb("Approve", give)],
        "for the others",
        needs_reason=False,
        confirm=summary.name if grave else "",
        warning="Nobody can take its work back." if grave else "",
        danger=grave,
        doing="approving…",
        failure="NOT known to be approved.",
        focus="#cancel",
    )


def reject(gateway: Gateway, plan: ApprovalPlan) -> Order:
    """Ends a workflow that has not begun."""
    summary = plan.case.summary

    async def give(reason: str, confirm: str) -> str:
        await gateway.reject(summary.id, reason)
        return f"{_whom(summary)} is rejected, and never begins."

    return Order(
        f"✗ Reject {_whom(summary)}?",
        [*_about(plan)],
        [Verb("Reject", give)],
        "why, for who submitted it",
        danger=True,
        doing="rejecting…",
        failure="NOT known to be rejected.",
    )


def withdraw(gateway: Gateway, plan: ApprovalPlan) -> Order:
    """Takes one's own approval back."""
    summary = plan.case.summary

    async def give(reason: str, confirm: str) -> str:
        await gateway.withdraw(summary.id, reason)
        return f"Your approval of {_whom(summary)} is withdrawn."

    return Order(
        f"◇ Take your approval of {_whom(summary)} back?",
        [*_about(plan)],
        [Verb("Withdraw", give)],
        "why",
        needs_reason=False,
        doing="withdrawing…",
        failure="NOT known to be withdrawn: the approval may still count.",
        focus="#cancel",
    )


def _whom(summary: Summary) -> str:
    return f"{summary.name} {short_id(summary.id)}"


def _about(plan: ApprovalPlan) -> Iterator[Fact]:
    summary = plan.case.summary
    yield Fact("About", summary.desc or "(no description)")
    yield Fact("Id", summary.id)
    yield Fact("Submitted by", summary.operator)
    yield Fact("Reaches", reach_words(plan.radius))
    irreversible = ", ".join(f"{one.jobs:,} {one.name}" for one in plan.radius.irreversible)
    yield Fact("Irreversible", irreversible or "none", "$text-error" if irreversible else "")
    if plan.radius.points_of_no_return:
        yield Fact("No return", count(plan.radius.points_of_no_return, "point"), "$text-error")
