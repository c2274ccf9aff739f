"""The log of jobs, by its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from textual.pilot import Pilot
from textual.widgets import Static

from wf_tui.app import WfApp
from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.gateway import NotFound, Overloaded
from wf_tui.screens.log import LogScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.state.models import Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.log_lines import LogLines

S = Status


def running() -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING, S.COMPLETED, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    summary = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(60), seq=10)
    add_workflow(gateway, summary, blocks, errors={(1, 2): "no answer"})
    return gateway


def write(gateway: FakeGateway, job: int, *lines: str, **fields: object) -> None:
    """What the server answers from now on about a job of block 1."""
    jobs = gateway.jobs[gateway.summaries[0].id][1]
    jobs[job] = replace(jobs[job], log=lines, **fields)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(
    gateway: FakeGateway, *keys: str, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[WfApp, Pilot[None]]]:
    app = frozen_app(gateway)
    async with app.run_test(size=size) as pilot:
        await press(pilot, "enter", *keys)
        yield app, pilot


def lines(app: WfApp) -> LogLines:
    return app.screen.query_one(LogLines)


def texts(app: WfApp) -> list[str]:
    assert isinstance(app.screen, LogScreen)
    return [line.text for line in app.screen.book.lines]


def head(app: WfApp) -> str:
    return str(app.screen.query_one("#job", Static).content)


async def test_the_log_of_a_running_job_grows_and_is_followed() -> None:
    gateway = running()
    write(gateway, 0, *(f"line {n}" for n in range(60)), fraction=0.4, progress_message="pass 2")
    async with opened(gateway, "down", "down", "down", "down", "l") as (app, pilot):
        assert texts(app)[-1] == "line 59"
        assert lines(app).cursor == 59
        assert "40%" in head(app)
        assert "pass 2" in head(app)
        write(gateway, 0, *(f"line {n}" for n in range(1, 65)), fraction=0.5)
        await press(pilot, "ctrl+r")
        assert len(texts(app)) == 65
        assert lines(app).cursor == 64
        assert lines(app).scroll_offset.y > 30


async def test_who_moves_up_stays_and_the_last_line_follows_again() -> None:
    gateway = running()
    write(gateway, 0, "a", "b", "c")
    async with opened(gateway, "down", "down", "down", "down", "l", "k") as (app, pilot):
        assert "stays here" in head(app)
        write(gateway, 0, "a", "b", "c", "d")
        await press(pilot, "ctrl+r")
        assert lines(app).cursor == 1
        await press(pilot, "G")
        assert "follows" in head(app)
        write(gateway, 0, "a", "b", "c", "d", "e")
        await press(pilot, "ctrl+r")
        assert lines(app).cursor == 4
        await press(pilot, "f", "g")
        assert (lines(app).cursor, lines(app).following) == (0, False)


async def test_a_job_that_has_ended_still_has_its_log_and_error() -> None:
    gateway = running()
    write(gateway, 2, "opened the controller", "gave up")
    async with opened(gateway, "n", "l") as (app, pilot):
        assert texts(app) == ["opened the controller", "gave up"]
        assert "failed" in head(app)
        assert "no answer" in head(app)
        await press(pilot, "ctrl+r")
        asked = len(gateway.called("list_jobs"))
        await press(pilot, "question_mark", "escape")
        assert len(gateway.called("list_jobs")) == asked, "nobody asks for what cannot change"
        write(gateway, 2, "opened the controller", "gave up", "a late word")
        await press(pilot, "ctrl+r")
        assert texts(app)[-1] == "a late word"


async def test_a_block_has_the_logs_of_its_jobs_trouble_first() -> None:
    gateway = running()
    async with opened(gateway, "l") as (app, pilot):
        headings = [line for line in texts(app) if "  1/" in line]
        assert headings[0].startswith("✗ failed  1/2 diskErase")
        assert len(headings) == 5, "what has not started has no log"
        await press(pilot, "slash")
        await type_text(pilot, "job:aa03 line:opened")
        assert texts(app) == ["● running  1/3 diskErase machine=aa03 site=aap", "opened the controller"]
        await press(pilot, "escape", "escape")
        assert isinstance(app.screen, WorkflowScreen)


async def test_lines_are_read_whole_and_copied() -> None:
    gateway = running()
    long = "x" * 5000
    write(gateway, 2, "first", long)
    async with opened(gateway, "n", "l", "Y") as (app, pilot):
        assert app.clipboard == f"first\n{long}"
        await press(pilot, "d")
        assert isinstance(app.screen, ReadingDialog)
        await press(pilot, "Y")
        assert app.clipboard == long


async def test_what_the_server_refuses_is_said_in_the_place_of_the_lines() -> None:
    gateway = running()
    async with opened(gateway, "n") as (app, pilot):
        gateway.errors["list_jobs"] = NotFound("there is no workflow 7")
        await press(pilot, "l")
        assert "there is no workflow 7" in app.export_screenshot().replace("&#160;", " ")
        del gateway.errors["list_jobs"]
        await press(pilot, "ctrl+r")
        assert texts(app)


async def test_lines_that_were_read_outlast_a_lost_connection() -> None:
    gateway = running()
    async with opened(gateway, "n", "l") as (app, pilot):
        before = texts(app)
        gateway.disconnect()
        await settle(pilot)
        gateway.errors["list_jobs"] = Overloaded("busy")
        await press(pilot, "ctrl+r")
        assert texts(app) == before
        gateway.errors.pop("list_jobs")
        gateway.reconnect()
        write(gateway, 2, *before, "after")
        await press(pilot, "ctrl+r")
        assert texts(app)[-1] == "after"


async def test_where_nothing_has_started_it_says_so() -> None:
    gateway = running()
    async with opened(gateway, "end", "l") as (app, _):
        assert isinstance(app.screen, WorkflowScreen)
        assert "No job has started here" in [toast.message for toast in app._notifications][-1]
