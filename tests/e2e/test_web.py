"""The console in a real browser: `wf-tui --serve` on a real server."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from tests.e2e.browser import CHROMIUM, PATIENCE, browser
from tests.e2e.server_process import ServerProcess

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


@asynccontextmanager
async def serving(home: Path, *options: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """`wf-tui --serve` on a free port: its URL and its process, which is ended in order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wf_tui", "--serve", "127.0.0.1:0", *options),
        stdout=asyncio.subprocess.PIPE,
        env=_environment(home),
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", line)
        assert found, line
        yield found[0], process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE):
            told, _ = await process.communicate()
    assert process.returncode == 0
    assert told == b""


def socket_of(url: str) -> str:
    """Where a page opens its console."""
    place = urlsplit(url)
    return f"ws://{place.netloc}/ws/{place.query.removeprefix('token=')}"


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WF_", "XDG_"))}
    return {**kept, "HOME": str(home)}


async def refusal(home: Path, *options: str) -> tuple[int | None, str]:
    """What `wf-tui` says that cannot serve."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wf_tui", *options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(home),
    )
    async with asyncio.timeout(PATIENCE):
        _, told = await process.communicate()
    return process.returncode, told.decode()


def children(pid: int) -> list[int]:
    """The living children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def until_ended(process: asyncio.subprocess.Process) -> None:
    """Waits until every console has ended."""
    async with asyncio.timeout(PATIENCE):
        while children(process.pid):
            await asyncio.sleep(0.05)


@needs_chromium
async def test_the_console_is_painted_in_a_browser_and_obeys_keys(
    server: ServerProcess, tmp_path: Path
) -> None:
    console_toml = tmp_path / "a 'quoted' $(name).toml"
    console_toml.write_text('theme = "wf-day"\n')
    options = ("--address", server.address, "--read-only", "--config", str(console_toml))
    async with serving(tmp_path, *options) as (url, process), browser(tmp_path / "browser") as page:
        await page.open(url)
        shown = await page.until("connected")
        assert "Workflows" in shown
        assert "read-only" in shown
        before = await page.picture()
        await page.press("S")
        shown = await page.until("Emergency stops")
        assert "SatelliteDiskErase" in shown
        assert await page.picture() != before
        own = urlsplit(url).netloc
        assert {urlsplit(asked).netloc for asked in page.requested if asked.startswith("http")} == {own}
        assert len(children(process.pid)) == 1
        await page.press("q")
        await until_ended(process)
        assert await page.run("document.body.classList.contains('-closed')")


@needs_chromium
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_every_console_in_order(
    server: ServerProcess, tmp_path: Path, number: signal.Signals
) -> None:
    options = ("--address", server.address)
    async with serving(tmp_path, *options) as (url, process), browser(tmp_path / "browser") as page:
        await page.open(url)
        await page.until("connected")
        consoles = children(process.pid)
        assert len(consoles) == 1
        process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
        assert not Path(f"/proc/{consoles[0]}").exists()
        assert await page.run("document.body.classList.contains('-closed')")


async def test_only_its_own_page_opens_a_console(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, process), ClientSession() as session:
        host = urlsplit(url).netloc
        for headers in ({"Origin": "http://evil.example"}, {}, {"Origin": url, "Host": "evil.example"}):
            with pytest.raises(WSServerHandshakeError) as refused:
                await session.ws_connect(socket_of(url), headers=headers)
            assert refused.value.status == 403
        for wrong in (f"ws://{host}/ws", f"ws://{host}/ws/", f"ws://{host}/ws/wrong", socket_of(url)[:-1]):
            with pytest.raises(WSServerHandshakeError) as refused:
                await session.ws_connect(wrong, headers={"Origin": f"http://{host}"})
            assert refused.value.status in (403, 404)
        for wrong in (f"http://{host}/", f"http://{host}/?token=", f"{url}x"):
            async with session.get(wrong) as answer:
                assert answer.status == 403
        async with session.get(url, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        async with session.get(url) as answer:
            assert answer.status == 200
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert children(process.pid) == []


async def test_what_no_page_sends_ends_that_console_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, process), ClientSession() as session:
        for garbage in ("[", "{}", "[]", '["stdin"]', '["resize", 7]'):
            async with session.ws_connect(
                f"{socket_of(url)}?width=-1&height=9999999", headers={"Origin": url}
            ) as socket:
                await socket.send_str(garbage)
                async with asyncio.timeout(PATIENCE):
                    async for _ in socket:
                        pass
                assert socket.close_code == 1002
        await until_ended(process)


async def test_a_busy_port_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        place = f"127.0.0.1:{busy.getsockname()[1]}"
        code, told = await refusal(tmp_path, "--serve", place)
    assert code == 2
    assert told == f"wf-tui: cannot serve at {place}: Address already in use; name another place\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--serve", "0.0.0.0:0"), "--serve-exposed"),
        (("--serve", "here"), "is no port"),
        (("--serve", "::1:80"), "is no host and port"),
        (("--serve", "127.0.0.1:65536"), "is no port"),
        (("--serve", "127.0.0.1:0", "--address", "nowhere"), "no host or no port"),
        (("--serve", "127.0.0.1:0", "--theme", "pink"), "there is no 'pink'"),
    ],
)
async def test_a_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    code, told = await refusal(tmp_path, *options)
    assert code == 2
    assert words in told
    assert told.startswith("wf-tui: ")
    assert len(told.splitlines()) == 1
