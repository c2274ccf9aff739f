"""What keys do: the calls they make, and those they must not make."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from wf_tui.app import WfApp
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.help import HelpDialog
from wf_tui.dialogs.stop import EngageDialog, ReleaseDialog
from wf_tui.gateway import EmergencyStopped, FailedPrecondition, NotFound, Overloaded, Unreachable
from wf_tui.screens.stops import StopsScreen
from wf_tui.screens.wizard import WizardScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.state.models import ChangeBatch, PolicyLevel, Status, Summary, Violation
from wf_tui.state.rows import Row
from wf_tui.state.samples import (
    ERASE,
    ago,
    counts_of,
    erase_blocks,
    sample_board,
    snapshot_of,
    summary_of,
)
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.overview import Overview
from wf_tui.widgets.work_tree import WorkTree
from wf_tui.widgets.workflow_table import WorkflowTable

S = Status


class Console:
    """The app under test with its pilot."""

    def __init__(self, app: WfApp, pilot: Pilot[None], gateway: FakeGateway) -> None:
        self.app = app
        self.pilot = pilot
        self.gateway = gateway

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def type(self, text: str) -> None:
        await type_text(self.pilot, text)

    def toasts(self) -> list[str]:
        return [toast.message for toast in self.app._notifications]

    def tree(self) -> WorkTree:
        return self.app.screen.query_one(WorkTree)


@asynccontextmanager
async def console(gateway: FakeGateway, *, private: bool = False) -> AsyncIterator[Console]:
    app = frozen_app(gateway, private=private)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        yield Console(app, pilot, gateway)


def running_erasure(gateway: FakeGateway) -> Summary:
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING, S.RUNNING, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    summary = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(60), seq=10)
    return add_workflow(gateway, summary, blocks, errors={(1, 2): "no answer"})


def waiting_erasure(gateway: FakeGateway) -> Summary:
    blocks = erase_blocks(0)
    return add_workflow(gateway, summary_of(1, S.NOT_STARTED, counts_of(blocks)), blocks)


def change(summary: Summary, block: int, job: int, status: Status, seq: int) -> ChangeBatch:
    return ChangeBatch(
        seq, [block], [job], bytes([status]), [1_772_334_000_000_000], {}, (), replace(summary, seq=seq)
    )


async def test_enter_opens_the_workflow_and_esc_goes_back() -> None:
    gateway = sample_gateway()
    summary = running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter")
        assert isinstance(it.app.screen, WorkflowScreen)
        assert it.app.screen.workflow_id == summary.id
        assert gateway.feed(summary.id).listeners == 1
        await it.press("escape")
        assert isinstance(it.app.screen, WorkflowsScreen)
        assert gateway.feed(summary.id).listeners == 0


async def test_streams_end_with_the_app() -> None:
    gateway = sample_gateway()
    running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter")
    assert gateway.list_feed.listeners == gateway.stop_feed.listeners == 0
    assert all(feed.listeners == 0 for feed in gateway.watch_feeds.values())


async def test_the_filter_narrows_and_esc_shows_all_again() -> None:
    gateway = sample_gateway()
    running_erasure(gateway)
    waiting_erasure(gateway)
    async with console(gateway) as it:
        await it.press("slash")
        await it.type("not started")
        await it.press("enter")
        table = it.app.screen.query_one(WorkflowTable)
        assert [table.listing[at].status for at in range(table.line_count())] == [S.NOT_STARTED]
        await it.press("escape")
        assert table.line_count() == 2
        assert it.app.focused is table


async def test_the_cursor_stays_with_its_workflow_when_newer_ones_arrive() -> None:
    gateway = sample_gateway()
    summaries = [summary_of(number, S.COMPLETED, counts_of([])) for number in range(1, 6)]
    gateway.list_feed.first = (True, tuple(summaries))
    async with console(gateway) as it:
        await it.press("down", "down")
        table = it.app.screen.query_one(WorkflowTable)
        chosen = table.current
        gateway.list_feed.send((False, (summary_of(0, S.RUNNING, counts_of([])),)))
        await settle(it.pilot)
        assert table.current == chosen
        assert table.cursor == 3


async def test_execute_asks_first_and_cancel_has_the_focus() -> None:
    gateway = sample_gateway()
    summary = waiting_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter", "x")
        assert isinstance(it.app.screen, ConfirmDialog)
        await it.press("enter")
        assert gateway.called("execute") == []
        await it.press("x", "right", "enter")
        assert gateway.called("execute") == [(summary.id,)]


async def test_what_runs_cannot_be_executed() -> None:
    gateway = sample_gateway()
    running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter", "x")
        assert isinstance(it.app.screen, WorkflowScreen)


async def test_a_refused_execution_is_told_and_nothing_breaks() -> None:
    gateway = sample_gateway()
    waiting_erasure(gateway)
    gateway.errors["execute"] = FailedPrecondition("submitted more than an hour ago")
    async with console(gateway) as it:
        await it.press("enter", "x", "right", "enter")
        assert it.toasts() == ["submitted more than an hour ago"]


async def test_n_goes_to_the_trouble_and_details_are_fetched() -> None:
    gateway = sample_gateway()
    summary = running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter", "n")
        assert it.tree().row == Row(1, S.FAILED, 2)
        assert (summary.id, 1, 0, 50) in gateway.called("list_jobs")


async def test_the_cursor_stays_on_its_job_while_it_moves() -> None:
    gateway = sample_gateway()
    summary = running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter", "n", "down", "down")
        assert it.tree().row == Row(1, S.RUNNING, 0)
        gateway.feed(summary.id).send(change(summary, 1, 0, S.FAILED, 11))
        await settle(it.pilot)
        row = it.tree().row
        assert row is not None
        assert (row.block, row.job) == (1, 0)
        screen = it.app.screen
        assert isinstance(screen, WorkflowScreen)
        assert screen.workflow is not None
        assert screen.workflow.blocks[1].status_of(0) is S.FAILED


async def test_blocks_stay_as_the_operator_left_them() -> None:
    gateway = sample_gateway()
    summary = running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter", "g", "enter")
        lines = it.tree().line_count()
        gateway.feed(summary.id).send(change(summary, 1, 5, S.RUNNING, 11))
        await settle(it.pilot)
        # One status fewer: nothing in block 1 waits any more.
        assert it.tree().line_count() == lines - 1
        assert it.tree().row == Row(0)


async def test_a_gap_begins_the_watch_anew() -> None:
    gateway = sample_gateway()
    summary = running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter")
        gateway.feed(summary.id).send(change(summary, 1, 0, S.FAILED, 99))
        await settle(it.pilot)
        assert gateway.feed(summary.id).opened == 2
        assert it.toasts() == []


async def test_a_workflow_that_is_not_there_is_said_in_its_place() -> None:
    gateway = sample_gateway()
    summary = waiting_erasure(gateway)
    gateway.feed(summary.id).refusal = NotFound("there is no workflow 7")
    async with console(gateway) as it:
        await it.press("enter")
        assert it.tree().placeholder[0][0].text == "there is no workflow 7"


async def test_engaging_a_stop_takes_two_keys() -> None:
    gateway = sample_gateway()
    async with console(gateway) as it:
        await it.press("S", "s", "enter")
        assert gateway.called("set_stop") == [("*", True, "")]
        assert "stopped" in it.toasts()[0]


async def test_a_stop_is_engaged_from_the_workflow_it_concerns() -> None:
    gateway = sample_gateway()
    running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter", "s")
        assert isinstance(it.app.screen, EngageDialog)
        await it.type("smoke")
        await it.press("enter")
        assert gateway.called("set_stop") == [(ERASE, True, "smoke")]


async def test_a_stop_that_fails_says_so_and_keeps_what_was_typed() -> None:
    gateway = sample_gateway()
    gateway.errors["set_stop"] = Unreachable("127.0.0.1:8080 does not answer")
    async with console(gateway) as it:
        await it.press("S", "s")
        await it.type("smoke")
        await it.press("enter")
        dialog = it.app.screen
        assert isinstance(dialog, EngageDialog)
        told = str(dialog.query_one("#told", Static).content)
        assert "NOT known to be stopped" in told
        assert "does not answer" in told
        assert dialog.query_one("#reason", Input).value == "smoke"
        del gateway.errors["set_stop"]
        await it.press("enter")
        assert isinstance(it.app.screen, StopsScreen)
        assert gateway.called("set_stop") == [("*", True, "smoke")] * 2


async def test_the_reason_of_an_end_is_shown_as_it_happens() -> None:
    gateway = sample_gateway()
    running_erasure(gateway)
    async with console(gateway) as it:
        await it.press("enter")
        screen = it.app.screen
        assert isinstance(screen, WorkflowScreen)
        overview, live = screen.query_one(Overview), screen.workflow
        assert overview.size.height == 3
        assert live is not None
        live.summary = replace(live.summary, status=Status.FAILED, reason="block 0 job 1: no token")
        overview.show_workflow(live)
        await it.press("down")
        assert overview.size.height == 4


async def test_leaving_the_dialog_stops_nothing() -> None:
    gateway = sample_gateway()
    async with console(gateway) as it:
        await it.press("S", "s", "escape")
        assert isinstance(it.app.screen, StopsScreen)
        assert gateway.called("set_stop") == []


async def test_releasing_takes_a_reason_and_the_name() -> None:
    gateway = sample_gateway()
    gateway.stop_feed.first = sample_board(erase=True)
    async with console(gateway) as it:
        await it.press("S", "down", "r")
        assert isinstance(it.app.screen, ReleaseDialog)
        release = it.app.screen.query_one("#release", Button)
        await it.press("enter")
        await it.type(ERASE)
        await it.press("enter")
        assert release.disabled
        assert gateway.called("set_stop") == []
        it.app.screen.query_one("#reason", Input).focus()
        await it.type("row 4 is clear")
        await it.press("enter", "enter")
        assert gateway.called("set_stop") == [(ERASE, False, "row 4 is clear")]


async def test_a_dialog_keeps_its_target_when_the_board_changes_under_it() -> None:
    gateway = sample_gateway()
    async with console(gateway) as it:
        await it.press("S", "down", "s")
        board = sample_board()
        gateway.stop_feed.send(replace(board, stops=tuple(reversed(board.stops))))
        await settle(it.pilot)
        await it.press("enter")
        assert gateway.called("set_stop") == [(ERASE, True, "")]


async def test_a_broken_es_json_is_on_every_screen_and_nothing_can_be_released() -> None:
    gateway = sample_gateway()
    gateway.stop_feed.first = sample_board(problem="configs/es.json:3: a comma is missing", erase=True)
    async with console(gateway) as it:
        for keys in ([], ["S"], ["escape", "e"]):
            await it.press(*keys)
            assert it.app.screen.query_one("#alarm").display
        await it.press("S", "down", "r")
        assert isinstance(it.app.screen, StopsScreen)


async def test_a_lost_connection_is_shown_and_mended_by_itself() -> None:
    gateway = sample_gateway()
    summary = running_erasure(gateway)
    async with console(gateway) as it:
        gateway.disconnect()
        await settle(it.pilot)
        assert it.app.screen.query_one("#lost").display
        assert it.app.screen.has_class("-stale")
        assert it.app.screen.query_one(WorkflowTable).line_count() == 1
        gateway.reconnect()
        gateway.list_feed.first = (True, (replace(summary, status=S.COMPLETED),))
        await it.press("ctrl+r")
        it.app._connection._stops.hurry()
        await settle(it.pilot)
        assert not it.app.screen.query_one("#lost").display
        assert it.app.screen.query_one(WorkflowTable).listing[0].status is S.COMPLETED


async def test_whoever_goes_on_in_the_wizard_acknowledges_its_warnings() -> None:
    gateway = sample_gateway()
    gateway.new_id = waiting_erasure(gateway).id
    gateway.verdict = (Violation("maxJobs", "too many jobs", level=PolicyLevel.WARN),)
    async with console(gateway) as it:
        await it.press("e", "enter", "enter", "enter")
        words = str(it.app.screen.query_one("#words-4", Static).render())
        assert "Whoever goes on acknowledges maxJobs" in words
        await it.press("enter")
        await it.type("aap")
        await it.press("enter")
        ((_, _key, acknowledged),) = gateway.called("submit")
        assert acknowledged == ("maxJobs",)


async def test_the_wizard_erases_what_was_confirmed() -> None:
    gateway = sample_gateway()
    summary = waiting_erasure(gateway)
    gateway.new_id = summary.id
    async with console(gateway) as it:
        await it.press("e", "enter", "enter", "enter", "enter")
        await it.type("aaq")
        await it.press("enter")
        assert gateway.called("submit") == []
        await it.press("backspace")
        await it.type("p")
        await it.press("enter")
        ((request, _key),) = gateway.called("submit")
        assert gateway.called("check") == [(request,)]
        assert gateway.called("execute") == [(summary.id,)]
        screen = it.app.screen
        assert isinstance(screen, WorkflowScreen)
        assert screen.workflow_id == summary.id
        await it.press("escape")
        assert isinstance(it.app.screen, WorkflowsScreen)


async def test_a_site_that_cannot_be_erased_goes_nowhere() -> None:
    gateway = sample_gateway()
    async with console(gateway) as it:
        await it.press("e", "end", "enter")
        assert gateway.called("site") == []
        assert "cluster" in it.toasts()[0]


async def test_esc_goes_one_step_back_and_keeps_what_was_entered() -> None:
    gateway = sample_gateway()
    async with console(gateway) as it:
        await it.press("e", "enter", "enter", "enter", "enter")
        await it.type("aa")
        await it.press("escape", "escape", "enter", "enter")
        assert it.app.screen.query_one("#typed", Input).value == "aa"
        await it.press("escape", "escape", "escape", "escape")
        assert isinstance(it.app.screen, WizardScreen)
        await it.press("escape")
        assert isinstance(it.app.screen, WorkflowsScreen)


async def test_an_engaged_stop_shuts_the_wizards_way_until_it_is_released() -> None:
    gateway = sample_gateway()
    gateway.board = sample_board(erase=True)
    async with console(gateway) as it:
        await it.press("e", "enter")
        assert it.app.screen.query_one("#continue", Button).disabled
        gateway.board = sample_board()
        await it.press("r", "enter")
        assert gateway.called("check") == []
        assert it.app.screen.query_one("#step-3").display


async def test_a_refused_verdict_shuts_the_way() -> None:
    gateway = sample_gateway()
    gateway.verdict = (Violation("startOrEnd", "the token job is not first", 0, 1),)
    async with console(gateway) as it:
        await it.press("e", "enter", "enter", "enter", "enter")
        assert it.app.screen.query_one("#step-4").display
        assert gateway.called("submit") == []


async def test_a_submission_refused_at_the_last_moment_shows_its_violations() -> None:
    gateway = sample_gateway()
    refusal = Violation("emergencyStop", "the stop is engaged")
    gateway.errors["submit"] = EmergencyStopped("stopped", [refusal])
    async with console(gateway) as it:
        await it.press("e", "enter", "enter", "enter", "enter")
        await it.type("aap")
        await it.press("enter")
        assert it.app.screen.query_one("#step-4").display
        assert gateway.called("execute") == []


async def test_a_submission_without_an_answer_warns_before_a_second_one() -> None:
    gateway = sample_gateway()
    gateway.errors["submit"] = Unreachable("h:1 did not answer in time")
    async with console(gateway) as it:
        await it.press("e", "enter", "enter", "enter", "enter")
        await it.type("aap")
        await it.press("enter")
        assert "not known" in it.toasts()[0]
        assert it.app.screen.query_one("#typed", Input).value == "aap"


@pytest.mark.parametrize("call", ["sites", "site", "check"])
async def test_the_wizard_survives_every_failing_call(call: str) -> None:
    gateway = sample_gateway()
    gateway.errors[call] = Overloaded("the server is busy")
    async with console(gateway) as it:
        await it.press("e", "enter", "enter", "enter")
        assert "the server is busy" in it.toasts()


async def test_a_bug_in_a_call_is_a_toast_and_not_the_end() -> None:
    gateway = sample_gateway()
    gateway.jobs.clear()
    summary = waiting_erasure(gateway)
    gateway.jobs[summary.id] = []
    async with console(gateway) as it:
        await it.press("enter")
        assert any("IndexError" in toast for toast in it.toasts())
        assert isinstance(it.app.screen, WorkflowScreen)


async def test_help_lists_the_bindings_of_the_screen() -> None:
    gateway = sample_gateway()
    async with console(gateway) as it:
        await it.press("S", "question_mark")
        assert isinstance(it.app.screen, HelpDialog)
        words = [key.words for _, keys in it.app.screen._groups for key in keys]
        assert "Release it: asks for a reason and its name" not in words
        assert "Stop what the cursor is on; enter confirms" in words
        assert "To the screen before" in words


async def test_every_binding_has_an_id_and_a_tooltip() -> None:
    gateway = sample_gateway()
    running_erasure(gateway)
    async with console(gateway) as it:
        seen: set[str] = set()
        for keys in ([], ["enter"], ["S"], ["e"]):
            await it.press(*keys)
            for active in it.app.screen.active_bindings.values():
                if active.binding in _own_bindings(type(active.node)):
                    assert active.binding.id, active.binding
                    assert active.binding.tooltip, active.binding
                    seen.add(active.binding.id)
        assert {"app.quit", "workflow.stop", "stops.engage", "wizard.filter", "tree.next"} <= seen


def _own_bindings(node: type[object]) -> list[Binding]:
    """Returns what the project's own classes bind, not what Textual's do."""
    own = [kind for kind in node.__mro__ if kind.__module__.startswith("wf_tui")]
    return [made for kind in own for made in Binding.make_bindings(vars(kind).get("BINDINGS", []))]


async def test_q_quits() -> None:
    gateway = sample_gateway()
    async with console(gateway) as it:
        await it.pilot.press("q")
    assert it.app.return_code == 0


async def test_a_private_server_is_not_ended_in_the_middle_without_a_word() -> None:
    gateway = sample_gateway()
    running_erasure(gateway)
    async with console(gateway, private=True) as it:
        await it.press("q")
        assert isinstance(it.app.screen, ConfirmDialog)
        await it.press("enter")
        assert isinstance(it.app.screen, WorkflowsScreen)
        await it.press("q", "right")
        await it.pilot.press("enter")
    assert it.app.return_code == 0


async def test_hostile_text_is_painted_harmlessly() -> None:
    gateway = sample_gateway()
    evil = "\x1b[2J\u202e[red]boo[/red]" + "x" * 10_000
    blocks = erase_blocks(0)
    summary = summary_of(
        1, S.NOT_STARTED, counts_of(blocks), name=evil, desc=evil, operator=evil, reason=evil
    )
    add_workflow(gateway, summary, blocks)
    gateway.feed(summary.id, snapshot_of(summary, blocks))
    async with console(gateway) as it:
        for keys in ([], ["enter"], ["s"], ["escape"], ["x"], ["escape"], ["escape"], ["colon"]):
            await it.press(*keys)
            picture = it.app.export_screenshot()
            assert "\x1b" not in picture
            assert "\u202e" not in picture
        await it.press("escape")
