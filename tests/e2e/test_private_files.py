"""Nobody but the server's own user reads what it writes."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

from tests.e2e.requests import GO, STOP, ended, naps
from tests.e2e.server_process import ServerProcess


def open_to_others(directory: Path) -> list[str]:
    """What group or others have any right to."""
    return [
        f"{oct(stat.S_IMODE(mode))} {path.relative_to(directory)}"
        for path in sorted(directory.rglob("*"))
        if (mode := path.lstat().st_mode) & 0o077
    ]


async def wf_server(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wf_server", *words), stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


async def test_what_a_server_writes_is_private(tmp_path: Path) -> None:
    before = os.umask(0o000)  # the most careless of users
    try:
        server = ServerProcess(tmp_path / "place")
        await wf_server("init", str(server.directory))
        await server.start("--listen", f"unix:{server.directory / 's'}")
        async with server.client() as client:
            workflow = await client.submit(naps(1))
            await client.exec(workflow)
            await ended(client, workflow)
            await client.set_stop("Maintenance", STOP, "a test")
            await client.set_stop("Maintenance", GO, "over")
        await wf_server("backup", str(server.directory / "backup.db"), "--db", str(server.database))
        while_it_runs = open_to_others(server.directory)
        await server.end(signal.SIGTERM)
        toml = server.configs / "server.toml"
        toml.write_text(toml.read_text().replace("workflows = 10000", "workflows = 1"))
        await wf_server("archive", "--configs", str(server.configs), "--db", str(server.database))
        after = open_to_others(server.directory)
    finally:
        os.umask(before)
    # The log is the shell's that started it.
    assert [line for line in while_it_runs if "server.log" not in line] == []
    assert [line for line in after if "server.log" not in line] == []


async def test_es_json_keeps_the_mode_that_its_owner_gave_it(server: ServerProcess) -> None:
    server.es_json.chmod(0o640)
    async with server.client() as client:
        await client.set_stop("Maintenance", STOP, "a test")
    assert stat.S_IMODE(server.es_json.stat().st_mode) == 0o640


CTRL_C_WHILE_IT_LOADS = """
import sys

class AtTheWorstMoment:
    def find_spec(self, name, path=None, target=None):
        if name == "wf_tui.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, AtTheWorstMoment())
from wf_tui.entry import main
main()
"""


async def test_a_ctrl_c_while_the_console_loads_leaves_no_traceback() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CTRL_C_WHILE_IT_LOADS), stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()
    assert (process.returncode, told) == (130, b"")
