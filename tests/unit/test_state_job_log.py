"""Logs put together from what the server tells again and again."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from wf_tui.state.filters import Filter
from wf_tui.state.job_log import FIELDS, GAP_WORDS, MOST_JOBS, MOST_LINES, JobLog, Kind, LogBook
from wf_tui.state.models import JobDetail, Status

S = Status


def detail(job: int, *lines: str, status: Status = S.RUNNING, block: int = 0) -> JobDetail:
    return JobDetail(block, job, "diskErase", "", {"machine": f"aa{job:02}"}, status, log=lines)


def told(*answers: Sequence[str]) -> JobLog:
    log = JobLog()
    for lines in answers:
        log.take(detail(0, *lines))
    return log


def test_what_is_told_again_is_one_line() -> None:
    assert told(["a"], ["a", "b"], ["a", "b"]).lines == ["a", "b"]


def test_older_lines_stay_when_the_server_tells_only_the_newest() -> None:
    log = told(["a", "b", "c"], ["b", "c", "d"], ["c", "d", "e"])
    assert log.lines == ["a", "b", "c", "d", "e"]
    assert not log.gaps


def test_missing_lines_are_said() -> None:
    log = told(["a", "b"], ["x", "y"])
    assert log.lines == ["a", "b", "x", "y"]
    assert log.gaps == {2}


def test_a_server_that_forgot_takes_nothing_away() -> None:
    assert told(["a", "b"], []).lines == ["a", "b"]


def test_only_the_newest_lines_are_kept() -> None:
    log = told([str(n) for n in range(MOST_LINES + 5)])
    assert len(log.lines) == MOST_LINES
    assert log.lines[0] == "5"
    assert log.gaps == {0}


@given(st.lists(st.integers(1, 4), max_size=12), st.integers(1, 60))
def test_a_window_that_moves_slower_than_its_length_loses_nothing(steps: list[int], window: int) -> None:
    written = [f"line {n}" for n in range(100)]
    log, end = JobLog(), 0
    for step in steps:
        end += min(step, window - 1)
        log.take(detail(0, *written[max(0, end - window) : end]))
    assert log.lines == written[:end]
    assert not log.gaps


def test_a_job_is_asked_for_until_it_was_seen_ended_twice() -> None:
    book = LogBook([(0, 1), (0, 2), (1, 60)])
    assert book.due() == [(0, 0), (1, 1)]
    for _ in range(2):
        book.take([detail(1, status=S.COMPLETED), detail(2, status=S.FAILED)])
    assert book.due() == [(1, 1)]
    assert book.due(everything=True) == [(0, 0), (1, 1)]
    book.take([detail(1)])
    assert (0, 0) in book.due()


def test_several_jobs_have_headings_and_one_has_none() -> None:
    book = LogBook([(0, 1), (0, 2)])
    book.take([detail(1, "a"), detail(2), detail(3, "of another")])
    assert [(line.kind, line.text) for line in book.lines] == [
        (Kind.JOB, "● running  0/1 diskErase machine=aa01"),
        (Kind.LINE, "a"),
        (Kind.JOB, "● running  0/2 diskErase machine=aa02"),
    ]
    alone = LogBook([(0, 1)])
    alone.take([detail(1, "a")])
    assert [line.text for line in alone.lines] == ["a"]


def test_the_filter_looks_at_lines_and_jobs() -> None:
    book = LogBook([(0, 1), (0, 2)])
    book.take([detail(1, "pass 1", "pass 2"), detail(2, "pass 1")])
    book.narrow(Filter.parse("line:1 !job:aa02", FIELDS))
    assert [line.text for line in book.lines] == ["● running  0/1 diskErase machine=aa01", "pass 1"]
    assert (book.shown, book.total) == (1, 3)


def test_a_gap_is_a_line_of_its_own_and_escapes_are_harmless() -> None:
    book = LogBook([(0, 1)])
    book.take([detail(1, "a")])
    book.take([detail(1, "\x1b[2Jb\nc")])
    assert [line.text for line in book.lines] == ["a", GAP_WORDS, "b⏎c"]


def test_too_many_jobs_are_counted() -> None:
    assert LogBook([(0, job) for job in range(MOST_JOBS + 7)]).left_out == 7
