"""What the composer's keys make of a WorkReq, and what reaches the server."""

from __future__ import annotations

from pathlib import Path

from textual.binding import Binding
from textual.widgets import Button, Input, Static

from tests.unit.composing import REQUEST, composer, gateway_with_types
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.pick import PickDialog
from wf_tui.dialogs.resume import ResumeDialog
from wf_tui.drafts import Drafts
from wf_tui.gateway import NotFound, Overloaded, Refused, Unreachable
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.composer.desk import Desk
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.state.composition import TOP, Place
from wf_tui.state.models import Block, Job, PolicyLevel, Status, Violation, WorkReq
from wf_tui.state.samples import ERASE, counts_of, erase_blocks, summary_of
from wf_tui.testing import add_workflow
from wf_tui.widgets.form_pane import FieldInput, FieldRow


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


async def test_one_job_for_each_site() -> None:
    request = WorkReq("Maintenance", "", (Block("", 1, (Job("validateDecom", "", {"type": "satellite"}),)),))
    async with composer(gateway_with_types(), request) as it:
        sites = [site.name for site, _ in it.gateway.known_sites]
        await it.press("down", "down", "f")
        await it.type("*")
        await it.press("enter")
        jobs = it.request.blocks[0].jobs
        assert [job.args["site"] for job in jobs] == sites, "the one that was begun gives way"
        assert all(job.args["type"] == "satellite" for job in jobs)


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


async def test_a_draft_remembers_what_refused_it(tmp_path: Path) -> None:
    gateway = gateway_with_types()
    gateway.errors["submit"] = Refused("refused", (), "r-9")
    drafts = Drafts(tmp_path)
    async with composer(gateway, REQUEST, drafts=drafts) as it:
        await it.press("ctrl+s", "right", "enter")
    left = drafts.left_behind()
    assert left is not None
    saved = left.load()
    left.close()
    assert saved is not None
    assert (saved.request, saved.mends) == (REQUEST, "r-9")


async def test_n_brings_the_wrong_field_into_view() -> None:
    gateway = gateway_with_types()
    job = Job("validateDecom", "", {"site": "aap", "type": "satellite", **{f"x{n}": "" for n in range(9)}})
    gateway.verdict = (Violation("p", "wrong", 0, 0, "x8", '""', "less"),)
    async with composer(gateway, WorkReq("Maintenance", "", (Block("", 1, (job,)),))) as it:
        await it.press("n")
        row = next(one for one in it.screen.query(FieldRow) if one.input.shown.key == "arg.x8")
        assert it.screen.form.region.contains_region(row.region)


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


async def test_a_copy_that_nobody_touched_leaves_no_draft(tmp_path: Path) -> None:
    gateway = gateway_with_types()
    summary = add_workflow(gateway, summary_of(1, Status.COMPLETED, counts_of([])), erase_blocks(11))
    gateway.requests[summary.id] = REQUEST
    drafts = Drafts(tmp_path)
    async with composer(gateway, drafts=drafts) as it:
        await it.press("escape", "C")
        assert it.request == REQUEST
        await it.press("u")
        assert it.request == REQUEST, "there is nothing to undo"
        await it.press("escape", "c")
        assert isinstance(it.app.screen, ComposerScreen)
    assert drafts.left_behind() is None


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


async def test_warnings_are_acknowledged_by_name_when_it_is_submitted() -> None:
    gateway = gateway_with_types()
    gateway.verdict = (
        Violation("maxJobs", "too many jobs", level=PolicyLevel.WARN),
        Violation("sameArgs", "differs", 0, 0, "seconds", level=PolicyLevel.DRY_RUN),
        Violation("allowedArgs", "none of the allowed", 0, 0, "seconds", level=PolicyLevel.WARN),
    )
    async with composer(gateway, REQUEST) as it:
        assert "if you acknowledge allowedArgs, maxJobs" in it.screen.verdict_words().plain
        await it.press("ctrl+s")
        facts = str(it.app.screen.query_one(".facts", Static).render())
        assert "Acknowledges  allowedArgs, maxJobs" in facts
        await it.press("enter")
        assert gateway.called("submit") == [], "Cancel has the focus"
        await it.press("ctrl+s", "right", "enter")
    assert gateway.called("submit") == [(REQUEST, ("allowedArgs", "maxJobs"))]


async def test_nothing_is_acknowledged_beside_a_refusal_that_would_be_in_vain() -> None:
    gateway = gateway_with_types()
    gateway.verdict = (
        Violation("maxJobs", "too many jobs", level=PolicyLevel.WARN),
        Violation("sameArgs", "differs", 0, 0, "seconds"),
    )
    async with composer(gateway, REQUEST) as it:
        assert it.screen.verdict_words().plain.startswith("✗ 2 violations")
        await it.press("ctrl+s")
        facts = str(it.app.screen.query_one(".facts", Static).render())
        assert "1 violation: the server will refuse it" in facts
        assert "Acknowledges" not in facts


async def test_a_dry_run_asks_for_nothing() -> None:
    gateway = gateway_with_types()
    gateway.verdict = (Violation("maxJobs", "too many jobs", level=PolicyLevel.DRY_RUN),)
    async with composer(gateway, REQUEST) as it:
        assert "It breaks 1 rule in a dry run" in it.screen.verdict_words().plain
        await it.press("ctrl+s", "right", "enter")
    assert gateway.called("submit") == [(REQUEST,)]
