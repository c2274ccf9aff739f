"""Something as text, in several views: to read and to copy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from wf_tui.gateway import Gateway, GatewayError
from wf_tui.screens.base import Context, WfScreen
from wf_tui.state.raw import RawText, copied_words, request_texts, status_texts
from wf_tui.state.text import clean
from wf_tui.widgets.rows import Piece
from wf_tui.widgets.text_lines import TextLines
from wf_tui.widgets.theme import MUTED


class RawScreen(WfScreen):
    """As of the moment it was opened, or of one that has passed; ctrl+r reads it again."""

    AUTO_FOCUS = "#text"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "tab", "turn(1)", "Next view", priority=True, id="raw.next", tooltip="WorkReq, status; YAML, JSON"
        ),
        Binding(
            "shift+tab",
            "turn(-1)",
            "Last view",
            show=False,
            priority=True,
            id="raw.previous",
            tooltip="The view before",
        ),
        Binding("Y", "copy", "Copy all", id="raw.copy", tooltip="The whole text to the terminal's clipboard"),
    ]

    def __init__(
        self, context: Context, place: tuple[str, ...], load: Callable[[], Awaitable[tuple[RawText, ...]]]
    ) -> None:
        super().__init__(context)
        self._place = place
        self._read_texts = load
        self._texts: tuple[RawText, ...] = ()
        self._shown = 0

    def crumbs(self) -> tuple[str, ...]:
        """Below what it is about."""
        return *self._place, "Raw"

    def body(self) -> ComposeResult:
        """The names of the views, and one of them."""
        yield Static(id="views")
        yield TextLines(id="text")

    def on_mount(self) -> None:
        """Reads it."""
        super().on_mount()
        self._read()

    def _read(self) -> None:
        self._say("Asking the server…", "dim")
        self.ask(self._load(), "it as text", group="raw", exclusive=True)

    async def _load(self) -> None:
        try:
            self._texts = await self._read_texts()
        except GatewayError as error:
            self._texts = ()
            self._say(clean(str(error)), "bad")
            return
        self._shown = min(self._shown, len(self._texts) - 1)
        self._show()

    def _say(self, words: str, look: str) -> None:
        text = self.query_one(TextLines)
        text.placeholder = [[Piece(words, look)], [], [Piece("ctrl+r asks again, esc goes back", "dim")]]
        text.show_lines(())
        self.query_one("#views", Static).update("")

    def _show(self) -> None:
        names = [
            Content.styled(f" {text.name} ", "bold reverse" if at == self._shown else MUTED)
            for at, text in enumerate(self._texts)
        ]
        self.query_one("#views", Static).update(Content(" ").join(names))
        self.query_one(TextLines).show_lines(self._texts[self._shown].lines)

    def action_turn(self, step: int) -> None:
        """Shows another view."""
        if self._texts:
            self._shown = (self._shown + step) % len(self._texts)
            self._show()

    def action_copy(self) -> None:
        """Copies the view by OSC 52."""
        if self._texts:
            text = self._texts[self._shown].text
            self.app.copy_to_clipboard(text)
            self.say(copied_words(text))

    def action_retry(self) -> None:
        """Reads it again."""
        self._read()


async def workflow_texts(gateway: Gateway, workflow_id: str) -> tuple[RawText, ...]:
    """Reads a workflow: what was asked for, and where it stands. Raises GatewayError."""
    (request, _), status = await asyncio.gather(gateway.get(workflow_id), gateway.status_json(workflow_id))
    # In a thread: large ones take seconds to write down.
    return await asyncio.to_thread(lambda: request_texts(request) + status_texts(status))


async def texts_as_of(gateway: Gateway, workflow_id: str, seq: int) -> tuple[RawText, ...]:
    """Reads a workflow as it stood after a change, 0: as it was submitted. Raises GatewayError."""
    if not seq:
        request, _ = await gateway.get(workflow_id)
        return await asyncio.to_thread(request_texts, request)
    return await asyncio.to_thread(status_texts, await gateway.status_json(workflow_id, at_seq=seq))
