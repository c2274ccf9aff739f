"""The disk-erase wizard without its screen: its steps, the pre-checks, and the plan in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from wf_tui.state.format import count, duration
from wf_tui.state.models import (
    Bucket,
    JobDetail,
    PolicyBook,
    Site,
    SiteStatus,
    SiteType,
    Status,
    StopBoard,
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
        return ("Site", "Pre-checks", "Plan", "Verdict", "Confirm")[self - 1]


@dataclass(frozen=True, slots=True)
class PreCheck:
    """One thing that has to be right. A failed check that does not block is a warning."""

    title: str
    passed: bool
    words: str
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """What the server said that the pre-checks are about."""

    site: Site
    machines: tuple[str, ...]
    board: StopBoard
    book: PolicyBook
    buckets: tuple[Bucket, ...]


def pre_checks(world: World, request: WorkReq, now: datetime) -> tuple[PreCheck, ...]:
    """Checks what can be known before the server is asked for its verdict."""
    return (
        _type_check(world.site),
        _status_check(world.site),
        PreCheck(
            "Machines",
            bool(world.machines),
            f"{count(len(world.machines), 'machine')} to erase"
            if world.machines
            else "the site has no machines",
        ),
        _policy_check(world.book, request.name),
        _stop_check(world.board, request.name),
        *(_token_check(name, world.buckets, now) for name in _bucket_names(request)),
    )


def may_go_on(checks: Sequence[PreCheck]) -> bool:
    """Tells whether no blocking check failed."""
    return all(check.passed or not check.blocks for check in checks)


def _type_check(site: Site) -> PreCheck:
    satellite = site.type is SiteType.SATELLITE
    words = "is a satellite" if satellite else f"is a {site.type.value}: only satellites can be erased"
    return PreCheck("Site type", satellite, words)


def _status_check(site: Site) -> PreCheck:
    decom = site.status is SiteStatus.DECOM
    words = "is in decom" if decom else f"is {site.status.value}: put it into decom first"
    return PreCheck("Site status", decom, words)


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


def _bucket_names(request: WorkReq) -> list[str]:
    jobs = (job for block in request.blocks for job in block.jobs if job.name == _TOKEN_JOB)
    return list(dict.fromkeys(job.args.get("bucket", "") for job in jobs))


def _token_check(name: str, buckets: Sequence[Bucket], now: datetime) -> PreCheck:
    bucket = next((bucket for bucket in buckets if bucket.name == name), None)
    if bucket is None:
        return PreCheck("Token", False, f"the server has no bucket {name}")
    level = f"{name} holds {bucket.tokens} of {count(bucket.size, 'token')}"
    if bucket.tokens:
        return PreCheck("Token", True, level)
    until = ""
    if bucket.next_refill is not None:
        until = f"; the next comes in {duration((bucket.next_refill - now).total_seconds())}"
    return PreCheck("Token", False, f"{level}{until}. Without one the workflow fails at once", blocks=False)


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
    names = [job.args.get("machine", job.name) for job in working]
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
    return f"{told}, plus the erasing itself (no earlier run to go by)"


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


def in_erase_order(sites: Sequence[Site], reason: Callable[[Site], str]) -> tuple[Site, ...]:
    """Sorts sites: those that can be erased first, then satellites, then the rest; by name within each."""
    return tuple(
        sorted(sites, key=lambda site: (bool(reason(site)), site.type is not SiteType.SATELLITE, site.name))
    )
