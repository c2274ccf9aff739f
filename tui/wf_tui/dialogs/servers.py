"""The servers one can go to, and whether each of them answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from wf_tui.dialogs.base import Dialog
from wf_tui.gateway import GatewayError, Server, Servers
from wf_tui.probe import health_probe
from wf_tui.state.format import short_address
from wf_tui.state.text import clean
from wf_tui.widgets.rows import Piece, RowsView, fit

_NAME, _STATE = 18, 12


class Answer(NamedTuple):
    """Whether a server answers, and the rest of what it says."""

    state: str
    words: str = ""


_ASKING = Answer("◌ asking…")


class ServerList(RowsView):
    """A server a line: its name, whether it answers, its address."""

    def __init__(self, servers: Sequence[Server], shown: Server) -> None:
        super().__init__(id="servers")
        self._servers = tuple(servers)
        self._shown = shown
        self._answers = [_ASKING] * len(self._servers)

    @property
    def current(self) -> Server:
        """The server under the cursor."""
        return self._servers[self.cursor]

    @property
    def answer(self) -> Answer:
        """What it answered."""
        return self._answers[self.cursor]

    def line_count(self) -> int:
        """One for each server."""
        return len(self._servers)

    def tell(self, line: int, answer: Answer) -> None:
        """Shows what a server answered."""
        self._answers[line] = answer
        self.lines_changed((line,))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a server."""
        server = self._servers[line]
        mark = "▸ " if server == self._shown else "  "
        yield Piece(fit(mark + clean(server.title), min(width, _NAME)) + " ", "strong")
        yield Piece(fit(self._answers[line].state, max(0, min(width - _NAME, _STATE))))
        access = "  read-only" if server.read_only else ""
        address = fit(short_address(clean(server.address)) + access, max(0, width - _NAME - _STATE - 2))
        yield Piece(address, "dim")


class ServersDialog(Dialog[Server]):
    """Answers with the server to go to."""

    AUTO_FOCUS = "#servers"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "ask", "Ask again", id="servers.ask", tooltip="Ask every server again"),
    ]

    def __init__(self, servers: Servers, shown: Server, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._servers = servers
        self._known = servers.known()
        self._shown = shown
        self._now = now

    def compose(self) -> ComposeResult:
        """The question and the list."""
        with Vertical(classes="box"):
            yield Static("Connect to which server?", classes="question", markup=False)
            yield ServerList(self._known, self._shown)
            yield Static(id="answer", markup=False)
            yield Static("↑ ↓ move   enter connects   ctrl+r asks again", classes="hint", markup=False)

    def on_mount(self) -> None:
        """Asks each of them."""
        self.action_ask()

    def action_ask(self) -> None:
        """Asks each of them whether it answers."""
        for line, server in enumerate(self._known):
            self._tell(line, _ASKING)
            self.run_worker(
                self._ask(line, server),
                name=f"ask {server.title}",
                group=f"ask {line}",
                exclusive=True,
                exit_on_error=False,
            )

    async def _ask(self, line: int, server: Server) -> None:
        try:
            gateway = self._servers.open(server)
            try:
                health = await health_probe(gateway, self._now, time.monotonic)()
            finally:
                await gateway.close()
            took = f"in {health.round_trip * 1000:.0f} ms"
            answer = Answer("● answers", f"Version {health.info.version} answered {took}.")
        except GatewayError as error:
            answer = Answer("✗ no answer", str(error))
        self._tell(line, answer)

    def _tell(self, line: int, answer: Answer) -> None:
        self.query_one(ServerList).tell(line, answer)
        self._show_answer()

    @on(RowsView.Moved)
    def _show_answer(self) -> None:
        self.query_one("#answer", Static).update(clean(self.query_one(ServerList).answer.words))

    @on(RowsView.Opened)
    def _chosen(self) -> None:
        self.dismiss(self.query_one(ServerList).current)
