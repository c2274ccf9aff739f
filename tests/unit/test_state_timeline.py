"""The timeline: runs from changes, lines that open, and bars of the right cells."""

from __future__ import annotations

import pytest

from wf_tui.state.history import History
from wf_tui.state.models import Status
from wf_tui.state.samples import counts_of, erase_blocks, sample_history, snapshot_of, summary_of
from wf_tui.state.timeline import Line, Span, Timeline, Window, drawn
from wf_tui.state.workflow import LiveWorkflow

S = Status
SECOND = 1_000_000


def timeline(*, until: int | None = None, now_seconds: int = 100) -> Timeline:
    blocks = erase_blocks(11)
    status = S.COMPLETED if until is None else S.RUNNING
    history = History(LiveWorkflow(snapshot_of(summary_of(0, status, counts_of(blocks)), blocks)))
    history.take(sample_history(blocks, {(1, 2): "no answer"}, until=until))
    return Timeline(history, history.times_us[0] + now_seconds * SECOND)


def lengths(spans: list[Span]) -> list[tuple[float, Status]]:
    return [((span.end - span.start) / SECOND, span.status) for span in spans]


def test_runs_come_from_changes() -> None:
    made = timeline(until=15)
    assert lengths(made.spans(Line(0))) == [(5, S.COMPLETED)]
    assert lengths(made.spans(Line(1, 2))) == [(1, S.FAILED)]
    # What still runs goes on until now: change 15, a second each after the first, of a hundred.
    assert lengths(made.spans(Line(1, 3))) == [(86, S.RUNNING)]
    assert made.spans(Line(5, 0)) == []
    assert made.whole.length == 100 * SECOND


def test_a_block_opens_into_its_jobs() -> None:
    made = timeline()
    assert len(made) == 11
    assert made.toggle(1) == 1
    assert [made.line(at) for at in (0, 1, 2, 7, 8)] == [Line(0), Line(1), Line(1, 0), Line(1, 5), Line(2)]
    made.toggle(1)
    assert made.line(2) == Line(2)


@pytest.mark.parametrize(
    ("spans", "picture"),
    [
        ([Span(0, 49, S.COMPLETED)], "━━━━━     "),
        ([Span(50, 99, S.FAILED)], "     ━━━━✗"),
        ([Span(20, 20, S.SKIPPED)], "  –       "),
        ([Span(0, 9, S.INTERRUPTED), Span(30, 100, S.RUNNING)], "↯  ━━━━━━●"),
        ([Span(-50, 200, S.RUNNING)], "━━━━━━━━━━"),
        ([Span(200, 300, S.COMPLETED)], "          "),
        ([], "          "),
    ],
)
def test_bars(spans: list[Span], picture: str) -> None:
    assert "".join(text for text, _ in drawn(spans, Window(0, 100), 10)) == picture


def test_zoom_and_pan_stay_within_the_whole() -> None:
    whole = Window(0, 100 * SECOND)
    half = whole.zoomed(0.5, whole)
    assert half == Window(25 * SECOND, 75 * SECOND)
    assert half.moved(-9, whole) == Window(0, 50 * SECOND)
    assert half.moved(9, whole) == Window(50 * SECOND, 100 * SECOND)
    assert half.zoomed(99, whole) == whole
