"""Lists, estimates, stops, pages, words and numbers: the pure parts behind the screens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from wf_tui.state.estimate import fraction_done, time_left
from wf_tui.state.filters import Filter
from wf_tui.state.format import (
    age,
    bar,
    between,
    clock,
    compact,
    count,
    duration,
    moment,
    percent,
    short_address,
    short_id,
)
from wf_tui.state.listing import Listing, Order
from wf_tui.state.marks import GLYPHS, mark
from wf_tui.state.models import EVERYTHING, JobDetail, JobProgress, ReleasePlan, Status, Stop, StopBoard
from wf_tui.state.pages import PAGE, JobPages
from wf_tui.state.samples import (
    ERASE,
    NOW,
    ago,
    counts_of,
    erase_blocks,
    sample_board,
    snapshot_of,
    summary_of,
)
from wf_tui.state.situation import Link, Situation, lost_line
from wf_tui.state.stops import alarm, board_lines, plan_lines, reminder_words, reminders, stop_for
from wf_tui.state.workflow import LiveWorkflow

S = Status


def listing() -> Listing:
    made = Listing()
    made.take(
        True,
        (
            summary_of(1, S.COMPLETED, counts_of([])),
            summary_of(2, S.FAILED, counts_of([]), desc="erase ADG"),
            summary_of(3, S.RUNNING, counts_of([]), operator="grace"),
        ),
    )
    return made


def shown(made: Listing) -> list[Status]:
    return [made[place].status for place in range(len(made))]


def test_newest_first_or_trouble_first() -> None:
    made = listing()
    assert shown(made) == [S.COMPLETED, S.FAILED, S.RUNNING]
    made.sort(Order.TROUBLE)
    assert shown(made) == [S.RUNNING, S.FAILED, S.COMPLETED]
    assert made.order.other is Order.NEWEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adg", [S.FAILED]),
        ("GRACE", [S.RUNNING]),
        ("compl", [S.COMPLETED]),
        ("erase failed", [S.FAILED]),
        ("nothing like it", []),
        ("  ", [S.COMPLETED, S.FAILED, S.RUNNING]),
    ],
)
def test_the_filter_finds_every_word_in_any_field(text: str, expected: list[Status]) -> None:
    made = listing()
    made.narrow(Filter.parse(text))
    assert shown(made) == expected
    assert made.total == 3


def test_a_change_in_place_repaints_its_line_only() -> None:
    made = listing()
    summary = made[1]
    assert made.take(False, (replace(summary, reason="why"),)) == {1}
    assert made[1].reason == "why"
    assert made.find(summary.id) == 1


def test_new_workflows_and_a_reset_arrange_the_list_anew() -> None:
    made = listing()
    assert made.take(False, (summary_of(0, S.NOT_STARTED, counts_of([])),)) is None
    assert len(made) == 4
    assert made.take(True, ()) is None
    assert (len(made), made.loaded) == (0, True)


def test_a_workflow_that_no_longer_matches_leaves_the_filtered_list() -> None:
    made = listing()
    made.narrow(Filter.parse("running"))
    running = made[0]
    assert made.take(False, (replace(running, status=S.COMPLETED),)) is None
    assert len(made) == 0
    assert made.counts()[S.COMPLETED] == 2


def estimating(done: int, *, spent: float = 30, progress: float | None = None) -> LiveWorkflow:
    blocks = erase_blocks(done)
    blocks[done] = [S.RUNNING] * len(blocks[done])
    reports = [JobProgress(done, 0, progress)] if progress is not None else []
    summary = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(1000))
    workflow = LiveWorkflow(snapshot_of(summary, blocks, reports))
    workflow.blocks[done].started = ago(spent)
    return workflow


def test_the_end_is_unknown_until_a_block_of_the_kind_has_ended() -> None:
    assert time_left(estimating(1), NOW) is None


def test_a_part_of_the_first_block_says_nothing_of_the_others() -> None:
    """Its quick jobs may have come first: an erasure's block ends with a long pause."""
    workflow = estimating(1)
    for job in range(3):
        workflow.blocks[1].move(job, S.COMPLETED)
    assert time_left(workflow, NOW) is None


