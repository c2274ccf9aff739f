"""allowedArgs, maxConcurrency, maxJobs, mustFollow, requireOptions: what each demands and points at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wf_server.model import Block, Job, Violation

from .conftest import Judge

NAP = Job("sleep", "", {"seconds": "1"})


def erase(site: str = "aap", machine: str = "aa01") -> Job:
    return Job("diskErase", "", {"site": site, "machine": machine})


def validate(site: str = "aap") -> Job:
    return Job("validateDecom", "", {"site": site, "type": "satellite"})


def block(*jobs: Job, rate_limit: int = 1) -> Block:
    return Block("", rate_limit, jobs)


def places(violations: list[Violation]) -> list[tuple[int | None, int | None, str]]:
    return [(violation.block, violation.job, violation.arg) for violation in violations]


async def test_each_limit_of_jobs_points_at_what_passes_it(judge: Judge) -> None:
    blocks = (block(NAP, erase()), block(erase(), erase(), NAP))
    generous = {"WorkReq": 5, "Block": 3, "JobTypes": {"diskErase": 3}, "JobTypesInBlock": {"sleep": 1}}
    assert await judge("maxJobs", generous, *blocks) == []
    tight = {
        "WorkReq": 4,
        "Block": 2,
        "JobTypes": {"diskErase": 1, "sleep": 2},
        "JobTypesInBlock": {"diskErase": 1},
    }
    found = await judge("maxJobs", tight, *blocks)
    assert places(found) == [(None, None, ""), (1, None, ""), (1, 0, ""), (1, 1, "")]
    assert [violation.sentence() for violation in found] == [
        "maxJobs: the WorkReq has too many jobs (found 5 jobs, expected at most 4)",
        "maxJobs: block 1: the block has too many jobs (found 3 jobs, expected at most 2)",
        "maxJobs: block 1 job 0: the WorkReq has too many jobs of type diskErase "
        "(found 3 jobs, expected at most 1)",
        "maxJobs: block 1 job 1: the block has too many jobs of type diskErase "
        "(found 2 jobs, expected at most 1)",
    ]


async def test_a_block_is_as_slow_as_its_most_delicate_job(judge: Judge) -> None:
    settings = {"Block": 10, "JobTypes": {"diskErase": 2, "sleep": 5}}
    assert await judge("maxConcurrency", settings, block(NAP, rate_limit=5), block(rate_limit=10)) == []
    found = await judge(
        "maxConcurrency", settings, block(validate(), rate_limit=11), block(NAP, erase(), rate_limit=3)
    )
    assert places(found) == [(0, None, "rateLimit"), (1, None, "rateLimit")]
    assert found[1].sentence() == (
        "maxConcurrency: block 1 argument rateLimit: the rate limit is too high for a block with jobs of "
        "type diskErase (found 3, expected at most 2)"
    )


async def test_listed_values(judge: Judge) -> None:
    settings = {"Jobs": {"diskErase": {"site": {"Values": ["aap", "adg"]}}}}
    assert await judge("allowedArgs", settings, block(erase("aap"), erase("adg"), validate("adv"))) == []
    found = await judge("allowedArgs", settings, block(NAP, erase("adv"), Job("diskErase")))
    assert places(found) == [(0, 1, "site"), (0, 2, "site")]
    assert found[0].sentence() == (
        "allowedArgs: block 0 job 1 argument site: site of diskErase is none of the allowed values "
        '(found "adv", expected one of: "aap", "adg")'
    )
    assert found[1].found == "no value"


async def test_a_pattern_holds_for_the_whole_value(judge: Judge) -> None:
    settings = {"Jobs": {"diskErase": {"machine": {"Pattern": "a[ab][0-9]{2}|zz99"}}}}
    assert await judge("allowedArgs", settings, block(erase(machine="ab07"), erase(machine="zz99"))) == []
    for machine in ("xaa01", "aa011", "aa01\n", "\naa01", "", "zz99 ", "AA01", "aa01" * 5_000):
        (violation,) = await judge("allowedArgs", settings, block(erase(machine=machine)))
        assert (violation.arg, violation.expected) == (
            "machine",
            "a value that fits a[ab][0-9]{2}|zz99",
        )


async def test_what_is_optional_may_be_left_out(judge: Judge) -> None:
    token = Job("tokenBucket", "", {"bucket": "diskEraseSatellite"})
    must = {"Jobs": {"tokenBucket": {"fatal": {"Values": ["true"]}}}}
    may = {"Jobs": {"tokenBucket": {"fatal": {"Values": ["true"], "Optional": True}}}}
    assert places(await judge("allowedArgs", must, block(token))) == [(0, 0, "fatal")]
    assert await judge("allowedArgs", may, block(token)) == []
    wrong = Job("tokenBucket", "", {**token.args, "fatal": "false"})
    assert places(await judge("allowedArgs", may, block(wrong))) == [(0, 0, "fatal")]


async def test_a_pattern_that_is_slow_elsewhere_is_none_here(judge: Judge) -> None:
    settings = {"Jobs": {"diskErase": {"machine": {"Pattern": "(a*)*(a|a?)+b"}}}}
    (violation,) = await judge("allowedArgs", settings, block(erase(machine="a" * 10_000)))
    assert violation.arg == "machine"


PRECEDED = {"JobName": "diskErase", "PrecededBy": "validateDecom"}
FOLLOWED = {"JobName": "diskErase", "FollowedBy": "sleep"}


@pytest.mark.parametrize(
    ("settings", "blocks", "guilty"),
    [
        (PRECEDED, (block(validate(), NAP, erase()),), []),
        (PRECEDED, (block(validate()), block(NAP), block(erase(), erase(), rate_limit=2)), []),
        (PRECEDED, (block(erase(), validate(), erase()),), [(0, 0)]),
        # Side by side is neither before nor after.
        (PRECEDED, (block(validate(), erase(), rate_limit=2),), [(0, 1)]),
        (FOLLOWED, (block(erase(), NAP, rate_limit=2),), [(0, 0)]),
        (FOLLOWED, (block(erase(), erase(), rate_limit=9), block(), block(NAP)), []),
        (FOLLOWED, (block(NAP, erase(), NAP, erase()),), [(0, 3)]),
        ({**PRECEDED, "Directly": True}, (block(validate(), erase()), block(erase())), [(1, 0)]),
        ({**PRECEDED, "Directly": True}, (block(validate(), NAP, erase()),), [(0, 2)]),
        ({**PRECEDED, "Directly": True}, (block(NAP, validate(), rate_limit=2), block(erase(), NAP)), []),
        ({**FOLLOWED, "Directly": True}, (block(erase(), erase(), NAP),), [(0, 0)]),
        ({**FOLLOWED, "Directly": True}, (block(erase()), block(validate(), NAP)), [(0, 0)]),
        ({**PRECEDED, "SameArgs": ["site"]}, (block(validate("adg"), erase("aap"), erase("adg")),), [(0, 1)]),
        ({**FOLLOWED, "MustArgs": {"seconds": "1"}}, (block(erase(), NAP),), []),
        ({**FOLLOWED, "MustArgs": {"seconds": "2"}}, (block(erase(), NAP),), [(0, 0)]),
    ],
)
async def test_who_comes_before_and_after(
    judge: Judge, settings: dict[str, Any], blocks: tuple[Block, ...], guilty: list[tuple[int, int]]
) -> None:
    found = await judge("mustFollow", settings, *blocks)
    assert [(violation.block, violation.job) for violation in found] == guilty


async def test_what_is_missing_is_told_with_its_arguments(judge: Judge) -> None:
    settings = {**PRECEDED, "SameArgs": ["site"], "MustArgs": {"type": "satellite"}}
    (violation,) = await judge("mustFollow", settings, block(validate("adg"), erase("aap")))
    assert violation.sentence() == (
        "mustFollow: block 0 job 1: diskErase needs a job validateDecom before it "
        "(found none before it, expected validateDecom type=satellite site=aap before it)"
    )
    (violation,) = await judge("mustFollow", {**settings, "Directly": True}, block(NAP, erase("aap")))
    assert (violation.found, violation.expected) == (
        '"sleep"',
        "validateDecom type=satellite site=aap directly before it",
    )


async def test_risky_work_has_the_options_that_it_needs(judge: Judge) -> None:
    settings = {"JobTypes": ["diskErase"], "PointOfNoReturn": True, "MaxFailures": "20%", "Timeout": "30m"}
    job = replace(erase(), timeout="10m")
    careful = replace(block(*[job] * 10), point_of_no_return=True, max_failures="2")
    assert await judge("requireOptions", settings, block(NAP), careful) == []
    loose = replace(careful, jobs=(NAP, replace(job, timeout="1h"), erase()), max_failures="50%", hold=True)
    found = await judge("requireOptions", settings, replace(loose, point_of_no_return=False), block(NAP))
    assert places(found) == [
        (0, None, "pointOfNoReturn"),
        (0, None, "maxFailures"),
        (0, 1, "timeout"),
        (0, 2, "timeout"),
    ]
    assert [violation.sentence() for violation in found[1:3]] == [
        "requireOptions: block 0 argument maxFailures: a block with jobs of type diskErase needs a failure "
        'budget (found "50%", expected at most 20%)',
        "requireOptions: block 0 job 1 argument timeout: jobs of type diskErase need a timeout "
        '(found "1h", expected at most 30m)',
    ]
    assert found[3].found == "none"


async def test_a_point_of_no_return_holds_too(judge: Judge) -> None:
    settings = {"JobTypes": ["diskErase"], "Hold": True}
    for held in (replace(block(erase()), hold=True), replace(block(erase()), point_of_no_return=True)):
        assert await judge("requireOptions", settings, held) == []
    assert places(await judge("requireOptions", settings, block(erase()))) == [(0, None, "hold")]


@pytest.mark.parametrize("written", ["x", "0", "101%", "-1", ""])
async def test_what_is_no_budget_is_none(judge: Judge, written: str) -> None:
    settings = {"JobTypes": ["diskErase"], "MaxFailures": "100%"}
    bad = replace(block(erase()), max_failures=written)
    assert places(await judge("requireOptions", settings, bad)) == [(0, None, "maxFailures")]
