"""Who is let in by a real server, who is told why not, and who is shown out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import erasure
from tests.e2e.secured import SecuredServer, known, now_us
from tests.e2e.server_process import ServerProcess, run_to_exit
from wf_proto.client import Client
from wf_proto.credentials import Credentials
from wf_proto.errors import ClientError, InvalidCredentials, PermissionDenied, Unauthenticated, Unreachable
from wf_server.cli.certs import make_certificates
from wf_server.model.caller import Grant, Role

PATIENCE = 20


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SecuredServer]:
    async with SecuredServer(tmp_path, ["carl"]) as server:
        yield server


async def allowed(client: Client) -> None:
    """Waits until the server has heard of the operator."""
    async with asyncio.timeout(PATIENCE):
        await known(client)


async def refused(ask: Callable[[], object], told: str) -> None:
    """Waits until a call is refused in these words."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await ask()  # type: ignore[misc]
            except ClientError as error:
                assert told in str(error), error  # noqa: PT017 - it has to be raised first
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", ["revoke", "demote"])
async def test_a_revoked_operators_streams_end(server: SecuredServer, how: str) -> None:
    server.add("ann", [Grant(Role.OPERATOR)])
    async with server.client("ann") as client:
        await allowed(client)
        workflow_id = await client.submit(erasure())
        stream = client.watch(workflow_id)
        await anext(stream)
        table = server.table()
        if how == "revoke":
            table.revoke("ann", "test", now_us())
        else:
            table.put_operator("ann", [Grant(Role.APPROVER, "Other")], "test", now_us())
        table.close()
        told = "was revoked" if how == "revoke" else "what you may do has changed"
        async with asyncio.timeout(PATIENCE):
            with pytest.raises((Unauthenticated, Unreachable), match=told):
                await anext(stream)
        with pytest.raises((Unauthenticated, PermissionDenied)):
            await client.get(workflow_id)


async def test_a_stream_ends_when_its_token_expires(server: SecuredServer) -> None:
    server.add("ann", [Grant(Role.VIEWER)], expires_us=3_000_000)
    async with server.client("ann") as client:
        await allowed(client)
        stream = client.watch_stops()
        await anext(stream)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(Unauthenticated, match="has expired"):
                await anext(stream)


async def test_who_ordered_it_is_who_proved_it_not_who_was_named(server: SecuredServer) -> None:
    async with Client(server.address, operator="mallory", credentials=server.credentials()) as client:
        workflow_id = await client.submit(erasure())
        assert (await client.get(workflow_id)).summary.operator == "root"


async def test_lists_tell_of_the_operators_own_types_only(server: SecuredServer) -> None:
    server.add("ann", [Grant(Role.VIEWER, "Maintenance")])
    async with server.client() as root, server.client("ann") as ann:
        await allowed(ann)
        before = ann.watch_list()
        assert not (await anext(before)).workflows
        erase = await root.submit(erasure())
        job = pb.Job(name="sleep", desc="nap", args={"seconds": "1"})
        nap = await root.submit(
            pb.WorkReq(name="Maintenance", desc="d", blocks=[pb.Block(desc="b", rate_limit=1, jobs=[job])])
        )
        assert [w.id for w in (await ann.list()).workflows] == [nap]
        async with asyncio.timeout(PATIENCE):
            assert [w.id for w in (await anext(before)).workflows] == [nap]
        await before.aclose()
        with pytest.raises(PermissionDenied, match="ann lacks the role viewer for 'SatelliteDiskErase'"):
            await ann.get(erase)


async def test_certificates_are_read_anew_when_they_change(server: SecuredServer) -> None:
    server.add("carl", [Grant(Role.VIEWER)])
    old = server.certificate("carl")
    async with Client(server.address, credentials=old) as client:
        await allowed(client)
        other = server.directory / "other"
        make_certificates(other, ("127.0.0.1",), ("carl",), 10)
        for name in ("ca.pem", "server.key", "server.pem"):
            os.replace(other / name, server.tls / name)
        new = Credentials(str(server.tls / "ca.pem"), str(other / "carl.pem"), str(other / "carl.key"))
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with Client(server.address, credentials=new) as newer:
                        await newer.list()
                except ClientError:
                    await asyncio.sleep(0.05)
                else:
                    break
        # Whoever is connected stays so.
        await client.list()
    # Its own certificate is of an authority that is none any more.
    stale = Credentials(str(server.tls / "ca.pem"), old.certificate, old.key)
    async with Client(server.address, credentials=stale) as client:
        with pytest.raises(Unauthenticated, match="does it take this certificate"):
            await client.list()


async def test_broken_certificates_leave_the_last_ones_in_force(server: SecuredServer) -> None:
    (server.tls / "server.pem").write_text("oops")
    async with server.client() as client, asyncio.timeout(PATIENCE):
        while not any("server.pem" in problem for problem in (await client.server_info()).problems):
            await asyncio.sleep(0.05)
    async with server.client() as client:
        await client.list()


