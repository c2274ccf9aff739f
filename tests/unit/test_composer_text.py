"""The composer's text: always in step with the outline, and never lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.composing import REQUEST, Composer, composer, gateway_with_types
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.drafts import Drafts
from wf_tui.state.composition import TOP, Place
from wf_tui.state.models import Violation
from wf_tui.state.text_places import place_at, position_of_violation
from wf_tui.strict_yaml import positions
from wf_tui.testing import settle
from wf_tui.widgets.request_text import Notation, RequestText, editable_text, text_parts
from wf_tui.widgets.verdict_list import VerdictList
from wf_tui.workreq_files import parse_workreq


def area_of(it: Composer) -> RequestText:
    return it.screen.query_one(RequestText)


async def retype(it: Composer, old: str, new: str) -> None:
    area = area_of(it)
    assert old in area.text
    area.text = area.text.replace(old, new)
    await settle(it.pilot)


async def test_the_text_and_the_form_are_in_step() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("t")
        assert parse_workreq(area_of(it).text, "", as_json=False) == REQUEST
        await retype(it, "breathe", "sigh")
        assert it.request.blocks[0].jobs[0].desc == "sigh"
        await it.press("escape", "u")
        assert it.request == REQUEST


async def test_the_text_is_edited_as_json_too() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("t", "ctrl+n")
        assert parse_workreq(area_of(it).text, "", as_json=True) == REQUEST
        await retype(it, '"breathe"', '"sigh"')
        await it.press("ctrl+n")
        assert "sigh" in area_of(it).text
        assert not area_of(it).text.startswith("{")
        await it.press("ctrl+n", "escape", "t")
        assert area_of(it).text.startswith("{"), "it stays what was chosen"
        area_of(it).text = "name: pasted"
        await settle(it.pilot)
        assert it.request.name == "pasted", "what is pasted may be the other"


async def test_a_text_that_is_no_request_is_not_left_without_a_word() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("t")
        await retype(it, "blocks:", "blocks: [")
        problem = it.screen.query_one(VerdictList).current_problem
        assert problem is not None
        assert problem.at is not None
        for key in ("ctrl+s", "ctrl+n"):
            await it.press(key)
            assert it.app.focused is area_of(it), "nothing is done with what is no WorkReq"
        await it.press("escape")
        assert isinstance(it.app.screen, ConfirmDialog)
        await it.press("enter")
        assert "blocks: [" in area_of(it).text, "Cancel has the focus"
        await retype(it, "blocks: [", "blocks:")
        await it.press("escape")
        assert it.app.focused is it.screen.query_one("#outline")
        assert it.request == REQUEST


async def test_a_text_that_is_no_request_can_be_discarded() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("t")
        await retype(it, "blocks:", "blocks: [")
        await it.press("escape", "right", "enter")
        assert it.app.focused is it.screen.query_one("#outline")
        assert it.request == REQUEST
        assert not it.screen.problems


async def test_a_late_verdict_does_not_hide_what_is_wrong_with_the_text() -> None:
    gateway = gateway_with_types()
    async with composer(gateway, REQUEST) as it:
        await it.press("t")
        await retype(it, "blocks:", "blocks: [")
        it.screen.check_soon()
        await settle(it.pilot)
        assert it.screen.query_one(VerdictList).current_problem is not None


async def test_problems_and_violations_are_gone_to_in_the_text() -> None:
    gateway = gateway_with_types()
    gateway.verdict = (
        Violation("validation", "wrong", 0, 1, "seconds", '"6"', "less"),
        Violation("validation", "wrong", 1, 0, "", "", ""),
    )
    async with composer(gateway, REQUEST) as it:
        await it.press("t")
        lines = area_of(it).text.splitlines()
        await it.press("f8")
        assert lines[area_of(it).line - 1].strip() == "seconds: '6'"
        await it.press("f8")
        assert area_of(it).line > lines.index("- desc: two")
        await it.press("shift+f8")
        assert lines[area_of(it).line - 1].strip() == "seconds: '6'"
        await retype(it, "rateLimit: 2", "rateLimit: many")
        await it.press("f8")
        assert "many" in area_of(it).text.splitlines()[area_of(it).line - 1]


async def test_the_text_opens_at_the_cursor_and_the_outline_where_the_text_was_left() -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("down", "down", "down", "t")
        assert "seconds: '6'" in "\n".join(area_of(it).text.splitlines()[area_of(it).line - 1 :])
        await it.press(*["down"] * 9, "escape")
        assert it.screen.composition.place == Place(1, 0)


async def test_what_is_typed_and_is_no_request_yet_survives_too(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    async with composer(gateway_with_types(), drafts=drafts) as it:
        await it.press("t")
        area_of(it).text = "name: Main\nblocks: [oops"
        await settle(it.pilot)
    async with composer(gateway_with_types(), drafts=drafts) as it:
        await it.press("enter")
        assert area_of(it).text == "name: Main\nblocks: [oops"
        assert it.screen.query_one(VerdictList).current_problem is not None
        await it.press("escape", "right", "enter", "escape")
    assert list(tmp_path.iterdir()) == [], "it was discarded"


def test_odd_characters_stand_as_escapes_in_the_text() -> None:
    odd = replace(REQUEST, desc="\u202eéđ\U000e0001\x1b\n end")
    for notation in Notation:
        text = editable_text(odd, notation)
        assert "\\u202e" in text.lower()
        assert all(each == "\n" or each.isprintable() for each in text)
        assert parse_workreq(text, "", as_json=notation is Notation.JSON) == odd


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("  - name: sleep", [(0, 3, "mark"), (4, 8, "key")]),
        ('desc: "é: 5" # why', [(0, 4, "key"), (6, 13, "string"), (14, 19, "comment")]),
        ("rateLimit: 5", [(0, 9, "key"), (11, 12, "number")]),
        ('"a": true,', [(0, 3, "key"), (5, 9, "number"), (9, 10, "mark")]),
        ("x" * 3_000, []),
    ],
)
def test_lines_have_their_colours(line: str, parts: list[tuple[int, int, str]]) -> None:
    assert list(text_parts(line)) == parts


@pytest.mark.parametrize("notation", Notation)
def test_every_place_is_found_in_its_text(notation: Notation) -> None:
    text = editable_text(REQUEST, notation)
    where = positions(text)
    for place in (Place(0), Place(0, 0), Place(0, 1), Place(1), Place(1, 0)):
        line = where[f"blocks[{place.block}]" + (f".jobs[{place.job}]" if place.is_job else "")][0]
        assert place_at(line, where) == place
    assert place_at(1, where) == TOP
    missing = Violation("validation", "missing", 1, 0, "site")
    assert position_of_violation(missing, where) == where["blocks[1].jobs[0]"]
    assert position_of_violation(Violation("p", "m"), where) == where["name"]
    assert positions("a: [") == {}
