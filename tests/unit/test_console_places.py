"""The screens that can be gone to from anywhere, and what keys do there."""

from __future__ import annotations

import pytest
from textual.widgets import Button, Input

from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.gateway import Overloaded
from wf_tui.screens.places import PLACES
from wf_tui.screens.sites import SitesScreen
from wf_tui.screens.wizard import WizardScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.state.models import Bucket, JobType, Policy, PolicyBook, Site, SiteStatus, SiteType, WorkflowType
from wf_tui.testing import frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.bucket_table import BucketTable
from wf_tui.widgets.catalogue_view import CatalogueView
from wf_tui.widgets.site_table import SiteTable

EVIL = "\x1b[2J\u202e[red]boo[/red]" + "x" * 10_000
SIZE = (100, 30)


async def test_places_take_each_others_place_and_esc_goes_home() -> None:
    app = frozen_app(sample_gateway())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for place in PLACES.values():
            await press(pilot, place.key)
            assert isinstance(app.screen, place.screen)
            await press(pilot, place.key)
            assert len(app.screen_stack) == 2
        await press(pilot, "escape")
        assert isinstance(app.screen, WorkflowsScreen)


async def test_every_place_is_in_the_palette() -> None:
    app = frozen_app(sample_gateway())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        commands = {command.name: command for command in app.commands(app.screen)}
        for name, place in PLACES.items():
            commands[f"go: {name}"].run()
            await settle(pilot)
            assert isinstance(app.screen, place.screen)


@pytest.mark.parametrize(
    ("name", "call"), [("buckets", "buckets"), ("quotas", "quotas"), ("sites", "sites"), ("pulse", "list")]
)
async def test_a_place_asks_only_while_it_is_shown(name: str, call: str) -> None:
    gateway = sample_gateway()
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, PLACES[name].key)
        asked = len(gateway.called(call))
        assert asked
        await press(pilot, "question_mark", "ctrl+r")
        assert len(gateway.called(call)) == asked
        await press(pilot, "escape")
        again = len(gateway.called(call))
        assert again > asked
        await press(pilot, "escape", "ctrl+r")
        assert len(gateway.called(call)) == again


async def test_a_refusal_is_told_once_and_what_was_read_stays() -> None:
    gateway = sample_gateway()
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "B")
        gateway.errors["buckets"] = Overloaded("the server is busy")
        await press(pilot, "ctrl+r", "ctrl+r", "ctrl+r")
        assert [toast.message for toast in app._notifications] == ["the server is busy"]
        assert app.screen.query_one(BucketTable).line_count() == 1
        del gateway.errors["buckets"]
        gateway.known_buckets = (*gateway.known_buckets, Bucket("b", 1, 1, 1, 1.0))
        await press(pilot, "ctrl+r")
        assert app.screen.query_one(BucketTable).line_count() == 2


async def test_e_begins_the_wizard_on_the_site_and_nothing_is_submitted() -> None:
    gateway = sample_gateway()
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "I", "down", "e")
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.crumbs()[-1] == "Erase the disks of adg"
        assert not app.screen.query_one("#continue", Button).disabled
        assert gateway.called("submit") == []


async def test_a_site_that_cannot_be_erased_says_why() -> None:
    app = frozen_app(sample_gateway())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "I", "end", "e")
        assert isinstance(app.screen, SitesScreen)
        assert [toast.message for toast in app._notifications] == [
            "aaq is a cluster; only satellites are erased"
        ]


async def test_an_erasure_that_was_begun_is_not_begun_twice() -> None:
    app = frozen_app(sample_gateway())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "e", "I", "e")
        assert isinstance(app.screen, SitesScreen)
        assert "begun already" in next(iter(app._notifications)).message


async def test_the_filter_and_the_cursor_outlast_what_changes_in_the_inventory() -> None:
    gateway = sample_gateway()
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "I", "slash")
        await type_text(pilot, "ad")
        await press(pilot, "enter", "down")
        table = app.screen.query_one(SiteTable)
        assert table.current is not None
        assert table.current.name == "adj"
        known = [entry for entry in gateway.known_sites if entry[0].name != "adj"]
        moved = Site("adj", SiteType.SATELLITE, SiteStatus.DECOM, 50)
        gateway.known_sites = (*known, (moved, ()))
        await press(pilot, "ctrl+r")
        assert table.current == moved
        assert table.line_count() == 2
        assert app.screen.query_one("#text", Input).value == "ad"


async def test_enter_shows_machines_and_documentation() -> None:
    gateway = sample_gateway()
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "I", "enter")
        assert isinstance(app.screen, ReadingDialog)
        assert gateway.called("site") == [("aap",)]
        await press(pilot, "down", "enter", "K", "enter")
        assert isinstance(app.screen, ReadingDialog)
        await press(pilot, "escape", "slash")
        await type_text(pilot, "zebra")
        assert app.screen.query_one(CatalogueView).line_count() == 0
        await press(pilot, "enter", "enter", "escape")
        assert app.screen.query_one(CatalogueView).line_count() > 0


async def test_hostile_text_is_painted_harmlessly() -> None:
    gateway = sample_gateway()
    gateway.known_sites = ((Site(EVIL, SiteType.SATELLITE, SiteStatus.DECOM, 1), (EVIL,)),)
    gateway.known_buckets = (Bucket(EVIL, 1, 0, 1, 1.0),)
    gateway.known_job_types = (JobType(EVIL, EVIL, (), EVIL),)
    gateway.book = PolicyBook((WorkflowType(EVIL, (Policy(EVIL, EVIL, {EVIL: EVIL}),)),), EVIL)
    gateway.problems = (EVIL,)
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        keys = ["P", "B", "I", "enter", "escape", "K", "enter", "escape", "end", "enter", "escape"]
        for key in keys:
            await press(pilot, key)
            picture = app.export_screenshot()
            assert "\x1b" not in picture
            assert "\u202e" not in picture
