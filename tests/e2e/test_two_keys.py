"""Releasing an emergency stop with two keys, on a real server, by two people who prove who they are."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import GO, STOP, naps, until
from tests.e2e.secured import SecuredServer, known, now_us
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import EmergencyStopped, FailedPrecondition, PermissionDenied
from wf_server.model.caller import Grant, Role

TYPE = "Maintenance"
PATIENCE = 20
PEOPLE = ("ann", "bob", "carl", "vera")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SecuredServer]:
    made = SecuredServer(tmp_path, PEOPLE)
    await made.init()
    with (made.configs / "server.toml").open("a") as file:
        file.write('[stops]\ntwo_keys = true\nkey_valid = "10m"\n')
    for name in PEOPLE:
        made.add(name, [Grant(Role.VIEWER if name == "vera" else Role.OPERATOR)])
    await made.start()
    try:
        yield made
    finally:
        await made.end()


def by_certificate(server: SecuredServer, name: str) -> Client:
    return Client(server.address, credentials=server.certificate(name))


async def stop_of(client: Client, name: str = TYPE) -> pb.Stop:
    return next(stop for stop in (await client.list_stops()).stops if stop.name == name)


async def engaged(server: SecuredServer) -> str:
    """Stops the type while a workflow of it waits to be executed; returns its id."""
    async with by_certificate(server, "ann") as ann:
        waiting = await ann.submit(naps(1, 1))
        await ann.set_stop(TYPE, STOP, "smoke in row 4")
    return waiting


async def test_two_certificates_release_a_stop(server: SecuredServer) -> None:
    waiting = await engaged(server)
    async with by_certificate(server, "bob") as bob:
        plan = await bob.plan_release(TYPE)
        assert (plan.types, plan.workflows, plan.jobs, plan.two_keys) == ([TYPE], 1, 2, True)
        assert [summary.id for summary in plan.newest] == [waiting]
        stop = (await bob.set_stop(TYPE, GO, "row 4 is clear")).stop
        assert (stop.status, stop.operator) == (STOP, "ann")
        assert stop.key is not None
        assert (stop.key.operator, stop.key.reason) == ("bob", "row 4 is clear")
        with pytest.raises(FailedPrecondition, match="bob has turned the first key"):
            await bob.set_stop(TYPE, GO, "really")
    # The same person by another way in is the same person.
    async with server.client("bob") as bob:
        with pytest.raises(FailedPrecondition, match="bob has turned the first key"):
            await bob.set_stop(TYPE, GO, "really")
        with pytest.raises(EmergencyStopped):
            await bob.exec(waiting)
    async with by_certificate(server, "vera") as vera:
        with pytest.raises(PermissionDenied):
            await vera.set_stop(TYPE, GO, "me too")
        with pytest.raises(PermissionDenied):
            await vera.withdraw_stop_key(TYPE)

    await server.restart()
    async with by_certificate(server, "carl") as carl:
        stop = await stop_of(carl)
        assert stop.key is not None
        assert stop.key.operator == "bob"
        stop = (await carl.set_stop(TYPE, GO, "seen it too")).stop
        assert (stop.status, stop.operator, stop.first_operator) == (GO, "carl", "bob")
        assert stop.key is None
        await carl.exec(waiting)
    await server.restart()
    async with server.client("carl") as carl:
        stop = await stop_of(carl)
        assert (stop.status, stop.operator, stop.first_operator) == (GO, "carl", "bob")


async def test_a_key_of_someone_revoked_counts_no_longer(server: SecuredServer) -> None:
    await engaged(server)
    async with by_certificate(server, "bob") as bob:
        await bob.set_stop(TYPE, GO, "clear")
    table = server.table()
    table.revoke("bob", "test", now_us())
    table.close()
    server.add("last", [Grant(Role.OPERATOR)])
    async with server.client("last") as last:
        async with asyncio.timeout(PATIENCE):
            await known(last)
        stop = (await last.set_stop(TYPE, GO, "clear")).stop
        assert stop.status == STOP
        assert stop.key is not None
        assert stop.key.operator == "last"


async def test_an_edit_of_the_file_is_only_the_first_key(server: SecuredServer) -> None:
    await engaged(server)
    stopped = server.es_json.read_text()
    server.es_json.write_text(stopped.replace('"stop"', '"go"'))
    async with by_certificate(server, "bob") as bob:
        async with asyncio.timeout(PATIENCE):
            while (stop := await stop_of(bob)).key is None:
                assert stop.status == STOP
                await asyncio.sleep(0.02)
        assert stop.key.by_hand
        with pytest.raises(EmergencyStopped):
            await bob.submit(naps(1))
        await until(lambda: _is_text(server.es_json, stopped))
        await bob.withdraw_stop_key(TYPE)
        assert (await stop_of(bob)).key is None
        server.es_json.write_text(stopped.replace('"stop"', '"go"'))
        async with asyncio.timeout(PATIENCE):
            while (await stop_of(bob)).key is None:
                await asyncio.sleep(0.02)
        assert (await bob.set_stop(TYPE, GO, "the file and I")).stop.status == GO
        await bob.submit(naps(1))


async def _is_text(path: Path, text: str) -> bool:
    return path.read_text() == text


async def wf(server: SecuredServer, name: str, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("wf")), *arguments),
        env={
            **os.environ,
            "WF_ADDRESS": server.address,
            "WF_CA": str(server.tls / "ca.pem"),
            "WF_TOKEN_FILE": str(server.directory / name),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_wf_with_two_tokens(server: SecuredServer) -> None:
    await engaged(server)
    plan = (await wf(server, "bob", "go", TYPE, "--plan"))[1]
    assert f"Lets go again: {TYPE}." in plan
    assert "1 workflow with 2 jobs could be executed again" in plan
    assert "It takes two operators" in plan
    go = ("go", TYPE, "--reason", "clear", "--yes")
    code, out, told = await wf(server, "bob", *go)
    assert code == 4
    assert "STOP" in out
    assert "bob turned the first key" in told
    board = json.loads((await wf(server, "bob", "stops", "--json"))[1])
    assert board["twoKeys"] is True
    assert [s["key"]["operator"] for s in board["stops"] if s["name"] == TYPE] == ["bob"]
    assert "bob turned the first key" in (await wf(server, "carl", "go", TYPE, "--plan"))[1]
    code, out, _ = await wf(server, "carl", "go", TYPE, "--withdraw")
    assert (code, "the first key is taken back" in out) == (0, True)
    assert (await wf(server, "carl", *go))[0] == 4
    code, _, told = await wf(server, "carl", *go)
    assert (code, "carl has turned the first key" in told) == (7, True)
    code, out, _ = await wf(server, "bob", *go)
    assert (code, "go" in out) == (0, True)


async def test_two_keys_need_people_who_prove_who_they_are(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    with (server.configs / "server.toml").open("a") as file:
        file.write("[stops]\ntwo_keys = true\n")
    process = await asyncio.create_subprocess_exec(
        *server.command(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()
    assert process.returncode == 2
    assert b"set required = true in [access]" in told


async def test_a_stop_ends_by_itself_and_is_brought_to_mind(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path) as server, server.client("ann") as client:
        await client.set_stop(TYPE, STOP, "for lunch", lasts=3, remind_every=1)
        boards = client.watch_stops()
        reminded, ended = set(), None
        async with asyncio.timeout(PATIENCE):
            async for message in boards:
                stop = next(stop for stop in message.board.stops if stop.name == TYPE)
                if stop.status == GO:
                    ended = stop
                    break
                reminded.add(stop.reminded)
        await boards.aclose()
        assert len(reminded - {None}) >= 1
        assert ended is not None
        assert (ended.operator, ended.reason) == ("wf-server", "its time is over; ann set it")
        assert "a stop is still in force" in server.log()
        await client.submit(naps(1))
