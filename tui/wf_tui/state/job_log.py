"""What jobs wrote into their logs, put together from what the server tells again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.marks import mark
from wf_tui.state.models import JOB_FINAL, JobDetail
from wf_tui.state.pages import PAGE, Page
from wf_tui.state.text import clean

#: Of so many jobs at most the logs are read at once.
MOST_JOBS = 100
#: Of one job; older ones make room.
MOST_LINES = 10_000
#: What a filter can ask for by name.
FIELDS = ("line", "job")

GAP_WORDS = "… lines are missing here: more were written between two looks than the server keeps"


class Kind(Enum):
    """What a line of the screen is."""

    JOB = "job"
    LINE = "line"
    GAP = "gap"


class LogLine(NamedTuple):
    """A line, clean; `number` counts from 1 within its job."""

    kind: Kind
    block: int
    job: int
    text: str
    number: int = 0


class JobLog:
    """One job's log. The server tells its newest lines; older ones that were seen are kept."""

    def __init__(self) -> None:
        self.detail: JobDetail | None = None
        self.lines: list[str] = []
        #: Before these lines (by their place) some are missing.
        self.gaps: set[int] = set()
        self._told: list[str] = []
        self._finals = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected: the job was seen ended twice, its last lines with it."""
        return self._finals > 1

    def take(self, detail: JobDetail) -> None:
        """Takes what the server says now."""
        self._finals = self._finals + 1 if detail.status in JOB_FINAL else 0
        self.detail = detail
        told = list(detail.log)
        if not told:
            # A server that was restarted may know less than was seen.
            return
        new = told[_overlap(self._told, told) :]
        if self._told and len(new) == len(told):
            self.gaps.add(len(self.lines))
        self._told = told
        self.lines += [clean(line) for line in new]
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        surplus = len(self.lines) - MOST_LINES
        if surplus > 0:
            del self.lines[:surplus]
            self.gaps = {max(0, at - surplus) for at in self.gaps} | {0}


def _overlap(before: Sequence[str], now: Sequence[str]) -> int:
    """Returns how many of the lines told now were told before, at the end of those."""
    if now[: len(before)] == before:
        return len(before)
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-1] == now[length - 1] and before[-length:] == now[:length]:
            return length
    return 0


class LogBook:
    """The logs of some jobs of one workflow, as lines through a filter."""

    def __init__(self, jobs: Sequence[tuple[int, int]]) -> None:
        self.logs = {place: JobLog() for place in jobs[:MOST_JOBS]}
        self.left_out = max(0, len(jobs) - MOST_JOBS)
        self.lines: list[LogLine] = []
        self._filter = NO_FILTER

    @property
    def alone(self) -> JobLog | None:
        """The log, if it is one job's."""
        return next(iter(self.logs.values())) if len(self.logs) == 1 else None

    @property
    def total(self) -> int:
        """How many lines there are, shown or not."""
        return sum(len(log.lines) for log in self.logs.values())

    @property
    def shown(self) -> int:
        """How many lines of logs the filter lets through."""
        return sum(line.kind is Kind.LINE for line in self.lines)

    @property
    def text(self) -> str:
        """What is shown, to copy."""
        return "\n".join(line.text for line in self.lines)

    def due(self, *, everything: bool = False) -> list[Page]:
        """Returns the pages to ask for: those of jobs that may still write."""
        wanted = (place for place, log in self.logs.items() if everything or not log.over)
        return list(dict.fromkeys((block, job // PAGE) for block, job in wanted))

    def take(self, details: Sequence[JobDetail]) -> None:
        """Takes what the server says of some jobs."""
        for detail in details:
            log = self.logs.get((detail.block, detail.job))
            if log is not None:
                log.take(detail)
        self._arrange()

    def narrow(self, chosen: Filter) -> None:
        """Shows only the lines that the filter lets through."""
        self._filter = chosen
        self._arrange()

    def _arrange(self) -> None:
        self.lines = []
        for (block, job), log in self.logs.items():
            lines = list(self._of(block, job, log))
            if len(self.logs) > 1 and (lines or not self._filter):
                self.lines.append(LogLine(Kind.JOB, block, job, _title(block, job, log)))
            self.lines += lines

    def _of(self, block: int, job: int, log: JobLog) -> Iterator[LogLine]:
        title = _title(block, job, log) if self._filter else ""
        for at, text in enumerate(log.lines):
            if at in log.gaps and not self._filter:
                yield LogLine(Kind.GAP, block, job, GAP_WORDS)
            if not self._filter or self._filter.lets_through({"line": text, "job": title}):
                yield LogLine(Kind.LINE, block, job, text, at + 1)


def _title(block: int, job: int, log: JobLog) -> str:
    if log.detail is None:
        return f"{block}/{job}"
    args = (f"{clean(name)}={clean(value)}" for name, value in sorted(log.detail.args.items()))
    return " ".join((mark(log.detail.status), f" {block}/{job}", clean(log.detail.name), *args))