def test_a_fifth_of_the_only_block_left_is_enough_to_go_by() -> None:
    blocks = [[S.RUNNING] * 6]
    summary = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(30))
    workflow = LiveWorkflow(snapshot_of(summary, blocks, []))
    workflow.blocks[0].started = ago(30)
    assert time_left(workflow, NOW) is None
    for job in range(3):
        workflow.blocks[0].move(job, S.COMPLETED)
    # 3 of 6 jobs in 30 s: 30 s more.
    assert time_left(workflow, NOW) == timedelta(seconds=30)


def test_finished_blocks_set_the_pace() -> None:
    left = time_left(estimating(4), NOW)
    assert left is not None
    per_job = 92 / 6
    assert left.total_seconds() == pytest.approx(per_job * 6 - 30 + per_job * (5 * 6 + 5))


def test_a_block_that_is_late_takes_longer_than_its_pace() -> None:
    workflow = estimating(4, spent=300)
    workflow.blocks[4].move(0, S.COMPLETED)
    left = time_left(workflow, NOW)
    assert left is not None
    assert left.total_seconds() > 5 * 300


def test_only_what_runs_has_an_end_to_come() -> None:
    workflow = estimating(4)
    workflow.summary = replace(workflow.summary, status=S.PAUSED)
    assert time_left(workflow, NOW) is None


def test_the_fraction_counts_what_running_jobs_report() -> None:
    workflow = estimating(1, progress=0.5)
    assert fraction_done(workflow) == pytest.approx(2.5 / 61)


def test_the_board_has_everything_on_top_and_counts_what_runs() -> None:
    board = sample_board()
    first, *others = board_lines(board)
    assert (first.name, first.running) == (EVERYTHING, 1)
    assert [stop.name for stop in others] == [ERASE, "RackPowerCycle"]
    assert board_lines(StopBoard(()))[0].engaged is False


def test_a_broken_file_stops_every_line_of_the_board() -> None:
    lines = board_lines(sample_board(problem="es.json:3: bad"))
    assert all(stop.engaged and stop.reason == "es.json cannot be read" for stop in lines)


def test_what_stops_a_type() -> None:
    assert stop_for(sample_board(), ERASE) is None
    assert stop_for(sample_board(erase=True), ERASE) == sample_board(erase=True).stops[0]
    everything = stop_for(sample_board(everything=True), ERASE)
    assert everything is not None
    assert everything.name == EVERYTHING
    unlisted = stop_for(sample_board(), "Nobody")
    assert unlisted == Stop("Nobody", engaged=True, listed=False)


def test_what_every_screen_has_to_say() -> None:
    assert alarm(None) == alarm(sample_board()) == alarm(sample_board(erase=True)) == ""
    assert (
        alarm(sample_board(everything=True)) == "EVERYTHING IS STOPPED by grace@ops-2: network split in fra"
    )
    assert "es.json:3" in alarm(sample_board(problem="es.json:3: bad"))


def test_a_lost_connection_counts_down_to_the_next_try() -> None:
    links = {
        "stops": Link(False, "refused", NOW + timedelta(seconds=9)),
        "workflows": Link(False, "refused", NOW + timedelta(seconds=4)),
    }
    situation = Situation("h:1", links)
    assert situation.connected is False
    assert lost_line(situation, NOW) == "Connection to h:1 lost – retrying in 4 s…"
    assert lost_line(situation, NOW + timedelta(seconds=5)) == "Connection to h:1 lost – retrying now…"
    assert Situation("h:1", {}).connected is None
    assert lost_line(Situation("h:1", {"stops": Link(True)}), NOW) == ""


def details(block: int, jobs: range) -> list[JobDetail]:
    return [JobDetail(block, job, "sleep", "", {}, S.RUNNING) for job in jobs]


def test_pages_are_asked_for_once_and_again_after_a_change() -> None:
    pages = JobPages()
    assert pages.wanted([(0, 3), (0, 4), (0, PAGE)]) == [(0, 0), (0, 1)]
    assert pages.wanted([(0, 3)]) == []
    pages.take((0, 0), details(0, range(PAGE)))
    assert pages.wanted([(0, 3)]) == []
    pages.touch([(0, 3), (0, -1), (5, 1)])
    assert pages.wanted([(0, 3)], changed=False) == []
    assert pages.wanted([(0, 3), (0, 4)]) == [(0, 0)]


def test_a_change_while_a_page_is_on_its_way_is_not_lost() -> None:
    pages = JobPages()
    pages.wanted([(0, 3)])
    pages.touch([(0, 3)])
    pages.take((0, 0), details(0, range(PAGE)))
    assert pages.wanted([(0, 3)]) == [(0, 0)]


