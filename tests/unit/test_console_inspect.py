"""Reading, raw text, marks and trouble: keys that work alike on every list; and the mouse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events
from textual.widgets import Button

from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.diskerase import erase_request
from wf_tui.gateway import FailedPrecondition
from wf_tui.screens.raw import RawScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.settings import Settings
from wf_tui.state.job_filter import ONLY_TROUBLE
from wf_tui.state.job_samples import sample_job_types
from wf_tui.state.models import Rejection, RejectionSummary, Status, Violation
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.text_lines import TextLines
from wf_tui.widgets.work_tree import WorkTree

S = Status
SIZE = (100, 30)


@pytest.fixture
def gateway() -> FakeGateway:
    made = sample_gateway()
    request = erase_request("aap", ["aa00", "aa01"])
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING, S.COMPLETED, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    running = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(60), seq=10)
    add_workflow(made, running, blocks, errors={(1, 2): "no answer"})
    made.requests[running.id] = request
    for number in (1, 2):
        add_workflow(made, summary_of(number, S.NOT_STARTED, counts_of(erase_blocks(0))), erase_blocks(0))
    made.refused = (
        Rejection(
            RejectionSummary("r1", "Maintenance", "", "ada", ago(9), 1, 1, 1, "too short"),
            request,
            (Violation("p", "too short", 0, 0, "seconds"),),
        ),
    )
    made.known_job_types = sample_job_types()
    return made


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        (["w"], "0198b2c4"),
        (["S"], "goes by its own entry"),
        (["B"], "1 every"),
        (["I"], "Machines"),
        (["K"], "Erases the disks"),
        (["R"], "too short"),
        (["R", "enter"], "refused|Maintenance|Violation"),
        (["enter", "n"], "no answer"),
    ],
)
async def test_d_reads_all_about_it_and_copies(gateway: FakeGateway, keys: list[str], word: str) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, *keys, "d")
        assert isinstance(app.screen, ReadingDialog)
        await press(pilot, "Y")
        assert any(part in app.clipboard for part in word.split("|")), app.clipboard
        await press(pilot, "escape")
        assert not isinstance(app.screen, ReadingDialog)


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        (["w"], "diskErase"),
        (["S"], "engaged: "),
        (["B"], "every_seconds: 1800.0"),
        (["I"], "machines:"),
        (["K"], "recovery: idempotent"),
        (["R"], "policy: p"),
        (["R", "enter"], "policy: p"),
        (["enter"], "diskErase"),
    ],
)
async def test_y_shows_it_as_yaml_and_json(gateway: FakeGateway, keys: list[str], word: str) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, *keys, "y")
        assert isinstance(app.screen, RawScreen)
        assert app.screen.query_one(TextLines).line_count()
        await press(pilot, "Y")
        assert word in app.clipboard
        yaml = app.clipboard
        await press(pilot, "tab", "Y")
        assert app.clipboard != yaml
        assert app.clipboard.startswith("{")
        await press(pilot, "escape")
        assert not isinstance(app.screen, RawScreen)


async def test_t_shows_only_trouble_and_all_again(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "enter")
        tree = app.screen.query_one(WorkTree)
        before = tree.line_count()
        await press(pilot, "t")
        assert tree.line_count() == 3
        assert isinstance(app.screen, WorkflowScreen)
        assert app.screen.filter_bar.chosen.text == ONLY_TROUBLE
        await press(pilot, "t")
        assert tree.line_count() == before


async def test_v_hides_the_pane_and_shows_it_again(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "enter", "v")
        assert not app.screen.query_one(Facts).display
        await press(pilot, "v")
        assert app.screen.query_one(Facts).display


async def test_x_executes_what_is_marked_and_had_not_started(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "space", "space", "space", "x")
        assert isinstance(app.screen, ConfirmDialog)
        assert app.focused is app.screen.query_one("#cancel", Button)
        words = app.export_screenshot().replace("&#160;", " ")
        assert "Execute 2 workflows?" in words
        assert "1 that started already" in words
        later = replace(gateway.summaries[2], id="someone-elses", seq=1)
        gateway.list_feed.send((False, (later,)))
        await settle(pilot)
        await press(pilot, "right", "enter")
        _, one, other = gateway.summaries
        assert gateway.called("execute") == [(one.id,), (other.id,)]
        assert isinstance(app.screen, WorkflowsScreen)
        assert not app.screen.listing.marked


async def test_one_that_is_refused_keeps_no_other_waiting(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        gateway.errors["execute"] = FailedPrecondition("submitted too long ago")
        await press(pilot, "down", "space", "space", "x", "right", "enter")
        assert len(gateway.called("execute")) == 2
        told = [toast.message for toast in app._notifications]
        assert told.count("submitted too long ago") == 2
        assert "0 of 2 workflows started." in told


async def test_a_read_only_console_executes_nothing(gateway: FakeGateway) -> None:
    app = frozen_app(gateway, settings=Settings(read_only=True))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "down", "space", "x", "enter")
        assert not gateway.called("execute")
        assert isinstance(app.screen, WorkflowScreen)
        names = [command.name for command in app.commands(app.screen)]
        assert "workflow: execute" not in names


async def test_the_mouse_moves_opens_and_scrolls(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 16)) as pilot:
        await settle(pilot)
        rows = app.screen.query_one(RowsView)
        await pilot.click(rows, offset=(10, 1))
        await settle(pilot)
        assert rows.cursor == 1
        await pilot.click(rows, offset=(10, 0))
        await pilot.click(rows, offset=(10, 0))
        await settle(pilot)
        assert isinstance(app.screen, WorkflowScreen)
        tree = app.screen.query_one(WorkTree)
        assert tree.max_scroll_y > 0
        await pilot._post_mouse_events([events.MouseScrollDown], widget=tree, offset=(5, 2))
        await settle(pilot)
        assert tree.scroll_offset.y > 0
