"""A secret's value is nowhere but in its job: not in the files, not on the wire, not in the log."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import block, ended, job
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import Rejected

SECRET = 'hunter2-"quoted"/and+more'
PLAIN = "typed-into-the-wrong-field"


class Webhook:
    """Takes one announcement after another, and answers with all that it got."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        await reader.readexactly(int(lines["content-length"]))
        token = next(line for line in head.splitlines() if line.startswith("Authorization: "))
        self.tokens.append(token.removeprefix("Authorization: Bearer "))
        echo = token.encode()
        writer.write(
            b"HTTP/1.1 500 No\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(echo), echo)
        )
        await writer.drain()
        writer.close()


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    hook = Webhook()
    listening = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hook"
    async with listening:
        yield hook


@pytest.fixture
async def server(tmp_path: Path, webhook: Webhook) -> AsyncIterator[ServerProcess]:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "token").write_text(SECRET + "\n")
    process = ServerProcess(tmp_path / "place")
    await process.init()
    toml = process.configs / "server.toml"
    toml.write_text(
        toml.read_text()
        + f'\n[secrets]\ndirectories = [{json.dumps(str(secrets))}]\n[jobs.announce]\nurl = "{webhook.url}"\n'
    )
    policies = process.configs / "policies.json"
    text = policies.read_text()
    assert '"AllowedJobs": ["sleep", "validateDecom"]' in text
    policies.write_text(text.replace('["sleep", "validateDecom"]', '["sleep", "validateDecom", "announce"]'))
    await process.start()
    try:
        yield process
    finally:
        await process.end()


def announcement(token: str) -> pb.WorkReq:
    made = block(job("announce", text="the hall is on fire", token=token), rate_limit=1)
    return pb.WorkReq(name="Maintenance", desc="tell them", blocks=[made])


def written(directory: Path) -> bytes:
    """Everything that the server has written, the packed archives unpacked."""
    found = b""
    for path in directory.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found += gzip.decompress(data) if path.suffix == ".gz" else data
    return found


async def told(client: Client, workflow: str) -> str:
    """All that a client can ask about a workflow."""
    answers = [
        await client.get(workflow),
        await client.status(workflow),
        await client.history(workflow),
        await client.get_job(workflow, 0, 0),
        await client.list_jobs(workflow, 0),
        await client.plan_rerun(workflow),
        *[message async for message in client.watch(workflow)],
    ]
    return "".join(repr(answer) + answer.to_json() for answer in answers)


async def test_the_value_is_where_it_belongs_and_nowhere_else(
    server: ServerProcess, webhook: Webhook, tmp_path: Path
) -> None:
    reference = f"file:{tmp_path}/secrets/token"
    async with server.client() as client:
        workflow = await client.submit(announcement(reference))
        await client.exec(workflow)
        await ended(client, workflow)
        answers = await told(client, workflow)
    assert webhook.tokens == [SECRET]
    assert reference in answers
    # The webhook sent it back in its error, which is stored and shown.
    assert "the webhook answered 500: Authorization: Bearer ***" in answers
    backup = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wf_server", "backup", str(server.directory / "b.db")),
        *("--db", str(server.database)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await backup.wait() == 0
    await server.end()
    for text in (answers, written(server.directory).decode(errors="replace")):
        assert "hunter2" not in text


async def test_a_plain_value_is_refused_and_not_repeated(server: ServerProcess, webhook: Webhook) -> None:
    async with server.client() as client:
        checked = await client.check(announcement(PLAIN))
        with pytest.raises(Rejected) as caught:
            await client.submit(announcement(PLAIN))
        kept = await client.get_rejection(caught.value.rejection_id)
    assert checked[0].arg == "token"
    assert "only a reference to it may stand here" in checked[0].message
    await server.end()
    for text in (repr(checked), repr(caught.value.violations), str(caught.value), kept.to_json()):
        assert PLAIN not in text
    assert PLAIN.encode() not in written(server.directory)
    assert webhook.tokens == []


@pytest.mark.parametrize("reference", ["env:PATH", "file:/etc/passwd", "file:{0}/secrets/../other"])
async def test_only_what_is_allowed_may_be_named(
    server: ServerProcess, tmp_path: Path, reference: str
) -> None:
    async with server.client() as client:
        violations = await client.check(announcement(reference.format(tmp_path)))
    assert [(v.arg, v.expected) for v in violations] == [
        ("token", "one that [secrets] of server.toml allows")
    ]
