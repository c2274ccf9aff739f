"""A wizard by its keys: marks, drafts, dry runs, queues, and what it must not do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from wf_tui.app import WfApp
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.resume import ResumeDialog, ResumeQueueDialog
from wf_tui.drafts import Drafts
from wf_tui.gateway import Unreachable
from wf_tui.screens.queue import QueueScreen
from wf_tui.screens.wizard import WizardScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.settings import Settings
from wf_tui.state.models import Status, Violation
from wf_tui.state.queue import Stage
from wf_tui.state.samples import sample_board, sample_buckets
from wf_tui.state.wizard import Item, Step
from wf_tui.testing import FakeGateway, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.testing_server import working_gateway
from wf_tui.wizards import WIZARDS, Wizard

PATIENCE = 30


class Console:
    """The app under test with its pilot."""

    def __init__(self, app: WfApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def type(self, text: str) -> None:
        await type_text(self.pilot, text)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self.pilot.pause(0.001)
        await settle(self.pilot)

    def wizard(self) -> WizardScreen:
        assert isinstance(self.app.screen, WizardScreen)
        return self.app.screen

    def words(self) -> str:
        return str(self.wizard().query_one(f"#words-{self.wizard().step.value}", Static).content)

    def plans(self) -> tuple[Item, ...]:
        plans = self.wizard().plans
        assert plans is not None
        return plans.items

    def stages(self) -> list[Stage]:
        return [entry.stage for entry in self.app.context.queue.queue.entries]

    def toasts(self) -> list[str]:
        return [toast.message for toast in self.app._notifications]


@asynccontextmanager
async def console(
    gateway: FakeGateway, drafts: Path | None = None, settings: Settings | None = None
) -> AsyncIterator[Console]:
    app = frozen_app(gateway, drafts=Drafts(drafts) if drafts is not None else None, settings=settings)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        yield Console(app, pilot)


MARK_BOTH = ("e", "space", "space")
TO_THE_END = ("enter", "enter", "enter", "enter")


async def queued(it: Console) -> None:
    """Confirms the erasure of aap and adg."""
    await it.press(*MARK_BOTH, *TO_THE_END)
    await it.type("2 aap adg")
    await it.press("enter")


async def test_marked_sites_are_queued_one_after_another() -> None:
    gateway = working_gateway()
    async with console(gateway) as it:
        await it.press(*MARK_BOTH, *TO_THE_END)
        await it.type("2 aap")
        await it.press("enter")
        assert gateway.called("submit") == []
        assert "That is not “2 aap adg”: nothing was done." in it.toasts()
        await it.type(" adg")
        await it.press("enter")
        await it.until(lambda: it.stages() == [Stage.RUNNING, Stage.WAITING])
        assert isinstance(it.app.screen, QueueScreen)
        assert len(gateway.called("submit")) == 1
        gateway.finish("w1")
        await it.until(lambda: it.stages() == [Stage.DONE, Stage.RUNNING])
        gateway.finish("w2")
        await it.until(lambda: it.stages() == [Stage.DONE, Stage.DONE])
        assert len(gateway.called("check")) == 2


async def test_a_mark_is_taken_away_and_a_site_that_does_not_fit_gets_none() -> None:
    async with console(sample_gateway()) as it:
        await it.press("e", "a")
        assert it.wizard().choices.marked == ("aap", "adg")
        await it.press("home", "space")
        assert it.wizard().choices.marked == ("adg",)
        await it.press("end", "space")
        assert it.wizard().choices.marked == ("adg",)
        assert "is a cluster" in it.toasts()[-1]
        await it.press("a", "a")
        assert it.wizard().choices.marked == ()


async def test_back_and_forth_keeps_marks_and_what_was_typed() -> None:
    async with console(sample_gateway()) as it:
        await it.press(*MARK_BOTH, *TO_THE_END)
        await it.type("2 aa")
        await it.press("escape", "escape", "escape", "escape")
        assert it.wizard().choices.marked == ("aap", "adg")
        await it.press(*TO_THE_END)
        assert it.app.screen.query_one("#typed", Input).value == "2 aa"


async def test_other_sites_want_their_own_word_typed() -> None:
    async with console(sample_gateway()) as it:
        await it.press("e", *TO_THE_END)
        await it.type("aap")
        await it.press("escape", "escape", "escape", "escape", "down", *TO_THE_END)
        assert it.wizard().crumbs()[-1] == "Erase the disks of adg"
        assert it.app.screen.query_one("#typed", Input).value == ""


async def test_an_empty_bucket_queues_even_one_site() -> None:
    gateway = working_gateway(tokens=0)
    async with console(gateway) as it:
        await it.press("e", *TO_THE_END)
        await it.type("aap")
        await it.press("enter")
        await it.until(lambda: it.stages() == [Stage.TOKEN])
        assert isinstance(it.app.screen, QueueScreen)
        assert "next is due at" in str(it.app.screen.query_one("#peek", Static).content)
        assert gateway.called("submit") == []
        gateway.known_buckets = sample_buckets(tokens=1)
        await it.press("ctrl+r")
        await it.until(lambda: it.stages() == [Stage.RUNNING])


async def test_confirming_again_after_a_lost_answer_submits_nothing_twice() -> None:
    gateway = working_gateway()
    gateway.lost_answers = [Unreachable("h:1 did not answer in time")]
    async with console(gateway) as it:
        await it.press("e", *TO_THE_END)
        await it.type("aap")
        await it.press("enter")
        assert "not known" in it.toasts()[0]
        await it.press("enter")
        assert isinstance(it.app.screen, WorkflowScreen)
        assert len(gateway.called("submit")) == 1
        assert gateway.called("execute") == [("w1",)]


async def test_what_somebody_began_in_the_meantime_is_opened_and_not_begun_again() -> None:
    gateway = working_gateway()
    async with console(gateway) as it:
        await it.press("e", *TO_THE_END)
        other = await gateway.submit(it.plans()[0].request)
        await gateway.execute(other)
        await it.type("aap")
        await it.press("enter")
        assert isinstance(it.app.screen, WorkflowScreen)
        assert len(gateway.called("submit")) == 1
        assert "under way already" in it.toasts()[-1]


async def test_a_dry_run_goes_through_everything_and_submits_nothing() -> None:
    gateway = working_gateway()
    async with console(gateway) as it:
        await it.press("e", "d", "space", "space", *TO_THE_END)
        assert it.wizard().crumbs()[-1] == "Erase the disks of aap, adg – dry run"
        assert "The server would accept all 2 WorkReqs" in it.words()
        assert "Nothing was submitted, and nothing will be." in it.words()
        await it.press("enter")
        assert isinstance(it.app.screen, WorkflowsScreen)
        assert (gateway.called("submit"), gateway.called("execute")) == ([], [])
        assert len(gateway.called("check")) == 2


async def test_a_dry_run_tells_all_that_is_wrong_and_cannot_become_real_then() -> None:
    gateway = sample_gateway()
    gateway.board = sample_board(erase=True)
    gateway.verdict = (Violation("emergencyStop", "the stop is engaged"),)
    async with console(gateway) as it:
        await it.press("e", "d", *TO_THE_END)
        assert "1 pre-check failed" in it.words()
        assert "would refuse 1 of 1" in it.words()
        await it.press("d")
        assert it.wizard().step is Step.VERDICT
        assert it.app.screen.query_one("#continue", Button).disabled


async def test_a_dry_run_becomes_real_by_the_typed_word_only() -> None:
    gateway = working_gateway()
    async with console(gateway) as it:
        await it.press("e", "d", *TO_THE_END, "d")
        assert it.wizard().step is Step.CONFIRM
        await it.press("enter")
        assert gateway.called("submit") == []
        await it.type("aap")
        await it.press("enter")
        assert gateway.called("execute") == [("w1",)]


async def test_leaving_keeps_a_draft_that_is_gone_on_with(tmp_path: Path) -> None:
    gateway = sample_gateway()
    async with console(gateway, tmp_path) as it:
        await it.press(*MARK_BOTH, "enter", "enter")
        await it.until(lambda: it.wizard().is_kept)
        await it.press("escape", "escape", "escape")
        assert "The draft is kept: e offers it again." in it.toasts()
    async with console(gateway, tmp_path) as it:
        await it.press("e")
        await it.until(lambda: isinstance(it.app.screen, ResumeDialog))
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.screen, WizardScreen))
        assert it.wizard().choices.marked == ("aap", "adg")


async def test_a_killed_consoles_wizard_goes_on_at_its_step_but_never_at_the_typed_word(
    tmp_path: Path,
) -> None:
    gateway = sample_gateway()
    async with console(gateway, tmp_path) as it:
        await it.press(*MARK_BOTH, *TO_THE_END)
        await it.type("2 aap adg")
        await it.until(lambda: it.wizard().is_kept)
    async with console(gateway, tmp_path) as it:
        await it.press("e")
        await it.until(lambda: isinstance(it.app.screen, ResumeDialog))
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.screen, WizardScreen) and it.wizard().step is Step.VERDICT)
        assert "would accept" in it.words()
        await it.press("enter")
        assert it.app.screen.query_one("#typed", Input).value == ""
        assert gateway.called("submit") == []


async def test_begun_anew_it_replaces_the_draft_with_its_first_choice(tmp_path: Path) -> None:
    gateway = sample_gateway()
    async with console(gateway, tmp_path) as it:
        await it.press("e", "space", "escape")
        await it.press("e")
        await it.until(lambda: isinstance(it.app.screen, ResumeDialog))
        await it.press("escape", "down", "space", "escape")
        await it.press("e")
        await it.until(lambda: isinstance(it.app.screen, ResumeDialog))
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.screen, WizardScreen))
        assert it.wizard().choices.marked == ("adg",)


async def test_composer_and_wizards_keep_their_drafts_apart(tmp_path: Path) -> None:
    gateway = sample_gateway()
    async with console(gateway, tmp_path) as it:
        await it.press("e", "space", "escape")
        await it.press("D", "a", "escape")
        await it.press("c", "b")
        await it.until(lambda: bool(list(tmp_path.glob("*.json"))))
        await it.press("escape", "escape")
    async with console(gateway, tmp_path) as it:
        for key, name, marked in (("e", "erase", ("aap",)), ("D", "decom", ("aap", "adg"))):
            await it.press(key)
            await it.until(lambda: isinstance(it.app.screen, ResumeDialog))
            await it.press("enter")
            await it.until(lambda: isinstance(it.app.screen, WizardScreen))
            assert it.wizard().wizard is WIZARDS[name]
            assert it.wizard().choices.marked == marked
            await it.press("escape")
        await it.press("c")
        await it.until(lambda: isinstance(it.app.screen, ResumeDialog))
        await it.press("escape")


async def test_a_submitted_erasure_leaves_no_draft(tmp_path: Path) -> None:
    async with console(working_gateway(), tmp_path) as it:
        await it.press("e", *TO_THE_END)
        await it.type("aap")
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.screen, WorkflowScreen))
        await it.until(lambda: not list((tmp_path / "wizards").glob("*.json")))


async def test_a_stop_that_is_engaged_meanwhile_shuts_the_way() -> None:
    gateway = sample_gateway()
    async with console(gateway) as it:
        await it.press("e", *TO_THE_END)
        await it.type("aap")
        assert not it.app.screen.query_one("#continue", Button).disabled
        await gateway.set_stop("SatelliteDiskErase", engaged=True, reason="smoke")
        await settle(it.pilot)
        assert it.app.screen.query_one("#continue", Button).disabled
        assert "An emergency stop is engaged" in it.words()
        await it.press("enter")
        assert gateway.called("submit") == []
        await gateway.set_stop("SatelliteDiskErase", engaged=False, reason="over")
        await settle(it.pilot)
        await it.press("enter")
        assert len(gateway.called("submit")) == 1


async def test_a_queue_that_was_left_behind_is_offered_and_gone_on_with(tmp_path: Path) -> None:
    gateway = working_gateway()
    async with console(gateway, tmp_path) as it:
        await queued(it)
        await it.until(lambda: it.stages() == [Stage.RUNNING, Stage.WAITING])
    gateway.finish("w1")
    async with console(gateway, tmp_path) as it:
        await it.until(lambda: isinstance(it.app.screen, ResumeQueueDialog))
        await it.press("enter")
        assert isinstance(it.app.screen, WorkflowsScreen)
        assert len(gateway.called("submit")) == 1, "not now is the answer that has the focus"
    async with console(gateway, tmp_path) as it:
        await it.until(lambda: isinstance(it.app.screen, ResumeQueueDialog))
        await it.press("right", "enter")
        await it.until(lambda: it.stages() == [Stage.DONE, Stage.RUNNING])
        assert isinstance(it.app.screen, QueueScreen)
        assert len(gateway.called("submit")) == 2


async def test_a_read_only_console_neither_offers_wizards_nor_a_queue(tmp_path: Path) -> None:
    gateway = working_gateway()
    async with console(gateway, tmp_path) as it:
        await queued(it)
        await it.until(lambda: it.stages() == [Stage.RUNNING, Stage.WAITING])
    async with console(gateway, tmp_path, Settings(read_only=True)) as it:
        await it.press("e", "D")
        assert isinstance(it.app.screen, WorkflowsScreen)
        await it.press("Q")
        shown = {active.binding.id for active in it.app.screen.active_bindings.values()}
        assert not shown & {"queue.again", "queue.leave_out", "queue.hold", "queue.give_up"}


async def test_trouble_is_told_elsewhere_and_mended_by_the_queues_keys() -> None:
    gateway = working_gateway()
    async with console(gateway) as it:
        await queued(it)
        await it.until(lambda: it.stages() == [Stage.RUNNING, Stage.WAITING])
        await it.press("escape")
        gateway.finish("w1", Status.FAILED, "no token")
        await it.until(lambda: it.stages() == [Stage.TROUBLE, Stage.WAITING])
        assert "The queue stands still at aap: no token. Q shows it." in it.toasts()
        await it.press("Q", "r")
        assert isinstance(it.app.screen, ConfirmDialog)
        await it.press("enter")
        assert it.stages() == [Stage.TROUBLE, Stage.WAITING]
        await it.press("n", "right", "enter")
        await it.until(lambda: it.stages() == [Stage.LEFT_OUT, Stage.RUNNING])
        assert len(gateway.called("submit")) == 2


async def test_holding_and_giving_up_name_what_has_not_begun() -> None:
    gateway = working_gateway()
    async with console(gateway) as it:
        await queued(it)
        await it.until(lambda: it.stages() == [Stage.RUNNING, Stage.WAITING])
        await it.press("p")
        assert it.app.context.queue.queue.held
        await it.press("x")
        assert isinstance(it.app.screen, ConfirmDialog)
        assert it.app.screen._question == "Give up 1 entry of the queue?"
        await it.press("right", "enter")
        assert it.stages() == [Stage.RUNNING, Stage.LEFT_OUT]


async def test_an_answer_to_a_queue_that_has_changed_meanwhile_does_nothing() -> None:
    gateway = working_gateway()
    async with console(gateway) as it:
        await queued(it)
        await it.until(lambda: it.stages() == [Stage.RUNNING, Stage.WAITING])
        await it.press("x")
        gateway.finish("w1")
        await it.until(lambda: it.stages() == [Stage.DONE, Stage.RUNNING])
        await it.press("right", "enter")
        assert it.stages() == [Stage.DONE, Stage.RUNNING]
        assert "The queue has changed meanwhile: nothing was done." in it.toasts()


async def test_quitting_while_sites_wait_is_asked_about() -> None:
    gateway = working_gateway()
    async with console(gateway) as it:
        await queued(it)
        await it.until(lambda: it.stages() == [Stage.RUNNING, Stage.WAITING])
        await it.press("q")
        assert isinstance(it.app.screen, ConfirmDialog)


async def test_the_decom_check_is_one_workreq_and_wants_nothing_typed() -> None:
    gateway = working_gateway()
    gateway.board = replace(
        gateway.board,
        stops=(*gateway.board.stops, replace(gateway.board.stops[0], name="SatelliteDecomCheck")),
    )
    gateway.stop_feed.first = gateway.board
    gateway.book = replace(
        gateway.book,
        workflow_types=(
            *gateway.book.workflow_types,
            replace(gateway.book.workflow_types[0], name="SatelliteDecomCheck"),
        ),
    )
    async with console(gateway) as it:
        await it.press("D", "a", *TO_THE_END)
        assert "Nothing is changed on any site" in it.words()
        await it.press("enter")
        assert it.wizard().step is Step.VERDICT, "Back has the focus"
        await it.press("enter", "tab", "enter")
        await it.until(lambda: isinstance(it.app.screen, WorkflowScreen))
        ((request,),) = gateway.called("submit")
        assert request.name == "SatelliteDecomCheck"  # type: ignore[attr-defined]
        assert request.job_count == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("wizard", WIZARDS.values())
async def test_the_palette_and_help_know_every_wizard(wizard: Wizard) -> None:
    async with console(sample_gateway()) as it:
        names = [command.name for command in it.app.commands(it.app.screen)]
        assert wizard.command in names
        assert f"{wizard.command}, dry run" in names
