"""mutex on a real server: who was executed first has the site until its end, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import block, decom, ended, job, until
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import Rejected

ALLOW = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["sleep", "validateDecom"]}}
MUTEX = {"Name": "mutex", "Settings": {"Args": ["site"]}}


def write_policies(server: ServerProcess, level: str = "deny") -> None:
    entries = [
        {"Name": "Maintenance", "Policies": [ALLOW, {**MUTEX, "Level": level}]},
        {"Name": "SatelliteDecomCheck", "Policies": [ALLOW]},
    ]
    (server.configs / "policies.json").write_text("\n".join(map(json.dumps, entries)))


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server on which one workflow of a site runs at a time."""
    server = ServerProcess(tmp_path)
    await server.init()
    write_policies(server)
    await server.start()
    yield server
    await server.end()


def at(*sites: str, seconds: int = 600, name: str = "Maintenance", hold: bool = False) -> pb.WorkReq:
    """Work at some sites that takes a while."""
    first = block(*[decom(site) for site in sites])
    first.hold = hold
    return pb.WorkReq(name=name, blocks=[first, block(job("sleep", seconds=str(seconds)))])


async def test_of_many_executed_at_once_one_runs(locked: ServerProcess) -> None:
    async with locked.client() as client:
        ids = [await client.submit(at("aap")) for _ in range(20)]
        other = await client.submit(at("adg"))
        results = await asyncio.gather(*map(client.exec, ids), client.exec(other), return_exceptions=True)
        assert results.pop() is None
        assert results.count(None) == 1
        holder = ids[results.index(None)]
        for error in results:
            if error is not None:
                assert isinstance(error, Rejected)
                (violation,) = error.violations
                assert (violation.policy, violation.block, violation.job) == ("mutex", 0, 0)
                assert (
                    f'site="aap" in use by workflow {holder} (Maintenance, by tester, ' in violation.message
                )
                assert "one at a time" in violation.expected
        # What was refused was not executed: it is, once the other has ended.
        loser = next(workflow_id for workflow_id in ids if workflow_id != holder)
        assert (await client.get(loser)).summary.status == pb.Status.NOT_STARTED
        await client.cancel(holder, "to let the next one run")
        await ended(client, holder)
        await client.exec(loser)


async def _has(client: Client, workflow_id: str, status: pb.Status) -> bool:
    return (await client.get(workflow_id)).summary.status == status


@pytest.mark.parametrize("how", ["paused", "held", "queued"])
async def test_who_waits_keeps_the_site_and_over_a_restart_too(locked: ServerProcess, how: str) -> None:
    if how == "queued":
        toml = locked.configs / "server.toml"
        toml.write_text(toml.read_text() + "[limits]\nmax_running = 1\n")
        await locked.restart()
    async with locked.client("ann") as client:
        if how == "queued":
            await client.exec(await client.submit(at("adg")))
        waiting = await client.submit(at("aap", hold=how == "held"))
        await client.exec(waiting)
        if how == "paused":
            await client.pause(waiting, "lunch")
        await until(lambda: _has(client, waiting, pb.Status.from_string(how.upper())))
    await locked.restart()
    async with locked.client("bob") as client:
        planned = await client.plan_rerun(waiting)
        rerun = await client.submit(planned.work_req, lineage=planned.lineage)
        with pytest.raises(
            Rejected, match=rf"in use by workflow {waiting} \(Maintenance, by ann, {how}, since"
        ):
            await client.exec(rerun)
        await client.cancel(waiting, "bob is in a hurry")
        await ended(client, waiting)
        await client.exec(rerun)


async def test_a_warning_is_acknowledged_and_types_without_the_policy_count_too(
    locked: ServerProcess,
) -> None:
    write_policies(locked, "warn")
    await locked.restart()
    async with locked.client() as client:
        check = await client.submit(at("aap", name="SatelliteDecomCheck"))
        await client.exec(check)
        assert await client.check(at("aap")) == []
        with pytest.raises(Rejected, match=f"in use by workflow {check} .*acknowledge mutex"):
            await client.exec(await client.submit(at("adg", "aap")))
        await client.exec(await client.submit(at("aap"), acknowledge=["mutex"]))
        # The other type has no such policy: it never asks.
        await client.exec(await client.submit(at("aap", name="SatelliteDecomCheck")))
