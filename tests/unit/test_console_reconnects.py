"""The connection breaks in the middle of every screen: what is in hand stays, the news come afterwards."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from tests.unit.every_screen import VISITS, Held, Visit, banner, base, go_to, take_in_hand, world
from wf_tui.state.models import Stop, StopBoard
from wf_tui.testing import FakeGateway, frozen_app, press, settle


@pytest.mark.parametrize("visit", VISITS, ids=str)
async def test_what_is_in_hand_outlasts_a_lost_server(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    gateway = world(str)
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await go_to(visit, pilot, str)
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
