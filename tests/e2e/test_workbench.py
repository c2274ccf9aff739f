"""The policy workbench on a real server: drafts tried on what is stored, cases, and explanations."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import GO, STOP, erasure, naps
from tests.e2e.secured import SecuredServer, known
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import InvalidRequest, NotFound, Overloaded, PermissionDenied, Rejected
from wf_server.model.caller import Grant, Role

REFUSED, PASSES, WARNS = (pb.Verdict.from_string(word) for word in ("REFUSED", "PASSES", "WARNS"))


def draft(at_most: int, level: str = "deny", **settings: object) -> str:
    rule = {"Name": "maxJobs", "Level": level, "Settings": {"WorkReq": at_most, **settings}}
    return json.dumps({"Name": "Maintenance", "Policies": [rule]})


async def trial(client: Client, text: str, **options: int | str) -> list[pb.TestStoredResponse]:
    """Tests a draft, and waits for its turn."""
    while True:
        try:
            return [news async for news in client.test_policies(text, **options)]  # type: ignore[arg-type]
        except Overloaded:
            await asyncio.sleep(0.1)


def found_in(news: list[pb.TestStoredResponse]) -> dict[str, pb.TestedRequest]:
    return {tested.id: tested for message in news for tested in message.found}


async def rejected(client: Client) -> str:
    with pytest.raises(Rejected) as refusal:
        await client.submit(pb.WorkReq(name="Maintenance", blocks=naps(1).blocks * 40_000))
    return refusal.value.rejection_id


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    async with ServerProcess(tmp_path) as server:
        yield server


async def test_a_draft_is_tried_on_what_is_stored(server: ServerProcess) -> None:
    async with server.client() as client:
        small, large = await client.submit(naps(1)), await client.submit(naps(1, 1, 1))
        other = await client.submit(erasure())
        with pytest.raises(Rejected) as refusal:
            await client.submit(pb.WorkReq(name="Unheard", blocks=naps(1).blocks))
        unheard = refusal.value.rejection_id

        news = await trial(client, draft(2))
        found, summary = found_in(news), news[-1].summary
        assert set(found) == {large, other, unheard}
        assert (found[large].before, found[large].after) == (PASSES, REFUSED)
        assert [v.policy for v in found[large].violations] == ["maxJobs"]
        assert [v.policy for v in found[other].violations] == ["noPolicy"]
        assert found[unheard].rejection
        assert summary is not None
        assert (summary.tested, summary.refused, summary.newly_refused) == (4, 3, 2)
        assert [(p.policy, p.requests) for p in summary.policies] == [("maxJobs", 1), ("noPolicy", 2)]
        assert (news[-1].done, news[-1].total) == (4, 4)

        news = await trial(client, draft(2).replace("Maintenance", "Unheard"))
        assert (found_in(news)[unheard].before, found_in(news)[unheard].after) == (REFUSED, PASSES)
        assert news[-1].summary is not None
        assert news[-1].summary.newly_passing == 1

        for level, counted in (("warn", "warned"), ("dryRun", "dry_run")):
            summary = (await trial(client, draft(2, level), name="Maintenance"))[-1].summary
            assert summary is not None
            assert (summary.tested, summary.refused, getattr(summary, counted)) == (2, 0, 1)
        # Nothing was stored, and nothing is in force.
        assert {w.id for w in (await client.list()).workflows} == {small, large, other}
        await client.submit(naps(1, 1, 1))


async def test_a_stop_is_no_policy(server: ServerProcess) -> None:
    async with server.client() as client:
        await client.set_stop("Maintenance", STOP, "smoke")
        with pytest.raises(Rejected) as refusal:
            await client.submit(naps(1, 1))
        await client.set_stop("Maintenance", GO, "over")
        news = await trial(client, draft(1))
        found = found_in(news)[refusal.value.rejection_id]
        assert (found.before, found.after) == (PASSES, REFUSED)
        told = await client.explain_rejection(refusal.value.rejection_id)
        assert (told.verdict, told.others) == (PASSES, [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the draft:1: there is no entry"),
        ("{", "the draft:1:2: not JSON"),
        ('{"Name": "T", "Policies": [{"Name": "maxJob"}]}', "there is no policy"),
        ("x" * 1_048_577, "at most 1,048,576 are read"),
        (
            json.dumps(
                {
                    "Name": "T",
                    "Policies": [
                        {
                            "Name": "changeWindow",
                            "Settings": {"TimeZone": "UTC", "FrozenCalendars": ["/etc/passwd"]},
                        }
                    ],
                }
            ),
            "a draft names no other files",
        ),
    ],
    ids=["empty", "no JSON", "unknown policy", "too long", "a file elsewhere"],
)
async def test_what_is_no_draft_is_told(server: ServerProcess, text: str, told: str) -> None:
    async with server.client() as client:
        with pytest.raises(InvalidRequest, match=told):
            await client.test_case(naps(1), text)
        with pytest.raises(InvalidRequest, match=told):
            await trial(client, text)


async def test_a_test_holds_nothing_up(server: ServerProcess) -> None:
    async with server.client() as client:
        for _ in range(5):
            await client.submit(naps(*[1] * 10_000, rate_limit=100))
        testing = asyncio.create_task(trial(client, draft(2)))
        slowest = 0.0
        while not testing.done():
            begin = time.monotonic()
            await client.server_info()
            slowest = max(slowest, time.monotonic() - begin)
        print(f"slowest answer beside a test of 50,000 jobs: {slowest * 1000:.0f} ms")
        summary = testing.result()[-1].summary
        assert summary is not None
        assert summary.refused == 5


async def test_cases(server: ServerProcess) -> None:
    async with server.client() as client:
        assert (await client.test_case(naps(1, 1, 1), draft(2))).verdict == REFUSED
        assert (await client.test_case(naps(1), draft(2))).verdict == PASSES
        answer = await client.test_case(naps(1, 1, 1), draft(2, "warn"))
        assert (answer.verdict, [v.policy for v in answer.violations]) == (WARNS, ["maxJobs"])
        answer = await client.test_case(naps(1, 1, 1), draft(2, "warn"), acknowledge=["maxJobs"])
        assert answer.verdict == PASSES
        window = {"TimeZone": "UTC", "Frozen": [{"From": "2026-03-29", "To": "2026-03-29"}]}
        frozen = json.dumps(
            {"Name": "Maintenance", "Policies": [{"Name": "changeWindow", "Settings": window}]}
        )
        assert (await client.test_case(naps(1), frozen, 1_774_785_600_000_000)).verdict == REFUSED
        assert (await client.test_case(naps(1), frozen, 1_774_872_000_000_000)).verdict == PASSES


async def test_each_policy_is_explained(server: ServerProcess) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(naps(1, 1, 1))
        told = await client.explain(workflow_id)
        assert (told.name, told.verdict, told.others) == ("Maintenance", PASSES, [])
        assert told.policies
        assert not any(outcome.violations for outcome in told.policies)
        (server.configs / "policies.json").write_text(draft(2))
        async with asyncio.timeout(20):
            while (told := await client.explain(workflow_id)).verdict != REFUSED:
                await asyncio.sleep(0.05)
        (outcome,) = told.policies
        assert (outcome.policy, outcome.violated) == ("maxJobs", 1)
        assert json.loads(outcome.settings_json) == {"WorkReq": 2}
        assert outcome.violations[0].expected
        await client.set_stop("Maintenance", STOP, "smoke")
        assert [v.policy for v in (await client.explain(workflow_id)).others] == ["emergencyStop"]
        with pytest.raises(NotFound):
            await client.explain("nobody")
        with pytest.raises(NotFound):
            await client.explain_rejection("nobody")


async def test_types_of_others_are_not_told(tmp_path: Path) -> None:
    async with SecuredServer(tmp_path) as server:
        server.add("ann", [Grant(Role.OPERATOR, "Maintenance")])
        server.add("vera", [Grant(Role.VIEWER)])
        server.add("last", [Grant(Role.ADMIN)])
        async with server.client("last") as last, asyncio.timeout(20):
            await known(last)
        async with server.client() as root:
            mine, others = await root.submit(naps(1, 1)), await root.submit(erasure())
        async with server.client("ann") as ann:
            assert set(found_in(await trial(ann, draft(1)))) == {mine}
            with pytest.raises(PermissionDenied):
                await ann.explain(others)
        async with server.client("vera") as vera:
            with pytest.raises(PermissionDenied):
                await anext(vera.test_policies(draft(1)))
            assert (await vera.explain(others)).name == "SatelliteDiskErase"


async def wf(server: ServerProcess, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("wf")), *arguments),
        env={**os.environ, "WF_ADDRESS": server.address, "COLUMNS": "200"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


CASES = """\
cases:
  - name: one nap
    expect: pass
    workReq: {name: Maintenance, blocks: [{jobs: [{name: sleep, args: {seconds: 1}}]}]}
  - name: two naps
    expect: %s
    by: [maxJobs]
    file: naps.json
