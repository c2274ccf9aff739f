"""Emergency stops on a real server: each way to engage one, ten rounds in a row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

import wf_proto as pb
from tests.e2e.requests import GO, STOP, ended, naps, until
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import EmergencyStopped, FailedPrecondition, InvalidRequest

TYPES = ["SatelliteDiskErase", "Maintenance", "SatelliteDecomCheck"]
GOING = "".join(f'{{"Name": "{name}", "Status": "go"}}\n' for name in TYPES)
ROUNDS = 10
#: The promise is a second; the test waits longer so that a busy machine does not decide it.
PATIENCE = 10

Act = Callable[[ServerProcess, Client], Awaitable[object]]


async def edited(server: ServerProcess, client: Client) -> None:
    server.es_json.write_text(
        GOING.replace('"Maintenance", "Status": "go"', '"Maintenance", "Status": "stop"')
    )


async def everything(server: ServerProcess, client: Client) -> None:
    server.es_json.write_text(GOING + '{"Name": "*", "Status": "stop"}\n')


async def erased(server: ServerProcess, client: Client) -> None:
    server.es_json.write_text(GOING.splitlines()[0])


async def broken(server: ServerProcess, client: Client) -> None:
    server.es_json.write_text(GOING[:-5])


async def removed(server: ServerProcess, client: Client) -> None:
    server.es_json.unlink()


async def by_rpc(server: ServerProcess, client: Client) -> None:
    response = await client.set_stop("Maintenance", STOP, "a test")
    assert response.stopped_workflows == 1


@pytest.mark.parametrize("act", [edited, everything, erased, broken, removed, by_rpc])
async def test_each_way_to_stop_ten_rounds_in_a_row(server: ServerProcess, act: Act) -> None:
    async with server.client() as client:
        for _ in range(ROUNDS):
            workflow_id = await client.submit(naps(60, 60, 60))
            waiting = await client.submit(naps(60))
            await client.exec(workflow_id)
            await until(lambda w=workflow_id: _runs(client, w, 3))  # type: ignore[misc]
            begin = time.monotonic()
            await act(server, client)
            now = await ended(client, workflow_id, PATIENCE)
            print(f"{act.__name__}: ended after {time.monotonic() - begin:.3f} s")
            assert now.status == pb.Status.STOPPED
            assert now.was_es_stopped
            assert {j.status for b in now.blocks for j in b.jobs} == {pb.Status.INTERRUPTED}
            with pytest.raises(EmergencyStopped):
                await client.submit(naps(1))
            with pytest.raises(EmergencyStopped):
                await client.exec(waiting)
            server.es_json.write_text(GOING)
            await until(lambda: _goes(client))
            assert (await client.status(workflow_id)).status == pb.Status.STOPPED


async def _runs(client: Client, workflow_id: str, jobs: int) -> bool:
    return (await client.get(workflow_id)).summary.jobs.running == jobs


async def _goes(client: Client) -> bool:
    return not await client.check(naps(1))


async def test_a_stop_holds_over_a_restart(server: ServerProcess) -> None:
    async with server.client() as client:
        await client.set_stop("Maintenance", STOP, "until tomorrow")
    await server.restart()
    async with server.client() as client:
        with pytest.raises(EmergencyStopped):
            await client.submit(naps(1))
        stop = next(s for s in (await client.list_stops()).stops if s.name == "Maintenance")
    assert (stop.reason, stop.operator) == ("until tomorrow", "tester")


async def test_the_file_keeps_its_order_and_the_board_tells_who(server: ServerProcess) -> None:
    async with server.client("ann") as client:
        await client.set_stop("*", STOP, "all quiet, please")
        await client.set_stop("*", GO, "over")
        board = await client.list_stops()
    assert [s.name for s in board.stops] == [*TYPES, "*"]
    assert server.es_json.read_text() == GOING + '{"Name": "*", "Status": "go"}\n'
    assert (board.stops[-1].operator, board.stops[-1].reason) == ("ann", "over")


async def test_the_board_is_watched_live(server: ServerProcess) -> None:
    async with server.client() as client:
        boards = client.watch_stops()
        first = (await anext(boards)).board
        assert {s.status for s in first.stops} == {pb.StopStatus.GO}
        server.es_json.unlink()
        async with asyncio.timeout(PATIENCE):
            async for event in boards:
                if event.board.problem:
                    break
        board = event.board
        assert "es.json" in board.problem
        assert {s.status for s in board.stops} == {pb.StopStatus.STOP}
        await boards.aclose()


async def test_what_set_refuses(server: ServerProcess) -> None:
    async with server.client() as client:
        with pytest.raises(InvalidRequest, match="reason"):
            await client.set_stop("Maintenance", GO, "")
        with pytest.raises(InvalidRequest, match="status"):
            await client.set_stop("Maintenance", pb.StopStatus(0), "x")
        with pytest.raises(InvalidRequest, match="not the name of a stop"):
            await client.set_stop("a\nb", STOP, "x")
        server.es_json.write_text("{")
        with pytest.raises(FailedPrecondition, match=r"es\.json:1"):
            await client.set_stop("Maintenance", GO, "go!")
