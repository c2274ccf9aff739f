"""Case files: what is read, what is refused with its place, and when a case fails."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wf_tui.policy_cases import Case, load_cases
from wf_tui.state.models import Violation, WorkReq
from wf_tui.state.samples import NOW
from wf_tui.state.trial import JudgedRequest, TrialSummary, Verdict, breach_line, trial_lines
from wf_tui.workreq_files import BadFile

NAP = "{name: T, blocks: [{jobs: [{name: sleep}]}]}"
BROKEN = (Violation("maxJobs", "too many"), Violation("sameArgs", "two sites"), Violation("maxJobs", "more"))


def read(tmp_path: Path, text: str) -> tuple[Case, ...]:
    path = tmp_path / "cases.yaml"
    path.write_text(text)
    return load_cases(str(path))


def test_cases_are_read(tmp_path: Path) -> None:
    (tmp_path / "nap.yaml").write_text("name: T\nblocks: [{jobs: [{name: sleep}]}]\n")
    text = f"""\
cases:
  - {{expect: pass, workReq: {NAP}}}
  - name: later
    expect: warn
    by: [maxJobs]
    acknowledge: [sameArgs]
    at: 2026-03-29T02:30:00Z
    file: nap.yaml
"""
    first, second = read(tmp_path, text)
    assert (first.name, first.expect, first.by, first.at) == ("cases[0]", Verdict.PASSES, None, None)
    assert first.request == second.request
    assert (second.name, second.expect, second.by) == ("later", Verdict.WARNS, ("maxJobs",))
    assert second.acknowledge == ("sameArgs",)
    assert second.at == datetime(2026, 3, 29, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "the one key cases"),
        ("cases: {}", "the one key cases"),
        ("cases: []", "cases: 1 to 1,000 cases are expected"),
        ("cases: [1]", "cases[0]: an object is expected"),
        (f"cases: [{{expect: maybe, workReq: {NAP}}}]", "cases[0].expect: one of pass, warn, refuse"),
        ("cases: [{expect: pass}]", "cases[0]: either workReq or file is expected"),
        (f"cases: [{{expect: pass, workReq: {NAP}, when: 1}}]", "unknown key 'when'"),
        (f"cases: [{{expect: pass, workReq: {NAP}, by: maxJobs}}]", "cases[0].by: a list of names"),
        (f"cases: [{{expect: pass, workReq: {NAP}, at: noon}}]", "cases[0].at: a time such as"),
        ("cases: [{expect: pass, workReq: {name: T, block: []}}]", "cases[0].workReq"),
        ("cases: [{expect: pass, file: nowhere.yaml}]", "cases[0].file"),
        ("cases: [{expect: pass, file: '-'}]", "the name of a file is expected"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadFile) as refusal:
        read(tmp_path, text)
    assert told in str(refusal.value)


def test_when_a_case_fails() -> None:
    case = Case("c", Verdict.REFUSED, WorkReq("T", "", ()), by=("maxJobs", "sameArgs"))
    assert case.failure(Verdict.REFUSED, BROKEN) == ""
    assert case.failure(Verdict.PASSES, ()) == "expected that it is refused, but it passes"
    assert (
        case.failure(Verdict.REFUSED, BROKEN[:1])
        == "expected to break maxJobs, sameArgs, but it breaks maxJobs"
    )


def test_what_a_trial_came_to_in_words() -> None:
    summary = TrialSummary(312, 1, refused=14, warned=2, dry_run=3, newly_refused=12, newly_passing=1)
    assert list(trial_lines(summary)) == [
        "would have refused 14 of 312: 12 that passed, 2 that were refused before too",
        "would let pass 1 WorkReq that was refused",
        "would have warned of 2",
        "broken in a dry run by 3",
        "1 WorkReq not tried: too large, or gone meanwhile",
    ]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (Verdict.PASSES, Verdict.REFUSED, "would refuse"),
        (Verdict.REFUSED, Verdict.REFUSED, "still refused"),
        (Verdict.REFUSED, Verdict.PASSES, "now passes"),
        (Verdict.REFUSED, Verdict.WARNS, "now warns"),
        (Verdict.PASSES, Verdict.WARNS, "would warn"),
        (Verdict.PASSES, Verdict.PASSES, "dry run"),
    ],
)
def test_what_a_draft_does_to_a_request(before: Verdict, after: Verdict, change: str) -> None:
    tested = JudgedRequest("id", False, "T", "", "ann", NOW, before, after, BROKEN[:2], 3)
    assert tested.change == change
    assert breach_line(tested) == "maxJobs: too many (+2)"
