"""When each block and job ran, and how that is drawn in characters."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from wf_tui.state.history import History
from wf_tui.state.marks import GLYPHS
from wf_tui.state.models import Status
from wf_tui.state.workflow import known_status

#: A workflow of no more jobs than this begins with all of them shown.
_FEW = 30
_LEAST_US = 1_000


class Span(NamedTuple):
    """A run from `start` to `end`, in microseconds since 1970; it ended as `status`, or still is so."""

    start: int
    end: int
    status: Status


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that is drawn, in microseconds since 1970."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How long it is."""
        return self.end - self.start

    def zoomed(self, factor: float, whole: Window) -> Window:
        """Returns a longer or shorter stretch about the same middle, within the whole."""
        length = min(whole.length, max(_LEAST_US, int(self.length * factor)))
        return Window.within(self.start + (self.length - length) // 2, length, whole)

    def moved(self, share: float, whole: Window) -> Window:
        """Returns the stretch moved by a share of its length, within the whole."""
        return Window.within(self.start + int(self.length * share), self.length, whole)

    @staticmethod
    def within(start: int, length: int, whole: Window) -> Window:
        """Returns a stretch of that length as near to `start` as the whole allows."""
        first = max(whole.start, min(start, whole.end - length))
        return Window(first, first + length)


class Line(NamedTuple):
    """What a line stands for: a block, or one of its jobs."""

    block: int
    job: int | None = None


class Timeline:
    """The runs of a history's blocks and jobs, and which lines of them are open."""

    def __init__(self, history: History, now_us: int) -> None:
        self.sizes = history.sizes
        self.blocks: list[list[Span]] = [[] for _ in self.sizes]
        self.jobs: dict[tuple[int, int], list[Span]] = {}
        end = now_us if history.summary.ended is None else (history.times_us[-1] if len(history) else now_us)
        self._read(history, end)
        start = history.times_us[0] if len(history) else end - 1
        self.whole = Window(start, max(end, start + 1))
        few = sum(total for _, _, total in self.sizes) <= _FEW
        self._open = set(range(len(self.sizes))) if few else set()
        self._ends: list[int] = []
        self._arrange()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def line(self, at: int) -> Line:
        """Returns what stands on a line (from 0)."""
        block = bisect_right(self._ends, at)
        offset = at - (self._ends[block - 1] if block else 0)
        return Line(block, offset - 1 if offset else None)

    def is_open(self, block: int) -> bool:
        """Tells whether a block's jobs are shown."""
        return block in self._open

    def toggle(self, block: int) -> int:
        """Opens or closes a block; returns its line."""
        self._open ^= {block}
        self._arrange()
        return self._ends[block - 1] if block else 0

    def spans(self, line: Line) -> list[Span]:
        """Returns the runs of a block or a job, in order."""
        return self.blocks[line.block] if line.job is None else self.jobs.get((line.block, line.job), [])

    def _arrange(self) -> None:
        heights = (1 + (total if at in self._open else 0) for at, (_, _, total) in enumerate(self.sizes))
        self._ends = list(accumulate(heights))

    def _read(self, history: History, end: int) -> None:
        for block, job, byte, time in zip(
            history.blocks, history.jobs, history.statuses, history.times_us, strict=True
        ):
            if block < 0:
                continue
            spans = self.blocks[block] if job < 0 else self.jobs.setdefault((block, job), [])
            status = known_status(byte)
            if status is Status.RUNNING:
                spans.append(Span(time, end, status))
            elif spans and spans[-1].status is Status.RUNNING:
                spans[-1] = Span(spans[-1].start, time, status)
            else:
                # It ended without having run: skipped, or stopped before.
                spans.append(Span(time, time, status))


def drawn(spans: list[Span], window: Window, width: int) -> list[tuple[str, Status | None]]:
    """Draws runs as (text, status) of together `width` cells; status None is empty time.

    A run is at least one cell long, and its last cell says how it ended unless it ended well.
    """
    cells: list[tuple[str, Status | None]] = [(" ", None)] * width
    for span in spans:
        if span.end < window.start or span.start > window.end:
            continue
        first = _cell(span.start, window, width)
        last = _cell(span.end, window, width)
        for at in range(first, last + 1):
            cells[at] = ("━", span.status)
        if span.status is not Status.COMPLETED and span.end <= window.end:
            cells[last] = (GLYPHS[span.status], span.status)
    return cells


def _cell(time: int, window: Window, width: int) -> int:
    return max(0, min(width - 1, (time - window.start) * width // max(1, window.length)))
