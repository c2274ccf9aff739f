"""The tools beside a real server: while it runs, after it was killed, and when it has gone on."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import wf_proto as pb
from tests.e2e.requests import block, decom, ended, erase, erasure, job, token, until
from tests.e2e.server_process import ServerProcess, run_to_exit
from wf_proto.client import Client


async def tool(server: ServerProcess, *args: str, database: Path | None = None) -> str:
    command = [sys.executable, "-m", "wf_server", "--configs", str(server.configs)]
    code, out, err = await run_to_exit([*command, *args, "--db", str(database or server.database)])
    assert (code, err) == (0, ""), out + err
    return out


async def verify(server: ServerProcess, database: Path | None = None) -> dict[str, int]:
    told = json.loads(await tool(server, "verify", "--json", database=database))
    assert told["problems"] == []
    return {name: told[name] for name in ("workflows", "changes")}


async def test_histories_are_sound_at_every_stage_of_a_servers_life(
    server: ServerProcess, tmp_path: Path
) -> None:
    work = block(*(erase() for _ in range(20)), job("sleep", seconds="60"), rate_limit=4)
    async with server.client() as client:
        workflow_id = await client.submit(erasure(block(decom(), token()), work))
        await client.exec(workflow_id)
        await until(lambda: has_completed(client, workflow_id, 10))
        assert (await verify(server))["workflows"] == 1
        copy = tmp_path / "copy.db"
        await tool(server, "backup", str(copy))
    await server.end(signal.SIGKILL)
    before = await verify(server)
    copied = await verify(server, copy)
    assert copied["changes"] <= before["changes"]
    await server.start()
    async with server.client() as client:
        await client.cancel(workflow_id, "enough")
        assert (await ended(client, workflow_id)).status == pb.Status.CANCELLED
        after = await verify(server)
    assert after["changes"] > before["changes"]


async def test_a_server_goes_on_from_a_backup(server: ServerProcess, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with server.client() as client:
        workflow_id = await client.submit(erasure(block(decom(), token()), block(job("sleep", seconds="60"))))
        await client.exec(workflow_id)
        await until(lambda: has_completed(client, workflow_id, 1))
        await tool(server, "backup", str(copy))
    await server.end(signal.SIGKILL)
    await server.start("--db", str(copy))
    async with server.client() as client:
        assert (await client.get(workflow_id)).summary.status == pb.Status.RUNNING


async def has_completed(client: Client, workflow_id: str, jobs: int) -> bool:
    return bool((await client.get(workflow_id)).summary.jobs.completed >= jobs)