"""


async def test_wf_policy(server: ServerProcess, tmp_path: Path) -> None:
    text = tmp_path / "draft.json"
    text.write_text(draft(1))
    async with server.client() as client:
        await client.submit(naps(1))
        large = await client.submit(naps(1, 1))
    code, out, _ = await wf(server, "policy", "test", str(text))
    assert code == 0
    assert "would have refused 1 of 2: 1 that passed, 0 that were refused before too" in out
    assert large in out
    assert "maxJobs: 1" in out
    naps_file = {
        "name": "Maintenance",
        "blocks": [{"jobs": [{"name": "sleep", "args": {"seconds": "1"}}] * 2}],
    }
    (tmp_path / "naps.json").write_text(json.dumps(naps_file))
    cases = tmp_path / "cases.yaml"
    cases.write_text(CASES % "refuse")
    code, out, _ = await wf(server, "policy", "test", str(text), "--cases", str(cases))
    assert (code, "2 cases, 0 failed" in out) == (0, True)
    cases.write_text(CASES % "pass")
    code, out, told = await wf(server, "policy", "test", str(text), "--cases", str(cases))
    assert (code, "2 cases, 1 failed" in out) == (1, True)
    assert "expected that it passes, but it is refused" in out
    assert "maxJobs" in told
    code, _, told = await wf(server, "policy", "test", str(cases))
    assert code == 2
    assert "the draft:1:1" in told
    code, out, _ = await wf(server, "policy", "explain", large)
    assert code == 0
    assert "restrictJobTypes" in out
    assert "✓ kept" in out
    assert (await wf(server, "policy", "explain", "nobody"))[0] == 7
