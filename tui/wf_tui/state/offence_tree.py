"""A refused request as lines: blocks, jobs, and each violation beneath what it points at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from wf_tui.state.models import Job, Violation, WorkReq

#: A block with more jobs than this shows at first only those with a violation.
_FEW = 20


class Kind(Enum):
    """What a line stands for."""

    REQUEST = "request"
    BLOCK = "block"
    JOB = "job"
    OFFENCE = "offence"
    #: The jobs of a block that are folded away.
    REST = "rest"


class Line(NamedTuple):
    """A line of the tree; `offence` is the violation's place in the list as the server gave it."""

    kind: Kind
    block: int = -1
    job: int = -1
    offence: int = -1


class Fold(Enum):
    """How much of a block is shown."""

    CLOSED = "closed"
    OFFENCES = "offences"
    ALL = "all"


class OffenceTree:
    """Which lines there are, given how each block is folded."""

    def __init__(self, request: WorkReq, violations: Sequence[Violation]) -> None:
        self.request = request
        self.violations = tuple(violations)
        self._by_place: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, violation in enumerate(violations):
            self._by_place[self.place(violation)].append(number)
        self._in_block = [0] * len(request.blocks)
        for (block, _), numbers in self._by_place.items():
            if block >= 0:
                self._in_block[block] += len(numbers)
        self._folds = [self._first_fold(block) for block in range(len(request.blocks))]
        self.lines: list[Line] = []
        self._arrange()

    def place(self, violation: Violation) -> tuple[int, int]:
        """Returns the (block, job) it points at, -1 for the level above; also where the request has none."""
        block, job = violation.block, violation.job
        if block is None or not 0 <= block < len(self.request.blocks):
            return -1, -1
        if job is None or not 0 <= job < len(self.request.blocks[block].jobs):
            return block, -1
        return block, job

    def count(self, block: int) -> int:
        """Returns how many violations a block has, its jobs' included."""
        return self._in_block[block]

    def at(self, block: int, job: int) -> tuple[Violation, ...]:
        """Returns the violations of exactly this place."""
        return tuple(self.violations[number] for number in self._by_place.get((block, job), ()))

    def job(self, line: Line) -> Job:
        """Returns the job of a line that is about one."""
        return self.request.blocks[line.block].jobs[line.job]

    def fold(self, block: int) -> Fold:
        """Tells how a block is shown."""
        return self._folds[block]

    def hidden(self, block: int) -> int:
        """Returns how many jobs without a violation a block has."""
        guilty = sum(1 for where, job in self._by_place if where == block and job >= 0)
        return len(self.request.blocks[block].jobs) - guilty

    def toggle(self, at: int) -> None:
        """Opens or closes what stands on a line: a block, or the rest of its jobs."""
        line = self.lines[at]
        if line.kind is Kind.BLOCK:
            closed = self._folds[line.block] is Fold.CLOSED
            self._folds[line.block] = self._opened(line.block) if closed else Fold.CLOSED
        elif line.kind is Kind.REST:
            self._folds[line.block] = Fold.ALL
        self._arrange()

    def next_offence(self, at: int, step: int) -> int | None:
        """Returns the line of the next violation after a line (1), or before it (-1), round the end."""
        for block, count in enumerate(self._in_block):
            if count and self._folds[block] is Fold.CLOSED:
                self._folds[block] = self._opened(block)
        anchor = self.lines[at] if at < len(self.lines) else Line(Kind.REQUEST)
        self._arrange()
        at = self.find(anchor)
        offences = [place for place, line in enumerate(self.lines) if line.kind is Kind.OFFENCE]
        if not offences:
            return None
        if step > 0:
            return next((place for place in offences if place > at), offences[0])
        return next((place for place in reversed(offences) if place < at), offences[-1])

    def find(self, line: Line) -> int:
        """Returns where a line stands; 0 if it is not shown."""
        return self.lines.index(line) if line in self.lines else 0

    def ordinal(self, line: Line) -> int:
        """Returns which offence of all it is in the tree's order, from 1."""
        order = sorted(range(len(self.violations)), key=lambda n: (self.place(self.violations[n]), n))
        return order.index(line.offence) + 1

    def _first_fold(self, block: int) -> Fold:
        return self._opened(block) if self._in_block[block] or len(self.request.blocks) == 1 else Fold.CLOSED

    def _opened(self, block: int) -> Fold:
        few = len(self.request.blocks[block].jobs) <= _FEW
        return Fold.ALL if few or not self._in_block[block] else Fold.OFFENCES

    def _arrange(self) -> None:
        self.lines = [Line(Kind.REQUEST), *self._offences(-1, -1)]
        for number, block in enumerate(self.request.blocks):
            self.lines.append(Line(Kind.BLOCK, number))
            if self._folds[number] is Fold.CLOSED:
                continue
            self.lines += self._offences(number, -1)
            for job in range(len(block.jobs)):
                guilty = (number, job) in self._by_place
                if guilty or self._folds[number] is Fold.ALL:
                    self.lines += [Line(Kind.JOB, number, job), *self._offences(number, job)]
            if self._folds[number] is Fold.OFFENCES and self.hidden(number):
                self.lines.append(Line(Kind.REST, number))

    def _offences(self, block: int, job: int) -> list[Line]:
        return [Line(Kind.OFFENCE, block, job, number) for number in self._by_place.get((block, job), ())]
