"""The receipt of a stop or a cancel: its jobs by fate, in words, as text and as a document."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import accumulate
from typing import Any, NamedTuple

from wf_tui.state.format import between, count, moment
from wf_tui.state.models import Fate, Receipt, Status
from wf_tui.state.standing import left_words
from wf_tui.state.text import clean

#: The order in which an operator wants to see what became of jobs, with the status that looks like it.
FATES: Mapping[Fate, Status] = {
    Fate.IN_FLIGHT: Status.RUNNING,
    Fate.UNKNOWN: Status.UNKNOWN,
    Fate.INTERRUPTED: Status.INTERRUPTED,
    Fate.FINISHED_ANYWAY: Status.COMPLETED,
    Fate.NEVER_STARTED: Status.NOT_STARTED,
    Fate.ENDED_BEFORE: Status.SKIPPED,
    Fate.UNSPECIFIED: Status.UNSPECIFIED,
}
#: Their jobs are shown at first, whatever their number.
_OPEN = frozenset({Fate.IN_FLIGHT, Fate.UNKNOWN, Fate.INTERRUPTED, Fate.FINISHED_ANYWAY})


class Line(NamedTuple):
    """A fate, or a job that had it, by (block, job)."""

    fate: Fate
    job: tuple[int, int] | None = None


class ReceiptLines:
    """Which lines there are; what the operator opened or closed stays so when it settles."""

    def __init__(self) -> None:
        self._receipt: Receipt | None = None
        self._chosen: dict[Fate, bool] = {}
        self._jobs: dict[Fate, list[tuple[int, int]]] = {}
        self._fates: list[Fate] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def take(self, receipt: Receipt) -> None:
        """Shows another state of the receipt."""
        self._receipt = receipt
        self._jobs.clear()
        self._fates = [fate for fate in FATES if receipt.count(fate)]
        self._arrange()

    def is_open(self, fate: Fate) -> bool:
        """Whether the jobs of a fate are shown."""
        return self._chosen.get(fate, fate in _OPEN)

    def toggle(self, fate: Fate) -> None:
        """Shows or hides the jobs of a fate."""
        self._chosen[fate] = not self.is_open(fate)
        self._arrange()

    def line(self, number: int) -> Line:
        """Returns what is on a line."""
        at = bisect_right(self._ends, number)
        fate = self._fates[at]
        below = number - (self._ends[at - 1] if at else 0)
        return Line(fate, self.jobs(fate)[below - 1] if below else None)

    def find(self, wanted: Line) -> int:
        """Returns the line of a fate or job; of one that is not shown, the fate's it would be under, or 0."""
        if wanted.fate not in self._fates:
            return 0
        at = self._fates.index(wanted.fate)
        head = self._ends[at - 1] if at else 0
        if wanted.job is None or not self.is_open(wanted.fate):
            return head
        jobs = self.jobs(wanted.fate)
        return head + 1 + jobs.index(wanted.job) if wanted.job in jobs else head

    def jobs(self, fate: Fate) -> list[tuple[int, int]]:
        """Returns the (block, job) of a fate, in order."""
        if fate not in self._jobs:
            assert self._receipt is not None
            self._jobs[fate] = [*_jobs_of(self._receipt, fate)]
        return self._jobs[fate]

    def _arrange(self) -> None:
        heights = (1 + (len(self.jobs(fate)) if self.is_open(fate) else 0) for fate in self._fates)
        self._ends = list(accumulate(heights))


def _jobs_of(receipt: Receipt, fate: Fate) -> Iterator[tuple[int, int]]:
    for block, fates in enumerate(receipt.fates):
        at = fates.find(fate)
        while at >= 0:
            yield block, at
            at = fates.find(fate, at + 1)


def settling_words(receipt: Receipt, now: datetime, zone: tzinfo | None = None) -> str:
    """Tells whether it is quiet yet: `3 in flight, quiet in about 20 s`."""
    if receipt.settled is not None:
        took = between(receipt.ordered, receipt.settled, now)
        return f"quiet since {moment(now, receipt.settled, zone)}, {took} after the order"
    left = left_words(receipt.grace_ends, now)
    return f"{receipt.in_flight:,} in flight, {f'quiet in about {left}' if left else 'the last ends now'}"


def order_words(receipt: Receipt, now: datetime, zone: tzinfo | None = None) -> str:
    """Tells who ordered what, and when."""
    what = "cancelled" if receipt.order is Status.CANCELLED else "stopped"
    who = f" by {receipt.operator}" if receipt.operator else ""
    return f"{what}{who} at {moment(now, receipt.ordered, zone)}"


def receipt_text(receipt: Receipt, now: datetime, zone: tzinfo | None = None) -> str:
    """Returns the receipt as text to copy, its jobs in ranges."""
    lines = [
        f"{clean(receipt.name)} {clean(receipt.workflow_id)}",
        clean(order_words(receipt, now, zone)),
        *[f"Why: {clean(receipt.reason)}"] * bool(receipt.reason),
        clean(settling_words(receipt, now, zone)),
        count(receipt.jobs, "job"),
    ]
    for fate in FATES:
        if number := receipt.count(fate):
            lines.append(f"{fate.label}: {number:,}")
            lines += [f"  block {block}: {ranges}" for block, ranges in _ranges(receipt, fate)]
    return "\n".join(lines)


def _ranges(receipt: Receipt, fate: Fate) -> Iterator[tuple[int, str]]:
    """Yields each block with its jobs of that fate: `0-4, 7`."""
    by_block: dict[int, list[int]] = {}
    for block, job in _jobs_of(receipt, fate):
        by_block.setdefault(block, []).append(job)
    for block, jobs in by_block.items():
        yield block, ", ".join(_runs(jobs))


def _runs(jobs: Sequence[int]) -> Iterator[str]:
    first = last = jobs[0]
    for job in (*jobs[1:], None):
        if job is not None and job == last + 1:
            last = job
            continue
        yield str(first) if first == last else f"{first}-{last}"
        if job is not None:
            first = last = job


def receipt_document(receipt: Receipt) -> dict[str, Any]:
    """Returns the receipt as plain data; a job is `block/job`."""
    return {
        "workflowId": receipt.workflow_id,
        "name": receipt.name,
        "order": f"STATUS_{receipt.order.name}",
        "operator": receipt.operator,
        "reason": receipt.reason,
        "ordered": _timestamp(receipt.ordered),
        "settled": _timestamp(receipt.settled),
        "graceEnds": _timestamp(receipt.grace_ends),
        "jobs": receipt.jobs,
        "counts": {_camel(fate): receipt.count(fate) for fate in Fate if fate},
        "fates": {
            _camel(fate): [f"{block}/{job}" for block, job in _jobs_of(receipt, fate)]
            for fate in Fate
            if fate
        },
    }


def _camel(fate: Fate) -> str:
    first, *rest = fate.name.lower().split("_")
    return first + "".join(word.title() for word in rest)


def _timestamp(when: datetime | None) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if when is not None else None