async def test_the_owner_is_admin_on_a_unix_socket(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    with (server.configs / "server.toml").open("a") as file:
        file.write('[access]\nrequired = true\nsocket_mode = "0660"\n')
    path = tmp_path / "wf.sock"
    try:
        await server.start("--listen", f"unix:{path}")
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        async with Client(server.address, operator="mallory") as client:
            workflow_id = await client.submit(erasure())
            assert (await client.get(workflow_id)).summary.operator != "mallory"
    finally:
        await server.end()


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("", "needs [tls] certificate and key and [access] required = true"),
        ("[access]\nrequired = true\n", "needs [tls] certificate and key in server.toml"),
        ('[tls]\ncertificate = "c"\nkey = "k"\n', "needs [access] required = true"),
        ('[tls]\ncertificate = "c"\n', "tls: a certificate goes with its key"),
        ('[tls]\nclient_ca = "c"\n', "tls: client_ca needs the server's own certificate"),
        ('[access]\nsocket_mode = "rw"\n', "is no file mode"),
        ('[access]\nrequired = true\n[tls]\ncertificate = "c"\nkey = "k"\n', "c: cannot be read"),
    ],
)
async def test_no_other_address_without_tls_and_callers_who_are_known(
    tmp_path: Path, toml: str, told: str
) -> None:
    server = ServerProcess(tmp_path)
    await server.init()
    with (server.configs / "server.toml").open("a") as file:
        file.write(toml)
    code, out, err = await run_to_exit(server.command("--listen", "0.0.0.0:0"))
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("credentials", "address", "told"),
    [
        (Credentials(token_file="t"), "10.0.0.1:80", "a token would go to 10.0.0.1:80 in plaintext"),
        (Credentials(ca="nowhere.pem"), "h:1", "--ca nowhere.pem: cannot be read: No such file"),
        (Credentials(certificate="c"), "h:1", "--cert and --key go together"),
        (Credentials(certificate="c", key="k"), "h:1", "need --ca"),
        (Credentials(token_file="/dev/null"), "127.0.0.1:1", "--token-file /dev/null: holds no token"),
    ],
)
async def test_what_cannot_prove_anything_is_told_at_once(
    credentials: Credentials, address: str, told: str
) -> None:
    with pytest.raises(InvalidCredentials, match=told):
        Client(address, credentials=credentials)


async def test_operators_are_kept_beside_a_running_server(server: SecuredServer) -> None:
    async def run(*arguments: str) -> tuple[int, str, str]:
        command = [*server.command()[:3], "operator", *arguments, "--db", str(server.database)]
        return await run_to_exit(command)

    code, token, told = await run("add", "ann", "--role", "viewer", "--role", "operator:Maintenance")
    assert code == 0
    assert "ann: operator:Maintenance, viewer" in told
    # The secret is nowhere in the database.
    kept = b"".join(p.read_bytes() for p in server.directory.glob("wf.db*"))
    assert token.strip().split("_", 2)[2].encode() not in kept
    (server.directory / "ann").write_text(token)
    async with server.client("ann") as client:
        await allowed(client)
        token_id = token.split("_")[1]
        assert f"token {token_id}  until" in (await run("list"))[1]
        assert (await run("revoke", "--token", token_id))[0] == 0
        await refused(client.list, f"the token {token_id} of ann was revoked")
    assert (await run("revoke", "nobody"))[::2] == (
        2,
        "wf-server: there is no operator 'nobody'; `wf-server operator list` has them\n",
    )
    code, _, told = await run("add", "bob")
    assert code == 2
    assert "say what they may do with --role" in told
    assert "is no role" in (await run("add", "bob", "--role", "boss"))[2]
    assert "revoked" in (await run("list"))[1]


async def test_a_revoked_operator_comes_back_only_where_that_is_meant(server: SecuredServer) -> None:
    async def run(*arguments: str) -> tuple[int, str, str]:
        return await run_to_exit(
            [*server.command()[:3], "operator", *arguments, "--db", str(server.database)]
        )

    add = ("add", "carl", "--role", "operator", "--no-token")
    assert (await run(*add))[0] == 0
    async with Client(server.address, credentials=server.certificate("carl")) as client:
        await allowed(client)
        assert (await run("revoke", "carl"))[0] == 0
        await refused(client.list, "the operator 'carl' was revoked")
        code, _, told = await run(*add)
        assert code == 2
        assert "whoever still has a certificate of that name" in told
        await refused(client.list, "the operator 'carl' was revoked")
        assert (await run(*add, "--reinstate"))[0] == 0
        await allowed(client)


async def test_who_one_is_can_be_asked(server: SecuredServer) -> None:
    server.add("ann", [Grant(Role.VIEWER), Grant(Role.OPERATOR, "Maintenance")])
    server.add("carl", [Grant(Role.APPROVER)])
    async with server.client("ann") as client:
        await allowed(client)
        who = await client.who_am_i()
        assert (who.name, who.way) == ("ann", "token")
        assert [(g.role, g.workflow_type) for g in who.grants] == [
            ("operator", "Maintenance"),
            ("viewer", "*"),
        ]
    async with Client(server.address, credentials=server.certificate("carl")) as client:
        await allowed(client)
        assert ((await client.who_am_i()).name, (await client.who_am_i()).way) == ("carl", "certificate")


async def test_wf_tells_why_it_was_not_let_in(server: SecuredServer) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("wf")), "--json", "list"),
        env={**os.environ, "WF_ADDRESS": server.address, "WF_CA": str(server.tls / "ca.pem")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 7
    assert "this server asks who calls" in json.loads(out)["error"]


async def test_a_probe_needs_the_authority_and_no_name(server: SecuredServer) -> None:
    command = [*server.command()[:3], "health", "--address", server.address]
    assert (await run_to_exit([*command, "--ca", str(server.tls / "ca.pem")]))[0] == 0
    code, _, told = await run_to_exit(command)
    assert code == 1
    assert "name its authority with --ca" in told


async def test_a_connection_without_a_tls_handshake_is_closed_in_time(tmp_path: Path) -> None:
    server = SecuredServer(tmp_path)
    await server.init()
    with (server.configs / "server.toml").open("a") as file:
        file.write('[connections]\nhandshake = "500ms"\n')
    try:
        await server.start()
        host, _, port = server.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        async with server.client() as client:
            await client.list()
    finally:
        await server.end()
