"""What is told of workflows that end: once each, and nothing old."""

from __future__ import annotations

from dataclasses import replace

from wf_tui.state.endings import EndedNews, Endings
from wf_tui.state.models import JobCounts, Status, Summary
from wf_tui.state.samples import summary_of

S = Status


def made(number: int, status: Status, reason: str = "") -> Summary:
    return summary_of(number, status, JobCounts(), reason=reason)


def test_what_had_ended_before_is_not_told() -> None:
    assert Endings().take([made(0, S.FAILED), made(1, S.COMPLETED)]) == ()


def test_an_end_is_told_once() -> None:
    endings = Endings()
    endings.take([made(0, S.RUNNING)])
    ended = made(0, S.STOPPED)
    assert endings.take([ended]) == (ended,)
    assert endings.take([replace(ended, seq=9)]) == ()
    assert endings.take([ended, made(1, S.COMPLETED)]) == ()


def test_what_came_and_went_in_between_is_told_and_what_is_only_old_is_not() -> None:
    endings = Endings()
    endings.take([made(5, S.RUNNING)])
    newer, older = made(2, S.COMPLETED), made(9, S.COMPLETED)
    assert endings.take([newer, older]) == (newer,)


def test_the_first_workflow_of_an_empty_list_is_told() -> None:
    endings = Endings()
    endings.take([])
    ended = made(0, S.COMPLETED)
    assert endings.take([ended]) == (ended,)


def test_few_are_told_apart_and_many_together() -> None:
    news = EndedNews([made(0, S.FAILED, "2 jobs failed"), made(1, S.COMPLETED)])
    assert news.bad
    assert news.lines[0].startswith("✗ failed  SatelliteDiskErase ")
    assert news.lines[0].endswith(": 2 jobs failed")
    many = EndedNews([made(at, S.COMPLETED) for at in range(4)] + [made(9, S.STOPPED)])
    assert many.lines == ["5 workflows ended: 1 ■ stopped, 4 ✓ completed"]
    assert not EndedNews([made(0, S.COMPLETED)]).bad
