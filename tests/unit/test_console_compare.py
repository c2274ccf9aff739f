"""Comparing two runs by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from wf_tui.app import WfApp
from wf_tui.dialogs.pick import PickDialog
from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.gateway import NotFound
from wf_tui.screens.compare import CompareScreen
from wf_tui.screens.log import LogScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.state.models import Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.compare_view import CompareView
from wf_tui.widgets.facts import Facts

S = Status


def two_runs() -> FakeGateway:
    """The newer one failed in block 3, and has another machine in block 5."""
    gateway = sample_gateway()
    good, bad = erase_blocks(11), erase_blocks(3)
    bad[3] = [S.COMPLETED, S.FAILED, S.FAILED, S.COMPLETED, S.COMPLETED, S.COMPLETED]
    failed = summary_of(0, S.FAILED, counts_of(bad), started=ago(400), ended=ago(40), reason="2 jobs failed")
    fine = summary_of(1, S.COMPLETED, counts_of(good), started=ago(4000), ended=ago(3000))
    add_workflow(gateway, failed, bad, errors={(3, 1): "no route", (3, 2): "no route"})
    add_workflow(gateway, fine, good)
    jobs = gateway.jobs[failed.id][5]
    jobs[2] = replace(jobs[2], args={"machine": "zz99", "site": "aap"})
    return gateway


@asynccontextmanager
async def opened(gateway: FakeGateway, *keys: str) -> AsyncIterator[tuple[WfApp, Pilot[None]]]:
    app = frozen_app(gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, *keys)
        yield app, pilot


def view(app: WfApp) -> CompareView:
    return app.screen.query_one(CompareView)


def head(app: WfApp) -> str:
    return str(app.screen.query_one("#runs", Static).content)


async def test_two_marked_workflows_are_compared_the_older_one_left() -> None:
    gateway = two_runs()
    async with opened(gateway, "space", "space", "equals_sign") as (app, pilot):
        assert isinstance(app.screen, CompareScreen)
        failed, fine = gateway.summaries
        assert app.screen.ids == (fine.id, failed.id)
        assert "≠1 job changed" in head(app)
        assert "completed → failed" in head(app)
        assert "2 errors differ" in head(app)
        only = view(app).line_count()
        await press(pilot, "o")
        assert view(app).line_count() == 11 + 61
        await press(pilot, "o")
        assert view(app).line_count() == only


async def test_one_goes_from_difference_to_difference_and_reads_both_sides() -> None:
    async with opened(two_runs(), "space", "space", "equals_sign", "o", "n", "n") as (app, pilot):
        assert view(app).current is not None
        plain = app.screen.query_one(Facts).plain
        assert "no route" in plain
        await press(pilot, "d")
        assert isinstance(app.screen, ReadingDialog)
        await press(pilot, "Y", "escape")
        assert "no route" in app.clipboard
        before = view(app).cursor
        await press(pilot, "n", "N")
        assert view(app).cursor == before
        await press(pilot, "l")
        assert isinstance(app.screen, LogScreen)


async def test_the_filter_and_the_copy_are_of_what_is_shown() -> None:
    async with opened(two_runs(), "space", "space", "equals_sign", "slash") as (app, pilot):
        await type_text(pilot, "request:changed")
        assert view(app).line_count() == 2
        await press(pilot, "enter", "Y")
        assert "→ zz99" in app.clipboard
        assert "no route" not in app.clipboard


async def test_left_and_right_can_change_places() -> None:
    async with opened(two_runs(), "space", "space", "equals_sign", "tab") as (app, _):
        assert "failed → completed" in head(app)


async def test_a_workflow_is_compared_with_another_of_its_type() -> None:
    gateway = two_runs()
    async with opened(gateway, "enter", "equals_sign") as (app, pilot):
        assert isinstance(app.screen, PickDialog)
        await press(pilot, "enter")
        assert isinstance(app.screen, CompareScreen)
        await press(pilot, "escape")
        assert isinstance(app.screen, WorkflowScreen)


async def test_a_lone_run_says_so() -> None:
    gateway = two_runs()
    gateway.summaries = gateway.summaries[:1]
    gateway.list_feed.first = (True, gateway.summaries)
    async with opened(gateway, "equals_sign") as (app, _):
        assert isinstance(app.screen, WorkflowsScreen)
        assert "no other" in [toast.message for toast in app._notifications][-1]


async def test_marks_are_seen_counted_and_taken_away_by_esc() -> None:
    async with opened(two_runs(), "space") as (app, pilot):
        assert "1 marked" in str(app.screen.query_one("#counts", Static).content)
        await press(pilot, "escape")
        assert "marked" not in str(app.screen.query_one("#counts", Static).content)


async def test_too_many_marks_are_said() -> None:
    gateway = two_runs()
    blocks = erase_blocks(0)
    add_workflow(gateway, summary_of(2, S.NOT_STARTED, counts_of(blocks)), blocks)
    async with opened(gateway, "space", "space", "space", "equals_sign") as (app, _):
        assert isinstance(app.screen, WorkflowsScreen)
        assert "two can be compared" in [toast.message for toast in app._notifications][-1]


@pytest.mark.parametrize("call", ["watch", "list_jobs"])
async def test_what_cannot_be_read_is_said_and_asked_again(call: str) -> None:
    gateway = two_runs()
    async with opened(gateway, "space", "space") as (app, pilot):
        error = NotFound("there is no workflow 7")
        feed = gateway.feed(gateway.summaries[0].id)
        if call == "watch":
            feed.refusal = error
        else:
            gateway.errors[call] = error
        await press(pilot, "equals_sign")
        assert "there is no workflow 7" in str(view(app).placeholder)
        feed.refusal = None
        gateway.errors.clear()
        await press(pilot, "ctrl+r")
        assert view(app).line_count()


async def test_a_comparison_outlasts_a_lost_connection() -> None:
    gateway = two_runs()
    async with opened(gateway, "space", "space", "equals_sign") as (app, pilot):
        before = view(app).line_count()
        gateway.disconnect()
        await settle(pilot)
        await press(pilot, "ctrl+r")
        assert view(app).line_count() == before
        assert "does not answer" in [toast.message for toast in app._notifications][-1]
