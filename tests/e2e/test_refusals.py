"""What the sample policies refuse: every violation at its place, and the server lives on."""

from __future__ import annotations

import json

import pytest

import wf_proto as pb
from tests.e2e.requests import GO, block, decom, ended, erase, erasure, job, naps, token, until
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import EmergencyStopped, InvalidRequest, NotFound, Rejected

Place = tuple[str, int | None, int | None, str]


def places(violations: list[pb.Violation] | tuple[pb.Violation, ...]) -> set[Place]:
    return {(v.policy, v.block, v.job, v.arg) for v in violations}


CASES: dict[str, tuple[pb.WorkReq, set[Place]]] = {
    "two sites in one request": (
        erasure(block(decom(), token()), block(erase(), erase(site="aas"))),
        {("sameArgs", 1, 1, "site")},
    ),
    "an erase of a site other than the one validated": (
        erasure(block(decom("aap"), token()), block(erase(site="aas"), erase(site="aas"))),
        {("sameArgs", 1, 0, "site"), ("sameArgs", 1, 1, "site")},
    ),
    "no token job": (erasure(block(decom()), block(erase())), {("startOrEnd", 0, None, "")}),
    "the token job not first": (
        erasure(block(decom(), erase(), token()), block(erase())),
        {("startOrEnd", 0, 1, "")},
    ),
    "an erasure beside its own pre-conditions": (
        erasure(block(decom(), token(), erase(), rate_limit=3)),
        {("startOrEnd", 0, 2, "")},
    ),
    "a token job that does not insist": (
        erasure(block(decom(), token(fatal="false")), block(erase())),
        {("startOrEnd", 0, 1, "fatal")},
    ),
    "no check of the site": (erasure(block(token()), block(erase())), {("startOrEnd", 0, None, "")}),
    "no blocks": (
        pb.WorkReq(name="Maintenance", blocks=[]),
        {("validation", None, None, "")},
    ),
    "an empty block": (
        erasure(block(decom(), token()), pb.Block(), block(erase())),
        {("validation", 1, None, "")},
    ),
    "an unknown job": (
        erasure(block(decom(), token()), block(job("formatDisk"))),
        {("validation", 1, 0, ""), ("restrictJobTypes", 1, 0, "")},
    ),
    "an unlisted job type": (
        pb.WorkReq(name="Maintenance", blocks=[block(erase())]),
        {("restrictJobTypes", 0, 0, "")},
    ),
    "an unknown argument": (
        erasure(block(decom(), token()), block(job("diskErase", machine="aa00", site="aap", color="red"))),
        {("validation", 1, 0, "color")},
    ),
    "a missing argument": (
        erasure(block(decom(), token()), block(job("diskErase", site="aap"))),
        {("validation", 1, 0, "machine")},
    ),
    "a site that only looks like one": (
        erasure(block(decom(), token()), block(erase(site="xaaax"))),
        {("validation", 1, 0, "site"), ("sameArgs", 1, 0, "site")},
    ),
    "a site in service": (
        erasure(block(decom("aaa"), token()), block(erase(site="aaa"))),
        {("validation", 0, 0, "site")},
    ),
    "a machine that is not there": (
        erasure(block(decom(), token()), block(erase("zz99"))),
        {("validation", 1, 0, "machine")},
    ),
    "a number that is none": (
        pb.WorkReq(name="Maintenance", blocks=[block(job("sleep", seconds="soon"))]),
        {("validation", 0, 0, "seconds")},
    ),
    "a sleep of nothing": (
        pb.WorkReq(name="Maintenance", blocks=[block(job("sleep", seconds="0"))]),
        {("validation", 0, 0, "seconds")},
    ),
}


async def test_each_is_refused_with_its_place_and_the_server_lives_on(server: ServerProcess) -> None:
    async with server.client() as client:
        for name, (request, expected) in CASES.items():
            found = places(await client.check(request))
            assert found == expected, name
            with pytest.raises(Rejected) as caught:
                await client.submit(request)
            assert places(caught.value.violations) == expected, name
            assert caught.value.rejection_id
        assert await client.check(erasure()) == []
        workflow_id = await client.submit(naps(1))
        await client.exec(workflow_id)
        assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED


async def test_all_violations_come_at_once(server: ServerProcess) -> None:
    request = erasure(block(erase(site="aas"), token(bucket="no")), block(job("nope"), erase("a")))
    async with server.client() as client:
        found = await client.check(request)
    assert {v.policy for v in found} == {"validation", "restrictJobTypes", "sameArgs", "startOrEnd"}
    assert all(v.message for v in found)
    ordered = [(-1 if v.block is None else v.block, -1 if v.job is None else v.job) for v in found]
    assert ordered == sorted(ordered)


async def test_no_policy_for_the_name(server: ServerProcess) -> None:
    request = naps(1)
    request.name = "Unheard"
    async with server.client() as client:
        with pytest.raises(EmergencyStopped) as stopped:
            await client.submit(request)
        assert "noPolicy" in {v.policy for v in stopped.value.violations}
        await client.set_stop("Unheard", GO, "to see what else is wrong")
        with pytest.raises(Rejected) as caught:
            await client.submit(request)
    assert not isinstance(caught.value, EmergencyStopped)
    assert places(caught.value.violations) == {("noPolicy", None, None, "")}


