"""Orders by keys: pause, resume, cancel, a go, what became of a job, receipts, reruns."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from wf_tui.app import WfApp
from wf_tui.dialogs.order import OrderDialog
from wf_tui.gateway import FailedPrecondition, Unreachable
from wf_tui.readonly import DANGEROUS_BINDINGS
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.receipt import ReceiptScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.settings import Settings
from wf_tui.state.control_samples import cancelled, held, needs_operator, paused, retrying, sample_request
from wf_tui.state.models import Lineage, LineageKind, Resolution, Status
from wf_tui.state.rows import Row
from wf_tui.state.samples import counts_of, erase_blocks, summary_of
from wf_tui.testing import (
    FakeGateway,
    add_sample,
    add_workflow,
    frozen_app,
    press,
    sample_gateway,
    settle,
    type_text,
)
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.overview import Overview
from wf_tui.widgets.receipt_rows import ReceiptRows
from wf_tui.widgets.work_tree import WorkTree
from wf_tui.widgets.workflow_table import WorkflowTable

S = Status


@asynccontextmanager
async def opened(
    gateway: FakeGateway, settings: Settings | None = None
) -> AsyncIterator[tuple[WfApp, Pilot[None]]]:
    """The console on the first workflow of the list."""
    app = frozen_app(gateway, settings=settings)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "enter")
        yield app, pilot


def running(gateway: FakeGateway, number: int = 0, status: Status = S.RUNNING) -> str:
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING, S.RUNNING, S.NOT_STARTED, S.NOT_STARTED, S.NOT_STARTED, S.NOT_STARTED]
    return add_workflow(gateway, summary_of(number, status, counts_of(blocks)), blocks).id


def toasts(app: WfApp) -> str:
    return "\n".join(toast.message for toast in app._notifications)


def standing(app: WfApp) -> str:
    return app.screen.query_one(Overview).render().plain


async def test_a_pause_asks_why_and_says_how_many_are_in_flight() -> None:
    gateway = sample_gateway()
    workflow_id = running(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "p")
        assert isinstance(app.screen, OrderDialog)
        assert "2 jobs: they end by themselves" in app.screen.query_one(Facts).plain
        assert workflow_id in app.screen.query_one(Facts).plain
        await press(pilot, "enter")
        assert not gateway.called("pause")
        await type_text(pilot, "row 4 smells")
        await press(pilot, "enter")
        assert gateway.called("pause") == [(workflow_id, "row 4 smells")]
        assert isinstance(app.screen, WorkflowScreen)
        assert "is pausing" in toasts(app)


async def test_a_paused_workflow_is_resumed_by_the_same_key() -> None:
    gateway = sample_gateway()
    summary = add_sample(gateway, paused())
    async with opened(gateway) as (app, pilot):
        assert "‖ paused since" in standing(app)
        assert "p: resume" in standing(app)
        assert "Why: row 4 smells of smoke, by grace@ops-2" in standing(app)
        await press(pilot, "p", "right", "enter")
        assert gateway.called("resume") == [(summary.id, "")]


async def test_cancelling_needs_a_reason_and_begins_on_the_safe_button() -> None:
    gateway = sample_gateway()
    workflow_id = running(gateway)
    async with opened(gateway) as (app, pilot):
        await press(pilot, "X")
        assert isinstance(app.focused, Button)
        assert app.focused.id == "cancel"
        await press(pilot, "enter")
        assert isinstance(app.screen, WorkflowScreen)
        await press(pilot, "X", "up")
        await type_text(pilot, "wrong satellite")
        await press(pilot, "enter")
        assert gateway.called("cancel") == [(workflow_id, "wrong satellite")]


async def test_an_order_that_fails_stays_open_and_says_so() -> None:
    gateway = sample_gateway()
    running(gateway)
    gateway.errors["cancel"] = Unreachable("127.0.0.1:8080 does not answer")
    async with opened(gateway) as (app, pilot):
        await press(pilot, "X", "up")
        await type_text(pilot, "wrong satellite")
        await press(pilot, "enter")
        assert isinstance(app.screen, OrderDialog)
        told = str(app.screen.query_one("#told").render())
        assert "NOT known to be cancelled! 127.0.0.1:8080 does not answer" in told
        del gateway.errors["cancel"]
        await press(pilot, "enter")
        assert isinstance(app.screen, WorkflowScreen)
        assert len(gateway.called("cancel")) == 2


async def test_a_go_names_the_block_its_targets_and_its_jobs() -> None:
    gateway = sample_gateway()
    summary = add_sample(gateway, held())
    async with opened(gateway) as (app, pilot):
        assert "block 1 (Disk erase machines aa00-aa04) waits for a go" in standing(app)
        assert "(o: go)" in standing(app)
        await press(pilot, "o")
        facts = app.screen.query_one(Facts).plain
        assert "1: Disk erase machines aa00-aa04" in facts
        assert "6, 5 at once" in facts
        await press(pilot, "right", "enter")
        assert gateway.called("release") == [(summary.id, 1, "", "")]


async def test_a_point_of_no_return_has_its_target_typed_exactly() -> None:
    gateway = sample_gateway()
    summary = add_sample(gateway, held(point_of_no_return=True))
    async with opened(gateway) as (app, pilot):
        await press(pilot, "o")
        assert "cannot be undone" in str(app.screen.query_one("#warning").render())
        go = app.screen.query_one("#verb-0", Button)
        app.screen.query_one("#confirm-word").focus()
        await type_text(pilot, "AAP")
        assert go.disabled
        await press(pilot, "enter", "backspace", "backspace", "backspace")
        await type_text(pilot, "aap")
        assert not go.disabled
        await press(pilot, "enter")
        assert gateway.called("release") == [(summary.id, 1, "", "aap")]


@pytest.mark.parametrize(
    ("steps", "resolution"),
    [(0, Resolution.DONE), (1, Resolution.FAILED), (2, Resolution.RERUN)],
)
async def test_an_unknown_outcome_is_settled_with_a_reason(steps: int, resolution: Resolution) -> None:
    gateway = sample_gateway()
    summary = add_sample(gateway, needs_operator())
    async with opened(gateway) as (app, pilot):
        assert "(u: resolve): the outcome of 1 job is unknown" in standing(app)
        await press(pilot, "u")
        facts = app.screen.query_one(Facts).plain
        assert "5 s" in facts
        assert "the server ended while it ran" in facts
        assert "pass 2 of 3" in facts
        await type_text(pilot, "saw the light")
        await press(pilot, "enter", *["right"] * steps, "enter")
        assert gateway.called("resolve") == [(summary.id, 1, 2, resolution, "saw the light")]


async def test_a_receipt_is_live_until_it_settles_and_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gateway = sample_gateway()
    summary = add_sample(gateway, cancelled())
    async with opened(gateway) as (app, pilot):
        await press(pilot, "E")
        assert isinstance(app.screen, ReceiptScreen)
        assert "2 in flight, quiet in about 7 s" in str(app.screen.query_one("#order").render())
        rows = app.screen.query_one(ReceiptRows)
        before = rows.line_count()
        await press(pilot, "enter")
        assert rows.line_count() == before - 2
        await press(pilot, "s", "enter")
        [file] = tmp_path.iterdir()
        document = json.loads(file.read_text())
        assert document["workflowId"] == summary.id
        assert document["counts"]["inFlight"] == len(document["fates"]["inFlight"]) == 2
        assert sum(document["counts"].values()) == document["jobs"] == summary.jobs.total
        assert "has not settled yet" in toasts(app)
        await press(pilot, "Y")
        assert "in flight: 2\n  block 1: 0-1" in app.clipboard


async def test_a_rerun_of_what_failed_is_composed_and_keeps_its_lineage() -> None:
    gateway = sample_gateway()
    blocks = erase_blocks(1)
    blocks[1][0] = S.FAILED
    workflow_id = add_workflow(gateway, summary_of(0, S.FAILED, counts_of(blocks)), blocks).id
    lineage = Lineage(LineageKind.RERUN, workflow_id)
    gateway.reruns[workflow_id] = sample_request(), lineage
    async with opened(gateway) as (app, pilot):
        await press(pilot, "r", "down", "enter")
        assert gateway.called("plan_rerun") == [(workflow_id, True)]
        assert isinstance(app.screen, ComposerScreen)
        assert app.screen.request == sample_request()
        await press(pilot, "ctrl+s", "right", "enter")
        assert gateway.called("submit") == [(sample_request(), lineage)]


async def test_relatives_are_found_and_opened() -> None:
    gateway = sample_gateway()
    first = running(gateway, 1, S.FAILED)
    lineage = Lineage(LineageKind.RERUN, first)
    blocks = erase_blocks(1)
    second = add_workflow(gateway, summary_of(0, S.RUNNING, counts_of(blocks), lineage=lineage), blocks)
    async with opened(gateway) as (app, pilot):
        assert f"rerun of {first[-8:]}" in standing(app)
        await press(pilot, "L", "enter")
        assert isinstance(app.screen, WorkflowScreen)
        assert app.screen.workflow_id == first
        await press(pilot, "L", "enter")
        assert app.screen.workflow_id == second.id


async def test_attempts_and_the_next_one_stand_in_the_details() -> None:
    gateway = sample_gateway()
    summary = add_sample(gateway, retrying())
    gateway.requests[summary.id] = sample_request()
    async with opened(gateway) as (app, pilot):
        facts = app.screen.query_one("#detail", Facts)
        assert "stops at failure #3, 0 so far" in facts.plain
        assert "1, 2, then the rest; 30s after each" in facts.plain
        await press(pilot, "right", "right", "right")
        assert app.screen.query_one(WorkTree).row == Row(1, S.RETRYING, 1)
        assert "in 12 s" in facts.plain
        assert "#1" in facts.plain
        assert "✗ failed" in facts.plain
        assert "controller busy" in facts.plain
        assert "at most 3 attempts" in facts.plain


async def test_marked_workflows_are_paused_and_cancelled_together() -> None:
    gateway = sample_gateway()
    ids = [running(gateway, number) for number in range(3)]
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "p")
        facts = app.screen.query_one(Facts).plain
        assert ids[0][-8:] in facts
        assert ids[1][-8:] in facts
        assert ids[2][-8:] not in facts
        await type_text(pilot, "smoke")
        await press(pilot, "enter")
        assert gateway.called("pause") == [(ids[0], "smoke"), (ids[1], "smoke")]
        assert "2 of 2 workflows are pausing" in toasts(app)


async def test_what_of_a_bulk_order_fails_is_told() -> None:
    gateway = sample_gateway()
    ids = [running(gateway, number) for number in range(2)]
    gateway.summaries = gateway.summaries[1:]
    gateway.errors["cancel"] = FailedPrecondition("it is failed already")
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await press(pilot, "space", "space", "X", "up")
        await type_text(pilot, "smoke")
        await press(pilot, "enter")
        assert len(gateway.called("cancel")) == 2
        assert "0 of 2 workflows are being cancelled" in toasts(app)
        assert f"NOT being cancelled: {ids[0][-8:]}: it is failed already" in toasts(app)


async def test_a_read_only_console_gives_no_orders_but_shows_receipts() -> None:
    gateway = sample_gateway()
    add_sample(gateway, paused())
    async with opened(gateway, Settings(read_only=True)) as (app, pilot):
        assert "p: resume" not in standing(app)
        await press(pilot, "p", "X", "o", "u")
        assert isinstance(app.screen, WorkflowScreen)
        bound = {active.binding.id for active in app.screen.active_bindings.values()}
        assert not bound & DANGEROUS_BINDINGS


async def test_who_needs_an_operator_stands_first_in_the_list() -> None:
    gateway = sample_gateway()
    running(gateway, 0)
    sample = needs_operator()
    older = summary_of(9, S.RUNNING, sample.summary.jobs)
    add_sample(gateway, sample._replace(summary=replace(sample.summary, id=older.id, created=older.created)))
    app = frozen_app(gateway)
    async with app.run_test(size=(160, 30)) as pilot:
        await settle(pilot)
        first = "".join(piece.text for piece in app.screen.query_one(WorkflowTable).pieces(0, 150))
        assert "! needs operator" in first
        assert "the outcome of 1 job" in first
