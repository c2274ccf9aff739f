"""Two runs beside each other: which blocks and jobs belong together, and in what they differ.

Blocks are paired in order, because they run in order. Jobs of a block run side by side, so those that ask
for the same are paired wherever they stand. Everything here costs no more than a few passes over the jobs.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from enum import Enum

from wf_tui.state.models import BlockSnapshot, JobDetail, Snapshot, Status, Summary

#: Shorter differences of a run's length are noise, whatever their factor.
_LEAST_SECONDS = 1.0
#: A run that took so many times as long as the other took longer.
_FACTOR = 1.5
#: Matching block by block costs up to this many comparisons; more blocks go by their position.
_MOST_PAIRS = 250_000


@dataclass(frozen=True, slots=True)
class Run:
    """One of the two: the workflow as it stands, and every job of it by block."""

    snapshot: Snapshot
    jobs: tuple[tuple[JobDetail, ...], ...]

    @property
    def summary(self) -> Summary:
        """The workflow in one line."""
        return self.snapshot.summary


class Kind(Enum):
    """How the request differs; the value is the sign that stands for it."""

    SAME = "="
    CHANGED = "≠"
    ADDED = "+"
    REMOVED = "−"

    @property
    def word(self) -> str:
        """It in a word."""
        return self.name.lower()


class Pace(Enum):
    """How long the right one took, beside the left."""

    ALIKE = ""
    SLOWER = "slower"
    FASTER = "faster"


@dataclass(frozen=True, slots=True)
class Changed:
    """A value that is not the same; None: it is not there at all."""

    name: str
    left: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class JobPair:
    """A job and the one that belongs to it; one of them may be missing."""

    left: JobDetail | None
    right: JobDetail | None
    kind: Kind
    request: tuple[Changed, ...] = ()
    #: Status and error, where they differ.
    outcome: tuple[Changed, ...] = ()
    pace: Pace = Pace.ALIKE

    @property
    def differs(self) -> bool:
        """Whether there is anything to tell."""
        return self.kind is not Kind.SAME or bool(self.outcome) or self.pace is not Pace.ALIKE


@dataclass(frozen=True, slots=True)
class BlockPair:
    """A block and the one that belongs to it, by their numbers; its jobs in pairs."""

    left: int | None
    right: int | None
    kind: Kind
    request: tuple[Changed, ...] = ()
    outcome: tuple[Changed, ...] = ()
    pace: Pace = Pace.ALIKE
    jobs: tuple[JobPair, ...] = field(default=(), repr=False)

    @property
    def differs(self) -> bool:
        """Whether the block itself, or a job of it, differs."""
        return self.differs_itself or any(pair.differs for pair in self.jobs)

    @property
    def differs_itself(self) -> bool:
        """Whether its own line has anything to tell."""
        return self.kind is not Kind.SAME or bool(self.outcome) or self.pace is not Pace.ALIKE


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both runs and all of their pairs."""

    left: Run
    right: Run
    blocks: tuple[BlockPair, ...]
    request: tuple[Changed, ...]
    outcome: tuple[Changed, ...]


def compare(left: Run, right: Run) -> Comparison:
    """Pairs everything. Takes tenths of a second for ten thousand jobs: not for an event loop."""
    ours = [_block_key(block, jobs) for block, jobs in zip(left.snapshot.blocks, left.jobs, strict=True)]
    theirs = [_block_key(block, jobs) for block, jobs in zip(right.snapshot.blocks, right.jobs, strict=True)]
    blocks = tuple(_block_pair(left, right, *numbers) for numbers in _aligned(ours, theirs))
    one, other = left.summary, right.summary
    return Comparison(
        left,
        right,
        blocks,
        tuple(_changes({"name": one.name, "desc": one.desc}, {"name": other.name, "desc": other.desc})),
        tuple(_changes(_ended(one), _ended(other))),
    )


def seconds(started: datetime | None, ended: datetime | None) -> float | None:
    """Returns how long something took, None unless it began and ended."""
    return (ended - started).total_seconds() if started is not None and ended is not None else None


def pace(left: float | None, right: float | None) -> Pace:
    """Tells whether the right one took noticeably longer or shorter."""
    if left is None or right is None or abs(right - left) < _LEAST_SECONDS:
        return Pace.ALIKE
    if right >= left * _FACTOR:
        return Pace.SLOWER
    return Pace.FASTER if left >= right * _FACTOR else Pace.ALIKE


def _ended(summary: Summary) -> Mapping[str, str]:
    return {"status": summary.status.label, "reason": summary.reason}


