"""Who calls, where callers have to prove it: by a token, a client certificate, or a unix socket's user."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from wf_server.clock import Clock
from wf_server.errors import Unauthenticated
from wf_server.model.caller import EVERY_GRANT, Caller, Way
from wf_server.operators import Operators
from wf_server.service.gate import Stream, peer_uid, peer_user
from wf_server.service.origin import origin_of

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class _Peer:
    """What is known of a connection's other end."""

    origin: str
    #: Of a unix socket; empty elsewhere.
    user: str = ""
    #: Whether the database is theirs anyway: root, or the server's own user.
    owns: bool = False
    #: Of the client certificate; empty: there is none.
    subject: str = ""
    expires_us: int = 0


class Authenticator:
    """Tells the caller of a stream. A token counts first, then a certificate, then the unix user."""

    def __init__(self, operators: Operators, clock: Clock) -> None:
        self._operators = operators
        self._clock = clock
        self._peers: WeakKeyDictionary[Any, _Peer] = WeakKeyDictionary()

    def __call__(self, stream: Stream) -> Caller:
        """Raises Unauthenticated."""
        peer = self._peer(stream)
        value = stream.metadata.get("authorization", "") if stream.metadata else ""
        if value:
            return self._by_token(str(value), peer)
        if peer.subject:
            if peer.expires_us <= self._clock.now_us():
                raise Unauthenticated(f"the certificate of {peer.subject[:80]!r} has expired")
            grants = self._operators.named(peer.subject, "the certificate")
            return Caller(peer.subject, grants, Way.CERTIFICATE, peer.origin, proven=True)
        if peer.user:
            if peer.owns:
                return Caller(peer.user, EVERY_GRANT, Way.UNIX, peer.origin, proven=True)
            grants = self._operators.named(peer.user, "the socket")
            return Caller(peer.user, grants, Way.UNIX, peer.origin, proven=True)
        raise Unauthenticated(
            "this server asks who calls: give a token (--token-file) or a certificate (--cert, --key)"
        )

    def _by_token(self, value: str, peer: _Peer) -> Caller:
        if not value[: len(_SCHEME)].lower() == _SCHEME:
            raise Unauthenticated("the authorization is none of the kind `Bearer TOKEN`")
        name, grants = self._operators.by_token(value[len(_SCHEME) :].strip())
        return Caller(name, grants, Way.TOKEN, peer.origin, proven=True)

    def _peer(self, stream: Stream) -> _Peer:
        connection = stream._stream.connection
        found = self._peers.get(connection)
        if found is None:
            found = self._peers[connection] = _peer_of(stream)
        return found


def _peer_of(stream: Stream) -> _Peer:
    origin = origin_of(stream)
    uid = peer_uid(stream)
    if uid is not None:
        return _Peer(origin, user=peer_user(stream), owns=uid in (0, os.geteuid()))
    certificate = stream.peer.cert()
    if not certificate:
        return _Peer(origin)
    expires = ssl.cert_time_to_seconds(certificate["notAfter"])
    return _Peer(origin, subject=subject_of(certificate), expires_us=int(expires) * 1_000_000)


def subject_of(certificate: Mapping[str, Any]) -> str:
    """The name in a verified certificate: its common name, else its first alternative name."""
    for names in certificate.get("subject", ()):
        for key, value in names:
            if key == "commonName" and value:
                return str(value)
    return next((str(value) for _, value in certificate.get("subjectAltName", ()) if value), "")
