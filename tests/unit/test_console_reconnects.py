"""The connection breaks in the middle of every screen: what is in hand stays, the news come afterwards."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from textual.app import App
from textual.widgets import Input, Static

from tests.unit.every_screen import VISITS, Visit, world
from wf_tui.screens.base import WfScreen
from wf_tui.state.models import Stop, StopBoard
from wf_tui.testing import FakeGateway, frozen_app, press, settle
from wf_tui.widgets.rows import RowsView


def base(app: App[None]) -> WfScreen:
    """The screen that has a banner: the one on top, or the one beneath a dialog."""
    return next(screen for screen in reversed(app.screen_stack) if isinstance(screen, WfScreen))


def banner(app: App[None], part: str) -> str:
    line = base(app).query_one(part, Static)
    return str(line.visual) if line.display else ""


class Held:
    """What the operator has in hand: the typed text, the cursors, the focus."""

    def __init__(self, app: App[None]) -> None:
        self.focus = app.focused.id if app.focused is not None else None
        self.typed = [(field.id, field.value, field.cursor_position) for field in app.screen.query(Input)]
        self.cursors = [(rows.id, rows.cursor) for rows in app.screen.query(RowsView)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(vars(self))


def take_in_hand(app: App[None]) -> None:
    """Types into the first field that one can see."""
    field = next((field for field in app.screen.query(Input) if field.focusable and field.region.area), None)
    if field is not None:
        field.focus()
        field.value = "keep me"
        field.cursor_position = 4


@pytest.mark.parametrize("visit", VISITS, ids=str)
async def test_what_is_in_hand_outlasts_a_lost_server(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    gateway = world(str)
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await press(pilot, *visit.keys)
        if visit.dialog is not None:
            app.push_screen(visit.dialog(app, str))
            await settle(pilot)
        await press(pilot, "down")
        take_in_hand(app)
        await settle(pilot)
        held, screen = Held(app), app.screen

        gateway.disconnect()
        app.context.links.hurry()
        await settle(pilot)
        assert "lost" in banner(app, "#lost")
        assert base(app).has_class("-stale")
        assert app.screen is screen
        assert Held(app) == held

        change_meanwhile(gateway)
        gateway.reconnect()
        app.context.links.hurry()
        await settle(pilot)
        assert banner(app, "#lost") == ""
        assert not base(app).has_class("-stale")
        assert app.screen is screen
        assert Held(app) == held
        assert "smoke in row 4" in banner(app, "#alarm")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def change_meanwhile(gateway: FakeGateway) -> None:
    """What goes on while nobody can see it."""
    others = tuple(stop for stop in gateway.board.stops if stop.name != "*")
    everything = Stop("*", True, "grace@ops-2", "smoke in row 4")
    gateway.board = gateway.stop_feed.first = StopBoard((*others, everything))
    changed = tuple(replace(summary, reason="meanwhile") for summary in gateway.summaries)
    gateway.summaries = changed
    gateway.list_feed.first = (True, changed)
