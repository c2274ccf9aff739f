"""What keys do on the rejections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.rejection import RejectionScreen
from wf_tui.screens.rejections import RejectionsScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.state.models import Block, Job, Rejection, RejectionSummary, Status, Violation, WorkReq
from wf_tui.state.offence_tree import Kind
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.offence_view import OffenceView
from wf_tui.widgets.overview import Overview
from wf_tui.widgets.rejection_table import RejectionTable

EVIL = "\x1b[2J\u202e[red]boo[/red]" + "x" * 10_000


def refusal(number: int, **fields: object) -> Rejection:
    summary = RejectionSummary(
        f"r{number}", "Maintenance", f"Run {number}", "ada@ops-1", ago(60 * number), 1, 2, 2, "no such job"
    )
    request = WorkReq("Maintenance", "", (Block("b", 1, (Job("sleep"), Job("nap"))),))
    violations = (Violation("p", "no such job", 0, 1), Violation("p", "too short", 0, 0, "seconds"))
    return Rejection(replace(summary, **fields), request, violations)  # type: ignore[arg-type]


@pytest.fixture
def gateway() -> FakeGateway:
    gateway = sample_gateway()
    gateway.refused = (refusal(1), refusal(2, mended_by="w2"), refusal(3))
    return gateway


async def test_the_list_opens_what_the_cursor_is_on_and_esc_goes_back(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R", "down", "enter")
        assert isinstance(app.screen, RejectionScreen)
        assert gateway.called("rejection") == [("r2",)]
        await press(pilot, "o")
        assert isinstance(app.screen, WorkflowScreen)
        assert app.screen.workflow_id == "w2"
        await press(pilot, "escape", "escape")
        assert isinstance(app.screen, RejectionsScreen)
        await press(pilot, "escape")
        assert isinstance(app.screen, WorkflowsScreen)


async def test_m_opens_the_composer_with_the_request_and_the_link(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R", "enter", "m")
        assert isinstance(app.screen, ComposerScreen)
        await press(pilot, "ctrl+s")
        await press(pilot, "right", "enter")
        assert gateway.called("submit") == [(gateway.refused[0].request, "r1")]


async def test_the_mended_form_leads_back_to_the_rejection(gateway: FakeGateway) -> None:
    summary = replace(summary_of(2, Status.COMPLETED, counts_of([])), id="w2", mends="r2")
    add_workflow(gateway, summary, erase_blocks(2))
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R", "down", "enter", "o")
        assert isinstance(app.screen, WorkflowScreen)
        assert "mends r2" in str(app.screen.query_one(Overview).render())
        await press(pilot, "M")
        assert isinstance(app.screen, RejectionScreen)
        assert app.screen.rejection_id == "r2"


async def test_what_nobody_mended_has_no_mended_form(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R", "enter", "o")
        assert isinstance(app.screen, RejectionScreen)


async def test_the_list_is_asked_for_only_while_it_is_shown(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R")
        asked = len(gateway.called("rejections"))
        await press(pilot, "ctrl+r")
        assert len(gateway.called("rejections")) == asked + 1
        await press(pilot, "enter", "ctrl+r")
        assert len(gateway.called("rejections")) == asked + 1
        await press(pilot, "escape")
        assert len(gateway.called("rejections")) == asked + 2


async def test_the_cursor_stays_with_its_rejection_when_newer_ones_come(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R", "down")
        gateway.refused = (refusal(0), *gateway.refused)
        await press(pilot, "ctrl+r")
        table = app.screen.query_one(RejectionTable)
        assert table.current is not None
        assert table.current.id == "r2"
        assert table.cursor == 2


async def test_the_filter_narrows_and_esc_clears_it_before_it_leaves(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R", "slash")
        await type_text(pilot, "mended")
        await press(pilot, "enter")
        table = app.screen.query_one(RejectionTable)
        assert table.line_count() == 1
        assert app.focused is table
        await press(pilot, "escape")
        assert table.line_count() == 3
        assert isinstance(app.screen, RejectionsScreen)


async def test_n_goes_from_violation_to_violation(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R", "enter")
        view = app.screen.query_one(OffenceView)
        seen = []
        for _ in range(3):
            assert view.line is not None
            assert view.line.kind is Kind.OFFENCE
            seen.append(view.line.offence)
            await press(pilot, "n")
        assert seen == [1, 0, 1]


async def test_a_rejection_is_waited_for_while_the_connection_is_lost(gateway: FakeGateway) -> None:
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "R")
        gateway.disconnect()
        await press(pilot, "enter")
        assert app.screen.query_one("#lost").display
        assert app.screen.query_one(OffenceView).line_count() == 0
        gateway.reconnect()
        await press(pilot, "ctrl+r")
        assert app.screen.query_one(OffenceView).line_count() > 0
        assert not app.screen.query_one("#lost").display


async def test_hostile_text_is_painted_harmlessly(gateway: FakeGateway) -> None:
    request = WorkReq(EVIL, EVIL, (Block(EVIL, 1, (Job(EVIL, EVIL, {EVIL: EVIL}),)),))
    violations = (Violation(EVIL, EVIL, 0, 0, EVIL, EVIL, EVIL), Violation(EVIL, EVIL))
    summary = replace(gateway.refused[0].summary, name=EVIL, desc=EVIL, operator=EVIL, first=EVIL)
    gateway.refused = (Rejection(summary, request, violations),)
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        for keys in (["R"], ["enter"], ["n"], ["g"], ["end"]):
            await press(pilot, *keys)
            picture = app.export_screenshot()
            assert "\x1b" not in picture
            assert "\u202e" not in picture
