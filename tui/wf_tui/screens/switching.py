"""The way to another server, without leaving the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual.app import App

from wf_tui.commands import Command
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.servers import ServersDialog
from wf_tui.gateway import GatewayError, Server, Servers
from wf_tui.screens.base import Context
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.queue_news import waiting_facts
from wf_tui.screens.wizard import WizardScreen
from wf_tui.state.text import clean


@dataclass(frozen=True, slots=True)
class Switching:
    """Asks for a server, asks again where something that was begun would be left, and goes there."""

    app: App[Any]
    servers: Servers
    #: The server that is shown, and what its screens need.
    shown: Server
    context: Context
    connect: Callable[[Server], Awaitable[None]]

    def choose(self) -> None:
        """Shows the servers; the answer is gone to."""
        if not isinstance(self.app.screen, ServersDialog):
            dialog = ServersDialog(self.servers, self.shown, self.context.now)
            self.app.push_screen(dialog, self._chosen)

    def commands(self) -> Iterator[Command]:
        """Yields the going to each of the others."""
        yield Command("server: choose", "All known servers, and whether they answer", self.choose)
        for server in self.servers.known():
            if server != self.shown:
                words = f"{clean(server.address)}{', read-only' if server.read_only else ''}"
                yield Command(
                    f"server: connect to {clean(server.title)}", words, partial(self._chosen, server)
                )

    def _chosen(self, server: Server | None) -> None:
        if server is None or server == self.shown:
            return
        facts = list(self._begun())
        if not facts:
            self._go(server)
            return
        question = f"Leave what was begun and connect to {server.title}?"
        self.app.push_screen(
            ConfirmDialog(question, facts, "Connect"), lambda yes: self._go(server) if yes else None
        )

    def _begun(self) -> Iterator[tuple[str, str]]:
        for screen in self.app.screen_stack:
            if isinstance(screen, ComposerScreen):
                kept = "its draft is kept" if self.context.drafts is not None else "it is lost"
                yield screen.crumbs()[-1], kept
            elif isinstance(screen, WizardScreen):
                kept = "its draft is kept" if screen.is_kept else "has to be begun anew"
                yield screen.crumbs()[-1], kept
        yield from waiting_facts(self.context.queue.queue)

    def _go(self, server: Server) -> None:
        self.app.run_worker(
            self._connect(server), name="connect", group="connect", exclusive=True, exit_on_error=False
        )

    async def _connect(self, server: Server) -> None:
        try:
            await self.connect(server)
        except GatewayError as error:
            self.context.report(error)
