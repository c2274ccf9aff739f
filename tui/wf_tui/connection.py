"""One server as the console knows it: what its streams told, and what the screens on it need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from wf_tui.drafts import Drafts
from wf_tui.gateway import Gateway, Server
from wf_tui.live import Links, Wait
from wf_tui.probe import health_probe
from wf_tui.queueing import QueueRunner
from wf_tui.screens.base import Context
from wf_tui.state.health import Health
from wf_tui.state.models import Identity, StopBoard
from wf_tui.state.queue import Queue
from wf_tui.state.situation import Link, Situation

#: How often the server is asked how it does.
_PROBE_SECONDS = 3.0
#: How often it is asked how it knows us: roles are given and taken while a console is open.
_IDENTITY_SECONDS = 20.0


class Connection:
    """Watches, between `start` and `stop`, the stops, the server's health and how it knows us.

    `told` gets what changes. After `stop` nothing is told: what a stream of that server still says is of
    no interest.
    """

    def __init__(
        self,
        gateway: Gateway,
        server: Server,
        told: Callable[[Situation], None],
        report: Callable[[BaseException], None],
        *,
        now: Callable[[], datetime],
        wait: Wait,
        jitter: Callable[[], float],
        stopwatch: Callable[[], float],
        pause_seconds: int,
        drafts: Drafts | None,
        typing_pause: float,
    ) -> None:
        self.server = server
        self._told = told
        self._ended = False
        self.situation = Situation(gateway.address, {}, read_only=server.read_only, profile=server.name)
        links = Links(self._links_changed, now, wait=wait, jitter=jitter)
        self.context = Context(
            gateway,
            now,
            links,
            report,
            pause_seconds,
            drafts=drafts,
            typing_pause=typing_pause,
            read_only=server.read_only,
            queue=QueueRunner(
                gateway,
                now,
                report,
                shelf=drafts.shelf("queues", Queue) if drafts is not None else None,
                wait=wait,
            ),
        )
        self._stops = links.follower("stops", gateway.watch_stops, self._take_board, report)
        self._health = links.poller(
            "server",
            health_probe(gateway, now, stopwatch),
            self._take_health,
            lambda _: self._take_health(None),
            report,
            every=_PROBE_SECONDS,
        )

        # A server of before there were roles has no answer to this: nothing is held back then.
        self._identity = links.poller(
            "identity", gateway.who_am_i, self._take_identity, lambda _: None, report, every=_IDENTITY_SECONDS
        )

    def start(self) -> None:
        """Begins to watch."""
        self._stops.start()
        self._health.start()
        self._identity.start()

    async def stop(self) -> None:
        """Ends the watches, and the queue's work: another console, or a later one, goes on with it."""
        self._ended = True
        await self.context.queue.stop()
        await self._stops.stop()
        await self._health.stop()
        await self._identity.stop()

    def _links_changed(self, links: Mapping[str, Link]) -> None:
        self._tell(links=links)

    def _take_board(self, board: StopBoard) -> None:
        self._tell(board=board)

    def _take_health(self, health: Health | None) -> None:
        self._tell(health=health)

    def _take_identity(self, identity: Identity) -> None:
        if identity != self.situation.identity:
            self._tell(identity=identity)

    def _tell(self, **changes: Any) -> None:
        if not self._ended:
            self.situation = replace(self.situation, **changes)
            self._told(self.situation)
