"""expression: what the judge's worker says of a WorkReq, and that no rule outlasts its limits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from tests.hostile_rules import HUGE, SLOW

from wf_server.errors import ConfigError
from wf_server.expressions.judge import ExpressionJudge
from wf_server.inventory import Inventory, Site, SiteStatus, SiteType
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Job, OnFailure, Retry, Violation, WorkReq
from wf_server.policy import Facts, load_policies
from wf_server.policy.expression import Expression, ExpressionSettings

SMALL = "request.blocks.all(b, size(b.jobs) <= 2)"
INVENTORY = Inventory(
    MappingProxyType({"aap": Site("aap", SiteType.SATELLITE, SiteStatus.DECOM)}),
    MappingProxyType({"aap": ("aa00",)}),
)


@pytest.fixture
async def judge() -> AsyncIterator[ExpressionJudge]:
    judge = ExpressionJudge()
    yield judge
    await judge.close()


def policy(*rules: str, **settings: Any) -> Expression:
    listed = [{"Rule": rule, "Message": f"message {at}"} for at, rule in enumerate(rules)]
    return Expression(ExpressionSettings.model_validate({"Rules": listed, **settings}))


def request(*sizes: int) -> WorkReq:
    job = Job("sleep", "", MappingProxyType({"site": "aap", "seconds": "3"}))
    return WorkReq("X", "", tuple(Block("b", 1, (job,) * size) for size in sizes))


async def judged(judge: ExpressionJudge, rule: Expression, about: WorkReq) -> list[Violation]:
    return await rule.check(about, Facts(INVENTORY, 1_700_000_000_000_000, expressions=judge))


async def test_what_is_broken_is_told_with_its_place(judge: ExpressionJudge) -> None:
    rule = policy(SMALL, "true", "now < timestamp('2020-01-01T00:00:00Z') || request.desc != ''")
    assert await judged(judge, rule, request(1, 3)) == [
        Violation(
            *("expression", "message 0", 1),
            found="size(b.jobs) <= 2 is false, at line 1 column 23 of the rule; size(b.jobs) is 3",
            expected=f"true: {SMALL}",
        ),
        Violation(
            *("expression", "message 2"),
            found="now < timestamp('2020-01-01T00:00:00Z') || request.desc != '' is false; "
            'now is "2023-11-14 22:13:20+00:00", request.desc is ""',
            expected="true: now < timestamp('2020-01-01T00:00:00Z') || request.desc != ''",
        ),
    ]
    assert await judged(judge, rule, WorkReq("X", "d", ())) == []


async def test_a_rule_sees_every_field(judge: ExpressionJudge) -> None:
    job = Job("sleep", "nap", {"seconds": "3", "at": "é\n"}, "30s", Retry(attempts=3))
    block = Block("b", 4, (job,), "20%", True, OnFailure.STOP, True, True, ("1", "10%"), "5m")
    whole = WorkReq("X", "d", (block, block), "3", True, OnFailure.CONTINUE)
    rule = policy(
        "request.name == 'X' && request.desc == 'd' && request.maxFailures == '3' && request.noOvershoot "
        "&& request.onFailure == 'continue' && size(request.blocks) == 2",
        "request.blocks.all(b, b.desc == 'b' && b.rateLimit == 4 && b.maxFailures == '20%' && b.noOvershoot "
        "&& b.onFailure == 'stop' && b.hold && b.pointOfNoReturn && b.ramp == ['1', '10%'] "
        "&& b.soak == '5m')",
        "request.blocks.all(b, b.jobs.all(j, j.name == 'sleep' && j.desc == 'nap' && j.timeout == '30s' "
        "&& j.attempts == 3 && j.args == {'seconds': '3', 'at': 'é\\n'}))",
        "inventory.sites == {'aap': {'type': 'satellite', 'status': 'decom'}}",
        "inventory.machines == {'aap': ['aa00']}",
        "now == timestamp('2023-11-14T22:13:20Z')",
    )
    assert await judged(judge, rule, whole) == []


async def test_it_follows_the_inventory(judge: ExpressionJudge) -> None:
    rule = policy("'aap' in inventory.sites")
    assert await judged(judge, rule, request(1)) == []
    emptied = Facts(Inventory({}, {}), 0, expressions=judge)
    assert len(await rule.check(request(1), emptied)) == 1
    assert await judged(judge, rule, request(1)) == []


async def test_nothing_is_begun_before_it_is_needed_and_nothing_is_left(judge: ExpressionJudge) -> None:
    assert judge.worker_pid is None
    await judged(judge, policy("true"), request(1))
    pid = judge.worker_pid
    assert pid is not None
    await judged(judge, policy("true"), request(1))
    assert judge.worker_pid == pid
    await judge.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_rule_that_takes_too_long_is_broken_and_the_next_request_is_judged(
    judge: ExpressionJudge,
) -> None:
    await judged(judge, policy("true"), request(1))
    pid, began = judge.worker_pid, time.monotonic()
    longest = asyncio.create_task(_longest_hold())
    [violation] = await judged(judge, policy("true", SLOW, "false", Seconds=0.5), request(1))
    longest.cancel()
    assert violation.message == "message 1"
    assert violation.found == "a rule that takes longer than 0.5 s, which is the limit"
    assert time.monotonic() - began < 5
    assert await longest < 0.25
    assert await judged(judge, policy(SMALL), request(1)) == []
    assert judge.worker_pid not in (None, pid)


async def _longest_hold() -> float:
    longest = 0.0
    try:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - began)
    except asyncio.CancelledError:
        return longest


async def test_a_rule_that_takes_too_much_memory_is_broken(judge: ExpressionJudge) -> None:
    [violation] = await judged(judge, policy(HUGE, Seconds=20), request(1))
    assert violation.found == "a rule that takes more memory than it may, or broke its judge"
    assert await judged(judge, policy(SMALL), request(1)) == []


async def test_a_worker_that_has_died_is_begun_again(judge: ExpressionJudge) -> None:
    await judged(judge, policy("true"), request(1))
    pid = judge.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while judge.worker_pid == pid:
        await asyncio.sleep(0.01)
    assert await judged(judge, policy(SMALL), request(1)) == []


async def test_who_gives_up_leaves_no_answer_behind(judge: ExpressionJudge) -> None:
    await judged(judge, policy("true"), request(1))
    waiting = asyncio.create_task(judged(judge, policy(SLOW, Seconds=20), request(1)))
    await asyncio.sleep(0.1)
    behind = asyncio.create_task(judged(judge, policy(SMALL), request(3)))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(await behind) == 1


async def test_many_at_once_are_each_told_theirs(judge: ExpressionJudge) -> None:
    found = await asyncio.gather(*(judged(judge, policy(SMALL), request(size)) for size in range(6)))
    assert [len(violations) for violations in found] == [0, 0, 0, 1, 1, 1]


async def test_once_closed_nothing_holds(judge: ExpressionJudge) -> None:
    await judge.close()
    [violation] = await judged(judge, policy("true"), request(1))
    assert "broke its judge" in violation.found
    assert len(await policy("true").check(request(1), Facts(INVENTORY, 0))) == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"Rules": [{"Rule": "true"}, {"Rule": "1 +"}]},
            "expression: Rules[1].Rule: line 1 column 4: Syntax error",
        ),
        ({"Rules": [{"Rule": "  "}]}, "expression: Rules[0].Rule: it is empty; an expression"),
        ({"Rules": []}, "expression: Rules: is empty"),
        ({"Rules": [{"Rule": "true"}], "Seconds": 60}, "expression: Seconds: "),
        ({"Rules": [{"Rule": "true", "Wrong": 1}]}, "unknown key; known are Rule, Message"),
        ({"Rules": [{"Rule": 5}]}, "expression: Rules[0].Rule: "),
    ],
)
def test_what_is_wrong_with_the_settings_is_told_with_its_place(
    tmp_path: Path, registry: JobRegistry, settings: dict[str, Any], told: str
) -> None:
    path, policy = tmp_path / "policies.json", {"Name": "expression", "Settings": settings}
    path.write_text(json.dumps({"Name": "X", "Policies": [policy]}))
    with pytest.raises(ConfigError) as error:
        load_policies(path, registry)
    assert str(error.value).startswith(f'{path}:1: "X": Policies[0]: ')
    assert told in str(error.value)
