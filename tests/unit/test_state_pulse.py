"""Is everything all right? Each thing that can be wrong, and the verdict on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from wf_tui.state.activity import Activity
from wf_tui.state.buckets import next_words, pace, sentence, share
from wf_tui.state.health import Health
from wf_tui.state.models import Bucket, JobCounts, ServerInfo, Status, StopBoard, Summary
from wf_tui.state.pulse import (
    Concern,
    Figure,
    Level,
    Page,
    Vitals,
    concerns,
    figures,
    verdict,
)
from wf_tui.state.samples import ERASE, NOW, ago, sample_board, sample_buckets, summary_of
from wf_tui.state.situation import Link, Situation
from wf_tui.state.standing import standing_words
from wf_tui.widgets.pulse_view import pulse_content

S = Status
WELL = Health(ServerInfo("1", ago(3600), NOW), 0.002, NOW)
GO = StopBoard(tuple(stop for stop in sample_board().stops if stop.listed))
FINE = Situation("h:1", {"list": Link(connected=True)}, GO, WELL)
QUIET = Vitals(Page(), Page(), Page(), sample_buckets())


def run(number: int, status: Status, **fields: object) -> Summary:
    return summary_of(number, status, JobCounts(), **fields)


def found(situation: Situation = FINE, vitals: Vitals = QUIET, refusal: str = "") -> list[Concern]:
    return list(concerns(situation, vitals, NOW, refusal=refusal, zone=UTC))


def test_all_is_well() -> None:
    assert found() == []
    assert verdict(found()) == (Level.WELL, "All is well")


@pytest.mark.parametrize(
    ("situation", "level", "words"),
    [
        (
            replace(FINE, links={"list": Link(False, "gone")}),
            Level.WRONG,
            "The connection to the server is lost; what stands here is from 03:00:00",
        ),
        (
            replace(FINE, board=sample_board(problem="es.json:3: a comma is missing")),
            Level.WRONG,
            "es.json cannot be read, so everything is stopped: es.json:3: a comma is missing",
        ),
        (
            replace(FINE, board=sample_board(everything=True)),
            Level.WRONG,
            "EVERYTHING IS STOPPED by grace@ops-2: network split in fra",
        ),
        (
            replace(FINE, health=replace(WELL, info=replace(WELL.info, problems=("the disk is full",)))),
            Level.WRONG,
            "The server has a problem: the disk is full",
        ),
        (
            replace(FINE, board=StopBoard((replace(GO.stops[0], engaged=True, reason="smoke"),))),
            Level.LOOK,
            f"{ERASE} is stopped by ada@ops-1: smoke",
        ),
        (
            replace(FINE, board=sample_board()),
            Level.LOOK,
            "RackPowerCycle has no entry in es.json, which means stop",
        ),
        (
            replace(FINE, health=replace(WELL, heard=NOW - timedelta(seconds=90))),
            Level.LOOK,
            "The clocks differ: 1 m 30 s ahead of ours; ages are off by as much",
        ),
        (
            replace(FINE, health=replace(WELL, round_trip=1.4)),
            Level.LOOK,
            "The server answers slowly: it took 1.4 s",
        ),
    ],
)
def test_what_is_wrong_with_the_world(situation: Situation, level: Level, words: str) -> None:
    assert found(situation) == [Concern(level, words)]


def test_what_is_wrong_with_the_work() -> None:
    stuck = run(1, S.NEEDS_OPERATOR, reason="what job 3 did is unknown")
    failed = (run(2, S.FAILED, ended=ago(60), reason="no token"), run(3, S.FAILED, ended=ago(90_000)))
    vitals = Vitals(Page((stuck,)), Page(), Page(failed), sample_buckets(0))
    assert found(FINE, vitals) == [
        Concern(
            Level.WRONG,
            f"{ERASE} 0000beee needs an operator: what job 3 did is unknown",
        ),
        Concern(Level.LOOK, f"1 workflow failed today; the last: {ERASE} 0000beed: no token"),
        Concern(Level.LOOK, "Bucket diskEraseSatellite is empty; the next token comes in 12 m 30 s"),
    ]
    assert verdict(found(FINE, vitals)) == (Level.WRONG, "1 thing is wrong, 2 things need a look")


def test_what_waits_for_its_time_needs_nobody() -> None:
    held = run(1, S.HELD, reason="block 2 waits for a go")
    waiting = run(2, S.HELD, reason="block 2 waits: frozen", activity="frozen", until=ago(-600))
    vitals = replace(QUIET, active=Page((held, waiting)))
    assert found(FINE, vitals) == [
        Concern(Level.LOOK, f"{ERASE} 0000beee waits for a go: block 2 waits for a go"),
        Concern(Level.LOOK, f"{ERASE} 0000beed waits for its time: frozen"),
    ]
    assert standing_words(waiting, NOW) == "◆ held (o: go): 10 m 00 s left: frozen"


def test_a_server_that_does_not_tell_is_not_well() -> None:
    assert found(refusal="too many calls") == [
        Concern(Level.WRONG, "The server does not tell how its work goes: too many calls")
    ]


def test_figures() -> None:
    active = Page(
        tuple(run(n, s) for n, s in enumerate((S.RUNNING, S.PAUSING, S.PAUSED, S.AWAITING_APPROVAL)))
    )
    ended = (
        run(5, S.FAILED, ended=ago(60)),
        run(6, S.STOPPED, ended=ago(60)),
        run(7, S.STOPPED, ended=ago(90_000)),
        run(8, S.CANCELLED, ended=ago(60)),
    )
    told = figures(Vitals(active, Page((run(9, S.NOT_STARTED),), more=True), Page(ended), ()), NOW, UTC)
    assert (told.running, told.waiting) == (Figure(2), Figure(2))
    assert (told.failed_today, told.stopped_today) == (Figure(1), Figure(1))
    assert str(told.not_started) == "1+"


def test_today_is_the_operators() -> None:
    ended = run(1, S.FAILED, ended=NOW - timedelta(hours=3, minutes=1))
    vitals = replace(QUIET, ended_badly=Page((ended,)))
    assert figures(vitals, NOW, UTC).failed_today == Figure(0)


def test_a_verdict_on_what_is_worth_a_look() -> None:
    one = [Concern(Level.LOOK, "a")]
    assert verdict(one) == (Level.LOOK, "Nothing is broken, but 1 thing needs a look")
    early = verdict(one, complete=False)
    assert early == (Level.LOOK, "1 thing needs a look; the rest is not known yet"), "nobody can say that yet"
    assert verdict([Concern(Level.WRONG, "a")]) == (Level.WRONG, "1 thing is wrong")


def test_the_throughput_is_drawn_from_what_the_stream_told() -> None:
    activity = Activity()
    activity.take(True, [run(1, S.RUNNING)], ago(100))
    for second, done in ((61, 50), (33, 150), (3, 170)):
        activity.take(False, [summary_of(1, S.RUNNING, JobCounts(999, completed=done))], ago(second))
    line = next(
        line
        for line in pulse_content(FINE, QUIET, activity, NOW, 80).plain.splitlines()
        if line.startswith("Jobs ended")
    )
    assert line.endswith("▅▁▁▁▁▁█▁▁▁▁▁▂  4.0/s now, 20/s at most, last 1 m 40 s")


def test_buckets_in_words() -> None:
    full = Bucket("b", 10, 10, 1, 1800.0)
    empty = replace(full, tokens=0, next_refill=NOW + timedelta(seconds=61.2))
    assert (share(full), share(empty), share(replace(full, size=0))) == (1.0, 0.0, 0.0)
    assert pace(full) == "1 every 30 m 00 s"
    assert [next_words(bucket, NOW) for bucket in (full, empty)] == ["full", "in 1 m 02 s"]
    assert next_words(empty, NOW + timedelta(seconds=62)) == "any moment"
    assert sentence(full, NOW).startswith("10 tokens left")
    assert sentence(empty, NOW).startswith("Empty, the next token comes in 1 m 02 s")
