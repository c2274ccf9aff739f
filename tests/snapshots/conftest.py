"""Pictures of the console: a fixed time, zone and size, no animation, and settled before it is taken."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

import pytest
from textual.command import CommandInput
from textual.pilot import Pilot

from wf_tui.testing import FakeGateway, frozen_app, press, settle, type_text

#: In a scenario: keys to press, `text:…` to type, or something to do to the server.
Deed = str | Callable[[], None]


class Picture(Protocol):
    """Takes a picture and compares it with the accepted one."""

    def __call__(
        self, gateway: FakeGateway, *deeds: Deed, size: tuple[int, int] = (100, 30), theme: str = ""
    ) -> bool: ...


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    # The palette's input is Textual's own, and blinks.
    monkeypatch.setattr(CommandInput, "cursor_blink", False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Picture:
    def take(gateway: FakeGateway, *deeds: Deed, size: tuple[int, int] = (100, 30), theme: str = "") -> bool:
        app = frozen_app(gateway)
        if theme:
            app.theme = theme
        return snap_compare(app, terminal_size=size, run_before=_scenario(deeds))

    return take


def _scenario(deeds: tuple[Deed, ...]) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def play(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        for deed in deeds:
            if callable(deed):
                deed()
            elif deed.startswith("text:"):
                await type_text(pilot, deed.removeprefix("text:"))
            else:
                await press(pilot, deed)
            await settle(pilot)

    return play
