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


async def start_wf(server: ServerProcess, *args: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from wf_tui.cli import main; main()", *args),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "WF_ADDRESS": server.address,
            "WF_SUBMIT_LOG": str(server.directory / "submit.log"),
            "XDG_STATE_HOME": str(server.directory / "state"),
        },
    )


async def wf(server: ServerProcess, *args: str) -> tuple[int, str, str]:
    process = await start_wf(server, *args)
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


async def erasures(server: ServerProcess) -> list[tuple[str, str]]:
    """Every erasure on record: its site and how it stands, oldest first."""
    _, out, _ = await wf(server, "list", "--json")
    found = [one for one in json.loads(out) if one["name"] == "SatelliteDiskErase"]
    return [(one["desc"].split()[5], one["status"].removeprefix("STATUS_")) for one in found][::-1]


async def test_a_queue_waits_for_tokens_and_erases_each_site_once(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path, every="2s") as server:
        code, out, err = await wf(server, "erase-satellite", "aap", "adg", "adv", "--yes", "--pause", "0")
        assert code == 0, err
        assert "queue: 3 completed" in out
        assert "no token in diskEraseSatellite; the next is due at" in out
        assert await erasures(server) == [(site, "COMPLETED") for site in ("aap", "adg", "adv")]


async def test_a_killed_queue_goes_on_and_erases_nothing_twice(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path, every="1s", erase_seconds=0.3) as server:
        queue = await start_wf(server, "erase-satellite", "aap", "adg", "--yes", "--pause", "0")
        async with asyncio.timeout(PATIENCE):
            while not (await erasures(server)):
                await asyncio.sleep(0.05)
        queue.kill()
        await queue.communicate()
        code, out, err = await wf(server, "erase-satellite", "--resume", "--yes")
        assert code == 0, (out, err)
        assert await erasures(server) == [("aap", "COMPLETED"), ("adg", "COMPLETED")]
        assert (await wf(server, "erase-satellite", "--resume", "--yes"))[0] == 7


async def test_a_dry_run_asks_the_real_server_and_leaves_nothing_there(server: ServerProcess) -> None:
    code, out, _ = await wf(server, "erase-satellite", "aap", "adg", "--dry-run")
    assert code == 0
    assert "nothing was submitted" in out
    assert await erasures(server) == []
    async with server.client() as client:
        await client.set_stop("SatelliteDiskErase", STOP, "smoke")
    assert (await wf(server, "erase-satellite", "aap", "--dry-run"))[0] == 4


async def test_the_sample_policies_let_the_decom_of_many_sites_be_checked(
    server: ServerProcess, tmp_path: Path
) -> None:
    job = "      - {{name: validateDecom, args: {{site: {site}, type: satellite}}}}\n"
    head = "name: SatelliteDecomCheck\nblocks:\n  - rateLimit: 10\n    jobs:\n"
    work = tmp_path / "work.yaml"
    work.write_text(head + "".join(job.format(site=site) for site in ("aap", "adg", "adv")))
    assert (await wf(server, "run", str(work)))[0] == 0
    work.write_text(head + job.format(site="aaa"))
    assert (await wf(server, "check", str(work)))[0] == 3
    work.write_text(head + job.format(site="aap") + "      - {name: sleep, args: {seconds: 1}}\n")
    assert (await wf(server, "check", str(work)))[0] == 3
