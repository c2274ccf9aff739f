"""Going through a workflow's history by its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from wf_tui.app import WfApp
from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.screens.history import HistoryScreen
from wf_tui.screens.log import LogScreen
from wf_tui.screens.raw import RawScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.state.models import Status
from wf_tui.state.rows import Row
from wf_tui.state.samples import ago, counts_of, erase_blocks, sample_history, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.slider import Slider
from wf_tui.widgets.work_tree import WorkTree

S = Status


@asynccontextmanager
async def scrubbing(*keys: str) -> AsyncIterator[tuple[HistoryScreen, Pilot[None], WfApp]]:
    gateway: FakeGateway = sample_gateway()
    blocks = erase_blocks(4)
    blocks[3][2] = S.FAILED
    errors = {(3, 2): "no answer"}
    summary = summary_of(0, S.FAILED, counts_of(blocks), started=ago(900), ended=ago(60))
    add_workflow(gateway, summary, blocks, errors=errors)
    gateway.histories[summary.id] = sample_history(blocks[:4], errors)
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "enter", "H", *keys)
        assert isinstance(app.screen, HistoryScreen)
        yield app.screen, pilot, app


def seq(screen: HistoryScreen) -> int:
    assert screen.scrubber is not None
    return screen.scrubber.seq


async def test_by_failure_the_cursor_goes_to_what_failed() -> None:
    async with scrubbing("home", "n") as (screen, pilot, _):
        assert screen.history.words(seq(screen)) == "job 2 of block 3: ✗ failed"
        assert screen.query_one(WorkTree).row == Row(3, S.FAILED, 2)
        await press(pilot, "n")
        assert screen.history.words(seq(screen)) == "block 3: ✗ failed"
        await press(pilot, "N", "N")
        assert screen.history.words(seq(screen)) == "workflow: ✗ failed", "round the end"
        await press(pilot, "n")
        assert screen.history.words(seq(screen)) == "job 2 of block 3: ✗ failed"


async def test_by_block() -> None:
    async with scrubbing("home") as (screen, pilot, _):
        await press(pilot, "right_square_bracket", "right_square_bracket", "right_square_bracket")
        assert screen.history.words(seq(screen)) == "block 0: ✓ completed"
        await press(pilot, "left_square_bracket")
        assert screen.history.words(seq(screen)) == "block 0: ● running"


async def test_the_filter_says_where_to_stop_and_typing_goes_nowhere() -> None:
    async with scrubbing("home", "slash") as (screen, pilot, app):
        await type_text(pilot, "np")
        await press(pilot, "left", "home", "end", "backspace", "backspace")
        assert seq(screen) == 0
        assert not screen.playing
        await type_text(pilot, "what:block.2 status:completed")
        await press(pilot, "enter", "right")
        assert screen.history.words(seq(screen)) == "job 0 of block 2: ✓ completed"
        await press(pilot, "right", "right", "left")
        assert screen.history.words(seq(screen)) == "job 1 of block 2: ✓ completed"
        await press(pilot, "home", "left")
        assert "No change before" in [toast.message for toast in app._notifications][-1]
        await press(pilot, "escape", "home", "right")
        assert seq(screen) == 1


async def test_it_plays_to_the_end_and_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HistoryScreen, "TICK", 0.001)
    async with scrubbing("p") as (screen, pilot, _):
        while screen.playing:
            await pilot.pause()
        assert seq(screen) == len(screen.history)


async def test_play_stops_where_one_says_so_and_goes_at_the_speed_one_says() -> None:
    async with scrubbing("home", "p", "plus", "plus") as (screen, pilot, _):
        assert screen.playing
        assert "▶ ×4" in screen.query_one(Slider).words
        await press(pilot, "p")
        assert not screen.playing
        before = seq(screen)
        screen._advance()
        await settle(pilot)
        assert seq(screen) - before == max(1, round(len(screen.history) * 4 / 80))


async def test_details_and_log_as_of_then() -> None:
    async with scrubbing("home", "n") as (screen, pilot, app):
        await press(pilot, "d")
        assert isinstance(app.screen, ReadingDialog)
        await press(pilot, "Y", "escape")
        assert "no answer" in app.clipboard
        await press(pilot, "l")
        assert isinstance(app.screen, LogScreen)
        await press(pilot, "escape", "escape")
        assert isinstance(app.screen, WorkflowScreen)
        assert not screen.is_current


async def test_as_text_it_is_what_the_server_has_as_of_the_change() -> None:
    async with scrubbing("home", "right", "right") as (screen, pilot, app):
        gateway = screen.context.gateway
        assert isinstance(gateway, FakeGateway)
        workflow_id = screen.history.summary.id
        await press(pilot, "y")
        assert isinstance(app.screen, RawScreen)
        assert app.screen.crumbs()[-2:] == ("seq 2", "Raw")
        assert gateway.called("status_json") == [(workflow_id, 2)]
        await press(pilot, "escape", "home", "y")
        assert isinstance(app.screen, RawScreen)
        assert app.screen.crumbs()[-2:] == ("as submitted", "Raw")
        assert gateway.called("status_json") == [(workflow_id, 2)], "nothing had happened yet"
