"""A whole server that archives while it serves."""

import asyncio
import tempfile
from pathlib import Path

import pytest

import wf_proto as pb
from wf_proto.client import Client
from wf_proto.errors import NotFound
from wf_server.app import App, Places
from wf_server.sample import write_sample
from wf_server.testing import ManualClock, settle


async def ended(client: Client, workflow_id: str, clock: ManualClock) -> None:
    async with asyncio.timeout(30):
        while (await client.get(workflow_id)).summary.status != pb.Status.COMPLETED:
            await clock.advance(1)


async def test_a_server_archives_by_the_hour_and_serves_no_more_what_is_gone(tmp_path: Path) -> None:
    write_sample(tmp_path, demo=False)
    toml = tmp_path / "configs" / "server.toml"
    toml.write_text(toml.read_text().replace("workflows = 10000", "workflows = 1"))
    clock = ManualClock()
    # A socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="wf-") as short:
        places = Places(f"unix:{short}/s", tmp_path / "configs", tmp_path / "data", tmp_path / "wf.db")
        app = await App.build(places, clock)
        try:
            await app.start()
            await _archives(app, clock, tmp_path)
        finally:
            await app.close()


async def _archives(app: App, clock: ManualClock, tmp_path: Path) -> None:
    nap = pb.Job(name="sleep", desc="a nap", args={"seconds": "1"})
    request = pb.WorkReq(name="Maintenance", desc="", blocks=[pb.Block(desc="", rate_limit=1, jobs=[nap])])
    async with Client(app.address) as client:
        ids = [await client.submit(request) for _ in range(3)]
        for workflow_id in ids[:2]:
            await client.exec(workflow_id)
            await ended(client, workflow_id, clock)
        await clock.advance(3_700)
        async with asyncio.timeout(30):
            while len((await client.list()).workflows) > 2:
                await settle()
        # The first that ended; one that never started has not ended.
        assert [found.id for found in (await client.list()).workflows] == [ids[2], ids[1]]
        with pytest.raises(NotFound):
            await client.get(ids[0])
        assert (await client.get(ids[1])).summary.status == pb.Status.COMPLETED
        assert (await client.server_info()).problems == []
    assert [path.name for path in (tmp_path / "archive").iterdir()] == ["workflows-2023-11-14.jsonl.gz"]
