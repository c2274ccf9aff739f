"""What the console paints, and when: no more than differs, nothing that is covered, keys first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest
from textual import events
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from wf_tui.app import WfApp
from wf_tui.screens.base import WfScreen
from wf_tui.state.models import ChangeBatch, JobProgress, Status, Summary
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle
from wf_tui.widgets.banner import Banner
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.work_tree import WorkTree

S = Status


def running(gateway: FakeGateway) -> Summary:
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING, S.RUNNING, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    summary = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(60), seq=10)
    return add_workflow(gateway, summary, blocks)


@asynccontextmanager
async def opened(gateway: FakeGateway) -> AsyncIterator[tuple[WfApp, Pilot[None], WorkTree]]:
    """The console on the first workflow of the list."""
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "enter")
        yield app, pilot, app.screen.query_one(WorkTree)


@contextmanager
def lines_painted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every line that a list paints meanwhile, as text."""
    painted: list[str] = []
    real = RowsView.render_line

    def render_line(self: RowsView, y: int) -> Strip:
        strip = real(self, y)
        painted.append(strip.text)
        return strip

    with monkeypatch.context() as patch:
        patch.setattr(RowsView, "render_line", render_line)
        yield painted


async def test_a_report_of_progress_repaints_its_own_line(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = sample_gateway()
    summary = running(gateway)
    async with opened(gateway) as (_, pilot, tree):
        assert tree.line_count() > 5
        report = JobProgress(1, 3, 0.5, "half")
        with lines_painted(monkeypatch) as painted:
            gateway.feed(summary.id).send(ChangeBatch(11, [], [], b"", [], {}, (report,), summary))
            await settle(pilot)
        jobs = [line for line in painted if "%" in line]
        assert jobs
        assert all("aa03" in line and "50%" in line for line in jobs)
        assert not [line for line in painted if "aa01" in line]


async def test_the_scrollbar_comes_and_goes_with_the_lines() -> None:
    gateway = sample_gateway()
    running(gateway)
    async with opened(gateway) as (_, pilot, tree):
        await press(pilot, "g", "j", "left")
        assert tree.line_count() == tree.virtual_size.height == 11
        assert not tree.show_vertical_scrollbar
        await press(pilot, "G", "right", "j", "right", "G")
        assert tree.line_count() == tree.virtual_size.height > tree.size.height
        assert tree.show_vertical_scrollbar
        assert tree.scroll_offset.y == tree.max_scroll_y > 0
        await press(pilot, "left", "left", "left", "left")
        assert tree.line_count() == tree.virtual_size.height == 11
        assert not tree.show_vertical_scrollbar
        assert tree.scroll_offset.y == 0


async def test_what_a_key_does_is_painted_without_waiting_for_a_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = sample_gateway()
    running(gateway)
    async with opened(gateway) as (app, pilot, tree):
        await press(pilot, "g")
        # No frame comes any more.
        app.screen._update_timer.stop()
        with lines_painted(monkeypatch) as painted:
            # A pilot would paint by itself.
            app.post_message(events.Key("j", "j"))
            for _ in range(100):
                await asyncio.sleep(0)
        assert tree.cursor == 1
        assert [line for line in painted if line.startswith("▌")]


async def test_a_covered_screen_takes_its_news_and_is_not_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = sample_gateway()
    summary = running(gateway)
    async with opened(gateway) as (app, pilot, _):
        list_screen = app.screen_stack[0]
        assert isinstance(list_screen, WfScreen)
        painted: list[Screen[object]] = []
        real = Screen._compositor_refresh

        def refresh(self: Screen[object]) -> None:
            painted.append(self)
            real(self)

        monkeypatch.setattr(Screen, "_compositor_refresh", refresh)
        gateway.list_feed.send((False, (replace(summary, status=S.FAILED),)))
        await settle(pilot)
        assert not list_screen.is_current
        # The screen on top may have painted itself: a second is over, or a toast has come.
        assert list_screen not in painted
        await press(pilot, "escape")
        assert app.screen is list_screen
        assert list_screen.is_current
        assert "failed" in app.export_screenshot()


async def test_a_screen_under_a_dialog_goes_on_being_painted() -> None:
    gateway = sample_gateway()
    running(gateway)
    async with opened(gateway) as (app, pilot, _):
        below = app.screen
        await press(pilot, "question_mark")
        assert app.screen is not below
        assert below.is_current
        assert not app.screen_stack[0].is_current


async def test_a_banner_with_nothing_new_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = sample_gateway()
    running(gateway)
    async with opened(gateway) as (app, pilot, _):
        layouts: list[Screen[object]] = []
        monkeypatch.setattr(Screen, "_refresh_layout", lambda self, *_, **__: layouts.append(self))
        banner = app.screen.query_one(Banner)
        banner._show_lost()
        await pilot.pause()
        assert layouts == []
