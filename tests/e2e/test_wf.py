"""`wf` as a process, on a real server: what it says and how it exits."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.e2e.requests import STOP
from tests.e2e.server_process import ServerProcess

PATIENCE = 60

NAPS = """\
name: Maintenance
desc: naps
blocks:
  - desc: naps
    rateLimit: 2
    jobs:
      - {name: sleep, args: {seconds: 1}}
      - {name: sleep, args: {seconds: 1}}
"""


async def wf(server: ServerProcess, *args: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from wf_tui.cli import main; main()", *args),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "WF_ADDRESS": server.address,
            "WF_SUBMIT_LOG": str(server.directory / "submit.log"),
        },
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode is not None
    assert "Traceback" not in err.decode()
    return process.returncode, out.decode(), err.decode()


async def test_an_erasure_ends_completed_and_the_next_wants_a_token(server: ServerProcess) -> None:
    code, out, err = await wf(server, "erase-satellite", "aap", "--yes", "--pause", "0")
    assert code == 0, err
    assert "completed" in out
    assert "SatelliteDiskErase" in (server.directory / "submit.log").read_text()
    code, out, err = await wf(server, "erase-satellite", "adg", "--yes", "--pause", "0")
    assert code == 5, out
    assert "token" in out + err


async def test_what_cannot_be_erased(server: ServerProcess) -> None:
    for site, why in (("aaa", "inService"), ("aab", "cluster"), ("zzz", "no site")):
        code, out, err = await wf(server, "erase-satellite", site, "--yes")
        assert code == 7, (site, out, err)
        assert why in err, (site, err)


async def test_a_file_is_checked_run_and_reported(server: ServerProcess, tmp_path: Path) -> None:
    work = tmp_path / "work.yaml"
    work.write_text(NAPS)
    assert (await wf(server, "check", str(work)))[0] == 0
    code, out, _ = await wf(server, "run", str(work), "--json")
    assert code == 0
    last = json.loads(out.splitlines()[-1])
    assert last
    work.write_text(NAPS.replace("seconds: 1", "seconds: 0"))
    code, out, err = await wf(server, "submit", str(work))
    assert code == 3
    assert (out + err).count("seconds") >= 2


async def test_a_stop_refuses_and_a_slip_is_told(server: ServerProcess, tmp_path: Path) -> None:
    code, _, err = await wf(server, "stop", "Maintenence", "--reason", "smoke")
    assert code == 0
    assert "no workflow type is called Maintenence" in err
    async with server.client() as client:
        await client.set_stop("Maintenance", STOP, "smoke")
    work = tmp_path / "work.yaml"
    work.write_text(NAPS)
    assert (await wf(server, "run", str(work)))[0] == 4
    assert (await wf(server, "go", "Maintenance", "--reason", "over", "--yes"))[0] == 0
    assert (await wf(server, "check", str(work)))[0] == 0


async def test_no_server_is_its_own_exit_code(server: ServerProcess) -> None:
    await server.end()
    code, _, err = await wf(server, "list", "--timeout", "1")
    assert code == 6
    assert server.address in err
