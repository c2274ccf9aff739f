"""Lets calls in: who calls, and whether they may do what they ask for."""

from __future__ import annotations

import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

import grpclib.server

from wf_server.errors import PermissionDenied, Unauthenticated
from wf_server.model.caller import EVERY_GRANT, Caller, Role, Way
from wf_server.service.access import RULES, Rule, Scope
from wf_server.service.guard import Undecoded
from wf_server.service.origin import origin_of
from wf_server.service.wire import Malformed, read_name

Stream = grpclib.server.Stream[Any, Any]

#: The request metadata key that names the operator, where nobody has to prove who they are.
OPERATOR_KEY = "wf-operator"
OPERATOR_LIMIT = 200

#: struct ucred: process, user, group.
_CREDENTIALS = struct.Struct("3i")


class Gate:
    """Knows each call's rule, and asks for the workflow type only where the caller's roles depend on it."""

    def __init__(
        self,
        identify: Callable[[Stream], Caller],
        type_of_workflow: Callable[[str], Awaitable[str]],
        type_of_rejection: Callable[[str], Awaitable[str]],
        rules: Mapping[str, Rule] = RULES,
    ) -> None:
        self._identify = identify
        self._types_by_id = {Scope.WORKFLOW: type_of_workflow, Scope.REJECTION: type_of_rejection}
        self._rules = rules

    def rule(self, path: str) -> Rule:
        """The rule of an RPC. Raises KeyError where there is none: it must not be served."""
        return self._rules[path]

    def identify(self, rule: Rule, stream: Stream) -> Caller:
        """Tells who calls. Raises Unauthenticated."""
        try:
            return self._identify(stream)
        except Unauthenticated:
            if rule.public:
                return Caller("", origin=origin_of(stream))
            raise

    def admit(self, rule: Rule, caller: Caller) -> None:
        """Turns away, before anything is read, whom no message would help. Raises PermissionDenied."""
        if rule.role is not None and not caller.may_somewhere(rule.role):
            raise _denied(caller, rule.role, "")

    async def admit_to(self, rule: Rule, caller: Caller, message: Any) -> None:
        """Turns away who lacks the role for the type that the message is about.

        Raises PermissionDenied, or NotFound where the message's id is nobody's.
        """
        if rule.role is None or rule.scope in (Scope.ANY, Scope.LISTED) or caller.may(rule.role, "*"):
            return
        workflow_type = await self._type_of(rule.scope, message)
        if not caller.may(rule.role, workflow_type):
            raise _denied(caller, rule.role, workflow_type)

    async def _type_of(self, scope: Scope, message: Any) -> str:
        if scope is Scope.WORKREQ:
            return _type_in(message)
        if scope is Scope.STOP:
            return str(message.name)
        return await self._types_by_id[scope](message.id)


def _type_in(message: Undecoded) -> str:
    try:
        return read_name(message.data, nested=message.nested)
    except Malformed:
        # The handler says what is wrong with it; no type is called so.
        return ""


def _denied(caller: Caller, role: Role, workflow_type: str) -> PermissionDenied:
    where = f" for {workflow_type[:80]!r}" if workflow_type else ""
    return PermissionDenied(f"{caller.name} lacks the role {role}{where}")


def as_told(stream: Stream) -> Caller:
    """The caller where nobody has to prove who they are: by the name that the call gives, with every role."""
    value = stream.metadata.get(OPERATOR_KEY, "") if stream.metadata else ""
    name = unquote(value if isinstance(value, str) else value.decode("utf-8", "replace"))
    name = "".join(c for c in name if c.isprintable()).strip()[:OPERATOR_LIMIT]
    address = stream.peer.addr()
    if isinstance(address, tuple) and address:
        return Caller(name or f"{address[0]}", EVERY_GRANT, Way.LOOPBACK, origin_of(stream))
    user = peer_user(stream)
    # The socket proves its user, and no other name.
    told = name or user or "local socket"
    return Caller(told, EVERY_GRANT, Way.UNIX, origin_of(stream), proven=bool(user) and told == user)


def peer_uid(stream: Stream) -> int | None:
    """The user id of the process at a unix socket's other end; None elsewhere."""
    sock = stream.peer._transport.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return None
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])


def peer_user(stream: Stream) -> str:
    """The name of that user; empty where there is none."""
    uid = peer_uid(stream)
    if uid is None:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
