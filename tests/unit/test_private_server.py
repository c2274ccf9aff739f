"""The demonstration's server: started, found, ended, never left behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from wf_tui.gateway import Unreachable
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.private_server import PrivateServer, PrivateServerError


async def version(address: str) -> str:
    gateway = GrpcGateway(address)
    try:
        return (await gateway.server_info()).version
    finally:
        await gateway.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_answers_while_it_is_entered_and_is_gone_after(tmp_path: Path) -> None:
    async with PrivateServer(tmp_path / "demo") as server:
        assert await version(server.address)
        assert server.notice == ""
        assert (tmp_path / "demo" / "configs" / "es.json").is_file()
        assert server._process is not None
        pid = server._process.pid
    assert not alive(pid)
    assert (tmp_path / "demo" / "wf.db").is_file()


async def answers(address: str) -> bool:
    try:
        return bool(await version(address))
    except Unreachable:
        return False


async def test_it_is_started_again_when_something_ends_it(tmp_path: Path) -> None:
    async with PrivateServer(tmp_path) as server:
        assert server._process is not None
        first = server._process.pid
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(30):
            while server._process is None or server._process.pid == first:
                await asyncio.sleep(0.05)
            while not await answers(server.address):
                await asyncio.sleep(0.05)
        second = server._process.pid
    assert not alive(second)


async def test_its_files_stay_as_the_user_left_them(tmp_path: Path) -> None:
    async with PrivateServer(tmp_path):
        stops = tmp_path / "configs" / "es.json"
        stops.write_text('{"Name": "SatelliteDiskErase", "Status": "stop"}\n')
    async with PrivateServer(tmp_path):
        assert "stop" in stops.read_text()


async def test_a_second_one_gets_a_directory_of_its_own(tmp_path: Path) -> None:
    async with PrivateServer(tmp_path) as first, PrivateServer(tmp_path) as second:
        assert first.directory == tmp_path
        assert second.directory != tmp_path
        assert str(tmp_path) in second.notice
        assert first.address != second.address
        assert await version(second.address)
        temporary = second.directory
    assert not temporary.exists()


async def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    async with PrivateServer(deep) as server:
        assert len(server.address) < 100
        assert await version(server.address)
        socket = Path(server.address.removeprefix("unix:"))
    assert not present(socket)


def present(path: Path) -> bool:
    return path.exists()


def script(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text)
    return (sys.executable, str(path))


async def test_a_server_that_ends_at_once_tells_why(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "data").mkdir()
    program = script(tmp_path / "broken.py", "print('es.json:1: what is wrong'); raise SystemExit(2)")
    with pytest.raises(PrivateServerError, match=r"(?s)ended at once.*es\.json:1: what is wrong"):
        await PrivateServer(tmp_path, program=program).__aenter__()


async def test_a_server_that_never_answers_is_ended(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "data").mkdir()
    program = script(
        tmp_path / "deaf.py",
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)",
    )
    server = PrivateServer(tmp_path, program=program, start_within=0.3, stop_within=0.2)
    with pytest.raises(PrivateServerError, match=r"did not answer within 0\.3 s"):
        await server.__aenter__()


async def test_samples_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    program = script(tmp_path / "full.py", "print('no space left'); raise SystemExit(2)")
    with pytest.raises(PrivateServerError, match="no space left"):
        await PrivateServer(tmp_path / "demo", program=program).__aenter__()


async def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PrivateServerError, match="cannot prepare"):
        await PrivateServer(tmp_path / "file" / "demo").__aenter__()
