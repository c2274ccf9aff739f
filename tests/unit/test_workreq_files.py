"""WorkReq files: what is read, what is refused, and where the fault is."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wf_proto as pb
from wf_tui import translate, workreq_files
from wf_tui.diskerase import erase_request
from wf_tui.state.models import Block, Job, OnFailure, Retry, WorkReq
from wf_tui.workreq_files import BadFile, dump_json, dump_yaml, load_workreq, parse_workreq

REQUEST = WorkReq(
    "Maintenance", "d", (Block("b", 2, (Job("sleep", "s", {"seconds": "5", "fatal": "true"}),)),)
)

YAML = """\
name: Maintenance
desc: d
blocks:
  - desc: b
    rate_limit: 2
    jobs:
      - {name: sleep, desc: s, args: {seconds: 5, fatal: true}}
"""


def read(text: str, *, as_json: bool = False) -> WorkReq:
    return parse_workreq(text, "file", as_json=as_json)


def problems(text: str, *, as_json: bool = False) -> str:
    with pytest.raises(BadFile) as caught:
        read(text, as_json=as_json)
    assert all(line.startswith("file: ") for line in str(caught.value).splitlines())
    return str(caught.value)


def test_yaml_and_json_say_the_same() -> None:
    assert read(YAML) == REQUEST
    assert read(dump_json(REQUEST), as_json=True) == REQUEST
    assert read('{"name": "x", "blocks": [{"rateLimit": 3}]}', as_json=True).blocks[0].rate_limit == 3


def test_what_is_left_out_has_its_default() -> None:
    assert read("blocks: [{}]") == WorkReq("", "", (Block("", 1, ()),))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats(-1e300, 1e300)
INT32 = st.integers(-(2**31), 2**31 - 1)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
RETRIES = st.builds(Retry, INT32, TEXT, NUMBERS, TEXT, NUMBERS, TEXTS)
JOBS = st.builds(Job, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), TEXT, st.none() | RETRIES)
BUDGET = (TEXT, st.booleans(), st.sampled_from(OnFailure))
BLOCKS = st.builds(
    Block,
    TEXT,
    INT32,
    st.lists(JOBS, max_size=3).map(tuple),
    *BUDGET,
    hold=st.booleans(),
    point_of_no_return=st.booleans(),
    ramp=TEXTS,
    soak=TEXT,
)


@given(st.builds(WorkReq, TEXT, TEXT, st.lists(BLOCKS, max_size=3).map(tuple), *BUDGET))
def test_every_request_survives_being_written(request: WorkReq) -> None:
    assert read(dump_json(request), as_json=True) == request
    assert read(dump_yaml(request)) == request


@given(st.builds(WorkReq, TEXT, TEXT, st.lists(BLOCKS, max_size=3).map(tuple), *BUDGET))
def test_every_request_survives_being_sent(request: WorkReq) -> None:
    assert translate.request(pb.WorkReq().parse(bytes(translate.request_to_proto(request)))) == request


OPTIONS = """\
name: T
max_failures: 20%
noOvershoot: true
onFailure: stop
blocks:
  - maxFailures: 3
    on_failure: ON_FAILURE_CONTINUE
    pointOfNoReturn: true
    ramp: [1, 5, 20%]
    soak: 30s
    jobs:
      - {timeout: 5m, retry: {attempts: 3, delay: 10s, max_delay: 1m, backoff: 2, errors: [busy]}}
