"""Made-up workflows that wait for approvals, for tests and pictures."""

from __future__ import annotations

from dataclasses import replace

from wf_tui.state.approvals import (
    Approval,
    ApprovalCase,
    ApprovalPlan,
    ApprovalRule,
    BlastRadius,
    JobTypeCount,
    PlannedBlock,
    SiteReach,
)
from wf_tui.state.models import JobCounts, Status, Summary
from wf_tui.state.samples import ago, summary_of

_APPROVERS = ("grace", "linus", "margaret")


def _waiting(number: int, **fields: object) -> Summary:
    known: dict[str, object] = {
        "operator": "ada",
        "since": ago(60 * number + 12),
        "activity": "1 of 2 approvals, by grace, linus or margaret",
    }
    return summary_of(number, Status.AWAITING_APPROVAL, JobCounts(total=61), **{**known, **fields})


def erasure_plan(*, why_not: str = "") -> ApprovalPlan:
    """The erasure of a whole satellite: one has agreed, and another's word does not count any more."""
    rule = ApprovalRule(
        "requireApproval", _APPROVERS, 2, 1, 8 * 3600.0, "Is the site empty? Look at the decom."
    )
    case = ApprovalCase(_waiting(40), (rule,), ago(-6 * 3600), why_not)
    given = (
        Approval("margaret", ago(5400), "fine", "token", "the policies have changed since"),
        Approval("linus", ago(1200), "saw the decom ticket", "certificate"),
    )
    erase = JobTypeCount("diskErase", 50)
    radius = BlastRadius(
        61,
        (erase, JobTypeCount("sleep", 9), JobTypeCount("validateDecom", 1), JobTypeCount("tokenBucket", 1)),
        (SiteReach("aap", 50, 50),),
        50,
        (erase,),
        1,
    )
    checks = (JobTypeCount("validateDecom", 1), JobTypeCount("tokenBucket", 1))
    blocks = [PlannedBlock("Pre-condition checks", checks, 1)]
    for at in range(10):
        words = (
            f"Disk erase machines a{'abcde'[at // 2]}{at % 2 * 5:02}-a{'abcde'[at // 2]}{at % 2 * 5 + 4:02}"
        )
        batch = (JobTypeCount("diskErase", 5), JobTypeCount("sleep", 1))
        blocks.append(PlannedBlock(words, batch, 5, point_of_no_return=at == 0))
    return ApprovalPlan(case, given, radius, tuple(blocks), 11, "4f" * 32)


def nap_plan() -> ApprovalPlan:
    """Harmless, and approved."""
    rule = ApprovalRule("requireApproval", (), 1, 1, 86_400.0)
    summary = replace(
        _waiting(3, activity=""),
        name="Maintenance",
        desc="a nap",
        status=Status.NOT_STARTED,
        operator="grace",
    )
    case = ApprovalCase(summary, (rule,), ago(-80_000), "it is approved")
    nap = (JobTypeCount("sleep", 2),)
    radius = BlastRadius(2, nap)
    given = (Approval("linus", ago(60), "", "token"),)
    return ApprovalPlan(case, given, radius, (PlannedBlock("nap", nap, 2),), 1, "a0" * 32)


def sample_plans() -> dict[str, ApprovalPlan]:
    """One that waits for whoever looks, one that waits for others, and one that is approved."""
    other = erasure_plan(why_not="ada submitted it, and the submitter never counts")
    other = replace(
        other, case=replace(other.case, summary=_waiting(9, desc="Erase all disks of satellite adg"))
    )
    plans = (erasure_plan(), other, nap_plan())
    return {plan.case.summary.id: plan for plan in plans}
