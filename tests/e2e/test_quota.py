"""quota on a real server: exact under many jobs at once and over a kill; what waits is told, and obeys."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import wf_proto as pb
from tests.e2e.requests import STOP, block, decom, ended, job, until
from tests.e2e.server_process import ServerProcess
from tests.e2e.test_wf import wf
from tests.torture import records
from tests.torture.tokens import expect_within, on_record, tokens_by_history
from wf_proto.client import Client
from wf_proto.errors import Rejected

ALLOW = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["sleep", "validateDecom"]}}


async def started(directory: Path, **settings: Any) -> ServerProcess:
    """A server with one quota, for one of its two workflow types."""
    server = ServerProcess(directory)
    await server.init()
    quota = {"Name": "quota", "Settings": settings}
    entries = [
        {"Name": "Maintenance", "Policies": [ALLOW, quota]},
        {"Name": "SatelliteDecomCheck", "Policies": [ALLOW]},
    ]
    (server.configs / "policies.json").write_text("\n".join(map(json.dumps, entries)))
    await server.start()
    return server


def checks(count: int, site: str = "aap") -> pb.WorkReq:
    """So many jobs at a site, all at once."""
    return pb.WorkReq(name="Maintenance", blocks=[block(*[decom(site)] * count, rate_limit=count)])


LIMIT, PER_US = 200, 1_000_000


@pytest.mark.timeout(180)
async def test_a_thousand_jobs_at_once_and_a_kill_in_the_middle(tmp_path: Path) -> None:
    server = await started(tmp_path, Label="seconds", Limit=LIMIT, Per="1s", JobTypes=["sleep"])
    try:
        naps = [job("sleep", seconds="1")] * 100
        async with server.client() as client:
            request = pb.WorkReq(name="Maintenance", blocks=[block(*naps, rate_limit=100)])
            ids = [await client.submit(request) for _ in range(10)]
            await asyncio.gather(*map(client.exec, ids))
            await until(lambda: _have_begun(server, 2 * LIMIT + 50), 60)
        await server.restart()
        async with server.client() as client:
            for workflow_id in ids:
                assert (await ended(client, workflow_id, 60)).status == pb.Status.COMPLETED
        assert "Traceback" not in server.log()
    finally:
        await server.end()
    with closing(sqlite3.connect(server.database)) as connection:
        tokens = tokens_by_history(records.read_from(connection), "seconds", PER_US)
        assert len({token[1:4] for token in tokens}) == 1_000
        expect_within(tokens, LIMIT, PER_US)
        assert on_record(connection) == sorted(tokens)


async def _have_begun(server: ServerProcess, jobs: int) -> bool:
    with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM quota_token").fetchone()
    return bool(count >= jobs)


async def _waits(client: Client, workflow_id: str) -> bool:
    return (await client.get(workflow_id)).summary.activity.startswith("waiting: quota")


async def _is_paused(client: Client, workflow_id: str) -> bool:
    return (await client.get(workflow_id)).summary.status == pb.Status.PAUSED


async def test_what_waits_is_told_and_can_be_paused_cancelled_and_stopped(tmp_path: Path) -> None:
    server = await started(tmp_path, Label="site", Limit=2, Per="1h", JobTypes=["validateDecom"])
    try:
        async with server.client() as client:
            ids = [await client.submit(checks(3)) for _ in range(3)]
            for workflow_id in ids:
                await client.exec(workflow_id)
                await until(lambda w=workflow_id: _waits(client, w))  # type: ignore[misc]
            first, second, third = ids
            waiting = (await client.get(first)).summary
            assert waiting.status == pb.Status.RUNNING
            assert waiting.activity.startswith('waiting: quota site="aap" 2 of 2 until ')
            assert waiting.until is not None
            # Another type takes tokens too, and never waits; another site has its own.
            other = pb.WorkReq(name="SatelliteDecomCheck", blocks=[block(decom())])
            for request in (other, checks(1, "adg")):
                workflow_id = await client.submit(request)
                await client.exec(workflow_id)
                assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED
            (quota,) = await client.list_quotas()
            assert (quota.label, quota.limit, quota.per_seconds) == ("site", "2", 3600.0)
            assert (quota.workflow_types, quota.job_types) == (["Maintenance"], ["validateDecom"])
            told = [(g.value, g.taken, g.limit, g.waiting) for g in quota.gauges]
            assert told == [("aap", 3, 2, 3), ("adg", 1, 2, 0)]
            await client.pause(first, "lunch")
            await until(lambda: _is_paused(client, first))
            assert (await client.list_quotas())[0].gauges[0].waiting == 2
            await client.resume(first, "")
            await until(lambda: _waits(client, first))
            code, out, _ = await wf(server, "quotas")
            assert code == 0
            assert "site=aap" in out
            assert "3 of 2" in out
            code, out, _ = await wf(server, "status", first)
            assert "waiting: quota site=" in out
            await client.cancel(second, "not today")
            assert (await ended(client, second)).status == pb.Status.CANCELLED
        # What waited goes on waiting, and what was taken stays taken.
        await server.restart()
        async with server.client() as client:
            await until(lambda: _waits(client, third))
            assert [(g.value, g.taken) for g in (await client.list_quotas())[0].gauges] == [
                ("aap", 3),
                ("adg", 1),
            ]
            await client.set_stop("Maintenance", STOP, "smoke")
            for workflow_id in (first, third):
                assert (await ended(client, workflow_id)).status == pb.Status.STOPPED
            receipt = await client.get_receipt(third)
            assert receipt.never_started == 3
            assert (await client.list_quotas())[0].gauges[0].waiting == 0
    finally:
        await server.end()


async def test_it_goes_on_by_itself_and_when_the_limit_is_raised(tmp_path: Path) -> None:
    server = await started(tmp_path, Label="site", Limit=1, Per="2s")
    try:
        async with server.client() as client:
            workflow_id = await client.submit(checks(2))
            await client.exec(workflow_id)
            assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED
            policies = server.configs / "policies.json"
            policies.write_text(policies.read_text().replace('"2s"', '"1h"'))
            await until(lambda: _counts_for(client, 3600.0))
            workflow_id = await client.submit(checks(2))
            await client.exec(workflow_id)
            await until(lambda: _waits(client, workflow_id))
            policies.write_text(policies.read_text().replace('"Limit": 1', '"Limit": 5'))
            assert (await ended(client, workflow_id)).status == pb.Status.COMPLETED
    finally:
        await server.end()


async def _counts_for(client: Client, seconds: float) -> bool:
    return [quota.per_seconds for quota in await client.list_quotas()] == [seconds]


async def test_what_could_never_begin_or_not_in_time_is_refused(tmp_path: Path) -> None:
    server = await started(tmp_path, Label="site", Limit="10%", Per="1h", MaxWait="3h")
    try:
        async with server.client() as client:
            with pytest.raises(Rejected, match=r"would wait too long .*: the last begins 7h later"):
                await client.submit(checks(40))
            (violation,) = await client.check(checks(40))
            assert (violation.policy, violation.block, violation.job, violation.arg) == (
                "quota",
                0,
                0,
                "site",
            )
            policies = server.configs / "policies.json"
            policies.write_text(policies.read_text().replace("10%", "1%"))
            await until(lambda: _never(client))
    finally:
        await server.end()


async def _never(client: Client) -> bool:
    return [v.message for v in await client.check(checks(1))] == ["no such job can ever begin"]
