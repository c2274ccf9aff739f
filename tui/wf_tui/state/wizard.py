"""What all wizards have in common, without their screen: steps, pre-checks, and the plan in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from wf_tui.state.format import count, duration, short_id
from wf_tui.state.models import (
    Bucket,
    JobDetail,
    PolicyBook,
    Site,
    SiteType,
    Status,
    StopBoard,
    Summary,
    Violation,
    WorkReq,
)
from wf_tui.state.stops import stop_for, title

_PAUSE_JOB = "sleep"
_TOKEN_JOB = "tokenBucket"  # noqa: S105 - a job type


class Step(IntEnum):
    """Where the wizard is."""

    SITE = 1
    CHECKS = 2
    PLAN = 3
    VERDICT = 4
    CONFIRM = 5

    @property
    def label(self) -> str:
        """Its name on the line of steps."""
        return ("Sites", "Pre-checks", "Plan", "Verdict", "Confirm")[self - 1]


@dataclass(frozen=True, slots=True)
class PreCheck:
    """One thing that has to be right. A failed check that does not block is a warning."""

    title: str
    passed: bool
    words: str
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """What the server said of a site, and of everything, that the pre-checks are about."""

    site: Site
    machines: tuple[str, ...]
    board: StopBoard
    book: PolicyBook
    buckets: tuple[Bucket, ...]
    #: Workflows of the wizard's type that have begun and not ended.
    under_way: tuple[Summary, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One WorkReq that a wizard makes, and the sites that it is about."""

    worlds: tuple[World, ...]
    request: WorkReq

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of its sites."""
        return tuple(world.site.name for world in self.worlds)


class Unfit(Exception):
    """No WorkReq can be made for a site; the text says why."""


SiteChecks = Callable[[World], tuple[PreCheck, ...]]


def pre_checks(items: Sequence[Item], of_site: SiteChecks, now: datetime) -> tuple[PreCheck, ...]:
    """Checks what can be known before the server is asked for its verdict.

    Of a single site every check is told; of several, a line for each site.
    """
    worlds = [world for item in items for world in item.worlds]
    if len(worlds) == 1:
        checks = of_site(worlds[0])
    else:
        checks = tuple(_in_a_line(world.site.name, of_site(world)) for world in worlds)
    return (*checks, *_common_checks(items, now))


def _in_a_line(site: str, checks: Sequence[PreCheck]) -> PreCheck:
    failed = [check for check in checks if not check.passed]
    told = failed or checks
    words = "; ".join(check.words for check in told)
    return PreCheck(site, not failed, words, blocks=any(check.blocks for check in failed))


def _common_checks(items: Sequence[Item], now: datetime) -> tuple[PreCheck, ...]:
    if not items:
        return ()
    world, name = items[0].worlds[0], items[0].request.name
    buckets = [bucket for item in items for bucket in buckets_of(item.request)]
    return (
        *(_under_way_check(item, many=len(items) > 1) for item in items if _double(item) is not None),
        _policy_check(world.book, name),
        _stop_check(world.board, name),
        *(
            _token_check(bucket, world.buckets, buckets.count(bucket), now)
            for bucket in dict.fromkeys(buckets)
        ),
    )


def _double(item: Item) -> Summary | None:
    """The workflow that does the same just now; a description names the sites."""
    found = (one for one in item.worlds[0].under_way if one.desc == item.request.desc)
    return next(found, None)


def _under_way_check(item: Item, *, many: bool) -> PreCheck:
    double = _double(item)
    assert double is not None
    which = f" for {', '.join(item.sites)}" if many else ""
    who = f", by {double.operator}" if double.operator else ""
    words = f"the same{which} is under way already as {short_id(double.id)}{who}: let it end first"
    return PreCheck("Once only", False, words)


def may_go_on(checks: Sequence[PreCheck]) -> bool:
    """Tells whether no blocking check failed."""
    return all(check.passed or not check.blocks for check in checks)


def _policy_check(book: PolicyBook, name: str) -> PreCheck:
    found = next((kind for kind in book.workflow_types if kind.name == name), None)
    if found is None:
        return PreCheck("Policies", False, f"none are in force for {name}: the server would refuse it")
    names = ", ".join(policy.name for policy in found.policies)
    if book.problem:
        words = f"the newer policies.json is refused: {book.problem}"
        return PreCheck("Policies", False, words, blocks=False)
    return PreCheck("Policies", True, f"{len(found.policies)} in force: {names}")


def _stop_check(board: StopBoard, name: str) -> PreCheck:
    if board.problem:
        return PreCheck("Emergency stop", False, f"everything is stopped: {board.problem}")
    stop = stop_for(board, name)
    if stop is None:
        return PreCheck("Emergency stop", True, f"{name} is go")
    if not stop.listed:
        return PreCheck("Emergency stop", False, f"{name} has no entry in es.json, which means stop")
    who = f" by {stop.operator}" if stop.operator else ""
    why = f": {stop.reason}" if stop.reason else ""
    return PreCheck("Emergency stop", False, f"engaged for {title(stop)}{who}{why}")


def buckets_of(request: WorkReq) -> tuple[str, ...]:
    """Returns the buckets that a request takes tokens from, each once."""
    jobs = (job for block in request.blocks for job in block.jobs if job.name == _TOKEN_JOB)
    return tuple(dict.fromkeys(job.args.get("bucket", "") for job in jobs))


def _token_check(name: str, buckets: Sequence[Bucket], needed: int, now: datetime) -> PreCheck:
    bucket = next((bucket for bucket in buckets if bucket.name == name), None)
    if bucket is None:
        return PreCheck("Token", False, f"the server has no bucket {name}")
    level = f"{name} holds {bucket.tokens} of {count(bucket.size, 'token')}"
    if bucket.tokens >= needed:
        return PreCheck("Token", True, level)
    if bucket.tokens:
        return PreCheck("Token", True, f"{level}, and {needed} are needed: the queue waits for each")
    until = ""
    if bucket.next_refill is not None:
        until = f"; the next comes in {duration((bucket.next_refill - now).total_seconds())}"
    return PreCheck("Token", False, f"{level}{until}. The queue waits for it", blocks=False)


@dataclass(frozen=True, slots=True)
class PlanBlock:
    """A block of the plan; `seconds` is None where nothing is known of how long its jobs take."""

    number: int
    desc: str
    work: str
    pause_seconds: int
    at_once: int
    seconds: float | None


def plan(request: WorkReq, pace: Callable[[str], float | None]) -> tuple[PlanBlock, ...]:
    """Tells a request block by block; `pace` gives the usual seconds of a job type, None if unknown."""
    return tuple(_plan_block(number, request, pace) for number in range(len(request.blocks)))


def _plan_block(number: int, request: WorkReq, pace: Callable[[str], float | None]) -> PlanBlock:
    block = request.blocks[number]
    pauses = [_seconds(job.args.get("seconds", "")) for job in block.jobs if job.name == _PAUSE_JOB]
    working = [job for job in block.jobs if job.name != _PAUSE_JOB]
    same = len({job.name for job in working}) == 1
    names = [
        job.args.get("machine") or (job.args.get("site") if same else None) or job.name for job in working
    ]
    paces = [pace(job.name) for job in working]
    known = [seconds for seconds in paces if seconds is not None]
    rounds = -(-len(working) // max(1, block.rate_limit))
    seconds = rounds * max(known, default=0.0) + sum(pauses) if len(known) == len(paces) else None
    return PlanBlock(number, block.desc, " ".join(names), sum(pauses), max(1, block.rate_limit), seconds)


def _seconds(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def plan_sentence(blocks: Sequence[PlanBlock]) -> str:
    """Sums a plan up: how many blocks, how much of the time is pauses, how long in all."""
    pauses = sum(block.pause_seconds for block in blocks)
    known = [block.seconds for block in blocks if block.seconds is not None]
    told = f"{count(len(blocks), 'block')}, one after another; pauses {duration(pauses)}"
    if len(known) == len(blocks):
        return f"{told}; about {duration(sum(known))} in all, going by the last run"
    return f"{told}, plus the work itself (no earlier run to go by)"


def paces(details: Sequence[JobDetail]) -> dict[str, float]:
    """Returns the mean seconds of each type among jobs that completed."""
    taken: dict[str, list[float]] = {}
    for job in details:
        if job.status is Status.COMPLETED and job.started is not None and job.ended is not None:
            taken.setdefault(job.name, []).append((job.ended - job.started).total_seconds())
    return {name: sum(seconds) / len(seconds) for name, seconds in taken.items()}


def place(violation: Violation, request: WorkReq) -> str:
    """Tells where in the request a violation is: `block 1, job 3 (diskErase), argument site`."""
    if violation.block is None:
        return "the request as a whole" + (f", argument {violation.arg}" if violation.arg else "")
    parts = [f"block {violation.block}"]
    if violation.job is not None:
        parts.append(f"job {violation.job}{_job_name(request, violation.block, violation.job)}")
    if violation.arg:
        parts.append(f"argument {violation.arg}")
    return ", ".join(parts)


def _job_name(request: WorkReq, block: int, job: int) -> str:
    if block < len(request.blocks) and job < len(request.blocks[block].jobs):
        return f" ({request.blocks[block].jobs[job].name})"
    return ""


def fit_first(sites: Sequence[Site], reason: Callable[[Site], str]) -> tuple[Site, ...]:
    """Sorts sites: those without a reason against them, then satellites, then the rest; by name."""
    return tuple(
        sorted(sites, key=lambda site: (bool(reason(site)), site.type is not SiteType.SATELLITE, site.name))
    )
