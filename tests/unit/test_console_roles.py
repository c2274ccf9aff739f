"""What a role does not let somebody do is not offered: keys, commands, wizards, stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from textual.pilot import Pilot

from wf_tui.app import WfApp
from wf_tui.commands import WfCommands
from wf_tui.gateway import Server, Unauthenticated
from wf_tui.screens.base import WfScreen
from wf_tui.state.models import Identity, Status, Stop, StopBoard
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, FakeServers, add_workflow, frozen_app, press, sample_gateway, settle

#: Of SatelliteDiskErase, which may not be ordered, and of Maintenance, which may.
ERASE, OTHER = "SatelliteDiskErase", "Maintenance"
ORDERS = {"workflow.pause", "workflow.cancel", "workflow.stop"}


def known_as(*grants: str, way: str = "certificate") -> FakeGateway:
    gateway = sample_gateway()
    gateway.identity = Identity("ann", way, "10.0.0.9:1", grants)
    for number, name in enumerate((ERASE, OTHER)):
        blocks = erase_blocks(1)
        blocks[1] = [Status.RUNNING, *[Status.NOT_STARTED] * 5]
        summary = summary_of(number, Status.RUNNING, counts_of(blocks), started=ago(60 + number))
        add_workflow(gateway, replace(summary, name=name), blocks)
    gateway.stop_feed.first = StopBoard((Stop("*", False), Stop(ERASE, False), Stop(OTHER, False)))
    return gateway


@asynccontextmanager
async def console(gateway: FakeGateway) -> AsyncIterator[tuple[WfApp, Pilot[None]]]:
    app = frozen_app(gateway)
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        yield app, pilot


def offered(app: WfApp) -> set[str]:
    return {active.binding.id or "" for active in app.screen.active_bindings.values() if active.enabled}


def commands(app: WfApp) -> list[str]:
    return [command.name for command in WfCommands(app.screen)._all()]


def painted(app: WfApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def shown_type(app: WfApp) -> str:
    assert isinstance(app.screen, WfScreen)
    (shown,) = app.screen.concerned()
    return shown


async def test_orders_are_offered_by_the_type_that_they_are_about() -> None:
    async with console(known_as(f"operator:{OTHER}", "viewer")) as (app, pilot):
        for _ in range(2):
            mine = shown_type(app) == OTHER
            assert ("workflows.cancel" in offered(app)) is mine
            await press(pilot, "enter")
            assert (offered(app) >= ORDERS) is mine
            assert bool(offered(app) & ORDERS) is mine
            assert ("workflow: cancel" in commands(app)) is mine
            depth = len(app.screen_stack)
            await press(pilot, "X")
            assert (len(app.screen_stack) > depth) is mine, "the key itself does nothing else either"
            await press(pilot, *["escape"] * (2 if mine else 1), "down")


async def test_marks_of_several_types_offer_what_is_possible_for_one_of_them() -> None:
    async with console(known_as(f"operator:{OTHER}", "viewer")) as (app, pilot):
        await press(pilot, "space", "space")
        assert "workflows.cancel" in offered(app)


async def test_stops_are_offered_by_type_and_that_of_everything_to_nobody_else() -> None:
    async with console(known_as(f"operator:{OTHER}", "viewer")) as (app, pilot):
        await press(pilot, "S")
        may = {}
        for _ in range(3):
            may[shown_type(app)] = "stops.engage" in offered(app)
            await press(pilot, "down")
        assert may == {"*": False, ERASE: False, OTHER: True}
        names = commands(app)
        assert f"stop: engage {OTHER}" in names
        assert f"stop: engage {ERASE}" not in names


async def test_a_wizard_is_not_offered_to_who_may_not_submit_its_work() -> None:
    async with console(known_as(f"operator:{OTHER}", "viewer")) as (app, pilot):
        assert "workflows.erase" not in offered(app)
        assert not [name for name in commands(app) if name.startswith("erase")]
        await press(pilot, "e")
        assert len(app.screen_stack) == 1


async def test_a_viewer_sees_that_nothing_can_be_changed_and_as_whom() -> None:
    async with console(known_as("viewer")) as (app, pilot):
        assert " viewer " in painted(app)
        assert "ann at " in painted(app)
        assert [toast.message for toast in app._notifications] == [
            "ann is a viewer there: nothing can be changed"
        ]
        await press(pilot, "enter", "s", "p", "X")
        assert len(app.screen_stack) == 2
        assert not offered(app) & ORDERS


async def test_who_is_made_an_operator_meanwhile_is_offered_more() -> None:
    gateway = known_as("viewer")
    async with console(gateway) as (app, pilot):
        await press(pilot, "enter")
        assert not offered(app) & ORDERS
        gateway.identity = replace(gateway.identity, grants=("operator",))
        await press(pilot, "ctrl+r")
        await settle(pilot)
        assert offered(app) >= ORDERS
        assert " viewer " not in painted(app)


async def test_another_server_knows_one_otherwise() -> None:
    here, there = known_as("operator"), known_as("viewer")
    fra, ams = Server("fra", "fra.example:1"), Server("ams", "ams.example:1")
    servers = FakeServers((ams, fra), {"fra": lambda: here, "ams": lambda: there})
    app = frozen_app(here, server=fra, servers=servers)
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        assert "workflows.cancel" in offered(app)
        await press(pilot, "V", "home", "enter")
        await settle(pilot)
        assert "workflows.cancel" not in offered(app)


async def test_a_server_that_does_not_say_who_one_is_holds_nothing_back() -> None:
    gateway = known_as("viewer")
    gateway.errors["who_am_i"] = Unauthenticated("unknown method")
    async with console(gateway) as (app, _):
        assert "workflows.cancel" in offered(app)
        assert " viewer " not in painted(app)
