"""What every screen shows of the world around it: the connection, and the stops that concern everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from wf_tui.state.format import short_address
from wf_tui.state.health import Health
from wf_tui.state.models import Identity, StopBoard


@dataclass(frozen=True, slots=True)
class Link:
    """How a stream stands: connected, or broken for a reason and to be opened again at `retry_at`."""

    connected: bool
    error: str = ""
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """The server's address, how its streams stand by name; its stop board and health once they are known."""

    address: str
    links: Mapping[str, Link]
    board: StopBoard | None = None
    health: Health | None = None
    #: The console changes nothing.
    read_only: bool = False
    #: How the server knows whoever uses the console; None: it has not said so.
    identity: Identity | None = None
    #: The server's name in console.toml; "": it has none.
    profile: str = ""

    @property
    def connected(self) -> bool | None:
        """Whether every stream is open; None before the first has said anything."""
        return all(link.connected for link in self.links.values()) if self.links else None

    def lost(self) -> Link | None:
        """Returns the broken stream that is retried first."""
        broken = [link for link in self.links.values() if not link.connected]
        return min(broken, key=lambda link: link.retry_at.timestamp() if link.retry_at else 0.0, default=None)


def lost_line(situation: Situation, now: datetime) -> str:
    """Tells that the connection is lost and when it is tried again; "" while it stands."""
    link = situation.lost()
    if link is None:
        return ""
    seconds = max(0, ceil((link.retry_at - now).total_seconds())) if link.retry_at else 0
    when = f"retrying in {seconds} s" if seconds else "retrying now"
    return f"Connection to {short_address(situation.address)} lost – {when}…"
