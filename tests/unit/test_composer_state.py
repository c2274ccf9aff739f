"""A WorkReq being put together: edits and the way back, forms, places of violations, safe fixes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_tui.state import edits
from wf_tui.state.composition import (
    EMPTY,
    TOP,
    Composition,
    Place,
    Version,
    block_at,
    job_at,
    outline,
    settled,
)
from wf_tui.state.fanout import BadPattern, FanOut, expand, span
from wf_tui.state.fixes import fix_of
from wf_tui.state.form import (
    DESC,
    NAME,
    RATE_LIMIT,
    TYPE,
    BadValue,
    arg_key,
    field_of,
    form_of,
    option_key,
    value_at,
    with_value,
)
from wf_tui.state.known import Known
from wf_tui.state.models import (
    ArgDeclaration,
    Block,
    Job,
    JobType,
    OnFailure,
    Policy,
    Retry,
    Violation,
    WorkReq,
)
from wf_tui.state.verdict import placed

KNOWN = Known(
    (
        JobType(
            "diskErase",
            "Erases the disks of one machine.",
            (
                ArgDeclaration("site", "site", True, "where the machine is"),
                ArgDeclaration("machine", "machine", True, "its short name"),
            ),
            "idempotent",
        ),
        JobType(
            "sleep",
            "Waits.",
            (ArgDeclaration("seconds", "integer", True, "how long", minimum=1),),
            "idempotent",
        ),
    ),
    ("Maintenance",),
    machines={"aap": ("aa00", "aa01", "aa09", "ab00")},
)


def job(number: int) -> Job:
    return Job("sleep", f"job {number}", {"seconds": str(number)})


REQUEST = WorkReq(
    "Maintenance",
    "try",
    (Block("one", 1, (job(0), job(1))), Block("two", 2, (job(2),)), Block("three", 1, ())),
)


def descs(request: WorkReq) -> list[list[str]]:
    return [[each.desc for each in block.jobs] for block in request.blocks]


def test_typing_in_one_field_is_one_step() -> None:
    draft = Composition()
    for text in ("M", "Ma", "Mai"):
        draft = draft.edited(with_value(draft.request, TOP, NAME, text, KNOWN), TOP, typing=NAME)
    draft = draft.edited(with_value(draft.request, TOP, DESC, "x", KNOWN), TOP, typing=DESC)
    assert draft.undone().request == WorkReq("Mai", "", ())
    assert draft.undone().undone().request == EMPTY
    assert draft.undone().undone().undone().request == EMPTY
    assert draft.undone().undone().redone().redone().request == WorkReq("Mai", "x", ())
    assert draft.redone() is draft


def test_typing_after_the_cursor_was_away_is_another_step() -> None:
    draft = Composition().edited(WorkReq("M", "", ()), TOP, typing=NAME).at(TOP)
    draft = draft.edited(WorkReq("Ma", "", ()), TOP, typing=NAME)
    assert draft.undone().request == WorkReq("M", "", ())


def test_an_edit_that_changes_nothing_is_no_step() -> None:
    draft = Composition(Version(REQUEST))
    assert draft.edited(REQUEST, Place(1)) is draft


def test_jobs_move_within_a_block_and_on_into_the_next() -> None:
    moved = edits.move(REQUEST, Place(0, 0), 1)
    assert (descs(moved.request)[0], moved.place) == (["job 1", "job 0"], Place(0, 1))
    moved = edits.move(moved.request, moved.place, 1)
    assert descs(moved.request) == [["job 1"], ["job 0", "job 2"], []]
    assert moved.place == Place(1, 0)
    back = edits.move(moved.request, moved.place, -1)
    assert (descs(back.request)[0], back.place) == (["job 1", "job 0"], Place(0, 1))


def test_nothing_moves_over_the_ends() -> None:
    assert edits.move(REQUEST, Place(0, 0), -1) == Version(REQUEST, Place(0, 0))
    assert edits.move(REQUEST, Place(2), 1) == Version(REQUEST, Place(2))
    assert edits.move(REQUEST, TOP, 1) == Version(REQUEST, TOP)


def test_what_is_added_stands_after_the_cursor() -> None:
    assert edits.add_block(REQUEST, Place(0, 1)).place == Place(1)
    assert edits.add_block(REQUEST, TOP).place == Place(3)
    added = edits.add_jobs(REQUEST, Place(0, 0), (job(7),))
    assert (descs(added.request)[0], added.place) == (["job 0", "job 7", "job 1"], Place(0, 1))
    first = edits.add_jobs(EMPTY, TOP, (job(7),))
    assert (descs(first.request), first.place) == ([["job 7"]], Place(0, 0))


def test_new_blocks_take_the_place_of_an_empty_new_one() -> None:
    fresh = edits.add_block(EMPTY, TOP)
    made = edits.add_blocks(fresh.request, fresh.place, (Block("a", 1, ()), Block("b", 1, ())))
    assert [block.desc for block in made.request.blocks] == ["a", "b"]
    kept = edits.add_blocks(REQUEST, Place(2), (Block("a", 1, ()),))
    assert [block.desc for block in kept.request.blocks] == ["one", "two", "three", "a"]


def test_a_copy_stands_after_its_original() -> None:
    made = edits.copy(REQUEST, Place(0))
    assert descs(made.request) == [["job 0", "job 1"], ["job 0", "job 1"], ["job 2"], []]
    assert made.place == Place(1)
    assert edits.copy(REQUEST, TOP).request == REQUEST


@given(st.data())
def test_whatever_is_done_the_cursor_is_somewhere_and_everything_can_be_undone(data: st.DataObject) -> None:
    draft = Composition(Version(REQUEST))
    deeds = [
        edits.add_block,
        edits.copy,
        edits.remove,
        lambda request, place: edits.add_jobs(request, place, (job(9),)),
        lambda request, place: edits.move(request, place, 1),
        lambda request, place: edits.move(request, place, -1),
    ]
    for _ in range(data.draw(st.integers(1, 12))):
        draft = draft.at(data.draw(st.sampled_from(list(outline(draft.request)))))
        made = data.draw(st.sampled_from(deeds))(draft.request, draft.place)
        draft = draft.edited(made.request, made.place)
        assert draft.place in outline(draft.request)
    while draft.past:
        assert draft.undone().redone().request == draft.request
        draft = draft.undone()
    assert draft.request == REQUEST


def test_a_place_that_is_gone_is_the_nearest() -> None:
    assert settled(REQUEST, Place(7, 3)) == Place(2)
    assert settled(REQUEST, Place(0, 9)) == Place(0, 1)
    assert settled(EMPTY, Place(0)) == TOP


def test_a_jobs_form_is_its_types_declaration() -> None:
    erase = Job("diskErase", "", {"site": "aap", "sped": "x"})
    form = form_of(WorkReq("", "", (Block("", 1, (erase,)),)), Place(0, 0), KNOWN)
    assert [one.label for one in form.fields] == ["Type", "site", "machine", "sped", "Description"]
    by_label = {one.label: one for one in form.fields}
    assert by_label["Type"].values == ("diskErase", "sleep")
    assert by_label["machine"].values == ("aa00", "aa01", "aa09", "ab00")
    assert by_label["machine"].required
    assert not by_label["sped"].required


def test_a_field_that_is_emptied_takes_its_argument_away() -> None:
    request = with_value(REQUEST, Place(0, 0), arg_key("seconds"), "", KNOWN)
    assert request.blocks[0].jobs[0].args == {}
    assert REQUEST.blocks[0].jobs[0].args == {"seconds": "0"}


def test_another_type_takes_along_only_arguments_that_it_has() -> None:
    typed = with_value(REQUEST, Place(0, 0), TYPE, "diskEras", KNOWN)
    assert typed.blocks[0].jobs[0].args == {"seconds": "0"}
    known = with_value(typed, Place(0, 0), TYPE, "diskErase", KNOWN)
    assert known.blocks[0].jobs[0] == Job("diskErase", "job 0", {})


@pytest.mark.parametrize("text", ["", "five", "1.5", "3000000000", "٣"])
def test_a_rate_limit_is_a_whole_number(text: str) -> None:
    with pytest.raises(BadValue, match="whole number"):
        with_value(REQUEST, Place(0), RATE_LIMIT, text, KNOWN)
    assert with_value(REQUEST, Place(0), RATE_LIMIT, "7", KNOWN).blocks[0].rate_limit == 7


def test_violations_stand_at_their_fields() -> None:
    missing = Violation("validation", "the argument seconds is missing", 0, 1, "seconds")
    unknown = Violation("validation", "there is no such job type", 0, 1, found='"slep"')
    long = Violation("validation", "the description is too long", 0, 1)
    form = form_of(REQUEST, Place(0, 1), KNOWN, (missing, unknown, long))
    assert {one.key: one.offences for one in form.fields if one.offences} == {
        arg_key("seconds"): (missing,),
        TYPE: (unknown,),
        DESC: (long,),
    }
    assert form.first_wrong() == TYPE
    assert field_of(Violation("noPolicy", "no entry", found='"X"')) == NAME
    gone = Violation("sameArgs", "another", 0, 1, "elsewhere")
    assert form_of(REQUEST, Place(0, 1), KNOWN, (gone,)).offences == (gone,)


def test_violations_are_ordered_and_counted_by_place() -> None:
    found = (
        Violation("p", "c", 1, 0),
        Violation("p", "b", 0, 1),
        Violation("p", "a"),
        Violation("p", "d", 9, 9),
    )
    offences = placed(found, REQUEST)
    assert [each.message for each in offences.all] == ["a", "b", "c", "d"]
    assert offences.at[Place(2)] == (found[3],)
    assert {block: len(found) for block, found in offences.per_block.items()} == {-1: 1, 0: 1, 1: 1, 2: 1}


def violation(arg: str, *, expected: str = "", found: str = "") -> Violation:
    return Violation("validation", "wrong", 0, 0, arg, found, expected)


def test_an_unknown_argument_is_removed() -> None:
    request = edits.with_arg(REQUEST, Place(0, 0), "sped", "x")
    fix = fix_of(violation("sped", found='"x"', expected="seconds"), request, KNOWN)
    assert fix is not None
    assert fix.words == "remove sped"
    assert fix.mended.request == REQUEST


def test_an_argument_gets_the_one_value_that_is_expected() -> None:
    fix = fix_of(violation("seconds", expected='"60"'), REQUEST, KNOWN)
    assert fix is not None
    assert fix.words == "set seconds from 0 to 60"
    assert fix.mended.request.blocks[0].jobs[0].args == {"seconds": "60"}


@pytest.mark.parametrize(
    "expected", ["", '"true" or "false"', '"aaa" and 800 more', "an integer of at least 1", "no value", '"0"']
)
def test_nothing_is_fixed_that_is_not_certain(expected: str) -> None:
    assert fix_of(violation("seconds", expected=expected), REQUEST, KNOWN) is None


def test_an_empty_block_is_removed_and_no_other() -> None:
    empty = Violation("validation", "the block has no jobs", 2, found="no jobs", expected="at least one")
    fix = fix_of(empty, REQUEST, KNOWN)
    assert fix is not None
    assert fix.mended == Version(WorkReq("Maintenance", "try", REQUEST.blocks[:2]), Place(1))
    full = Violation("validation", "the block has no jobs", 1, found="no jobs", expected="at least one")
    assert fix_of(full, REQUEST, KNOWN) is None
    assert fix_of(Violation("p", "gone", 8, 8, "seconds", expected='"1"'), REQUEST, KNOWN) is None


def required(*, start: bool) -> Known:
    settings = {"JobName": "tokenBucket", "MustArgs": {"bucket": "b", "fatal": "true"}, "Start": start}
    return replace(KNOWN, policies={"Maintenance": (Policy("startOrEnd", "", settings),)})


TOKEN = Job("tokenBucket", "", {"bucket": "b", "fatal": "true"})


@pytest.mark.parametrize("start", [True, False])
def test_a_required_job_is_added_where_it_belongs(start: bool) -> None:
    block = 0 if start else len(REQUEST.blocks) - 1
    told = Violation(
        "startOrEnd", "required", block, found="no x", expected="tokenBucket bucket=b fatal=true"
    )
    fix = fix_of(told, REQUEST, required(start=start))
    assert fix is not None
    assert fix.words == f"add tokenBucket to the {'first' if start else 'last'} block"
    assert fix.mended.request.blocks[block].jobs[0 if start else -1] == TOKEN
    assert job_at(fix.mended.request, fix.mended.place) == TOKEN
    nothing = fix_of(replace(told, block=None), WorkReq("Maintenance", "", ()), required(start=start))
    assert nothing is not None
    assert nothing.mended.request.blocks == (Block("", 1, (TOKEN,)),)
    assert fix_of(told, REQUEST, KNOWN) is None, "the policy is not known"


def test_a_required_job_that_stands_elsewhere_is_moved() -> None:
    blocks = (*REQUEST.blocks[:1], Block("two", 1, (Job("sleep"), TOKEN)))
    told = Violation("startOrEnd", "elsewhere", 1, 1, found="block 1", expected="block 0")
    fix = fix_of(told, replace(REQUEST, blocks=blocks), required(start=True))
    assert fix is not None
    assert fix.words == "move tokenBucket to block 0"
    assert fix.mended.request.blocks[0].jobs == (TOKEN, *REQUEST.blocks[0].jobs)
    assert fix.mended.request.blocks[1].jobs == (Job("sleep"),)
    before = replace(told, job=0, found='"sleep"', expected="before it only: validateDecom")
    assert fix_of(before, replace(REQUEST, blocks=blocks), required(start=True)) is None


def test_patterns_stand_for_names() -> None:
    known = KNOWN.machines["aap"]
    assert expand("aa00-aa04") == ("aa00", "aa01", "aa02", "aa03", "aa04")
    assert expand("ab07, aa00-aa01 ab07") == ("ab07", "aa00", "aa01")
    assert expand("aa*", known) == ("aa00", "aa01", "aa09")
    assert expand("*", known) == known
    assert expand("aa01-ab00", known) == ("aa01", "aa09", "ab00")
    assert span(expand("aa00-aa04")) == "aa00-aa04"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (" , ", "name machines"),
        ("aa04-aa00", "backwards"),
        ("aa00-zz99", "no range"),
        ("aa1-aa04", "no range"),
        ("z*", "none of 4 known machines"),
        ("a00000-a99999", "more than 10,000"),
    ],
)
def test_a_pattern_that_names_nothing_says_why(pattern: str, why: str) -> None:
    with pytest.raises(BadPattern, match=why):
        expand(pattern, KNOWN.machines["aap"])


def test_one_job_for_each_name_in_blocks_of_a_size() -> None:
    template = Job("diskErase", "erase {}", {"site": "aap"})
    made = FanOut(template, "machine", expand("aa00-aa04"), 2, 3)
    assert made.words() == "5 jobs in 3 new blocks: aa00-aa04"
    assert [(block.desc, block.rate_limit, len(block.jobs)) for block in made.blocks()] == [
        ("diskErase aa00-aa01", 3, 2),
        ("diskErase aa02-aa03", 3, 2),
        ("diskErase aa04", 3, 1),
    ]
    assert made.jobs()[1] == Job("diskErase", "erase aa01", {"site": "aap", "machine": "aa01"})
    assert FanOut(template, "machine", ("aa00",)).words() == "1 job in this block: aa00"


def test_options_are_shown_where_they_are_wanted_set_or_wrong() -> None:
    place = Place(0, 0)
    plain = {one.key for one in form_of(REQUEST, place, KNOWN).fields}
    assert option_key("timeout") not in plain
    assert option_key("timeout") in {one.key for one in form_of(REQUEST, place, KNOWN, options=True).fields}
    timed = with_value(REQUEST, place, option_key("timeout"), "5m", KNOWN)
    shown = {one.key: one.value for one in form_of(timed, place, KNOWN).fields}
    assert shown[option_key("timeout")] == "5m"
    wrong = Violation("validation", "bad number of attempts", 0, 0, "retry.attempts", "0", "1 to 100")
    fields = {one.key: one.offences for one in form_of(REQUEST, place, KNOWN, (wrong,)).fields}
    assert fields[option_key("retry.attempts")] == (wrong,)


@pytest.mark.parametrize(
    ("place", "name", "text", "written"),
    [
        (TOP, "maxFailures", "20%", {"max_failures": "20%"}),
        (TOP, "noOvershoot", "yes", {"no_overshoot": True}),
        (TOP, "onFailure", "stop", {"on_failure": OnFailure.STOP}),
        (Place(0), "ramp", "1, 5,20%", {"ramp": ("1", "5", "20%")}),
        (Place(0), "soak", " 30s", {"soak": "30s"}),
        (Place(0), "hold", "true", {"hold": True}),
        (Place(0), "pointOfNoReturn", "yes", {"point_of_no_return": True}),
        (Place(0, 0), "timeout", "5m", {"timeout": "5m"}),
        (Place(0, 0), "retry.attempts", "3", {"retry": Retry(3)}),
        (Place(0, 0), "retry.backoff", "1.5", {"retry": Retry(backoff=1.5)}),
        (Place(0, 0), "retry.errors", "busy; timed out;", {"retry": Retry(errors=("busy", "timed out"))}),
    ],
)
def test_an_option_is_written_read_and_taken_away(
    place: Place, name: str, text: str, written: dict[str, object]
) -> None:
    request = with_value(REQUEST, place, option_key(name), text, KNOWN)
    holder: object = request
    if not place.is_request:
        holder = job_at(request, place) if place.is_job else block_at(request, place)
    assert {key: getattr(holder, key) for key in written} == written
    again = with_value(request, place, option_key(name), value_at(request, place, option_key(name)), KNOWN)
    assert again == request
    assert with_value(request, place, option_key(name), "", KNOWN) == REQUEST


@pytest.mark.parametrize(
    ("place", "name", "text", "told"),
    [
        (TOP, "noOvershoot", "perhaps", "yes, or nothing"),
        (TOP, "onFailure", "halt", "continue, stop, or nothing"),
        (Place(0, 0), "retry.attempts", "three", "a whole number"),
        (Place(0, 0), "retry.jitter", "nan", "a number"),
    ],
)
def test_an_option_that_cannot_be_says_so(place: Place, name: str, text: str, told: str) -> None:
    with pytest.raises(BadValue, match=told):
        with_value(REQUEST, place, option_key(name), text, KNOWN)


def test_the_form_says_that_a_secret_is_named_and_not_typed() -> None:
    secret = ArgDeclaration("token", "secret", True, "The token.", example="env:WF_SECRET_A")
    known = Known(job_types=(JobType("announce", "Tells.", (secret,), "idempotent"),))
    request = WorkReq("Maintenance", "", (Block("", 1, (Job("announce", "", {}),)),))
    fields = {one.key: one for one in form_of(request, Place(0, 0), known).fields}
    assert "only a reference" in fields["arg.token"].help
    assert fields["arg.token"].example == "env:WF_SECRET_A"
