"""Filtering by keys: the same line and the same language in every list."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Static

from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.state.models import Bucket, Rejection, RejectionSummary, Status, WorkReq
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.filter_bar import FilterBar
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.titlebar import TitleBar
from wf_tui.widgets.work_tree import WorkTree

S = Status
SIZE = (100, 30)


@pytest.fixture
def gateway() -> FakeGateway:
    made = sample_gateway()
    for number, status in enumerate((S.COMPLETED, S.FAILED, S.NOT_STARTED)):
        blocks = erase_blocks(0)
        add_workflow(made, summary_of(number, status, counts_of(blocks), started=ago(60)), blocks)
    made.refused = tuple(
        Rejection(
            RejectionSummary(f"r{n}", "Maintenance", "", "ada", ago(n), 1, 1, 1, "no such job", mended_by=by),
            WorkReq("Maintenance", "", ()),
            (),
        )
        for n, by in enumerate(("", "w2"))
    )
    made.known_buckets = (*made.known_buckets, Bucket("other", 5, 0, 1, 60.0))
    return made


@pytest.mark.parametrize(
    ("key", "text", "lines"),
    [
        ("w", "status:fail|not", 2),
        ("w", "!completed", 2),
        ("S", "state:stop !disk", 1),
        ("B", "^other$", 1),
        ("B", "level:full", 1),
        ("I", "type:cluster !removed", 2),
        ("K", "samear.s", 3),
        ("R", "state:open", 1),
    ],
)
async def test_every_list_takes_the_same_language(
    gateway: FakeGateway, key: str, text: str, lines: int
) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, key, "slash")
        await type_text(pilot, text)
        rows = app.screen.query_one(RowsView)
        assert rows.line_count() == lines
        assert app.screen.query_one(TitleBar).filter == text
        await press(pilot, "enter")
        assert rows.has_focus
        await press(pilot, "escape")
        assert rows.line_count() > lines
        assert app.screen.query_one(TitleBar).filter == ""


@pytest.mark.parametrize("key", ["w", "S", "B", "I", "K", "R"])
async def test_a_bad_word_is_said_with_its_place_and_keeps_the_typing(gateway: FakeGateway, key: str) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, key, "slash")
        before = app.screen.query_one(RowsView).line_count()
        await type_text(pilot, "x(")
        note = app.screen.query_one("#note", Static)
        assert "character 2" in str(note.content)
        assert app.screen.query_one(RowsView).line_count() in (0, before)
        await press(pilot, "enter")
        assert app.focused is not None
        assert app.focused.id == "text"
        await press(pilot, "escape")
        assert app.screen.query_one(RowsView).line_count() == before


async def test_a_filter_is_kept_for_who_comes_back(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "I", "slash")
        await type_text(pilot, "cluster")
        await press(pilot, "enter", "B", "I")
        assert app.screen.query_one(FilterBar).chosen.text == "cluster"
        assert app.screen.query_one(RowsView).line_count() == 2
        await press(pilot, "escape", "B", "I")
        assert not app.screen.query_one(FilterBar).chosen


async def test_a_workflow_keeps_its_own_filter(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "enter", "slash")
        await type_text(pilot, "aa03")
        await press(pilot, "enter", "w", "enter")
        assert isinstance(app.screen, WorkflowScreen)
        assert app.screen.query_one(WorkTree).line_count() == 3
        await press(pilot, "w", "down", "enter")
        assert not app.screen.query_one(FilterBar).display


async def test_a_filter_by_status_reads_no_job(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "enter", "slash")
        app.screen.query_one(FilterBar).put("status:not")
        await settle(pilot)
        assert not [args for args in gateway.called("list_jobs") if args[3] == 1000]
        await type_text(pilot, " aa03")
        assert [args for args in gateway.called("list_jobs") if args[3] == 1000]


async def test_what_comes_in_later_is_filtered_too(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "status:failed")
        assert isinstance(app.screen, WorkflowsScreen)
        summary = replace(gateway.summaries[0], status=S.FAILED, seq=9)
        gateway.list_feed.send((False, (summary,)))
        await settle(pilot)
        assert app.screen.query_one(RowsView).line_count() == 2
