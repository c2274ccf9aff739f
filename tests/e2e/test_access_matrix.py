"""Every RPC, with every role, by every way in: exactly what the table of `service.access` says."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpclib.const
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from h2.exceptions import StreamClosedError

import wf_proto as pb
from tests.e2e.requests import erasure
from tests.e2e.secured import SecuredServer, known
from wf_proto import access, audit, health, published
from wf_proto.address import parse_address
from wf_proto.channel import BoundedChannel, open_channel
from wf_proto.client import Client
from wf_proto.credentials import Credentials
from wf_proto.errors import CALL_FAILURES, Rejected
from wf_server.cli.certs import make_certificates
from wf_server.model.caller import Grant, Role
from wf_server.service.access import RULES, Rule, Scope, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "access.md"
TYPE, OTHER = "SatelliteDiskErase", "Maintenance"
#: What an operator of each name may do; `-` separates the role from the type.
GRANTS = {f"{role}-{where}": Grant(role, where) for role in Role for where in ("*", TYPE, OTHER)}
FILES = {name: name.replace("*", "all") for name in GRANTS}
PATIENCE = 30


def handlers() -> dict[str, grpclib.const.Handler]:
    """Every RPC of the contract."""
    found: dict[str, grpclib.const.Handler] = {}
    for module in (pb, access, audit, published, health):
        for name, base in inspect.getmembers(module, inspect.isclass):
            if name.endswith("Base") and hasattr(base, "__mapping__"):
                found |= base().__mapping__()  # type: ignore[attr-defined]
    return found


@dataclass(frozen=True)
class Way:
    """One way in, for an operator of each name."""

    name: str
    credentials: Credentials
    metadata: dict[str, str]
    grant: Grant | None


def expected(rule: Rule, grant: Grant | None) -> set[Status]:
    """What must come of a call; nothing: anything but a refusal for who calls."""
    if rule.public:
        return set()
    if grant is None:
        return {Status.UNAUTHENTICATED}
    if rule.role is None:
        return set()
    has_role = grant.role in (rule.role, Role.ADMIN) or rule.role is Role.VIEWER
    one_type = rule.scope not in (Scope.ANY, Scope.LISTED)
    fits = grant.workflow_type in ("*", TYPE) or not one_type
    return set() if has_role and fits else {Status.PERMISSION_DENIED}


def request_for(path: str, kind: type, workflow_id: str, rejection_id: str) -> object:
    """A message about a thing of the type; what else it lacks is refused later, for that."""
    scope = RULES[path].scope
    if scope is Scope.WORKREQ:
        request = pb.WorkReq(name=TYPE)
        return request if kind is pb.WorkReq else kind(work_req=request)
    if scope is Scope.WORKFLOW:
        return kind(id=workflow_id)
    if scope is Scope.REJECTION:
        return kind(id=rejection_id)
    return kind(name=TYPE) if scope is Scope.STOP else kind()


async def outcome(
    channel: BoundedChannel, path: str, handler: grpclib.const.Handler, message: object, way: Way
) -> Status | str:
    """The status that a call ends with, or what broke the connection."""
    stream = channel.request(
        path,
        handler.cardinality,
        handler.request_type,
        handler.reply_type,
        metadata=way.metadata,
        timeout=PATIENCE,
    )
    try:
        async with stream:
            await stream.send_message(message, end=True)
            answer = await stream.recv_message()
            if handler.cardinality.server_streaming and answer is not None:
                # The stream of a workflow that has ended may have ended by itself.
                with suppress(StreamClosedError):
                    await stream.cancel()
    except GRPCError as error:
        return error.status
    except CALL_FAILURES as error:
        return type(error).__name__
    return Status.OK


def ways(server: SecuredServer, foreign: Path) -> Iterator[Way]:
    plain = Credentials(ca=str(server.tls / "ca.pem"))
    now_us = int(time.time() * 1_000_000)
    # The revoked ones last: the server looks at the table anew for all of them.
    operators = server.table()
    yield Way("nothing", plain, {}, None)
    yield Way("nonsense", plain, {"authorization": "Basic cm9vdDpyb290"}, None)
    for name, grant in GRANTS.items():
        token = server.add(FILES[name], [grant])
        yield Way(f"token of {name}", plain, {"authorization": f"Bearer {token}"}, grant)
        yield Way(f"certificate of {name}", server.certificate(FILES[name]), {}, grant)
        yield Way(f"wrong token of {name}", plain, {"authorization": f"Bearer {token[:-1]}~"}, None)
        expired = operators.add_token(FILES[name], now_us - 1, "test", now_us)
        yield Way(f"expired token of {name}", plain, {"authorization": f"Bearer {expired}"}, None)
        revoked = operators.add_token(FILES[name], now_us * 2, "test", now_us)
        operators.revoke_token(revoked.split("_")[1], "test", now_us)
        yield Way(f"revoked token of {name}", plain, {"authorization": f"Bearer {revoked}"}, None)
        yield Way(f"foreign {name}", server.certificate(FILES[name], foreign), {}, None)
    operators.close()


@asynccontextmanager
async def channel_of(server: SecuredServer, way: Way) -> AsyncIterator[BoundedChannel]:
    address = parse_address(server.address)
    channel = open_channel(address, context=way.credentials.context(address))
    try:
        yield channel
    finally:
        channel.close()
        await asyncio.sleep(0)


async def test_the_matrix(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    make_certificates(foreign, (), tuple(FILES.values()), 10)
    wrong: list[str] = []
    async with SecuredServer(tmp_path / "server", FILES.values()) as server:
        found = list(ways(server, foreign))
        # Added last, so that whoever knows it knows all of them.
        server.add("last", [Grant(Role.ADMIN)])
        async with server.client("last") as client:
            async with asyncio.timeout(PATIENCE):
                await known(client)
            workflow_id = await client.submit(erasure())
            rejection_id = await _rejection(client)
        for way in found:
            async with channel_of(server, way) as channel:
                for path, handler in handlers().items():
                    message = request_for(path, handler.request_type, workflow_id, rejection_id)
                    status = await outcome(channel, path, handler, message, way)
                    if not _fits(way, RULES[path], status):
                        wrong.append(f"{way.name}: {path}: {status}")
        async with server.client() as client:
            assert (await client.get(workflow_id)).summary.operator == "last"
    assert not wrong, "\n".join(wrong)
    assert len(handlers()) == len(RULES)


def _fits(way: Way, rule: Rule, status: Status | str) -> bool:
    if way.name.startswith("foreign"):
        # Not even a probe gets through the handshake.
        return isinstance(status, str)
    if isinstance(status, str):
        return False
    refusals = {Status.UNAUTHENTICATED, Status.PERMISSION_DENIED}
    # No bug may pass for an outcome.
    if status in (Status.INTERNAL, Status.UNKNOWN, Status.UNIMPLEMENTED, Status.RESOURCE_EXHAUSTED):
        return False
    return {status} & refusals == expected(rule, way.grant)


async def _rejection(client: Client) -> str:
    try:
        await client.submit(pb.WorkReq(name=TYPE))
    except Rejected as error:
        return error.rejection_id
    raise AssertionError("it was not refused")


def test_the_documentation_prints_the_table() -> None:
    assert DOCUMENT.read_text().endswith("\n\n" + table())
