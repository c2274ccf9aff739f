"""expression on a real server: rules in CEL refuse, end at their limits, and leave nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import wf_proto as pb
from tests.e2e.requests import STOP, block, decom, ended, naps, until
from tests.e2e.server_process import ServerProcess
from tests.hostile_rules import SLOW
from wf_proto.client import Client
from wf_proto.errors import Rejected

ALLOW = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["sleep", "validateDecom"]}}
SMALL = "request.blocks.all(b, size(b.jobs) <= 2)"
DECOM = (
    "request.blocks.all(b, b.jobs.all(j,\n"
    "  !has(j.args.site) || inventory.sites[j.args.site].status == 'decom'))"
)


def write_policies(server: ServerProcess, *rules: str, **settings: Any) -> None:
    listed = [{"Rule": rule, "Message": "ask first"} for rule in rules]
    expression = {"Name": "expression", "Settings": {"Rules": listed, **settings}}
    entry = {"Name": "Maintenance", "Policies": [ALLOW, *([expression] if rules else [])]}
    (server.configs / "policies.json").write_text(json.dumps(entry))


@pytest.fixture
async def ruled(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server with rules, without anything that was judged."""
    server = ServerProcess(tmp_path)
    await server.init()
    write_policies(server, SMALL, DECOM)
    await server.start()
    yield server
    await server.end()


async def refusals(client: Client, request: pb.WorkReq) -> list[pb.Violation]:
    with pytest.raises(Rejected) as error:
        await client.submit(request)
    return list(error.value.violations)


def children(server: ServerProcess) -> set[int]:
    return {
        int(pid)
        for task in Path(f"/proc/{server.pid}/task").iterdir()
        for pid in (task / "children").read_text().split()
    }


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_broken_rule_points_at_the_block_the_job_and_the_part(ruled: ServerProcess) -> None:
    async with ruled.client() as client:
        assert not children(ruled)
        found = await refusals(
            client, pb.WorkReq(name="Maintenance", blocks=[block(decom("aap")), block(decom("aaa"))])
        )
        (violation,) = [violation for violation in found if violation.policy == "expression"]
        assert (violation.policy, violation.block, violation.job) == ("expression", 1, 0)
        assert violation.message == "ask first"
        assert 'inventory.sites[j.args.site].status is "inService"' in violation.found
        assert "at line 2 column 3 of the rule" in violation.found
        too_many = await refusals(client, naps(1, 1, 1))
        assert [(v.block, v.found.partition(" is false")[0]) for v in too_many] == [(0, "size(b.jobs) <= 2")]
        # It is asked again at the execution, by the rules of then.
        workflow_id = await client.submit(naps(1, 1))
        write_policies(ruled, "size(request.blocks) > 1")
        await until(lambda: _refuses(client, naps(1)))
        with pytest.raises(Rejected, match="ask first"):
            await client.exec(workflow_id)
        write_policies(ruled, SMALL)
        await until(lambda: _accepts(client, naps(1)))
        await client.exec(workflow_id)
        assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED


async def test_what_is_no_rule_refuses_everything_and_says_where(ruled: ServerProcess) -> None:
    async with ruled.client() as client:
        write_policies(ruled, SMALL, "request.blocks.all(b,\n b.jbos == [])")
        await until(lambda: _refuses(client, naps(1)))
        (violation,) = await refusals(client, naps(1))
        assert 'policies.json:1: "Maintenance": Policies[1]: expression: Rules[1].Rule: ' in violation.message
        assert "line 2 column 2: b has no field jbos; it has desc, " in violation.message
        write_policies(ruled, SMALL)
        await until(lambda: _accepts(client, naps(1)))


async def test_a_rule_without_end_ends_at_its_limit_and_holds_up_no_stop(ruled: ServerProcess) -> None:
    async with ruled.client() as client, ruled.client() as other:
        write_policies(ruled, SLOW, Seconds=1.5)
        await until(lambda: _in_force(client, SLOW))
        judged = asyncio.create_task(refusals(client, naps(1)))
        await until(lambda: _has_child(ruled))
        began = time.monotonic()
        await other.set_stop("Maintenance", STOP, "smoke")
        took = time.monotonic() - began
        assert took < 1
        assert not judged.done()
        assert "a rule that takes longer than 1.5 s, which is the limit" in {v.found for v in await judged}
        await until(lambda: _has_no_child(ruled))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_the_judge_ends_with_its_server(ruled: ServerProcess, number: signal.Signals) -> None:
    async with ruled.client() as client:
        await client.submit(naps(1))
        (judge,) = children(ruled)
        if number is signal.SIGTERM:
            # One that is killed is begun again for the next request.
            os.kill(judge, signal.SIGKILL)
            await client.submit(naps(1))
            await until(lambda: _has_child(ruled))
            (judge,) = children(ruled)
        # Its own processes are told nothing by the terminal.
        assert os.getsid(judge) == judge
    await ruled.end(number)
    await until(lambda: _is_gone(judge))


async def test_a_server_without_rules_begins_no_judge(ruled: ServerProcess) -> None:
    async with ruled.client() as client:
        write_policies(ruled)
        await until(lambda: _has_no_rule(client))
        await client.submit(naps(1, 1, 1))
        assert not children(ruled)


async def _accepts(client: Client, request: pb.WorkReq) -> bool:
    return not await client.check(request)


async def _refuses(client: Client, request: pb.WorkReq) -> bool:
    return not await _accepts(client, request)


async def _in_force(client: Client, rule: str) -> bool:
    listed = (await client.list_policies()).workflow_types
    told = [json.loads(policy.settings_json) for kind in listed for policy in kind.policies]
    return any(rule == listed["Rule"] for settings in told for listed in settings.get("Rules", []))


async def _has_no_rule(client: Client) -> bool:
    return [len(kind.policies) for kind in (await client.list_policies()).workflow_types] == [1]


async def _has_child(server: ServerProcess) -> bool:
    return bool(children(server))


async def _has_no_child(server: ServerProcess) -> bool:
    return not children(server)


async def _is_gone(pid: int) -> bool:
    return not is_alive(pid)
