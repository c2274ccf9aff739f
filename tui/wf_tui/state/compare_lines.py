"""A comparison as lines to go through, as a summary, and as text to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from wf_tui.state.compare import BlockPair, Changed, Comparison, JobPair, Kind, Pace, seconds
from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.format import count, duration, short_id
from wf_tui.state.models import JobDetail, Status
from wf_tui.state.text import clean

#: What a filter can ask for by name.
FIELDS = ("request", "status", "type", "args", "error", "pace", "desc")


class Line(NamedTuple):
    """A block, or one of its jobs."""

    block: BlockPair
    job: JobPair | None = None

    @property
    def differs(self) -> bool:
        """Whether the line itself has something to tell."""
        return self.job.differs if self.job is not None else self.block.differs_itself

    @property
    def only_ended(self) -> bool:
        """Whether the same was asked for, and only what came of it differs."""
        pair = self.job if self.job is not None else self.block
        return pair.kind is Kind.SAME and self.differs


def arrange(
    comparison: Comparison, *, only_differences: bool, chosen: Filter = NO_FILTER
) -> tuple[Line, ...]:
    """Returns the lines; a block stands above its jobs where one of them does."""
    lines: list[Line] = []
    for block in comparison.blocks:
        jobs = [
            Line(block, job)
            for job in block.jobs
            if (job.differs or not only_differences) and (not chosen or chosen.lets_through(_fields(job)))
        ]
        if jobs or (not chosen and (not only_differences or block.differs_itself)):
            lines += [Line(block), *jobs]
    return tuple(lines)


def next_difference(lines: Sequence[Line], at: int, step: int) -> int | None:
    """Returns the next line (step 1) that differs or the one before (-1), round the end; None: none does."""
    total = len(lines)
    order = ((at + step * far) % total for far in range(1, total + 1))
    return next((place for place in order if lines[place].differs), None)


def _fields(pair: JobPair) -> Mapping[str, str]:
    jobs = [job for job in (pair.left, pair.right) if job is not None]

    def told(of: Callable[[JobDetail], str]) -> str:
        return "\n".join(dict.fromkeys(clean(of(job)) for job in jobs))

    values = (
        pair.kind.word,
        told(lambda job: job.status.label),
        told(lambda job: job.name),
        told(lambda job: " ".join(f"{name}={value}" for name, value in sorted(job.args.items()))),
        told(lambda job: job.error),
        pair.pace.value,
        told(lambda job: job.desc),
    )
    return dict(zip(FIELDS, values, strict=True))


def summary_lines(comparison: Comparison) -> list[str]:
    """Tells in three sentences what differs: the request, how it ended, how long it took."""
    return [_request_line(comparison), _outcome_line(comparison), _time_line(comparison)]


def _request_line(comparison: Comparison) -> str:
    told = [_changed_words(change) for change in comparison.request]
    told += _kinds([block.kind for block in comparison.blocks], "block")
    told += _kinds([job.kind for block in comparison.blocks for job in block.jobs], "job")
    return f"Request: {', '.join(told)}" if told else "Request: the same"


def _kinds(kinds: Sequence[Kind], noun: str) -> list[str]:
    return [
        f"{kind.value}{count(number, noun)} {kind.word}"
        for kind in (Kind.ADDED, Kind.REMOVED, Kind.CHANGED)
        if (number := kinds.count(kind))
    ]


def _outcome_line(comparison: Comparison) -> str:
    told = [_changed_words(change) for change in comparison.outcome if change.name == "status"]
    pairs = [job for block in comparison.blocks for job in block.jobs]
    status = sum(any(change.name == "status" for change in pair.outcome) for pair in pairs)
    errors = sum(any(change.name == "error" for change in pair.outcome) for pair in pairs)
    told += [f"{count(status, 'job')} with another status"] if status else []
    told += [f"{count(errors, 'error')} differ" if errors > 1 else "1 error differs"] if errors else []
    return f"Result: {', '.join(told)}" if told else "Result: the same"


def _time_line(comparison: Comparison) -> str:
    one, other = comparison.left.summary, comparison.right.summary
    spent = [seconds(run.started, run.ended) for run in (one, other)]
    took = " → ".join(duration(time) if time is not None else "not ended" for time in spent)
    paces = [job.pace for block in comparison.blocks for job in block.jobs]
    told = [
        f"{count(number, 'job')} {pace.value}"
        for pace in (Pace.SLOWER, Pace.FASTER)
        if (number := paces.count(pace))
    ]
    return ", ".join((f"Time: {took}", *told))


def changes(line: Line) -> tuple[Changed, ...]:
    """Returns what differs on a line: first the request, then how it ended."""
    pair = line.job if line.job is not None else line.block
    return (*pair.request, *pair.outcome)


def _changed_words(change: Changed) -> str:
    left, right = (clean(side) if side is not None else "(none)" for side in (change.left, change.right))
    return f"{change.name.removesuffix('=')} {left or '(empty)'} → {right or '(empty)'}"


def job_words(job: JobDetail, changed: Sequence[Changed] = ()) -> str:
    """Tells a job in short: its type and its arguments, those that changed first: room may be short."""
    first = {change.name for change in changed}
    ordered = sorted(job.args.items(), key=lambda arg: (f"{arg[0]}=" not in first, arg))
    args = " ".join(f"{clean(name)}={clean(value)}" for name, value in ordered)
    return f"{clean(job.name)}  {args}" if args else clean(job.name)


def took(job: JobDetail | None) -> str:
    """Tells how long a job took, "" if it did not run to an end."""
    time = seconds(job.started, job.ended) if job is not None else None
    return duration(time) if time is not None and job is not None and job.status is not Status.RUNNING else ""


def as_text(comparison: Comparison, lines: Sequence[Line]) -> str:
    """Writes the summary and the lines, to be pasted elsewhere."""
    left, right = (short_id(run.summary.id) for run in (comparison.left, comparison.right))
    head = f"{clean(comparison.left.summary.name)} {left} → {clean(comparison.right.summary.name)} {right}"
    return "\n".join((head, *summary_lines(comparison), *(text for line in lines for text in _written(line))))


def _written(line: Line) -> Iterator[str]:
    if line.job is None:
        numbers = " → ".join(
            "none" if at is None else str(at) for at in dict.fromkeys((line.block.left, line.block.right))
        )
        yield f"{line.block.kind.value} block {numbers}"
    else:
        job = line.job.left or line.job.right
        assert job is not None
        pace = f"  {line.job.pace.value}" if line.job.pace.value else ""
        yield f"  {line.job.kind.value} {job_words(job)}{pace}"
    yield from (f"      {_changed_words(change)}" for change in changes(line))