def _block_key(block: BlockSnapshot, jobs: Sequence[JobDetail]) -> Hashable:
    return block.desc, block.rate_limit, hash(tuple(map(_job_key, jobs)))


def _job_key(job: JobDetail) -> Hashable:
    return job.name, job.desc, tuple(sorted(job.args.items()))


def _aligned(left: Sequence[Hashable], right: Sequence[Hashable]) -> Iterator[tuple[int | None, int | None]]:
    """Pairs two sequences in order; what is different in the same place belongs together."""
    shorter = min(len(left), len(right))
    start = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    end = next((at for at in range(shorter - start) if left[-1 - at] != right[-1 - at]), shorter - start)
    ours, theirs = left[start : len(left) - end], right[start : len(right) - end]
    yield from ((at, at) for at in range(start))
    for a, b, c, d in _stretches(ours, theirs):
        both = min(b - a, d - c)
        yield from ((start + a + at, start + c + at) for at in range(both))
        yield from ((start + at, None) for at in range(a + both, b))
        yield from ((None, start + at) for at in range(c + both, d))
    yield from ((len(left) - at, len(right) - at) for at in range(end, 0, -1))


def _stretches(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int, int, int]]:
    if len(left) * len(right) > _MOST_PAIRS:
        return [(0, len(left), 0, len(right))]
    return [codes[1:] for codes in SequenceMatcher(None, left, right, autojunk=False).get_opcodes()]


def _block_pair(left: Run, right: Run, ours: int | None, theirs: int | None) -> BlockPair:
    if ours is None or theirs is None:
        only = right.jobs[theirs] if theirs is not None else left.jobs[ours] if ours is not None else ()
        kind = Kind.ADDED if ours is None else Kind.REMOVED
        return BlockPair(ours, theirs, kind, jobs=tuple(_alone(job, kind) for job in only))
    one, other = left.snapshot.blocks[ours], right.snapshot.blocks[theirs]
    request = tuple(_changes(_block_facts(one), _block_facts(other)))
    outcome = tuple(_changes({"status": one.status.label}, {"status": other.status.label}))
    took = pace(seconds(one.started, one.ended), seconds(other.started, other.ended))
    jobs = tuple(_job_pairs(left.jobs[ours], right.jobs[theirs]))
    kind = Kind.CHANGED if request else Kind.SAME
    return BlockPair(ours, theirs, kind, request, outcome, took, jobs)


def _block_facts(block: BlockSnapshot) -> Mapping[str, str]:
    return {"desc": block.desc, "rate limit": str(block.rate_limit)}


def _job_pairs(left: Sequence[JobDetail], right: Sequence[JobDetail]) -> Iterator[JobPair]:
    """Pairs jobs that ask for the same; then those of one type and description; then of one type."""
    partners: dict[int, JobDetail] = {}
    free = dict(enumerate(right))
    for key in (_job_key, lambda job: (job.name, job.desc), lambda job: job.name):
        waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
        for at, job in free.items():
            waiting[key(job)].append(at)
        for ours, job in enumerate(left):
            if ours not in partners and (queue := waiting.get(key(job))):
                partners[ours] = free.pop(queue.popleft())
    for ours, job in enumerate(left):
        partner = partners.get(ours)
        yield _job_pair(job, partner) if partner is not None else _alone(job, Kind.REMOVED)
    yield from (_alone(job, Kind.ADDED) for job in free.values())


def _alone(job: JobDetail, kind: Kind) -> JobPair:
    return JobPair(None, job, kind) if kind is Kind.ADDED else JobPair(job, None, kind)


def _job_pair(left: JobDetail, right: JobDetail) -> JobPair:
    request = tuple(_changes(_asked(left), _asked(right))) if _job_key(left) != _job_key(right) else ()
    outcome: tuple[Changed, ...] = ()
    if left.status is not right.status or left.error != right.error:
        outcome = tuple(_changes(_outcome(left), _outcome(right)))
    took = Pace.ALIKE
    if left.status is right.status is Status.COMPLETED:
        took = pace(seconds(left.started, left.ended), seconds(right.started, right.ended))
    return JobPair(left, right, Kind.CHANGED if request else Kind.SAME, request, outcome, took)


def _asked(job: JobDetail) -> Mapping[str, str]:
    return {"desc": job.desc, **{f"{name}=": value for name, value in sorted(job.args.items())}}


def _outcome(job: JobDetail) -> Mapping[str, str]:
    return {"status": job.status.label, "error": job.error}


def _changes(left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[Changed]:
    for name in dict.fromkeys((*left, *right)):
        one, other = left.get(name), right.get(name)
        if one != other:
            yield Changed(name, one, other)