async def test_a_rejection_is_kept_found_and_mended(server: ServerProcess) -> None:
    request = erasure(block(decom(), token()), block(erase(), erase(site="aas")))
    async with server.client("ann") as client:
        with pytest.raises(Rejected) as caught:
            await client.submit(request)
        rejection_id = caught.value.rejection_id
        listed = await client.list_rejections(text="sameArgs")
        assert [r.id for r in listed.rejections] == [rejection_id]
        assert (listed.rejections[0].operator, listed.rejections[0].violations) == ("ann", 1)
        await server.restart()
    async with server.client("bob") as client:
        kept = await client.get_rejection(rejection_id)
        assert kept.work_req == request
        assert places(kept.violations) == {("sameArgs", 1, 1, "site")}
        kept.work_req.blocks[1].jobs[1].args["site"] = "aap"
        workflow_id = await client.submit(kept.work_req, mends_rejection_id=rejection_id)
        assert (await client.get_rejection(rejection_id)).summary.mended_by_workflow_id == workflow_id
        assert (await client.get(workflow_id)).summary.mends_rejection_id == rejection_id
        with pytest.raises(NotFound):
            await client.submit(kept.work_req, mends_rejection_id="x")
        with pytest.raises(NotFound):
            await client.get_rejection("x")


async def test_start_or_end_with_end(server: ServerProcess) -> None:
    policies = server.configs / "policies.json"
    policies.write_text(
        '{"Name": "Maintenance", "Policies": [{"Name": "startOrEnd", "Settings": {"JobName": "sleep",'
        ' "MustArgs": {"seconds": "1"}, "End": true, "AllowedBeforeOrAfter": ["validateDecom"]}}]}'
    )
    await server.restart()
    good = pb.WorkReq(name="Maintenance", blocks=[block(decom()), block(job("sleep", seconds="1"), decom())])
    missing = pb.WorkReq(name="Maintenance", blocks=[block(job("sleep", seconds="1")), block(decom())])
    wrong = pb.WorkReq(name="Maintenance", blocks=[block(job("sleep", seconds="2"))])
    async with server.client() as client:
        assert await client.check(good) == []
        assert places(await client.check(missing)) == {("startOrEnd", 0, 0, "")}
        assert places(await client.check(wrong)) == {("startOrEnd", 0, 0, "seconds")}
        assert await client.check(pb.WorkReq(name="Maintenance"))


def _leveled(level: str, **settings: object) -> str:
    restrict = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["sleep"]}}
    limit = {"Name": "maxJobs", "Level": level, "Settings": settings}
    return json.dumps({"Name": "Maintenance", "Policies": [restrict, limit]}) + "\n"


async def test_warnings_are_acknowledged_by_name_and_hold_for_exec(server: ServerProcess) -> None:
    (server.configs / "policies.json").write_text(_leveled("warn", WorkReq=1))
    await server.restart()
    request = naps(1, 1)
    async with server.client() as client:
        (found,) = await client.check(request)
        assert (found.policy, found.level) == ("maxJobs", pb.PolicyLevel.WARN)
        with pytest.raises(Rejected, match="to submit it all the same, acknowledge maxJobs") as error:
            await client.submit(request)
        assert error.value.violations[0].level == pb.PolicyLevel.WARN
        kept = await client.get_rejection(error.value.rejection_id)
        assert kept.violations[0].level == pb.PolicyLevel.WARN
        with pytest.raises(InvalidRequest, match=r"there is no policy .maxjobs.; known are allowedArgs"):
            await client.submit(request, acknowledge=["maxjobs"])
        workflow_id = await client.submit(request, acknowledge=["maxJobs"])
        never = await client.submit(request, acknowledge=["maxJobs"])
    # It is on record, so a restart does not forget it.
    await server.restart()
    async with server.client() as client:
        await client.exec(workflow_id)
        assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED
    (server.configs / "policies.json").write_text(_leveled("deny", WorkReq=1))
    await server.restart()
    async with server.client() as client:
        with pytest.raises(Rejected, match="too many jobs"):
            await client.exec(never)
        with pytest.raises(Rejected, match="too many jobs"):
            await client.submit(request, acknowledge=["maxJobs"])


async def test_a_refusal_names_every_policy_to_acknowledge_however_long_it_is(server: ServerProcess) -> None:
    restrict = {"Name": "restrictJobTypes", "Level": "warn", "Settings": {"AllowedJobs": ["validateDecom"]}}
    pace = {"Name": "maxConcurrency", "Level": "warn", "Settings": {"Block": 9}}
    entry = {"Name": "Maintenance", "Policies": [restrict, pace]}
    (server.configs / "policies.json").write_text(json.dumps(entry))
    await server.restart()
    nap = job("sleep", seconds="1")
    request = pb.WorkReq(name="Maintenance", blocks=[block(*[nap] * 200), block(nap, rate_limit=10)])
    async with server.client() as client:
        with pytest.raises(Rejected) as error:
            await client.submit(request)
        found = error.value.violations
        assert len(found) < 200
        assert {violation.level for violation in found} == {pb.PolicyLevel.WARN}
        assert found[-1].message == "1 more violation, which Check lists"
        names = {violation.policy for violation in found}
        assert names == {"restrictJobTypes", "maxConcurrency"}
        await client.submit(request, acknowledge=names)


