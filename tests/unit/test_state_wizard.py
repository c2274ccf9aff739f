"""The wizard's rules: pre-checks, plan, and where a violation points."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from wf_tui.diskerase import erasable, erase_request
from wf_tui.state.models import (
    JobCounts,
    JobDetail,
    PolicyBook,
    SiteStatus,
    SiteType,
    Status,
    StopBoard,
    Violation,
)
from wf_tui.state.samples import NOW, sample_board, sample_book, sample_buckets, sample_sites, summary_of
from wf_tui.state.wizard import (
    Item,
    PreCheck,
    Step,
    World,
    fit_first,
    may_go_on,
    paces,
    place,
    plan,
    plan_sentence,
    pre_checks,
)
from wf_tui.wizards import erase

SITE, MACHINES = sample_sites()[2]
REQUEST = erase_request("aap", MACHINES, pause_seconds=60)
WORLD = World(SITE, MACHINES, sample_board(), sample_book(), sample_buckets())


def checks_of(*worlds: World) -> tuple[PreCheck, ...]:
    items = [Item((world,), replace(REQUEST, desc=f"erase {world.site.name}")) for world in worlds]
    return pre_checks(items, erase.checks, NOW)


def failing(*worlds: World) -> list[PreCheck]:
    return [check for check in checks_of(*worlds) if not check.passed]


def test_a_satellite_in_decom_passes_every_check() -> None:
    assert failing(WORLD) == []
    assert len(checks_of(WORLD)) == 6


@pytest.mark.parametrize(
    ("world", "title", "words"),
    [
        (replace(WORLD, site=replace(SITE, type=SiteType.CLUSTER)), "Site type", "only satellites"),
        (replace(WORLD, site=replace(SITE, status=SiteStatus.IN_SERVICE)), "Site status", "inService"),
        (replace(WORLD, machines=()), "Machines", "no machines"),
        (replace(WORLD, book=PolicyBook(())), "Policies", "none are in force"),
        (replace(WORLD, board=sample_board(erase=True)), "Emergency stop", "ada@ops-1: smoke in row 4"),
        (replace(WORLD, board=sample_board(everything=True)), "Emergency stop", "* (everything)"),
        (replace(WORLD, board=StopBoard(())), "Emergency stop", "no entry"),
        (replace(WORLD, board=sample_board(problem="es.json:3: bad")), "Emergency stop", "es.json:3: bad"),
        (replace(WORLD, buckets=()), "Token", "no bucket diskEraseSatellite"),
    ],
)
def test_what_is_wrong_is_said_and_shuts_the_way(world: World, title: str, words: str) -> None:
    (check,) = failing(world)
    assert check.title == title
    assert words in check.words
    assert not may_go_on(checks_of(world))


def test_a_missing_token_warns_with_the_time_of_the_next() -> None:
    world = replace(WORLD, buckets=sample_buckets(tokens=0))
    (check,) = failing(world)
    assert "the next comes in 12 m 30 s. The queue waits for it" in check.words
    assert may_go_on((check,))


def test_the_same_work_under_way_shuts_the_way() -> None:
    double = summary_of(1, Status.PAUSED, JobCounts(), desc="erase aap")
    (check,) = failing(replace(WORLD, under_way=(double,)))
    assert "under way already as 0000beee, by ada@ops-1" in check.words
    assert not may_go_on((check,))
    assert failing(replace(WORLD, under_way=(replace(double, desc="erase adg"),))) == []


def test_of_several_sites_a_line_each_tells_what_fails() -> None:
    good = replace(WORLD, buckets=(replace(sample_buckets()[0], size=3, tokens=2),))
    bad = replace(good, site=replace(SITE, name="adg", status=SiteStatus.REMOVED), machines=())
    first, second, *common = checks_of(good, bad)
    assert (first.title, first.passed, first.words) == (
        "aap",
        True,
        "is a satellite; is in decom; 50 machines to erase",
    )
    assert (second.title, second.passed, second.blocks) == ("adg", False, True)
    assert second.words == "is removed: put it into decom first; the site has no machines"
    assert [check.title for check in common] == ["Policies", "Emergency stop", "Token"]
    assert common[-1].passed
    assert checks_of(good, good)[-1].words == "diskEraseSatellite holds 2 of 3 tokens"
    assert "3 are needed: the queue waits" in checks_of(good, good, good)[-1].words


def test_a_refused_policies_file_warns() -> None:
    book = replace(sample_book(), problem="policies.json:9: unknown policy")
    (check,) = failing(replace(WORLD, book=book))
    assert "policies.json:9" in check.words
    assert not check.blocks


def test_the_plan_without_an_earlier_run_promises_only_the_pauses() -> None:
    blocks = plan(REQUEST, lambda _: None)
    assert len(blocks) == 11
    assert (blocks[1].pause_seconds, blocks[1].work) == (60, "aa00 aa01 aa02 aa03 aa04")
    assert blocks[10].pause_seconds == 0
    assert "no earlier run" in plan_sentence(blocks)
    assert "pauses 9 m 00 s" in plan_sentence(blocks)


def test_the_plan_goes_by_an_earlier_run() -> None:
    usual = {"diskErase": 30.0, "validateDecom": 0.0, "tokenBucket": 0.0}
    blocks = plan(REQUEST, usual.get)
    assert [block.seconds for block in blocks] == [0.0, *([90.0] * 9), 30.0]
    assert "about 14 m 00 s in all" in plan_sentence(blocks)


def test_paces_are_means_of_completed_jobs() -> None:
    def job(seconds: int, status: Status = Status.COMPLETED) -> JobDetail:
        ended = NOW + timedelta(seconds=seconds)
        return JobDetail(1, 0, "diskErase", "", {}, status, started=NOW, ended=ended)

    assert paces([job(20), job(40), job(999, Status.FAILED)]) == {"diskErase": 30.0}
    assert paces([]) == {}


@pytest.mark.parametrize(
    ("violation", "words"),
    [
        (Violation("sameArgs", "m"), "the request as a whole"),
        (Violation("sameArgs", "m", arg="site"), "the request as a whole, argument site"),
        (Violation("sameArgs", "m", block=1), "block 1"),
        (Violation("sameArgs", "m", block=1, job=2, arg="site"), "block 1, job 2 (diskErase), argument site"),
        (Violation("sameArgs", "m", block=99, job=2), "block 99, job 2"),
    ],
)
def test_where_a_violation_points(violation: Violation, words: str) -> None:
    assert place(violation, REQUEST) == words


def test_sites_that_can_be_erased_come_first() -> None:
    sites = fit_first([site for site, _ in sample_sites()], erasable)
    assert [site.name for site in sites] == ["aap", "adg", "aaa", "adj", "aab", "aaq"]


def test_steps_have_names() -> None:
    assert [step.label for step in Step] == ["Sites", "Pre-checks", "Plan", "Verdict", "Confirm"]
