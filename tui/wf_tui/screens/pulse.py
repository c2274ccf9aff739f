"""One screen that answers: is everything all right?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context, WfScreen
from wf_tui.state.models import Status
from wf_tui.state.pulse import ACTIVE, ENDED_BADLY, Page, Vitals
from wf_tui.state.situation import Situation
from wf_tui.widgets.pulse_view import pulse_content

_EVERY_SECONDS = 2.0
#: As many as the server gives at once.
_LIMIT = 1000
#: Beside the words: padding and scrollbar.
_MARGIN = 3


class PulseScreen(WfScreen):
    """Counts are asked for while it is shown; throughput comes from the stream of workflows."""

    AUTO_FOCUS = "#pulse"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", "Up", show=False, id="pulse.up", tooltip="Scroll up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="pulse.down", tooltip="Scroll down"),
        Binding("S", "app.stops", "Stops", id="pulse.stops", tooltip="To the emergency stops"),
        Binding(
            "R", "app.go('rejections')", "Rejections", id="pulse.rejections", tooltip="To the rejections"
        ),
        Binding("B", "app.go('buckets')", "Buckets", id="pulse.buckets", tooltip="To the token buckets"),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._situation: Situation | None = None
        self._vitals: Vitals | None = None

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", "Pulse"

    def body(self) -> ComposeResult:
        """One text, which scrolls where it is long."""
        with VerticalScroll(id="pulse"):
            yield Static(id="words", markup=False)

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self.poll("pulse", self._ask, self._take, every=_EVERY_SECONDS)
        self.set_interval(1.0, self._show, name="countdowns")

    async def _ask(self) -> Vitals:
        active, waiting, ended, buckets = await asyncio.gather(
            self._page(ACTIVE),
            self._page((Status.NOT_STARTED,)),
            self._page(ENDED_BADLY),
            self.context.gateway.buckets(),
        )
        return Vitals(active, waiting, ended, buckets)

    async def _page(self, statuses: Sequence[Status]) -> Page:
        summaries, more = await self.context.gateway.list(statuses=statuses, limit=_LIMIT)
        return Page(summaries, bool(more))

    def _take(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._show()

    def refused(self, error: GatewayError) -> None:
        """It is part of the answer too."""
        self._refusal = str(error)
        self._show()

    def situation_changed(self, situation: Situation) -> None:
        """The connection, the stops and the server's health are part of the answer."""
        super().situation_changed(situation)
        self._situation = situation
        self._show()

    @on(events.Resize)
    def _resized(self) -> None:
        """Words are wrapped to the width."""
        self._show()

    def _show(self) -> None:
        if self._situation is None or not self.is_mounted:
            return
        width = self.size.width - _MARGIN
        words = pulse_content(
            self._situation,
            self._vitals,
            self.context.activity,
            self.context.now(),
            width,
            refusal=self._refusal,
        )
        self.query_one("#words", Static).update(words)

    def action_scroll(self, lines: int) -> None:
        """Scrolls."""
        self.query_one("#pulse").scroll_relative(y=lines, animate=False)
