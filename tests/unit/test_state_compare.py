"""Two runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_tui.state.compare import Changed, Comparison, Kind, Pace, Run, compare, pace
from wf_tui.state.compare_lines import FIELDS, arrange, as_text, job_words, next_difference, summary_lines
from wf_tui.state.filters import Filter
from wf_tui.state.models import BlockSnapshot, JobCounts, JobDetail, Snapshot, Status
from wf_tui.state.samples import NOW, summary_of

S = Status


def job(machine: str, status: Status = S.COMPLETED, *, error: str = "", took: float = 10.0) -> JobDetail:
    args = {"machine": machine, "site": "aap"}
    return JobDetail(0, 0, "diskErase", "", args, status, error, NOW, NOW + timedelta(seconds=took))


def run(*blocks: Sequence[JobDetail], number: int = 0, descs: Sequence[str] = (), **fields: object) -> Run:
    shots = tuple(
        BlockSnapshot(
            descs[at] if descs else f"block {at}",
            1,
            S.FAILED if any(one.status is S.FAILED for one in jobs) else S.COMPLETED,
            False,
            bytes(one.status for one in jobs),
            NOW,
            NOW + timedelta(seconds=sum(10 for _ in jobs)),
        )
        for at, jobs in enumerate(blocks)
    )
    placed = tuple(
        tuple(replace(one, block=at, job=place) for place, one in enumerate(jobs))
        for at, jobs in enumerate(blocks)
    )
    summary = summary_of(number, S.COMPLETED, JobCounts(), started=NOW, ended=NOW + timedelta(seconds=60))
    return Run(Snapshot(replace(summary, **fields), shots), placed)  # type: ignore[arg-type]


def kinds(comparison: Comparison) -> list[tuple[Kind, list[Kind]]]:
    return [(block.kind, [pair.kind for pair in block.jobs]) for block in comparison.blocks]


def test_the_same_is_the_same() -> None:
    comparison = compare(run([job("a"), job("b")]), run([job("a"), job("b")], number=1))
    assert arrange(comparison, only_differences=True) == ()
    assert len(arrange(comparison, only_differences=False)) == 3
    assert summary_lines(comparison)[:2] == ["Request: the same", "Result: the same"]


def test_jobs_that_ask_for_the_same_belong_together_wherever_they_stand() -> None:
    comparison = compare(run([job("a"), job("b"), job("c")]), run([job("c"), job("a"), job("b")]))
    assert kinds(comparison) == [(Kind.SAME, [Kind.SAME] * 3)]


def test_added_removed_and_changed_jobs() -> None:
    wait = JobDetail(0, 0, "sleep", "", {"seconds": "5"}, S.COMPLETED)
    comparison = compare(run([job("a"), job("b"), wait]), run([job("a"), job("x"), job("y")]))
    assert kinds(comparison) == [(Kind.SAME, [Kind.SAME, Kind.CHANGED, Kind.REMOVED, Kind.ADDED])]
    assert comparison.blocks[0].jobs[1].request == (Changed("machine=", "b", "x"),)
    assert summary_lines(comparison)[0] == "Request: +1 job added, −1 job removed, ≠1 job changed"


def test_what_changed_of_a_job_stands_first() -> None:
    (pair,) = (
        compare(run([job("a")]), run([replace(job("a"), args={"machine": "a", "site": "x"})])).blocks[0].jobs
    )
    assert pair.left is not None
    assert job_words(pair.left, pair.request) == "diskErase  site=aap machine=a"


def test_an_argument_that_is_missing_is_none_and_not_empty() -> None:
    one, other = job("a"), replace(job("a"), args={"machine": "a", "force": ""})
    (pair,) = compare(run([one]), run([other])).blocks[0].jobs
    assert pair.request == (Changed("site=", "aap", None), Changed("force=", None, ""))


def test_a_block_put_in_between_shifts_nothing() -> None:
    left = run([job("a")], [job("b")], [job("c")], descs=["one", "two", "three"])
    right = run([job("a")], [job("new")], [job("b")], [job("c")], descs=["one", "new", "two", "three"])
    assert [block.kind for block in compare(left, right).blocks] == [
        Kind.SAME,
        Kind.ADDED,
        Kind.SAME,
        Kind.SAME,
    ]
    assert [block.kind for block in compare(right, left).blocks][1] is Kind.REMOVED


def test_a_block_that_is_described_otherwise_is_changed() -> None:
    (block,) = compare(run([job("a")], descs=["one"]), run([job("a")], descs=["two"])).blocks
    assert (block.kind, block.request) == (Kind.CHANGED, (Changed("desc", "one", "two"),))


def test_status_and_error_differ() -> None:
    left = run([job("a"), job("b", S.FAILED, error="no answer")])
    right = run([job("a", S.FAILED, error="refused"), job("b", S.FAILED, error="no route")])
    first, second = compare(left, right).blocks[0].jobs
    assert first.outcome == (Changed("status", "completed", "failed"), Changed("error", "", "refused"))
    assert second.outcome == (Changed("error", "no answer", "no route"),)
    assert first.kind is Kind.SAME
    assert summary_lines(compare(left, right))[1] == "Result: 1 job with another status, 2 errors differ"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (10, 10.5, Pace.ALIKE),
        (10, 16, Pace.SLOWER),
        (16, 10, Pace.FASTER),
        (0.1, 0.9, Pace.ALIKE),
        (None, 9, Pace.ALIKE),
        (0, 2, Pace.SLOWER),
    ],
)
def test_only_a_noticeable_difference_of_time_is_one(
    left: float | None, right: float | None, expected: Pace
) -> None:
    assert pace(left, right) is expected


def test_going_from_one_difference_to_the_next() -> None:
    comparison = compare(
        run([job("a"), job("b")], [job("c")]), run([job("a"), job("b", S.FAILED)], [job("c", took=99)])
    )
    lines = arrange(comparison, only_differences=False)
    found = [at for at, line in enumerate(lines) if line.differs]
    assert found == [0, 2, 4]
    assert [next_difference(lines, at, 1) for at in found] == [2, 4, 0]
    assert next_difference(lines, 2, -1) == 0
    assert next_difference((), 0, 1) is None


def test_the_filter_looks_at_both_sides() -> None:
    comparison = compare(run([job("a"), job("b")]), run([job("a", S.FAILED, error="no route"), job("b")]))
    chosen = Filter.parse("status:failed error:route", FIELDS)
    assert len(arrange(comparison, only_differences=False, chosen=chosen)) == 2
    slower = compare(run([job("a")]), run([job("a", took=99)]))
    assert arrange(slower, only_differences=True, chosen=Filter.parse("request:changed", FIELDS)) == ()
    assert len(arrange(slower, only_differences=True, chosen=Filter.parse("pace:slower", FIELDS))) == 2


def test_it_can_be_pasted_elsewhere() -> None:
    comparison = compare(run([job("a")]), run([job("x\x1b[2J", S.FAILED, error="bad\nnews")], number=1))
    text = as_text(comparison, arrange(comparison, only_differences=True))
    assert "machine a → x" in text
    assert "error (empty) → bad⏎news" in text
    assert "\x1b" not in text


machines = st.lists(st.sampled_from("abcd"), max_size=6)


def erasures(blocks: list[list[str]]) -> Run:
    return run(*([job(machine) for machine in machines] for machines in blocks))


def places(blocks: list[list[str]]) -> list[tuple[int, int]]:
    return [(at, place) for at, machines in enumerate(blocks) for place in range(len(machines))]


@given(st.lists(machines, max_size=5), st.lists(machines, max_size=5))
def test_every_block_and_job_of_both_sides_is_told_once(
    left: list[list[str]], right: list[list[str]]
) -> None:
    comparison = compare(erasures(left), erasures(right))
    assert [pair.left for pair in comparison.blocks if pair.left is not None] == list(range(len(left)))
    assert [pair.right for pair in comparison.blocks if pair.right is not None] == list(range(len(right)))
    pairs = [pair for block in comparison.blocks for pair in block.jobs]
    assert sorted((one.left.block, one.left.job) for one in pairs if one.left is not None) == places(left)
    assert sorted((one.right.block, one.right.job) for one in pairs if one.right is not None) == places(right)
    for block in comparison.blocks:
        for pair in block.jobs:
            if pair.kind is Kind.SAME:
                assert pair.left is not None
                assert pair.right is not None
                assert pair.left.args == pair.right.args


def test_many_alike_jobs_and_blocks_are_paired_in_a_few_passes() -> None:
    alike = [job("a") for _ in range(10_000)]
    comparison = compare(run(alike), run([*alike[1:], job("b", S.FAILED)]))
    assert len(arrange(comparison, only_differences=True)) == 2
    singles = run(*([job(str(at))] for at in range(3_000)))
    others = run(*([job(f"x{at}")] for at in range(3_000)))
    assert len(compare(singles, others).blocks) == 3_000