"""


def test_options_are_read_as_people_write_them() -> None:
    retry = Retry(3, "10s", 2.0, "1m", 0.0, ("busy",))
    block = Block(
        "",
        1,
        (Job("", timeout="5m", retry=retry),),
        "3",
        on_failure=OnFailure.CONTINUE,
        point_of_no_return=True,
        ramp=("1", "5", "20%"),
        soak="30s",
    )
    assert read(OPTIONS) == WorkReq("T", "", (block,), "20%", True, OnFailure.STOP)


def test_what_has_no_options_is_written_as_ever() -> None:
    assert dump_yaml(REQUEST).splitlines()[2:5] == ["blocks:", "- desc: b", "  rateLimit: 2"]
    assert not {"ramp", "retry", "maxFailures", "hold"} & {*dump_json(REQUEST).replace('"', " ").split()}


def test_the_erase_plan_survives_being_written() -> None:
    plan = erase_request("aap", ["aa00", "aa01"], batch=1)
    assert read(dump_yaml(plan)) == plan


@pytest.mark.parametrize("value", ["yes", "on", "010", "1:30", "2024-01-31", "1_000", "0x1f", "~x", "+ 5"])
def test_yaml_guesses_nothing(value: str) -> None:
    assert read(f"blocks: [{{jobs: [{{args: {{a: {value}}}}}]}}]").blocks[0].jobs[0].args["a"] == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: 5", "name: a string is expected, found the number 5"),
        ("name: true", "name: a string is expected, found the boolean true"),
        ("blocks: {}", "blocks: a list is expected, found an object"),
        ("blocks: [1]", "blocks[0]: an object with desc, rateLimit, jobs, maxFailures, noOvershoot, onFail"),
        ("maxFailures: 1.5", 'maxFailures: a count such as 3 or a share such as "20%" is expected'),
        ("noOvershoot: 'yes'", "noOvershoot: true or false is expected, found the string 'yes'"),
        ("onFailure: halt", "onFailure: continue or stop is expected, found the string 'halt'"),
        ("onFailure: 2", "onFailure: continue or stop is expected, found the number 2"),
        ("maxFailure: 3", "maxFailure: there is no such key; did you mean maxFailures? The keys are name"),
        ("max_failures: 3\nmaxFailures: 3", "maxFailures and max_failures are the same: keep one"),
        ("blocks: [{ramp: 5}]", "blocks[0].ramp: a list is expected, found the number 5"),
        ("blocks: [{ramp: [true]}]", "blocks[0].ramp[0]: a count such as 3"),
        ("blocks: [{soak: 30}]", 'blocks[0].soak: a duration with its unit, such as "30s"'),
        ("blocks: [{hold: 1}]", "blocks[0].hold: true or false is expected, found the number 1"),
        ("blocks: [{jobs: [{timeout: 30}]}]", "jobs[0].timeout: a duration with its unit"),
        ("blocks: [{jobs: [{retry: 3}]}]", "jobs[0].retry: an object with attempts, delay, backoff"),
        ("blocks: [{jobs: [{retry: {attempts: x}}]}]", "retry.attempts: an integer is expected"),
        ("blocks: [{jobs: [{retry: {jitter: .nan}}]}]", "retry.jitter: a number is expected"),
        ("blocks: [{jobs: [{retry: {errors: [1]}}]}]", "retry.errors[0]: a string is expected"),
        ("blocks: [{jobs: [{retry: {atempts: 1}}]}]", "did you mean attempts?"),
        (
            "blocks: [{rateLimit: many}]",
            "blocks[0].rateLimit: an integer is expected, found the string 'many'",
        ),
        ("blocks: [{rateLimit: true}]", "an integer is expected, found the boolean true"),
        ("blocks: [{rateLimit: 3000000000}]", "an integer is expected"),
        ("blocks: [{rateLimit: 1, rate_limit: 1}]", "are the same: keep one"),
        ("blocks: [{jobs: [{args: {a: 1.5}}]}]", "blocks[0].jobs[0].args.a: a string is expected, found the"),
        ("blocks: [{jobs: [{args: {a: null}}]}]", "args.a: a string is expected, found null"),
        ("blocks: [{jobs: [{args: [a]}]}]", "args: an object of strings is expected, found a list"),
        ("blocks: [{jobs: [{args: {3: a}}]}]", "the name of each argument"),
        ("blocks: [{job: []}]", "blocks[0].job: there is no such key; did you mean jobs? The keys are desc"),
        ("Name: x", "Name: there is no such key; did you mean name?"),
        ("", "noOvershoot, onFailure is expected, found null"),
        ("name: x\nname: y", "line 2, column 1: the key 'name' stands twice"),
        ("name: x\nblocks: [", "line 3, column 1"),
        ("name: x\n---\nname: y", "line 2, column 1"),
        ("a: &x 1\nb: *x", "line 2, column 4: aliases are not accepted"),
        ("a: " + "[" * 1000, "nested too deeply"),
        ("name: !!python/object:os.system x", "could not determine a constructor"),
        ("name: \x00", "no YAML"),
    ],
)
def test_what_yaml_is_refused(text: str, told: str) -> None:
    assert told in problems(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"name": "a", "name": "b"}', "the key 'name' stands twice"),
        ('{"name":\n  oops}', "line 2, column 3"),
        ("[" * 100000, "nested too deeply"),
        ('{"name": "\\ud800"}', "name: it holds half a surrogate pair"),
        ('{"name": ' + "1" * 5000 + "}", "too many digits"),
        ("[]", "the file: an object"),
    ],
)
def test_what_json_is_refused(text: str, told: str) -> None:
    assert told in problems(text, as_json=True)


def test_all_problems_are_told_at_once() -> None:
    assert len(problems("{name: 1, desc: 2, blocks: 3, more: 4}").splitlines()) == 4
    many = problems("blocks: [" + "1, " * 500 + "]")
    assert many.splitlines()[-1] == "file: and 400 more problems"


def test_files_are_told_by_extension_and_content(tmp_path: Path) -> None:
    for name, text in {
        "a.yaml": YAML,
        "a.yml": YAML,
        "a.json": dump_json(REQUEST),
        "a": dump_json(REQUEST),
    }.items():
        (tmp_path / name).write_text(text)
        assert load_workreq(str(tmp_path / name)) == REQUEST


def test_standard_input() -> None:
    assert load_workreq("-", io.StringIO(YAML)) == REQUEST
    assert load_workreq("-", io.TextIOWrapper(io.BytesIO(json.dumps({"name": "x"}).encode()))).name == "x"
    with pytest.raises(BadFile, match="standard input: line 1, column 1: name"):
        load_workreq("-", io.StringIO("name: 1"))


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadFile, match=r"none\.yaml: cannot be read: No such file"):
        load_workreq(str(tmp_path / "none.yaml"))
    with pytest.raises(BadFile, match="cannot be read: Is a directory"):
        load_workreq(str(tmp_path))
    with pytest.raises(BadFile, match="is no path"):
        load_workreq("a\0b")
    (tmp_path / "latin").write_bytes(b"name: caf\xe9")
    with pytest.raises(BadFile, match=r"not UTF-8 text \(byte 10\)"):
        load_workreq(str(tmp_path / "latin"))
    monkeypatch.setattr(workreq_files, "MAX_BYTES", 5)
    with pytest.raises(BadFile, match="larger than"):
        load_workreq(str(tmp_path / "latin"))


def test_what_is_not_seen_is_written_as_an_escape_and_reads_back() -> None:
    hidden = "a\u202eb\u200bc\u2066"
    request = WorkReq(hidden, "plain ☕", (Block("b", 1, (Job("sleep", hidden, {"seconds": "1"}),)),))
    text = dump_yaml(request)
    assert text.isascii()
    assert parse_workreq(text, "x.yaml", as_json=False) == request
    assert "☕" in dump_yaml(WorkReq("T", "plain ☕", request.blocks[:0]))
