"""The audit of a real server: every call that changes or refuses something, in one chain that verifies."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.requests import GO, STOP, block, ended, erasure, job, naps, until
from tests.e2e.secured import SecuredServer, known
from tests.e2e.server_process import ServerProcess, run_to_exit
from tests.e2e.test_wf import wf
from wf_proto import audit
from wf_proto.errors import ClientError, NotFound, PermissionDenied, Rejected
from wf_server.model.audit import AuditEntry
from wf_server.model.caller import Grant, Role

_QUERY = """
SELECT time_us, who, source, what, workflow_type, target, why, outcome, told, digest, times, workflow, record
FROM audit ORDER BY seq
"""


def entries(server: ServerProcess) -> list[AuditEntry]:
    with closing(sqlite3.connect(server.database)) as reader:
        return [AuditEntry(*row) for row in reader.execute(_QUERY)]


def acts(server: ServerProcess) -> list[tuple[str, str, str]]:
    # A refusal is written when there is time for it: maybe after the next change.
    return [(entry.who, entry.what, entry.outcome) for entry in sorted(entries(server))]


async def verify(server: ServerProcess) -> tuple[int, str]:
    code, out, _ = await run_to_exit(
        [
            *(sys.executable, "-m", "wf_server", "--configs", str(server.configs)),
            *("verify", "--db", str(server.database)),
        ]
    )
    return code, out


async def test_a_life_of_a_server_is_told_in_order(server: ServerProcess) -> None:
    async with server.client("ann") as client:
        workflow_id = await client.submit(naps(60))
        await client.exec(workflow_id)
        await client.pause(workflow_id, "wait a moment")
        await client.resume(workflow_id, "go on")
        await client.cancel(workflow_id, "enough")
        await ended(client, workflow_id)
        with pytest.raises(ClientError):
            await client.cancel(workflow_id, "once more")
        with pytest.raises(NotFound):
            await client.exec("0a7f2f8e-0000-4000-8000-000000000000")
        with pytest.raises(Rejected):
            await client.submit(erasure(block(job("diskErase", machine="aa00", site="aap"))))
        await client.set_stop("Maintenance", STOP, "smoke")
        await client.set_stop("Maintenance", GO, "cleared")
        await client.status(workflow_id)
        await client.list()
    code, out = await verify(server)
    assert code == 0, out
    await server.end()
    assert acts(server) == [
        ("wf-server", "audit began", "done"),
        ("wf-server", "policies in force", "done"),
        ("wf-server", "server started", "done"),
        ("ann", "submit", "done"),
        ("ann", "execute", "done"),
        ("ann", "pause", "done"),
        ("ann", "resume", "done"),
        ("ann", "cancel", "done"),
        ("ann", "workflow ended", "cancelled"),
        ("ann", "cancel", "refused"),
        ("ann", "execute", "refused"),
        ("ann", "submit", "refused"),
        ("ann", "stop engaged", "done"),
        ("ann", "stop released", "done"),
        ("wf-server", "server draining", "done"),
        ("wf-server", "server stopped", "done"),
    ]
    told = {(entry.what, entry.outcome): entry for entry in entries(server)}
    cancel = told["cancel", "done"]
    assert (cancel.workflow_type, cancel.target, cancel.why) == ("Maintenance", workflow_id, "enough")
    assert cancel.source.startswith("loopback 127.0.0.1:")
    refused = told["cancel", "refused"]
    assert (refused.target, refused.why) == (workflow_id, "once more")
    assert refused.told.startswith("FAILED_PRECONDITION: ")
    assert told["submit", "refused"].workflow_type == "SatelliteDiskErase"
    code, out = await verify(server)
    assert (code, "16 audit entries" in out) == (0, True), out


async def test_the_log_tells_the_chains_head(server: ServerProcess) -> None:
    await server.end()
    (line,) = [json.loads(line) for line in server.log().splitlines() if '"shut down"' in line]
    with closing(sqlite3.connect(server.database)) as reader:
        seq, head = reader.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    assert line["audit"] == f"{seq}:{head.hex()}"


async def test_a_stop_set_in_the_file_is_told_too(server: ServerProcess) -> None:
    async with server.client() as client:
        entry = '"Name": "Maintenance", "Status": '
        text = server.es_json.read_text()
        assert "Maintenance" in text
        server.es_json.write_text(text.replace(f'{entry}"go"', f'{entry}"stop"'))
        changed = text != server.es_json.read_text()
        assert changed

        async def told() -> bool:
            return ("es.json", "stop engaged", "done") in acts(server)

        await until(told)
        with pytest.raises(Rejected):
            await client.submit(naps(1))
    last = entries(server)[-1]
    assert (last.what, last.outcome, last.workflow_type) == ("submit", "refused", "Maintenance")
    (stop,) = [entry for entry in entries(server) if entry.what == "stop engaged"]
    assert (stop.source, stop.target) == ("file", "Maintenance")


async def test_a_killed_server_leaves_a_chain_that_goes_on(server: ServerProcess) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(naps(*[60] * 20))
        await client.exec(workflow_id)
        await server.restart(signal.SIGKILL)
    async with server.client() as client:
        await client.cancel(workflow_id, "enough")
        await ended(client, workflow_id)
    assert acts(server).count(("wf-server", "server started", "done")) == 2
    code, out = await verify(server)
    assert code == 0, out


async def test_a_changed_history_is_found_beside_the_running_server(server: ServerProcess) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(naps(1, 1))
        await client.exec(workflow_id)
        await ended(client, workflow_id)
    with closing(sqlite3.connect(server.database)) as writer, writer:
        writer.execute("UPDATE change SET operator = 'eve' WHERE seq = 1")
        writer.execute("UPDATE audit SET who = 'eve' WHERE what = 'execute'")
    code, out = await verify(server)
    assert code == 1
    history, audit = sorted(out.splitlines()[:2], key=lambda line: "audit entry" in line)
    assert f"workflow {workflow_id} change 1: " in history
    assert audit.startswith("audit entry 5: it is not what was written")


async def test_who_is_turned_away_is_on_record(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with SecuredServer(tmp_path_factory.mktemp("secured")) as server:
        server.add("vera", [Grant(Role.VIEWER)])
        async with server.client("vera") as client:
            await known(client)
            with pytest.raises(PermissionDenied):
                await client.submit(naps(1))
            with pytest.raises(PermissionDenied):
                await client.set_stop("*", STOP, "why not")
        (server.directory / "wrong").write_text("wf_0_0")
        async with server.client("wrong") as client:
            with pytest.raises(ClientError):
                await client.list()
        await server.end()
        told = [entry for entry in entries(server) if entry.outcome == "refused"]
        vera, stop, unknown = (next(e for e in told if e.what == what) for what in _TURNED_AWAY)
        assert (vera.who, vera.told) == ("vera", "PERMISSION_DENIED: vera lacks the role operator")
        assert vera.source.startswith("token 127.0.0.1:")
        assert (stop.who, stop.what) == ("vera", "set stop")
        assert (unknown.who, unknown.source.startswith("127.0.0.1:")) == ("", True)
        assert ("test", "operator added", "done") in acts(server)
        code, out = await verify(server)
        assert code == 0, out


_TURNED_AWAY = ("submit", "set stop", "workflow.v1.WorkflowService/List")


def lines_of(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


async def test_the_export_is_the_chain_itself(server: ServerProcess) -> None:
    async with server.client("ann") as client:
        for _ in range(3):
            await client.cancel(await client.submit(naps(60)), "enough – €")
    code, out, err = await wf(server, "audit", "--json")
    assert code == 0, err
    exported = lines_of(out)
    assert [line["what"] for line in exported][3:6] == ["submit", "cancel", "workflow ended"]
    assert exported[4]["why"] == "enough – €"
    head = "00" * 32
    for line, told in zip(out.encode().splitlines(), exported, strict=True):
        text = b"{" + line.split(b'",', 2)[2]
        assert told["previous"] == head
        head = hashlib.sha256(bytes.fromhex(head) + text).hexdigest()
        assert told["hash"] == head
    assert f"the newest entry is {len(exported)}, with the hash {head}" in err


async def test_the_audit_is_filtered(server: ServerProcess) -> None:
    async with server.client("ann") as client:
        first = await client.submit(naps(60))
        await client.cancel(first, "enough")
        with pytest.raises(ClientError):
            await client.cancel(first, "more than 100 %")
    async with server.client("bob") as client:
        await client.submit(naps(60))

    async def whats(*options: str) -> list[str]:
        code, out, err = await wf(server, "audit", "--json", *options)
        assert code == 0, err
        return [line["what"] for line in lines_of(out)]

    async def refusal_is_told() -> bool:
        return len(await whats("--outcome", "refused")) == 1

    await until(refusal_is_told)
    assert await whats("--about", first) == ["submit", "cancel", "workflow ended", "cancel"]
    assert await whats("--who", "bob") == ["submit"]
    assert await whats("--what", "submit", "--who", "ann") == ["submit"]
    assert await whats("--text", "100 %") == ["cancel"]
    assert await whats("--text", "1__ %") == []
    assert await whats("--last", "2") == (await whats())[-2:]
    assert await whats("--after", "3") == (await whats())[3:]
    assert await whats("--since", "1d") == await whats()
    code, out, _ = await wf(server, "audit", "--last", "1")
    assert (code, len(out.splitlines())) == (0, 1)
    assert "submit done  by bob (loopback 127.0.0.1:" in out
    assert (await wf(server, "audit", "--last", "1", "--after", "1"))[0] == 2


async def test_a_viewer_of_one_type_is_told_of_that_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with SecuredServer(tmp_path_factory.mktemp("secured")) as server:
        server.add("vera", [Grant(Role.VIEWER, "Maintenance")])
        async with server.client() as client:
            await client.submit(naps(1))
            await client.submit(erasure())
        async with server.client("vera") as client:
            await known(client)
            page = await client.list_entries(audit.ListEntriesRequest())
        assert [json.loads(entry.text)["workflow_type"] for entry in page.entries] == ["Maintenance"]


async def test_a_bundle_verifies_when_the_server_is_gone(server: ServerProcess, tmp_path: Path) -> None:
    async with server.client("ann") as client:
        workflow_id = await client.submit(naps(1, 60, 60, rate_limit=2))
        await client.exec(workflow_id)
        policies = server.configs / "policies.json"
        policies.write_text(policies.read_text().replace('"sleep"', '"sleep", "tokenBucket"', 1))

        async def in_force() -> bool:
            return acts(server).count(("wf-server", "policies in force", "done")) == 2

        await until(in_force)
        await client.cancel(workflow_id, "enough")
        await ended(client, workflow_id)
    path = tmp_path / "x.bundle"
    code, _, err = await wf(server, "bundle", workflow_id, "--output", str(path))
    assert code == 0, err
    assert path.stat().st_mode & 0o777 == 0o600
    code, out, _ = await wf(server, "bundle", workflow_id, "-o", "-")
    assert len(out.splitlines()) == path.read_bytes().count(b"\n")
    code, _, err = await wf(server, "bundle", "0a7f2f8e-0000-4000-8000-000000000000", "-o", str(path) + "2")
    assert (code, (tmp_path / "x.bundle2").exists()) == (7, False)
    await server.end()
    code, _, err = await wf(server, "verify", str(path))
    assert (code, f"it is what was written; workflow {workflow_id}: " in err) == (0, True), err
    told = [json.loads(line) for line in path.read_text().splitlines()]
    names = [part["part"] for part in told]
    assert names.count("policies") == 2
    (receipt,) = [part for part in told if part["part"] == "receipt"]
    assert (receipt["operator"], sum(receipt["jobs"].values())) == ("ann", 3)
    path.write_bytes(path.read_bytes().replace(b"enough", b"enougj", 1))
    code, _, err = await wf(server, "verify", str(path))
    assert (code, "it is not what was written" in err) == (5, True), err