def test_a_page_that_failed_is_asked_for_again() -> None:
    pages = JobPages()
    page = pages.wanted([(0, 3)])[0]
    pages.give_up(page)
    assert pages.wanted([(0, 3)]) == [page]
    pages.take(page, details(0, range(PAGE)))
    pages.forget()
    assert pages.get(0, 3) is not None
    assert pages.wanted([(0, 3)]) == [page]


def test_old_pages_make_room() -> None:
    pages = JobPages(limit=2)
    for number in range(3):
        pages.take((0, number), details(0, range(number * PAGE, number * PAGE + PAGE)))
    assert pages.get(0, 0) is None
    assert pages.get(0, 2 * PAGE) is not None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (42, "42 s"), (185, "3 m 05 s"), (7_800, "2 h 10 m"), (4 * 86_400 + 3 * 3_600, "4 d 03 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_times() -> None:
    assert [age(NOW, ago(seconds)) for seconds in (-3, 42, 200, 7_300, 200_000)] == [
        "0s",
        "42s",
        "3m",
        "2h",
        "2d",
    ]
    assert between(None, None, NOW) == "–"
    assert between(ago(90), None, NOW) == "1 m 30 s"
    assert moment(NOW, None) == "–"
    assert moment(NOW, ago(60), UTC) == "02:59:00"
    assert moment(NOW, ago(86_400), UTC) == "2026-02-28 03:00:00"
    assert clock(NOW, timedelta(minutes=5), UTC) == "03:05"
    assert clock(NOW, timedelta(days=1), UTC) == "2026-03-02 03:00"


def test_ids_and_addresses_keep_what_tells_them_apart() -> None:
    assert short_id("0198b2c4-5f00-7000-8000-00000000beef") == "0000beef"
    assert short_id("394a49d0-8388-4c9b-8000-00000000beef") == "394a49d0"
    assert short_address("127.0.0.1:8080") == "127.0.0.1:8080"
    assert short_address("unix:/home/somebody/.local/share/wf/demo/wf.sock", 24) == "unix:…/wf/demo/wf.sock"


def test_numbers() -> None:
    assert (count(1, "job"), count(1000, "job"), count(2, "entry", "entries")) == (
        "1 job",
        "1,000 jobs",
        "2 entries",
    )
    assert (percent(0, 0), percent(999, 1000), percent(2, 2)) == ("–", "99%", "100%")
    assert bar(0.5, 10) == ("━" * 5, "─" * 5)
    assert bar(0.05, 10) == ("╸", "─" * 9)
    assert bar(7.0, 4) == ("━━━━", "")


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (999, "999"), (1_000, "1k"), (31_262, "31.2k"), (999_999, "999k"), (1_500_000, "1.5M")],
)
def test_large_numbers_in_narrow_columns(number: int, words: str) -> None:
    assert compact(number) == words


def test_every_status_has_a_glyph_of_its_own() -> None:
    assert set(GLYPHS) == set(S)
    assert len(set(GLYPHS.values())) == len(S)
    assert mark(S.NOT_STARTED) == "○ not started"


def test_a_plan_of_many_types_names_some() -> None:
    plan = ReleasePlan(Stop("*", True), two_keys=False, types=tuple("ABCDEFGHI"), workflows=2, more=True)
    told = list(plan_lines(plan, NOW))
    assert told == [
        "Lets go again: A, B, C, D, E, F and 3 more.",
        "at least 2 workflows with 0 jobs could be executed again; none begins by itself.",
    ]
    nothing = replace(plan, types=(), workflows=0)
    assert list(plan_lines(nothing, NOW)) == ["Lets go nothing: every type is stopped by its own entry."]
    assert list(plan_lines(replace(nothing, stop=Stop("A", True)), NOW)) == [
        "Lets go nothing yet: * stops everything."
    ]
    assert list(plan_lines(replace(plan, stop=Stop("A", False)), NOW)) == ["A is not stopped."]


def test_what_was_brought_to_mind_between_two_boards() -> None:
    before = StopBoard((Stop("A", True), Stop("B", True, reminded=NOW)))
    reminded = Stop("A", True, "ann", "smoke", NOW, reminded=NOW)
    after = StopBoard((reminded, Stop("B", True, reminded=NOW)))
    assert reminders(before, after) == (reminded,)
    assert reminders(None, after) == ()
    assert reminders(after, after) == ()
    assert reminder_words(reminded, NOW).endswith("by ann: smoke")
