"""The outline of a WorkReq: the request, its blocks, their jobs, and how many violations each has."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from wf_tui.state.composition import EMPTY, TOP, Place, block_at, job_at
from wf_tui.state.format import count
from wf_tui.state.models import Job, Violation, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.verdict import Verdict, gravest_mark, refusals
from wf_tui.widgets.rows import Piece, RowsView, fit


class Outline(RowsView):
    """One line for every place."""

    def __init__(self) -> None:
        super().__init__(id="outline")
        self._request = EMPTY
        self._verdict = Verdict()
        #: The line of each block.
        self._starts: list[int] = []
        self._lines = 1

    @property
    def place(self) -> Place:
        """What the cursor is on."""
        return self._place_of(self.cursor)

    def line_count(self) -> int:
        """The request, its blocks and its jobs."""
        return self._lines

    def show_request(self, request: WorkReq, place: Place, verdict: Verdict) -> None:
        """Shows this, with the cursor on a place of it."""
        self._request, self._verdict = request, verdict
        self._starts, line = [], 1
        for block in request.blocks:
            self._starts.append(line)
            line += 1 + len(block.jobs)
        self._lines = line
        self.lines_changed()
        self.cursor = self._line_of(place)
        self.call_after_refresh(self.show_cursor)

    def _line_of(self, place: Place) -> int:
        return 0 if place.is_request else self._starts[place.block] + place.job + 1

    def _place_of(self, line: int) -> Place:
        block = bisect_right(self._starts, line) - 1
        return Place(block, line - self._starts[block] - 1) if block >= 0 else TOP

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a place."""
        place = self._place_of(line)
        if place.is_request:
            return self._request_pieces(width)
        return self._job_pieces(place, width) if place.is_job else self._block_pieces(place, width)

    def _request_pieces(self, width: int) -> Sequence[Piece]:
        name = clean(self._request.name)
        bad = _bad(self._verdict.at.get(TOP, ()))
        tail = f" {count(self._request.job_count, 'job')} "
        room = max(0, width - len(bad.text) - len(tail))
        return (
            Piece(fit(name or "(no name yet)", room), "strong" if name else "dim"),
            bad,
            Piece(tail, "dim"),
        )

    def _block_pieces(self, place: Place, width: int) -> Sequence[Piece]:
        block = block_at(self._request, place)
        bad = _bad(self._verdict.per_block.get(place.block, ()))
        tail = f" {len(block.jobs):,} by {max(1, block.rate_limit):,} "
        room = max(0, width - 4 - len(bad.text) - len(tail))
        words = clean(block.desc)
        return (
            Piece(f"{place.block:>3} ", "dim"),
            Piece(fit(words or "(no description)", room), "strong" if words else "dim"),
            bad,
            Piece(tail, "dim"),
        )

    def _job_pieces(self, place: Place, width: int) -> Sequence[Piece]:
        job = job_at(self._request, place)
        bad = _bad(self._verdict.at.get(place, ()))
        words = job_summary(job)
        room = max(0, width - 9 - len(bad.text))
        return (
            Piece(f"{place.job:>8} ", "dim"),
            Piece(fit(words or "(no type yet)", room), "" if words else "dim"),
            bad,
        )


def job_summary(job: Job) -> str:
    """Tells a job in one line: its type and its arguments' values."""
    args = " ".join(f"{clean(name)}={clean(value)}" for name, value in job.args.items())
    return f"{clean(job.name)}  {args}".rstrip()


def _bad(violations: Sequence[Violation]) -> Piece:
    if not violations:
        return Piece("", "bad")
    look = "bad" if refusals(violations) else "held"
    return Piece(f" {gravest_mark(violations)}{len(violations)}", look)
