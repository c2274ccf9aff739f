"""Two runs side by side: what differs, sign first, the left one and the right one beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from wf_tui.state.compare import BlockPair, JobPair, Kind, Run
from wf_tui.state.compare_lines import Line, changes, job_words, next_difference, took
from wf_tui.state.format import between, moment
from wf_tui.state.marks import GLYPHS, mark, tone
from wf_tui.state.models import JobDetail
from wf_tui.state.text import clean
from wf_tui.widgets.detail import status_style
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit

_LOOKS = {Kind.SAME: "dim", Kind.CHANGED: "held", Kind.ADDED: "good", Kind.REMOVED: "bad"}
#: Of what ended otherwise, or took longer, though the same was asked for.
SIGN = "~"
_SIGN, _MIDDLE, _STATUS = 3, 3, 13
#: From this width on a side tells how long each job took.
_ROOMY = 48


class CompareView(RowsView):
    """Blocks and their jobs in pairs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "difference(1)", "Next", id="compare.next", tooltip="To the next difference"),
        Binding(
            "N", "difference(-1)", "Last", show=False, id="compare.previous", tooltip="To the one before"
        ),
    ]

    def __init__(self) -> None:
        super().__init__(id="compare")
        self._lines: Sequence[Line] = ()
        self._runs: tuple[Run, Run] | None = None

    def show_lines(self, left: Run, right: Run, lines: Sequence[Line]) -> None:
        """Shows these; the cursor stays with its pair."""
        before = self.current
        self._runs, self._lines = (left, right), lines
        self.lines_changed()
        self.cursor = lines.index(before) if before is not None and before in lines else 0
        self.lines_changed()
        self.post_message(self.Moved(self))

    def line_count(self) -> int:
        """A line for each pair."""
        return len(self._lines)

    @property
    def current(self) -> Line | None:
        """The pair under the cursor."""
        return self._lines[self.cursor] if self.cursor < len(self._lines) else None

    def action_difference(self, step: int) -> None:
        """Goes to another difference."""
        found = next_difference(self._lines, self.cursor, step)
        if found is None:
            self.notify("There is no difference here.", markup=False)
        else:
            self.cursor = found

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """The sign, and both sides."""
        shown = self._lines[line]
        room = (width - _SIGN - _MIDDLE) // 2
        kind = shown.job.kind if shown.job is not None else shown.block.kind
        ended = shown.only_ended
        yield Piece(f" {SIGN if ended else kind.value} ", "held" if ended else _LOOKS[kind])
        if shown.job is not None:
            look = "" if shown.differs else "dim"
            yield from _job_side(shown.job.left, room, look, shown.job)
            yield Piece(" │ ", "dim")
            yield from _job_side(shown.job.right, room, look, shown.job, right=True)
        else:
            assert self._runs is not None
            yield from _block_side(self._runs[0], shown.block.left, room)
            yield Piece(" │ ", "dim")
            pace = f" {shown.block.pace.value}" if shown.block.pace.value else ""
            yield from _block_side(self._runs[1], shown.block.right, room, pace)


def _block_side(run: Run, number: int | None, room: int, pace: str = "") -> Iterator[Piece]:
    if number is None:
        yield Piece(fit("(not there)", room), "dim")
        return
    block = run.snapshot.blocks[number]
    status = min(_STATUS, max(2, room - 20))
    tail = f"{pace} {between(block.started, block.ended, block.ended) if block.ended else '–':>8}"
    yield Piece(f"{number:>2} ")
    yield Piece(fit(mark(block.status), status) + " ", tone(block.status).value)
    words = clean(block.desc) or "(no description)"
    yield Piece(fit(words, max(0, room - 4 - status - len(tail))), "strong")
    yield Piece(tail, "held" if pace else "dim")


def _job_side(
    job: JobDetail | None, room: int, look: str, pair: JobPair, *, right: bool = False
) -> Iterator[Piece]:
    if job is None:
        yield Piece(fit("   (not there)", room), "dim")
        return
    pace = f" {pair.pace.value}" if right and pair.pace.value else ""
    tail = f"{pace} {took(job):>8}" if pair.pace.value or room >= _ROOMY else ""
    yield Piece(f"   {GLYPHS[job.status]} ", tone(job.status).value)
    space = max(0, room - 5 - len(tail))
    # What is asked for stands on the left already, where it is the same.
    words = job.status.label if right and pair.kind is Kind.SAME else job_words(job, pair.request)
    if job.error:
        size = min(cell_len(words), space // 2)
        yield Piece(fit(words, size) + " ", look)
        yield Piece(fit(clean(job.error), max(0, space - size - 1)), "bad")
    else:
        yield Piece(fit(words, space), look)
    yield Piece(tail, "held" if pace else "dim")


def pair_facts(left: Run, right: Run, line: Line, now: datetime) -> Iterator[Fact]:
    """Tells everything that differs on a line, and then both sides."""
    pair = line.job if line.job is not None else line.block
    sign, words = (SIGN, "the request is the same") if line.only_ended else (pair.kind.value, pair.kind.word)
    yield Fact(f"{sign} {_title(line)}: {words}")
    for change in changes(line):
        yield Fact(clean(change.name.removesuffix("=")))
        for side, value in (("  left", change.left), ("  right", change.right)):
            yield Fact(side, "(not there)" if value is None else value or "(empty)")
    if pair.pace.value:
        yield Fact("Time", f"the right one was {pair.pace.value}", "$text-warning")
    if line.job is not None:
        for name, job in (("Left", line.job.left), ("Right", line.job.right)):
            yield from _job_facts(name, job, now)
    else:
        yield from _block_facts("Left", left, line.block.left, now)
        yield from _block_facts("Right", right, line.block.right, now)


def _title(line: Line) -> str:
    if line.job is not None:
        job = line.job.left or line.job.right
        return f"Job {clean(job.name)}" if job is not None else "Job"
    return f"Block {_number(line.block)}"


def _number(pair: BlockPair) -> str:
    return " → ".join(
        "none" if number is None else str(number) for number in dict.fromkeys((pair.left, pair.right))
    )


def _job_facts(side: str, job: JobDetail | None, now: datetime) -> Iterator[Fact]:
    yield Fact("")
    if job is None:
        yield Fact(f"{side}: not there")
        return
    yield Fact(f"{side}: job {job.job} of block {job.block}")
    yield Fact("Status", mark(job.status), status_style(job.status))
    yield Fact("Job", job_words(job))
    if job.desc:
        yield Fact("About", job.desc)
    if job.error:
        yield Fact("Error", job.error, status_style(job.status))
    yield Fact("Started", moment(now, job.started))
    yield Fact("Took", took(job) or "–")


def _block_facts(side: str, run: Run, number: int | None, now: datetime) -> Iterator[Fact]:
    yield Fact("")
    if number is None:
        yield Fact(f"{side}: not there")
        return
    block = run.snapshot.blocks[number]
    yield Fact(f"{side}: block {number}")
    yield Fact("Status", mark(block.status), status_style(block.status))
    yield Fact("About", block.desc or "(no description)")
    yield Fact("Jobs", f"{len(block.job_statuses):,}, {max(1, block.rate_limit):,} at once")
    yield Fact("Started", moment(now, block.started))
    yield Fact("Took", between(block.started, block.ended, block.ended) if block.ended else "–")
