"""Approvals as the console and `wf` show them: what waits, what it would reach, who has agreed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from wf_tui.state.format import count, duration, moment
from wf_tui.state.models import Status, Summary

#: The most sites that are told one by one.
SITES_SHOWN = 12
BLOCKS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """What one policy asks for."""

    policy: str
    #: By name; empty: whoever has the role.
    approvers: tuple[str, ...]
    count: int
    #: How many count at present.
    counted: int
    validity_seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """What one operator gave."""

    operator: str
    time: datetime
    comment: str = ""
    way: str = ""
    #: Why it does not count; "": it does.
    void_because: str = ""
    withdrawn: datetime | None = None
    withdrawn_reason: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalCase:
    """How a workflow stands with its approvals."""

    summary: Summary
    rules: tuple[ApprovalRule, ...] = ()
    ends: datetime | None = None
    #: Why one cannot approve it; "": one can.
    why_not: str = ""

    @property
    def have(self) -> int:
        """How many approvals of those that are needed there are."""
        return sum(min(rule.counted, rule.count) for rule in self.rules)

    @property
    def need(self) -> int:
        """How many approvals are needed."""
        return sum(rule.count for rule in self.rules)


@dataclass(frozen=True, slots=True)
class SiteReach:
    """What a workflow would reach of a site."""

    site: str
    machines: int
    of: int


@dataclass(frozen=True, slots=True)
class JobTypeCount:
    """How many jobs of a type."""

    name: str
    jobs: int


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What a workflow acts on."""

    jobs: int
    by_type: tuple[JobTypeCount, ...] = ()
    sites: tuple[SiteReach, ...] = ()
    machines: int = 0
    irreversible: tuple[JobTypeCount, ...] = ()
    points_of_no_return: int = 0


@dataclass(frozen=True, slots=True)
class PlannedBlock:
    """One block of the plan."""

    desc: str
    by_type: tuple[JobTypeCount, ...]
    rate_limit: int
    holds: bool = False
    point_of_no_return: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalPlan:
    """What there is to decide on."""

    case: ApprovalCase
    approvals: tuple[Approval, ...]
    radius: BlastRadius
    #: The first ones.
    blocks: tuple[PlannedBlock, ...]
    block_count: int
    #: What an approval has to name.
    digest: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plan, and whether it is one to stop at."""

    text: str
    is_grave: bool = False
    is_head: bool = False


def progress_words(case: ApprovalCase) -> str:
    """How many approvals there are: `1 of 2`."""
    return f"{case.have} of {case.need}" if case.rules else "–"


def whose_words(rule: ApprovalRule) -> str:
    """Whose approval a rule asks for."""
    *most, last = rule.approvers or ("anyone with the role approver",)
    return f"{', '.join(most)} or {last}" if most else last


def ends_words(case: ApprovalCase, now: datetime) -> str:
    """When it ends to stand as it does: `in 3 h 10 m`."""
    if case.ends is None:
        return ""
    left = (case.ends - now).total_seconds()
    return f"in {duration(left)}" if left > 0 else "now"


def plan_lines(plan: ApprovalPlan, now: datetime, zone: tzinfo | None = None) -> Iterator[Line]:
    """Tells a plan: what it would reach first, then what is asked for, what was given, and its blocks."""
    yield from _reach(plan.radius)
    yield from _asked(plan.case, now)
    yield from _given(plan.approvals, now, zone)
    yield Line(f"Plan: {count(plan.block_count, 'block')}", is_head=True)
    for number, block in enumerate(plan.blocks[:BLOCKS_SHOWN]):
        yield _block(number, block)
    if plan.block_count > BLOCKS_SHOWN:
        yield Line(f"  … {count(plan.block_count - BLOCKS_SHOWN, 'more block')}")
    yield Line(f"Digest {plan.digest}")


def reach_words(radius: BlastRadius) -> str:
    """What it would reach in a line: `50 machines at 1 site (aap), 61 jobs`."""
    names = ", ".join(one.site for one in radius.sites[:3])
    more = ", …" if len(radius.sites) > 3 else ""
    sites = f"{count(len(radius.sites), 'site')}{f' ({names}{more})' if names else ''}"
    return f"{count(radius.machines, 'machine')} at {sites}, {count(radius.jobs, 'job')}"


def _reach(radius: BlastRadius) -> Iterator[Line]:
    yield Line(f"Blast radius: {reach_words(radius)}", is_head=True)
    if radius.irreversible:
        yield Line(f"  irreversible: {_types(radius.irreversible)}", is_grave=True)
    else:
        yield Line("  irreversible: none")
    for site in radius.sites[:SITES_SHOWN]:
        whole = site.machines == site.of > 0
        all_of = ": all of it" if whole else ""
        yield Line(f"  {site.site}: {site.machines:,} of {count(site.of, 'machine')}{all_of}", is_grave=whole)
    if len(radius.sites) > SITES_SHOWN:
        yield Line(f"  … {count(len(radius.sites) - SITES_SHOWN, 'more site')}")
    if radius.points_of_no_return:
        yield Line(f"  {count(radius.points_of_no_return, 'point')} of no return", is_grave=True)


def _asked(case: ApprovalCase, now: datetime) -> Iterator[Line]:
    if not case.rules:
        yield Line("No policy asks for approval")
    for rule in case.rules:
        counted = f"{rule.counted} of {count(rule.count, 'approval')}, by {whose_words(rule)}"
        yield Line(f"{rule.policy}: {counted}", is_head=True)
        if rule.message:
            yield Line(f"  {rule.message}")
    if case.rules and case.ends is not None:
        waits = case.summary.status is Status.AWAITING_APPROVAL
        then = "fails" if waits else "waits for approval again"
        yield Line(f"  {then} {ends_words(case, now)}")
    if case.why_not:
        yield Line(f"  not yours to approve: {case.why_not}")


def _given(approvals: Sequence[Approval], now: datetime, zone: tzinfo | None) -> Iterator[Line]:
    for given in approvals:
        words = f"{given.operator} approved {moment(now, given.time, zone)} ({given.way})"
        words += f": {given.comment}" if given.comment else ""
        if given.void_because:
            words += f" – does not count: {given.void_because}"
            words += f" ({given.withdrawn_reason})" if given.withdrawn_reason else ""
        yield Line(f"  {words}")


def _block(number: int, block: PlannedBlock) -> Line:
    words = f"  {number} {block.desc}: {_types(block.by_type)}, {block.rate_limit:,} at a time"
    if block.point_of_no_return:
        return Line(f"{words}, point of no return", is_grave=True)
    return Line(f"{words}, waits for a go" if block.holds else words)


def _types(counts: Sequence[JobTypeCount]) -> str:
    return ", ".join(f"{one.jobs:,} {one.name}" for one in counts) or "no jobs"
