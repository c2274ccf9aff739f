"""The model: legal steps, and that a state is the sum of its changes."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.model import (
    FATAL,
    JOB_FINAL,
    WHOLE,
    WORKFLOW_FINAL,
    Block,
    Change,
    IllegalStep,
    Job,
    Standing,
    Status,
    Violation,
    Workflow,
    WorkReq,
)

S = Status


def make(*jobs: int) -> Workflow:
    blocks = tuple(
        Block("", 1, tuple(Job("sleep", "", MappingProxyType({})) for _ in range(n))) for n in jobs
    )
    return Workflow("w", WorkReq("T", "", blocks), "me", 5)


def test_a_life_from_start_to_completion() -> None:
    w = make(1)
    w.apply(Change(1, WHOLE, WHOLE, S.RUNNING, 10))
    w.apply(Change(2, 0, WHOLE, S.RUNNING, 11))
    w.apply(Change(3, 0, 0, S.RUNNING, 12))
    assert (w.standing.started_us, w.standing.current_block, w.blocks[0].started[0]) == (10, 0, 12)
    w.apply(Change(4, 0, 0, S.COMPLETED, 13))
    w.apply(Change(5, 0, WHOLE, S.COMPLETED, 14))
    w.apply(Change(6, WHOLE, WHOLE, S.COMPLETED, 15))
    assert w.is_final
    assert not w.had_errors
    assert (w.standing.ended_us, w.blocks[0].ended_us, w.blocks[0].ended[0]) == (15, 14, 13)


def test_a_gap_in_the_sequence_is_refused() -> None:
    w = make(1)
    with pytest.raises(IllegalStep):
        w.apply(Change(2, WHOLE, WHOLE, S.RUNNING, 1))
    assert w.seq == 0


@pytest.mark.parametrize("late", [S.COMPLETED, S.FAILED, S.RUNNING])
def test_a_final_job_takes_no_late_report(late: Status) -> None:
    w = make(1)
    w.apply_all([Change(1, 0, 0, S.RUNNING, 1), Change(2, 0, 0, S.INTERRUPTED, 2)])
    with pytest.raises(IllegalStep):
        w.apply(Change(3, 0, 0, late, 3))
    assert w.blocks[0].statuses[0] == S.INTERRUPTED


def test_an_unknown_outcome_can_be_resolved() -> None:
    w = make(1)
    w.apply_all([Change(1, 0, 0, S.RUNNING, 1), Change(2, 0, 0, S.UNKNOWN, 2)])
    w.apply(Change(3, 0, 0, S.COMPLETED, 3))
    assert not w.had_errors


def test_a_fatal_error_is_part_of_the_state() -> None:
    w = make(2)
    w.apply(Change(1, 0, 1, S.RUNNING, 1))
    w.apply(Change(2, 0, 1, S.FAILED, 2, error="no token", reason=FATAL))
    assert w.fatal == "block 0 job 1: no token"
    assert w.blocks[0].errors == {1: "no token"}
    assert w.had_errors
    assert w.blocks[0].has_error


def test_a_violation_reads_as_one_sentence() -> None:
    v = Violation("sameArgs", "differs", block=1, job=2, arg="site", found="aab", expected="aaa")
    assert v.sentence() == "sameArgs: block 1 job 2 argument site: differs (found aab, expected aaa)"
    assert Violation("validation", "no blocks").sentence() == "validation: no blocks"


changes = st.lists(
    st.tuples(
        st.integers(-1, 1),
        st.integers(-1, 1),
        st.sampled_from(list(Status)),
        st.text(max_size=3),
        st.sampled_from(["", FATAL]),
    ),
    max_size=60,
)


def _noted(w: Workflow, change: Change) -> Standing:
    standing = w.standing.copy()
    standing.note(change, w.blocks[change.block].statuses[change.job])
    return standing


@given(changes)
def test_whatever_is_tried_the_state_stays_sound(tried: list[tuple[int, int, Status, str, str]]) -> None:
    w, history = make(2, 2), []
    for block, job, status, error, reason in tried:
        change = Change(w.seq + 1, block, job if block >= 0 else WHOLE, status, w.seq + 1, error, "", reason)
        final_before = {
            (b, j): s for b, blk in enumerate(w.blocks) for j, s in enumerate(blk.statuses) if s in JOB_FINAL
        }
        was_final, expected = w.is_final, None
        plan = w.plan([change, change])
        # The same step twice is never legal: what was planned first counts.
        assert plan.dropped >= 1
        if plan.changes:
            expected = plan.standing or _noted(w, change)
        try:
            w.apply(change)
        except IllegalStep:
            assert expected is None
            continue
        history.append(change)
        assert w.standing == expected
        assert plan.changes == [change]
        assert not (was_final and change.block == WHOLE)
        for (b, j), status_before in final_before.items():
            if status_before != S.UNKNOWN:
                assert w.blocks[b].statuses[j] == status_before
        assert sum(w.standing.counts.values()) == 4
        assert all(n >= 0 for n in w.standing.counts.values())
    again = make(2, 2)
    again.apply_all(history)
    assert again == w
    assert (w.status in WORKFLOW_FINAL) == w.is_final
