"""The policy workbench in the console: a draft is tried again when it changes; what is found is opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from wf_tui.gateway import InvalidRequest, Overloaded
from wf_tui.screens.rejection import RejectionScreen
from wf_tui.screens.workbench import WorkbenchScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.state.samples import sample_trial
from wf_tui.testing import FakeGateway, frozen_app, press, sample_gateway, settle
from wf_tui.widgets.trial_table import TrialTable


def drafts(gateway: FakeGateway) -> list[object]:
    return [call.args[0] for call in gateway.calls if call.name == "test_policies"]


async def tried(gateway: FakeGateway, pilot: Pilot[None], times: int) -> None:
    async with asyncio.timeout(20):
        while len(drafts(gateway)) < times:
            await asyncio.sleep(0.02)
    await settle(pilot)


async def test_a_draft_is_tried_again_when_it_changes(tmp_path: Path) -> None:
    draft = tmp_path / "draft.json"
    draft.write_text("one")
    gateway = sample_gateway()
    gateway.trial = sample_trial()
    app = frozen_app(gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(WorkbenchScreen(app.context, draft))
        await tried(gateway, pilot, 1)
        table = app.screen.query_one(TrialTable)
        assert table.line_count() == 5
        draft.write_text("two two")
        await tried(gateway, pilot, 2)
        assert drafts(gateway) == ["one", "two two"]
        assert table.line_count() == 5
        await press(pilot, "ctrl+r")
        await tried(gateway, pilot, 3)
        draft.unlink()
        async with asyncio.timeout(20):
            while "cannot be tried" not in str(app.screen.query_one("#trial-outcome").render()):
                await asyncio.sleep(0.02)
        assert table.line_count() == 0


async def test_who_has_to_wait_is_tried_later(tmp_path: Path) -> None:
    draft = tmp_path / "draft.json"
    draft.write_text("one")
    gateway = sample_gateway()
    gateway.errors["test_policies"] = Overloaded("another test of policies is under way")
    app = frozen_app(gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(WorkbenchScreen(app.context, draft))
        await tried(gateway, pilot, 2)
        gateway.errors["test_policies"] = InvalidRequest("the draft:1: nonsense")
        await tried(gateway, pilot, len(drafts(gateway)) + 1)
        assert "the draft:1: nonsense" in str(app.screen.query_one("#trial-outcome").render())
        # What is no draft is not tried again before it changes.
        known = len(drafts(gateway))
        await asyncio.sleep(1.2)
        assert len(drafts(gateway)) == known


async def test_what_is_found_is_opened(tmp_path: Path) -> None:
    draft = tmp_path / "draft.json"
    draft.write_text("one")
    gateway = sample_gateway()
    gateway.trial = sample_trial()
    app = frozen_app(gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(WorkbenchScreen(app.context, draft))
        await tried(gateway, pilot, 1)
        await press(pilot, "enter")
        await settle(pilot)
        assert isinstance(app.screen, WorkflowScreen)
        await press(pilot, "escape")
        for key in ("down", "down", "down", "enter"):
            await press(pilot, key)
        await settle(pilot)
        assert isinstance(app.screen, RejectionScreen)
