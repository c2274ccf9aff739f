"""Which connections a server keeps: a newcomer gets in, and who is of the least use to its client goes.

Refusing newcomers would let anyone who holds connections open keep an operator's stop out. So somebody
else goes: of the address with the most connections, the one at the lowest stage, and of these the one
not heard of for the longest time. Nothing here does any I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from wf_server.config import ConnectionLimits

#: Seconds between two looks at who is overdue.
SWEEP_SECONDS = 0.5
#: PING, SETTINGS, RST_STREAM and PRIORITY frames: so many at once, and so many a second in the long run.
CONTROL_BURST = 1_000
CONTROL_RATE = 200
#: Bytes that wait to be sent; answers wait outside, so only a client that does not read has more.
UNSENT_LIMIT = 2**20


class Stage(IntEnum):
    """How far a connection has come; those that have come less far go first."""

    SILENT = 0
    #: It has greeted, and made no whole call yet.
    NEW = 1
    #: It has made calls, and has none now whose request is here.
    IDLE = 2
    SERVING = 3


class Connected(Protocol):
    """A connection, as its limits see it."""

    @property
    def address(self) -> str:
        """Where it comes from, without a port."""
        ...

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        ...

    @property
    def has_calls(self) -> bool:
        """Whether a call is open, complete or not."""
        ...

    @property
    def began(self) -> float:
        """When it was accepted."""
        ...

    @property
    def heard(self) -> float:
        """When its client last sent anything."""
        ...

    @property
    def stuck_since(self) -> float | None:
        """Since when its client takes in nothing of what waits to be sent; None: nothing waits."""
        ...

    def drop(self, why: str) -> None:
        """Ends it at once and logs why; it is removed from its Connections then."""
        ...


class Connections:
    """The open connections. Times are those of `now`, in seconds."""

    def __init__(self, limits: ConnectionLimits, now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._by_address: dict[str, set[Connected]] = {}
        self._count = 0
        #: How many had to go for newcomers, or were overdue.
        self.dropped = 0

    def __len__(self) -> int:
        return self._count

    def all(self) -> list[Connected]:
        """Every open connection."""
        return [connection for peers in self._by_address.values() for connection in peers]

    def admit(self, newcomer: Connected) -> None:
        """Takes a connection in, and drops others where there are too many."""
        peers = self._by_address.setdefault(newcomer.address, set())
        if len(peers) >= self._limits.max_per_address:
            self._drop_least(peers, "too many connections from one address")
        elif self._count >= self._limits.max_connections:
            most = max(self._by_address.values(), key=len)
            self._drop_least(most, "too many connections")
        # The drop may have removed the address.
        self._by_address.setdefault(newcomer.address, set()).add(newcomer)
        self._count += 1

    def remove(self, connection: Connected) -> None:
        """Forgets a connection that has ended; again does nothing."""
        peers = self._by_address.get(connection.address, set())
        if connection in peers:
            peers.remove(connection)
            self._count -= 1
            if not peers:
                del self._by_address[connection.address]

    def sweep(self) -> None:
        """Drops those whose time is over."""
        now = self._now()
        for connection in self.all():
            why = self._overdue(connection, now)
            if why:
                self._drop(connection, why)

    def _overdue(self, connection: Connected, now: float) -> str:
        stuck = connection.stuck_since
        if stuck is not None and now - stuck > self._limits.send:
            return "it takes in nothing"
        if connection.has_calls:
            return ""
        if connection.stage <= Stage.NEW:
            return "no call in time" if now - connection.began > self._limits.handshake else ""
        return "idle" if now - connection.heard > self._limits.idle else ""

    def _drop_least(self, peers: set[Connected], why: str) -> None:
        self._drop(min(peers, key=lambda peer: (peer.stage, peer.heard)), why)

    def _drop(self, connection: Connected, why: str) -> None:
        self.dropped += 1
        self.remove(connection)
        connection.drop(why)


class ControlBudget:
    """How many frames that carry no call a connection may send; a flood of them costs only the server."""

    def __init__(self, now: float) -> None:
        self._left = float(CONTROL_BURST)
        self._at = now

    def take(self, now: float) -> bool:
        """Counts one frame; False where there were too many."""
        self._left = min(float(CONTROL_BURST), self._left + (now - self._at) * CONTROL_RATE) - 1
        self._at = now
        return self._left >= 0
