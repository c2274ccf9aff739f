"""What the composer's keys make of a WorkReq, and what reaches the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Button, Input

from wf_tui.app import WfApp
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.pick import PickDialog
from wf_tui.dialogs.resume import ResumeDialog
from wf_tui.drafts import Drafts
from wf_tui.gateway import NotFound, Overloaded, Refused, Unreachable
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.composer.desk import Desk
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.state.composition import TOP, Place
from wf_tui.state.job_samples import sample_job_types
from wf_tui.state.models import Block, Job, Status, Violation, WorkReq
from wf_tui.state.samples import ERASE, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle, type_text
from wf_tui.widgets.form_pane import FieldInput
from wf_tui.widgets.request_text import RequestText, editable_yaml, yaml_parts
from wf_tui.widgets.verdict_list import VerdictList
from wf_tui.workreq_files import load_workreq, parse_workreq

REQUEST = WorkReq(
    "Maintenance",
    "try",
    (
        Block("one", 2, (Job("sleep", "breathe", {"seconds": "5"}), Job("sleep", "", {"seconds": "6"}))),
        Block("two", 1, (Job("sleep", "", {"seconds": "7"}),)),
    ),
)


class Composer:
    """The composer under test."""

    def __init__(self, app: WfApp, pilot: Pilot[None], gateway: FakeGateway) -> None:
        self.app = app
        self.pilot = pilot
        self.gateway = gateway

    @property
    def screen(self) -> ComposerScreen:
        return next(one for one in self.app.screen_stack if isinstance(one, ComposerScreen))

    @property
    def request(self) -> WorkReq:
        return self.screen.request

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def type(self, text: str) -> None:
        await type_text(self.pilot, text)

    def toasts(self) -> list[str]:
        return [toast.message for toast in self.app._notifications]


def gateway_with_types() -> FakeGateway:
    gateway = sample_gateway()
    gateway.known_job_types = sample_job_types()
    return gateway


@asynccontextmanager
async def composer(
    gateway: FakeGateway, request: WorkReq | None = None, *, mends: str = "", drafts: Drafts | None = None
) -> AsyncIterator[Composer]:
    app = frozen_app(gateway, drafts=drafts)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        it = Composer(app, pilot, gateway)
        if request is None:
            await it.press("c")
        else:
            app.push_screen(ComposerScreen(app.context, request, mends=mends))
            await settle(pilot)
        yield it


async def test_a_request_is_composed_from_nothing_by_keys_alone() -> None:
    gateway = gateway_with_types()
    async with composer(gateway) as it:
        await it.press("enter")
        await it.type("Maintenance")
        await it.press("enter")
        await it.type("a try")
        await it.press("enter", "b")
        await it.type("first")
        await it.press("down")
        await it.press("backspace")
        await it.type("3")
        await it.press("escape", "a")
        await it.type("sle")
        await it.press("enter")
        await it.type("5")
        await it.press("escape", "c", "enter", "down", "backspace")
        await it.type("8")
        await it.press("escape")
        assert it.request == WorkReq(
            "Maintenance",
            "a try",
            (Block("first", 3, (Job("sleep", "", {"seconds": "5"}), Job("sleep", "", {"seconds": "8"}))),),
        )
        assert gateway.called("check")[-1] == (it.request,)
        await it.press("ctrl+s")
        assert isinstance(it.app.screen, ConfirmDialog)
        await it.press("enter")
        assert gateway.called("submit") == [], "Cancel has the focus"
        request = it.request
        await it.press("ctrl+s", "right", "enter")
        assert gateway.called("submit") == [(request,)]
        assert gateway.called("execute") == []
        assert isinstance(it.app.screen, WorkflowScreen)


async def test_submit_and_execute_executes_what_was_confirmed() -> None:
    gateway = gateway_with_types()
    async with composer(gateway, REQUEST, mends="r-1") as it:
        await it.press("ctrl+e", "right", "enter")
    assert gateway.called("submit") == [(REQUEST, "r-1")]
    assert gateway.called("execute") == [(gateway.new_id,)]


async def test_blocks_and_jobs_are_copied_moved_deleted_and_undone() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("down", "c")
        assert [block.desc for block in it.request.blocks] == ["one", "one", "two"]
        await it.press("J")
        assert [block.desc for block in it.request.blocks] == ["one", "two", "one"]
        await it.press("D")
        assert [block.desc for block in it.request.blocks] == ["one", "two"]
        await it.press("u", "u", "u")
        assert it.request == REQUEST
        await it.press("U")
        assert [block.desc for block in it.request.blocks] == ["one", "one", "two"]
        await it.press("ctrl+z", "down", "down", "J", "J")
        assert [len(block.jobs) for block in it.request.blocks] == [1, 2]
        assert it.screen.composition.place == Place(1, 1)


async def test_the_request_itself_is_not_deleted() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("D")
        assert it.request == REQUEST


async def test_values_are_chosen_from_what_the_server_knows() -> None:
    async with composer(gateway_with_types(), WorkReq(ERASE, "", (Block("", 1, (Job("diskErase"),)),))) as it:
        await it.press("down", "down", "enter", "down", "ctrl+l")
        assert isinstance(it.app.screen, PickDialog)
        await it.type("aap")
        await it.press("enter")
        assert it.request.blocks[0].jobs[0].args == {"site": "aap"}
        assert it.gateway.called("site") == [("aap",)]
        await it.press("down", "ctrl+l", "down", "enter")
        assert it.request.blocks[0].jobs[0].args == {"site": "aap", "machine": "aa01"}


async def test_one_job_for_each_machine() -> None:
    async with composer(gateway_with_types(), WorkReq(ERASE, "", ())) as it:
        await it.press("f")
        await it.type("aap")
        await it.press("enter")
        await it.type("aa00-aa06")
        await it.press("tab")
        await it.type("5")
        await it.press("enter")
        assert [(block.desc, len(block.jobs)) for block in it.request.blocks] == [
            ("diskErase aa00-aa04", 5),
            ("diskErase aa05-aa06", 2),
        ]
        assert it.request.blocks[1].jobs[1].args == {"site": "aap", "machine": "aa06"}
        await it.press("u")
        assert it.request.blocks == ()


async def test_n_goes_through_the_violations_and_enter_to_the_field() -> None:
    gateway = gateway_with_types()
    gateway.verdict = (
        Violation("validation", "an integer", 1, 0, "seconds", '"7"', '"9"'),
        Violation("validation", "wrong", 0, 1, "seconds", '"6"', "an integer"),
    )
    async with composer(gateway, REQUEST) as it:
        await it.press("n")
        assert it.screen.composition.place == Place(0, 1)
        await it.press("n")
        assert it.screen.composition.place == Place(1, 0)
        await it.press("n", "N")
        assert it.screen.composition.place == Place(1, 0)
        await it.press("enter")
        focused = it.app.focused
        assert isinstance(focused, FieldInput)
        assert focused.shown.key == "arg.seconds"
        await it.press("escape", "F")
        assert it.request.blocks[1].jobs[0].args == {"seconds": "9"}
        await it.press("u", "n", "F")
        assert it.request == REQUEST, "an integer is no certain value"


async def test_nothing_is_fixed_on_a_verdict_about_something_else() -> None:
    gateway = gateway_with_types()
    gateway.verdict = (Violation("validation", "wrong", 1, 0, "seconds", '"7"', '"9"'),)
    async with composer(gateway, REQUEST) as it:
        gateway.errors["check"] = Overloaded("too much to do")
        await it.press("down", "D")
        without = it.request
        await it.press("F")
        assert it.request == without


async def test_a_refusal_stands_in_its_places_and_nothing_is_lost() -> None:
    gateway = gateway_with_types()
    found = Violation("sameArgs", "another", 0, 1, "seconds", "6", "5")
    gateway.errors["submit"] = Refused("refused", (found,), "r-9")
    async with composer(gateway, REQUEST) as it:
        await it.press("ctrl+s", "right", "enter")
        assert it.app.screen is it.screen
        assert it.screen.verdict.all == (found,)
        assert it.request == REQUEST
        del gateway.errors["submit"]
        await it.press("ctrl+s", "right", "enter")
        assert isinstance(it.app.screen, WorkflowScreen)
        assert gateway.called("submit")[-1] == (REQUEST, "r-9"), "it mends what was refused"


async def test_a_rejection_that_is_gone_does_not_keep_a_request_from_being_submitted() -> None:
    gateway = gateway_with_types()
    gateway.errors["submit"] = NotFound("there is no rejection r-1")
    async with composer(gateway, REQUEST, mends="r-1") as it:
        await it.press("ctrl+s", "right", "enter")
        assert it.request == REQUEST
        del gateway.errors["submit"]
        await it.press("ctrl+s", "right", "enter")
        assert gateway.called("submit")[-1] == (REQUEST,)


async def test_a_lost_connection_loses_nothing_and_the_verdict_comes_later() -> None:
    gateway = gateway_with_types()
    async with composer(gateway, REQUEST) as it:
        gateway.errors["*"] = Unreachable("no answer")
        await it.press("enter", "down")
        await it.type("ing")
        assert it.request.desc == "trying"
        assert it.screen.unchecked == "no answer"
        await it.press("ctrl+s", "right", "enter")
        assert it.request.desc == "trying"
        assert any("Whether it was submitted is not known" in toast for toast in it.toasts())


async def test_a_rate_limit_that_is_none_is_told_and_not_taken() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("down", "enter", "down")
        await it.type("x")
        focused = it.app.focused
        assert isinstance(focused, Input)
        assert focused.value == "2x"
        assert it.request == REQUEST
        await it.press("backspace", "backspace")
        await it.type("7")
        assert it.request.blocks[0].rate_limit == 7


async def test_the_text_and_the_form_are_in_step() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("t")
        area = it.app.screen.query_one(RequestText)
        assert parse_workreq(area.text, "", as_json=False) == REQUEST
        area.text = area.text.replace("breathe", "sigh")
        await settle(it.pilot)
        assert it.request.blocks[0].jobs[0].desc == "sigh"
        await it.press("escape", "u")
        assert it.request == REQUEST


async def test_a_text_that_is_no_request_is_not_left() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("t")
        area = it.app.screen.query_one(RequestText)
        area.text = area.text.replace("blocks:", "blocks: [")
        await settle(it.pilot)
        await it.press("escape")
        assert it.app.focused is area
        assert "line" in it.screen.query_one(VerdictList)._problems[0]
        await it.press("ctrl+s")
        assert it.app.screen is it.screen, "nothing is submitted that is not what one sees"
        assert it.request == REQUEST
        area.text = area.text.replace("blocks: [", "blocks:")
        await it.press("escape")
        assert it.app.focused is it.screen.query_one("#outline")
        assert it.request == REQUEST


async def test_files_are_saved_and_opened(tmp_path: Path) -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        for name in ("request.yaml", "request.json"):
            await it.press("s")
            it.app.screen.query_one("#path", Input).value = str(tmp_path / name)
            await it.press("enter")
            assert load_workreq(str(tmp_path / name)) == REQUEST
        await it.press("D", "down", "D")
        await it.press("o")
        it.app.screen.query_one("#path", Input).value = str(tmp_path / "request.yaml")
        await it.press("enter")
        assert it.request == REQUEST
        await it.press("u")
        assert len(it.request.blocks) == 1
        await it.press("s")
        it.app.screen.query_one("#path", Input).value = str(tmp_path / "request.json")
        await it.press("enter")
        assert isinstance(it.app.screen, ConfirmDialog), "another file is not overwritten without a word"
        await it.press("enter")
        assert load_workreq(str(tmp_path / "request.json")) == REQUEST


async def test_a_file_that_is_no_request_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: [1]\n")
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("o")
        it.app.screen.query_one("#path", Input).value = str(tmp_path / "bad.yaml")
        await it.press("enter")
        assert it.request == REQUEST
        assert "a string is expected" in it.toasts()[-1]


async def test_a_draft_is_offered_again_until_it_is_submitted(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    async with composer(gateway_with_types(), drafts=drafts) as it:
        await it.press("enter")
        await it.type("Maint")
        await it.press("escape", "escape")
        await it.press("c")
        assert isinstance(it.app.screen, ResumeDialog)
        await it.press("escape")
        assert it.request == WorkReq("", "", ())
        await it.press("escape", "c", "enter")
        assert it.request == WorkReq("Maint", "", ())
        await it.press("ctrl+s", "right", "enter", "escape", "c")
        assert isinstance(it.app.screen, ComposerScreen)
    assert list(tmp_path.iterdir()) == []


async def test_quitting_in_the_middle_of_a_word_keeps_it(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    async with composer(gateway_with_types(), drafts=drafts) as it:
        await it.press("enter")
        await it.type("Main")
    left = drafts.left_behind()
    assert left is not None
    saved = left.load()
    assert saved is not None
    assert saved.request.name == "Main"
    left.close()


async def test_a_workflow_is_cloned_from_the_list_and_from_its_screen() -> None:
    gateway = gateway_with_types()
    summary = add_workflow(gateway, summary_of(1, Status.COMPLETED, counts_of([])), erase_blocks(11))
    gateway.requests[summary.id] = REQUEST
    async with composer(gateway) as it:
        await it.press("escape", "C")
        assert it.request == REQUEST
        assert it.screen.composition.place == TOP
        await it.press("escape", "enter", "C")
        assert it.request == REQUEST


async def test_hostile_text_is_painted_harmlessly_and_kept_as_it_is() -> None:
    evil = "\x1b[2J\u202e[red]boo[/red]" + "x" * 10_000
    request = WorkReq(evil, evil, (Block(evil, 1, (Job(evil, evil, {evil: evil}),)),))
    gateway = gateway_with_types()
    gateway.verdict = (Violation(evil, evil, 0, 0, evil, evil, evil),)
    async with composer(gateway, request) as it:
        for key in ("down", "down", "enter", "escape", "n", "t", "escape", "ctrl+s"):
            await it.press(key)
            picture = it.app.export_screenshot()
            assert "\x1b" not in picture
            assert "\u202e" not in picture
        assert it.request == request


def test_odd_characters_stand_as_escapes_in_the_text() -> None:
    odd = replace(REQUEST, desc="\u202eéđ\U000e0001\x1b\n end")
    text = editable_yaml(odd)
    assert "\\u202e" in text.lower()
    assert all(each == "\n" or each.isprintable() for each in text)
    assert parse_workreq(text, "", as_json=False) == odd


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("  - name: sleep", [(0, 3, "mark"), (4, 8, "key")]),
        ('desc: "é: 5" # why', [(0, 4, "key"), (6, 13, "string"), (14, 19, "comment")]),
        ("rateLimit: 5", [(0, 9, "key"), (11, 12, "number")]),
        ("x" * 3_000, []),
    ],
)
def test_lines_have_their_colours(line: str, parts: list[tuple[int, int, str]]) -> None:
    assert list(yaml_parts(line)) == parts


async def test_every_key_of_the_composer_is_explained() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        for keys in (["down"], ["enter"]):
            await it.press(*keys)
            for active in it.app.screen.active_bindings.values():
                if isinstance(active.node, (ComposerScreen, FieldInput)) and active.binding.id:
                    assert active.binding.tooltip, active.binding
        own = (base.__dict__.get("BINDINGS", []) for base in ComposerScreen.__mro__ if issubclass(base, Desk))
        bindings = [binding for several in own for binding in several]
        assert bindings
        assert all(isinstance(one, Binding) and (one.id or "").startswith("composer.") for one in bindings)


async def test_the_way_past_a_draft_is_not_called_cancel(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    draft = drafts.new()
    draft.save(REQUEST, "r-7")
    draft.close()
    async with composer(gateway_with_types(), drafts=drafts) as it:
        assert [str(button.label) for button in it.app.screen.query(Button)] == ["Begin anew", "Go on"]
        await it.press("enter")
        assert it.request == REQUEST
        await it.press("ctrl+s", "right", "enter")
        assert it.gateway.called("submit") == [(REQUEST, "r-7")], "it still mends the same rejection"