async def test_a_dry_run_records_and_refuses_nothing(server: ServerProcess) -> None:
    (server.configs / "policies.json").write_text(_leveled("dryRun", WorkReq=1))
    await server.restart()
    async with server.client() as client:
        (found,) = await client.check(naps(1, 1))
        assert (found.policy, found.level) == ("maxJobs", pb.PolicyLevel.DRY_RUN)
        await client.submit(naps(1, 1))
        await client.submit(naps(1, 1))
        await client.submit(naps(1))
        ((restrict, limit),) = [kind.policies for kind in (await client.list_policies()).workflow_types]
        assert (restrict.level, restrict.breaches) == (pb.PolicyLevel.DENY, 0)
        assert (limit.level, limit.breaches) == (pb.PolicyLevel.DRY_RUN, 2)
        # Beside a refusal it is not told as one.
        with pytest.raises(Rejected) as error:
            await client.submit(pb.WorkReq(name="Maintenance", blocks=[block(decom(), decom())]))
        assert {violation.policy for violation in error.value.violations} == {"restrictJobTypes"}
    assert "broken in a dry run" in server.log()


def _frozen(level: str) -> str:
    restrict = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["sleep"]}}
    always = {"From": "1970-01-01", "To": "2199-12-30", "Reason": "audit"}
    frozen = {"Name": "changeWindow", "Level": level, "Settings": {"TimeZone": "UTC", "Frozen": [always]}}
    policies = [restrict, frozen] if level else [restrict]
    return json.dumps({"Name": "Maintenance", "Policies": policies}) + "\n"


@pytest.mark.parametrize("level", ["deny", "warn", "dryRun"])
async def test_a_freeze_is_asked_again_at_each_blocks_start(server: ServerProcess, level: str) -> None:
    policies = server.configs / "policies.json"
    request = pb.WorkReq(
        name="Maintenance", blocks=[block(job("sleep", seconds="3")), block(job("sleep", seconds="1"))]
    )
    async with server.client() as client:
        policies.write_text(_frozen(""))
        await until(lambda: _has_policies(client, 1))
        workflow_id = await client.submit(request)
        await client.exec(workflow_id)
        # However long it takes until the new policies are in force, the next block waits for that.
        await client.pause(workflow_id, "until the freeze begins")
        policies.write_text(_frozen(level))
        await until(lambda: _has_policies(client, 2))
        await client.resume(workflow_id)
        if level == "deny":
            with pytest.raises(Rejected, match="changes are frozen: audit"):
                await client.submit(request)
        if level != "dryRun":
            await until(lambda: _is_held(client, workflow_id))
            held = (await client.get(workflow_id)).summary
            assert "block 1 (a block) waits: changeWindow" in held.reason
            assert "changes are frozen: audit" in held.activity
            assert held.until is not None
            assert held.until.year == 2199
        if level == "deny":
            # No go helps against what forbids it; it begins by itself once it may.
            with pytest.raises(Rejected, match="changes are frozen: audit"):
                await client.release(workflow_id, 1)
            policies.write_text(_frozen(""))
        if level == "warn":
            await client.release(workflow_id, 1)
        assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED


async def _has_policies(client: Client, count: int) -> bool:
    listed = await client.list_policies()
    return {kind.name: len(kind.policies) for kind in listed.workflow_types} == {"Maintenance": count}


async def _is_held(client: Client, workflow_id: str) -> bool:
    return (await client.get(workflow_id)).summary.status == pb.Status.HELD


async def test_broken_policies_refuse_with_the_reason_until_mended(server: ServerProcess) -> None:
    policies = server.configs / "policies.json"
    good = policies.read_text()
    async with server.client() as client:
        policies.write_text(good.replace("restrictJobTypes", "restrictEverything"))
        found = await _wait_for_refusal(client, refused=True)
        assert [v.policy for v in found] == ["policies.json"]
        assert "restrictEverything" in found[0].message
        listed = await client.list_policies()
        assert "restrictEverything" in listed.problem
        kept = ["SatelliteDiskErase", "Maintenance", "SatelliteDecomCheck"]
        assert [t.name for t in listed.workflow_types] == kept
        policies.write_text(good)
        assert await _wait_for_refusal(client, refused=False) == []


async def _wait_for_refusal(client: Client, *, refused: bool) -> list[pb.Violation]:
    for _ in range(500):
        found = await client.check(naps(1))
        if bool(found) == refused:
            return found
    raise AssertionError("policies.json was not followed")
