"""The inbox by key: nothing is approved unseen, and what was seen is what is approved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Button

from wf_tui.dialogs.order import OrderDialog
from wf_tui.gateway import Server
from wf_tui.screens.approval import ApprovalScreen
from wf_tui.screens.inbox import InboxScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.state.approval_samples import erasure_plan, nap_plan, sample_plans
from wf_tui.state.approvals import BlastRadius, JobTypeCount, plan_lines, whose_words
from wf_tui.state.models import Identity
from wf_tui.state.samples import ago
from wf_tui.testing import FakeGateway, frozen_app, press, sample_gateway, type_text
from wf_tui.widgets.approval_table import ApprovalTable
from wf_tui.widgets.plan_view import broken

SIZE = (100, 30)


def waiting() -> FakeGateway:
    gateway = sample_gateway()
    gateway.plans = sample_plans()
    return gateway


async def test_what_is_final_is_approved_by_typing_its_type() -> None:
    gateway = waiting()
    app = frozen_app(gateway)
    first = erasure_plan()
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "A", "enter")
        assert isinstance(app.screen, ApprovalScreen)
        await press(pilot, "a")
        assert isinstance(app.screen, OrderDialog)
        assert app.screen.query_one("#verb-0", Button).disabled
        # What comes in meanwhile does not become what is approved.
        gateway.plans[first.case.summary.id] = replace(first, digest="changed")
        await press(pilot, "ctrl+r", "tab")
        await type_text(pilot, "saw it")
        await press(pilot, "enter")
        await type_text(pilot, "SatelliteDiskErase")
        await press(pilot, "enter")
        assert gateway.called("approve") == [(first.case.summary.id, first.digest, "saw it")]
        assert isinstance(app.screen, ApprovalScreen)


async def test_a_rejection_needs_a_reason_and_leaves_the_inbox() -> None:
    gateway = waiting()
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "A", "enter", "x", "enter")
        assert gateway.called("reject") == []
        await type_text(pilot, "wrong week")
        await press(pilot, "enter", "escape", "ctrl+r")
        assert [args[1] for args in gateway.called("reject")] == ["wrong week"]
        assert isinstance(app.screen, InboxScreen)
        assert app.screen.query_one(ApprovalTable).line_count() == 2


async def test_what_cannot_be_approved_has_no_key_for_it() -> None:
    gateway = waiting()
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "A", "down", "enter", "a")
        assert isinstance(app.screen, ApprovalScreen)
        assert "not yours to approve: ada submitted it" in app.export_screenshot().replace("&#160;", " ")
        names = {command.name for command in app.screen.commands(app.screen)}
        assert "approval: approve" not in names
        # Nor has anyone a key for taking back what others gave.
        await press(pilot, "u")
        assert isinstance(app.screen, ApprovalScreen)


async def test_ones_own_approval_can_be_taken_back() -> None:
    gateway = waiting()
    gateway.identity = Identity("linus", "token", "10.0.0.9:1", ("approver",))
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "A", "end", "enter", "u", "tab", "tab", "enter")
        assert len(gateway.called("withdraw")) == 1


async def test_who_is_no_approver_is_offered_no_decision() -> None:
    gateway = waiting()
    gateway.identity = Identity("ann", "token", "10.0.0.9:1", ("operator",))
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "A", "enter", "a", "x")
        assert isinstance(app.screen, ApprovalScreen)


async def test_a_read_only_console_decides_nothing() -> None:
    gateway = waiting()
    app = frozen_app(gateway, server=Server("", "here", read_only=True))
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "A", "enter", "a", "x", "u")
        assert isinstance(app.screen, ApprovalScreen)


@pytest.mark.parametrize("key", ["o", "enter"])
async def test_the_workflow_itself_is_a_key_away(key: str) -> None:
    app = frozen_app(waiting())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "A", "enter", key)
        assert isinstance(app.screen, WorkflowScreen)


async def test_the_cursor_stays_with_its_workflow() -> None:
    gateway = waiting()
    app = frozen_app(gateway)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "A", "down", "down")
        table = app.screen.query_one(ApprovalTable)
        assert table.current is not None
        chosen = table.current.summary.id
        del gateway.plans[next(iter(gateway.plans))]
        await press(pilot, "ctrl+r")
        assert table.current is not None
        assert table.current.summary.id == chosen


def test_a_plan_tells_what_to_stop_at() -> None:
    grave = [line.text for line in plan_lines(erasure_plan(), ago(0)) if line.is_grave]
    assert grave == [
        "  irreversible: 50 diskErase",
        "  aap: 50 of 50 machines: all of it",
        "  1 point of no return",
        "  1 Disk erase machines aa00-aa04: 5 diskErase, 1 sleep, 5 at a time, point of no return",
    ]
    assert not [line for line in plan_lines(nap_plan(), ago(0)) if line.is_grave]
    many = BlastRadius(9, (JobTypeCount("sleep", 9),))
    plan = replace(nap_plan(), radius=many, block_count=300, blocks=nap_plan().blocks * 200)
    assert "  … 280 more blocks" in [line.text for line in plan_lines(plan, ago(0))]


@pytest.mark.parametrize(
    ("names", "told"), [((), "anyone with the role approver"), (("a",), "a"), (("a", "b"), "a or b")]
)
def test_whose_approval_is_asked_for(names: tuple[str, ...], told: str) -> None:
    (rule,) = nap_plan().case.rules
    assert whose_words(replace(rule, approvers=names)) == told


def test_long_lines_are_broken_not_cut() -> None:
    parts = list(broken("  look " + "twice " * 30 + "漢" * 60, 40))
    assert "".join(parts).replace(" ", "") == "look" + "twice" * 30 + "漢" * 60
    assert max(map(len, parts)) <= 40
