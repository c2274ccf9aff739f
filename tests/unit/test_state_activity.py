"""Jobs ended by second, and the server's health in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from wf_tui.state.activity import SPAN, Activity, rate, sparkline
from wf_tui.state.health import Health, other_problems, trouble
from wf_tui.state.models import JobCounts, ServerInfo, Status, StopBoard, Summary
from wf_tui.state.samples import NOW, ago, summary_of


def run(number: int, over: int, **fields: object) -> Summary:
    return summary_of(number, Status.RUNNING, JobCounts(total=100, completed=over), **fields)


def test_jobs_are_counted_in_the_second_they_ended_in() -> None:
    activity = Activity()
    activity.take(True, [run(1, 10)], ago(10))
    activity.take(False, [run(1, 14)], ago(3))
    activity.take(False, [run(1, 16)], ago(2))
    assert activity.rates(NOW, 4, 1) == [0, 4, 2, 0]
    assert activity.rates(NOW, 2, 2) == [2, 1]
    assert activity.rates(NOW + timedelta(seconds=1), 2, 2) == [2, 1]


def test_a_first_page_is_no_burst() -> None:
    activity = Activity()
    activity.take(True, [run(1, 10)], ago(10))
    activity.take(False, [run(1, 20)], ago(9))
    activity.take(True, [run(1, 90)], ago(2))
    assert sum(activity.rates(NOW, 20, 1)) == 0
    assert activity.since == ago(2)


def test_a_new_workflow_counts_and_an_old_one_from_beyond_the_page_does_not() -> None:
    activity = Activity()
    activity.take(True, [], ago(10))
    activity.take(False, [run(1, 7, created=ago(5)), run(2, 50, created=ago(500))], ago(2))
    assert activity.rates(NOW, 2, 1) == [7, 0]
    activity.take(False, [run(2, 53, created=ago(500))], ago(1))
    assert activity.rates(NOW, 2, 1) == [7, 3]


def test_a_job_that_is_run_again_takes_nothing_back() -> None:
    activity = Activity()
    activity.take(True, [run(1, 10)], ago(10))
    activity.take(False, [run(1, 9)], ago(2))
    assert sum(activity.rates(NOW, 20, 1)) == 0


def test_what_is_long_ago_is_forgotten() -> None:
    activity = Activity()
    activity.take(True, [run(1, 0)], ago(SPAN + 20))
    activity.take(False, [run(1, 5)], ago(SPAN + 10))
    activity.take(False, [run(1, 6)], ago(1))
    assert sum(activity.rates(NOW, SPAN + 60, 1)) == 1


def test_sparklines_show_little_as_something() -> None:
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([0, 1, 1000]) == "▁▂█"
    assert sparkline([]) == ""


def test_rates_in_words() -> None:
    assert [rate(number) for number in (0, 0.42, 12.3, 1250)] == ["0/s", "0.4/s", "12/s", "1,250/s"]


def health(*problems: str, ahead: float = 0.0) -> Health:
    return Health(ServerInfo("1", NOW, NOW + timedelta(seconds=ahead), problems), 0.0, NOW)


def test_the_clocks_are_compared_in_the_middle_of_the_round_trip() -> None:
    slow = replace(health(ahead=-2), round_trip=4.0)
    assert slow.ahead == timedelta(0)
    assert slow.clocks_agree
    fast = health(ahead=90)
    assert not fast.clocks_agree
    assert fast.server_time(NOW) == NOW + timedelta(seconds=90)


def test_what_ails_es_json_is_told_once() -> None:
    sick = health("es.json: a comma is missing", "policies.json:3: no such policy", "the disk is full")
    board = StopBoard((), "es.json: a comma is missing")
    assert other_problems(sick, board) == ("policies.json:3: no such policy", "the disk is full")
    assert trouble(sick, board) == (
        "The server has a problem (and 1 more: P shows all): policies.json:3: no such policy"
    )
    assert trouble(health(), board) == trouble(None, None) == ""
