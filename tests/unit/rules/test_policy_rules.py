"""restrictJobTypes, sameArgs and startOrEnd: what each demands, and where it points."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from wf_server.jobs import JobRegistry
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.policy import POLICIES, Facts

NAP = Job("sleep", "", {"seconds": "1"})
DECOM = Job("validateDecom", "", {"site": "aap", "type": "satellite"})
TOKEN = Job("tokenBucket", "", {"bucket": "diskEraseSatellite", "fatal": "true"})

Check = Callable[..., Coroutine[Any, Any, list[Violation]]]


def erase(site: str, machine: str = "aa01") -> Job:
    return Job("diskErase", "", {"site": site, "machine": machine})


def request(*blocks: tuple[Job, ...]) -> WorkReq:
    return WorkReq("X", "", tuple(Block("", 1, jobs) for jobs in blocks))


def places(violations: list[Violation]) -> list[tuple[int | None, int | None, str]]:
    return [(violation.block, violation.job, violation.arg) for violation in violations]


@pytest.fixture
def check(registry: JobRegistry, facts: Facts) -> Check:
    """Runs one policy with settings on blocks."""

    async def run(policy: str, settings: dict[str, Any], *blocks: tuple[Job, ...]) -> list[Violation]:
        return await POLICIES[policy].configure(settings, registry).check(request(*blocks), facts)

    return run


async def test_only_listed_job_types(check: Check) -> None:
    settings = {"AllowedJobs": ["sleep", "validateDecom"]}
    assert await check("restrictJobTypes", settings, (NAP, DECOM), (NAP,)) == []
    found = await check("restrictJobTypes", settings, (NAP, TOKEN), (erase("aap"),))
    assert places(found) == [(0, 1, ""), (1, 0, "")]
    assert found[0].sentence() == (
        "restrictJobTypes: block 0 job 1: jobs of type tokenBucket are not allowed in X "
        '(found "tokenBucket", expected one of: sleep, validateDecom)'
    )


async def test_one_site_for_all_erasures(check: Check) -> None:
    settings = {"Jobs": {"diskErase": ["site"]}}
    assert await check("sameArgs", settings, (erase("aap"), NAP), (erase("aap", "ab00"),)) == []
    found = await check("sameArgs", settings, (NAP, erase("aap")), (erase("adg"), erase("aap"), erase("adv")))
    assert places(found) == [(1, 0, "site"), (1, 2, "site")]
    assert found[0].sentence() == (
        "sameArgs: block 1 job 0 argument site: site differs from that of block 0 job 1 "
        '(found "adg", expected "aap")'
    )


async def test_the_erased_site_is_the_validated_one(check: Check) -> None:
    jobs = {"diskErase": ["site"], "validateDecom": ["site"]}
    blocks = ((DECOM,), (erase("adg"), erase("adg")))
    assert await check("sameArgs", {"Jobs": jobs}, *blocks) == []
    found = await check("sameArgs", {"Jobs": jobs, "AcrossJobs": True}, *blocks)
    assert places(found) == [(1, 0, "site"), (1, 1, "site")]


async def test_several_arguments_are_each_compared(check: Check) -> None:
    settings = {"Jobs": {"diskErase": ["site", "machine"]}}
    found = await check("sameArgs", settings, (erase("aap", "aa01"), erase("adg", "aa02")))
    assert places(found) == [(0, 1, "site"), (0, 1, "machine")]


async def test_a_missing_argument_is_another_value(check: Check) -> None:
    found = await check("sameArgs", {"Jobs": {"diskErase": ["site"]}}, (erase("aap"), Job("diskErase")))
    assert (places(found), found[0].found) == ([(0, 1, "site")], "no value")


START = {
    "JobName": "tokenBucket",
    "MustArgs": {"bucket": "diskEraseSatellite", "fatal": "true"},
    "Start": True,
    "AllowedBeforeOrAfter": ["validateDecom"],
}
END = {**START, "Start": False, "End": True}


@pytest.mark.parametrize(
    "blocks",
    [
        ((TOKEN,),),
        ((DECOM, TOKEN, NAP), (NAP,)),
        ((DECOM, DECOM, TOKEN),),
        # A later one elsewhere is nobody's business.
        ((TOKEN, NAP, TOKEN), (NAP, TOKEN)),
    ],
)
async def test_it_is_at_the_start(check: Check, blocks: tuple[tuple[Job, ...], ...]) -> None:
    assert await check("startOrEnd", START, *blocks) == []
    assert await check("startOrEnd", END, *(jobs[::-1] for jobs in blocks[::-1])) == []


@pytest.mark.parametrize("settings", [START, END])
async def test_it_is_missing(check: Check, settings: dict[str, Any]) -> None:
    where = "first" if settings["Start"] else "last"
    (violation,) = await check("startOrEnd", settings, (NAP,), (NAP,))
    assert places([violation]) == [(0 if settings["Start"] else 1, None, "")]
    assert violation.message == f"a job tokenBucket is required in the {where} block"
    assert violation.expected == "tokenBucket bucket=diskEraseSatellite fatal=true"
    assert violation.found == "no tokenBucket"


@pytest.mark.parametrize("settings", [START, END])
async def test_requests_without_blocks_or_jobs_harm_nobody(check: Check, settings: dict[str, Any]) -> None:
    (violation,) = await check("startOrEnd", settings)
    assert (places([violation]), violation.found) == ([(None, None, "")], "no blocks")
    assert places(await check("startOrEnd", settings, ())) == [(0, None, "")]
    assert len(await check("startOrEnd", settings, (), (NAP,), ())) == 1


async def test_it_is_in_another_block(check: Check) -> None:
    (violation,) = await check("startOrEnd", START, (DECOM,), (NAP, TOKEN))
    assert places([violation]) == [(1, 1, "")]
    assert violation.sentence() == (
        "startOrEnd: block 1 job 1: tokenBucket has to be in the first block "
        "(found block 1, expected block 0)"
    )
    (violation,) = await check("startOrEnd", END, (TOKEN,), (NAP,))
    assert (places([violation]), violation.expected) == ([(0, 0, "")], "block 1")


async def test_others_stand_before_or_after_it(check: Check) -> None:
    found = await check("startOrEnd", START, (NAP, DECOM, erase("aap"), TOKEN, NAP))
    assert places(found) == [(0, 0, ""), (0, 2, "")]
    assert found[0].sentence() == (
        "startOrEnd: block 0 job 0: not allowed before tokenBucket in the first block "
        '(found "sleep", expected before it only: validateDecom)'
    )
    found = await check("startOrEnd", END, (NAP,), (NAP, TOKEN, DECOM, NAP))
    assert places(found) == [(1, 3, "")]


async def test_nothing_is_allowed_where_nothing_is_listed(check: Check) -> None:
    settings = {"JobName": "tokenBucket", "Start": True}
    assert await check("startOrEnd", settings, (TOKEN, NAP)) == []
    (violation,) = await check("startOrEnd", settings, (DECOM, TOKEN))
    assert violation.expected == "nothing before it"


async def test_its_arguments_are_wrong(check: Check) -> None:
    found = await check("startOrEnd", START, (DECOM, Job("tokenBucket", "", {"bucket": "mine"})))
    assert places(found) == [(0, 1, "bucket"), (0, 1, "fatal")]
    assert [(violation.found, violation.expected) for violation in found] == [
        ('"mine"', '"diskEraseSatellite"'),
        ("no value", '"true"'),
    ]


async def test_one_before_it_with_other_arguments_does_not_count(check: Check) -> None:
    other = Job("tokenBucket", "", {"bucket": "mine", "fatal": "true"})
    assert places(await check("startOrEnd", START, (other, TOKEN))) == [(0, 0, "")]
    allowing = {**START, "AllowedBeforeOrAfter": ["tokenBucket"]}
    assert await check("startOrEnd", allowing, (other, TOKEN)) == []


async def test_everything_is_found_at_once(check: Check) -> None:
    found = await check("startOrEnd", START, (NAP, Job("tokenBucket", "", {"fatal": "false"})))
    assert places(found) == [(0, 0, ""), (0, 1, "bucket"), (0, 1, "fatal")]
