"""The workflow view by its keys: filter, raw text, history, timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from textual.pilot import Pilot
from textual.widgets import Static

from wf_tui.app import WfApp
from wf_tui.gateway import Overloaded
from wf_tui.screens.history import HistoryScreen
from wf_tui.screens.raw import RawScreen
from wf_tui.screens.timeline import TimelineScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.state.models import Block, ChangeBatch, Job, Status, Summary, WorkReq
from wf_tui.state.rows import Row
from wf_tui.state.samples import ERASE, ago, counts_of, erase_blocks, sample_history, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.text_lines import TextLines
from wf_tui.widgets.timeline import TimelineRows
from wf_tui.widgets.work_tree import WorkTree

S = Status


def running(gateway: FakeGateway) -> Summary:
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING, S.RUNNING, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    summary = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(60), seq=10)
    return add_workflow(gateway, summary, blocks, errors={(1, 2): "no answer"})


@asynccontextmanager
async def opened(gateway: FakeGateway) -> AsyncIterator[tuple[WfApp, Pilot[None]]]:
    """The console on the first workflow of the list."""
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "enter")
        yield app, pilot


def tree(app: WfApp) -> WorkTree:
    return app.screen.query_one(WorkTree)


def note(app: WfApp) -> str:
    return str(app.screen.query_one("#note", Static).content)


async def test_the_filter_narrows_the_tree_and_esc_shows_all_again() -> None:
    gateway = sample_gateway()
    running(gateway)
    async with opened(gateway) as (app, pilot):
        before = tree(app).line_count()
        await press(pilot, "slash")
        await type_text(pilot, "aa03")
        assert tree(app).line_count() == 3
        assert note(app) == "1 of 61"
        await press(pilot, "enter", "down", "down")
        assert tree(app).row == Row(1, S.RUNNING, 3)
        await press(pilot, "escape")
        assert tree(app).line_count() == before
        assert isinstance(app.screen, WorkflowScreen)
        await press(pilot, "escape")
        assert isinstance(app.screen, WorkflowsScreen)


async def test_the_jobs_are_read_once() -> None:
    gateway = sample_gateway()
    running(gateway)
    async with opened(gateway) as (_, pilot):
        await press(pilot, "slash")
        await type_text(pilot, "aa0")
        await press(pilot, "escape", "slash")
        await type_text(pilot, "aa")
        offsets = [args for args in gateway.called("list_jobs") if args[3] == 1000]
        assert len(offsets) == len(set(offsets)) == 11


async def test_a_bad_pattern_is_said_and_the_last_good_one_stays() -> None:
    gateway = sample_gateway()
    running(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "slash")
        await type_text(pilot, "aa03")
        lines = tree(app).line_count()
        await type_text(pilot, "(")
        assert "character 5" in note(app)
        assert tree(app).line_count() == lines


async def test_a_job_that_begins_to_match_comes_into_the_filter() -> None:
    gateway = sample_gateway()
    summary = running(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "slash")
        await type_text(pilot, "failed")
        assert tree(app).line_count() == 3
        later = replace(summary, seq=11)
        change = ChangeBatch(11, [1], [0], bytes([S.FAILED]), [1_772_334_000_000_000], {}, (), later)
        gateway.feed(summary.id).send(change)
        await settle(pilot)
        assert tree(app).line_count() == 4


async def test_jobs_that_cannot_be_read_are_said_and_read_at_the_next_change() -> None:
    gateway = sample_gateway()
    running(gateway)
    async with opened(gateway) as (app, pilot):
        gateway.errors["list_jobs"] = Overloaded("the server is busy")
        await press(pilot, "slash")
        await type_text(pilot, "aa0")
        assert "the server is busy" in [toast.message for toast in app._notifications]
        del gateway.errors["list_jobs"]
        await type_text(pilot, "3")
        assert note(app) == "1 of 61"


def requested(gateway: FakeGateway) -> Summary:
    summary = running(gateway)
    jobs = (Job("diskErase", "", {"machine": "aa00", "site": "aap"}),)
    gateway.requests[summary.id] = WorkReq(ERASE, "Erase aap", (Block("first", 5, jobs),))
    return summary


async def test_raw_shows_request_and_status_and_copies_the_text_as_it_is() -> None:
    gateway = sample_gateway()
    requested(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "y", "Y")
        assert isinstance(app.screen, RawScreen)
        assert app.clipboard.startswith(f"name: {ERASE}\n")
        await press(pilot, "tab", "Y")
        assert app.clipboard.startswith("{")
        await press(pilot, "shift+tab", "shift+tab", "Y")
        assert app.clipboard == "{}\n"
        await press(pilot, "escape")
        assert isinstance(app.screen, WorkflowScreen)


async def test_raw_says_what_is_wrong_and_reads_again_on_ctrl_r() -> None:
    gateway = sample_gateway()
    requested(gateway)
    async with opened(gateway) as (app, pilot):
        gateway.errors["get"] = Overloaded("the server is busy")
        await press(pilot, "y", "tab", "Y")
        text = app.screen.query_one(TextLines)
        assert text.placeholder[0][0].text == "the server is busy"
        assert app.clipboard == ""
        del gateway.errors["get"]
        await press(pilot, "ctrl+r")
        assert text.line_count() > 5


async def test_details_and_id_are_copied() -> None:
    gateway = sample_gateway()
    summary = running(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "n", "Y")
        assert app.clipboard.splitlines()[:3] == [
            "Job 2 of block 1: diskErase",
            "Status  ✗ failed",
            "Error   no answer",
        ]
        await press(pilot, "I")
        assert app.clipboard == summary.id


def with_history(gateway: FakeGateway) -> Summary:
    summary = running(gateway)
    gateway.histories[summary.id] = sample_history(erase_blocks(11), {(1, 2): "no answer"}, until=15)
    return summary


def scrubbed(app: WfApp) -> int:
    assert isinstance(app.screen, HistoryScreen)
    assert app.screen.scrubber is not None
    return app.screen.scrubber.seq


async def test_history_goes_back_and_forth_and_esc_is_live_again() -> None:
    gateway = sample_gateway()
    summary = with_history(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "H")
        assert scrubbed(app) == 15
        for key, seq in (
            ("right", 15), ("left", 14), ("pageup", 12), ("shift+left", 10), ("shift+right", 12),
            ("home", 0), ("left", 0), ("right", 1), ("pagedown", 3), ("end", 15),
        ):  # fmt: skip
            await press(pilot, key)
            assert scrubbed(app) == seq, key
        await press(pilot, "home")
        gateway.histories[summary.id] = sample_history(erase_blocks(11), {(1, 2): "no answer"})
        await press(pilot, "ctrl+r")
        assert scrubbed(app) == 146
        await press(pilot, "escape")
        assert isinstance(app.screen, WorkflowScreen)


async def test_history_tells_nothing_of_a_job_that_came_later() -> None:
    gateway = sample_gateway()
    with_history(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "H", "n")
        assert tree(app).row == Row(1, S.FAILED, 2)
        assert "no answer" in app.screen.query_one(Facts).plain
        await press(pilot, "left")
        words = app.screen.query_one(Facts).plain
        assert "running" in words
        assert "no answer" not in words
        assert "pass 1 of 3" not in words


async def test_a_history_that_cannot_be_read_is_said_and_asked_for_again() -> None:
    gateway = sample_gateway()
    with_history(gateway)
    async with opened(gateway) as (app, pilot):
        gateway.errors["history"] = Overloaded("the server is busy")
        await press(pilot, "H", "left", "home")
        assert "the server is busy" in str(app.screen.query_one("#as-of", Static).content)
        del gateway.errors["history"]
        await press(pilot, "ctrl+r")
        assert scrubbed(app) == 15


async def test_the_timeline_opens_blocks_zooms_and_goes_back() -> None:
    gateway = sample_gateway()
    with_history(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "T")
        assert isinstance(app.screen, TimelineScreen)
        rows = app.screen.query_one(TimelineRows)
        whole = rows.window
        assert rows.line_count() == 11
        await press(pilot, "down", "enter", "down")
        assert rows.line_count() == 17
        assert (1, 0) in rows.visible_jobs()
        await press(pilot, "space")
        assert (rows.line_count(), rows.cursor) == (11, 1)
        await press(pilot, "plus", "plus", "left")
        assert rows.window.length == whole.length // 4
        await press(pilot, "minus", "minus", "minus")
        assert rows.window == whole
        await press(pilot, "escape")
        assert isinstance(app.screen, WorkflowScreen)


async def test_a_timeline_that_cannot_be_read_is_said_and_asked_for_again() -> None:
    gateway = sample_gateway()
    with_history(gateway)
    async with opened(gateway) as (app, pilot):
        gateway.errors["history"] = Overloaded("the server is busy")
        await press(pilot, "T", "enter", "plus")
        rows = app.screen.query_one(TimelineRows)
        assert rows.placeholder[0][0].text == "the server is busy"
        del gateway.errors["history"]
        await press(pilot, "ctrl+r")
        assert rows.line_count() == 11


async def test_the_palette_has_what_the_keys_have() -> None:
    gateway = sample_gateway()
    with_history(gateway)
    async with opened(gateway) as (app, pilot):
        assert isinstance(app.screen, WorkflowScreen)
        names = [command.name for command in app.screen.commands(app.screen)]
        assert {"workflow: history", "workflow: timeline", "workflow: raw"} <= set(names)
        await press(pilot, "colon")
        await type_text(pilot, "workflow: timeline")
        await press(pilot, "enter")
        assert isinstance(app.screen, TimelineScreen)
