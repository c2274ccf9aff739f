"""A watched workflow: snapshots, batches, gaps, and what packed statuses add up to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_tui.state.models import BlockSnapshot, ChangeBatch, ChangeNote, JobProgress, Snapshot, Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, snapshot_of, summary_of
from wf_tui.state.workflow import Gap, LiveBlock, LiveWorkflow

S = Status


def watched(seq: int = 10) -> LiveWorkflow:
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING] * 5 + [S.NOT_STARTED]
    summary = summary_of(0, S.RUNNING, counts_of(blocks), seq=seq, started=ago(100))
    return LiveWorkflow(snapshot_of(summary, blocks))


def batch(
    workflow: LiveWorkflow,
    changes: list[tuple[int, int, Status]],
    *,
    first: int = 11,
    errors: dict[int, str] | None = None,
    progress: tuple[JobProgress, ...] = (),
) -> ChangeBatch:
    return ChangeBatch(
        first_seq=first,
        blocks=[block for block, _, _ in changes],
        jobs=[job for _, job, _ in changes],
        statuses=bytes(status for _, _, status in changes),
        times_us=[1_772_334_000_000_000 + at for at in range(len(changes))],
        notes={at: ChangeNote(error=text) for at, text in (errors or {}).items()},
        progress=progress,
        summary=replace(workflow.summary, seq=first + len(changes) - 1),
    )


def test_changes_move_jobs_and_blocks() -> None:
    workflow = watched()
    touched = workflow.apply(batch(workflow, [(1, 0, S.COMPLETED), (1, 5, S.RUNNING), (2, -1, S.RUNNING)]))
    assert touched == {(1, 0), (1, 5), (2, -1)}
    block = workflow.blocks[1]
    assert (block.status_of(0), block.counts[S.COMPLETED], block.over) == (S.COMPLETED, 1, 1)
    assert list(block.members(S.RUNNING)) == [1, 2, 3, 4, 5]
    assert workflow.blocks[2].status is S.RUNNING
    assert workflow.seq == 13


def test_a_gap_is_noticed_and_changes_nothing() -> None:
    workflow = watched()
    before = bytes(workflow.blocks[1].statuses)
    with pytest.raises(Gap):
        workflow.apply(batch(workflow, [(1, 0, S.COMPLETED)], first=12))
    assert bytes(workflow.blocks[1].statuses) == before
    assert workflow.seq == 10


def test_changes_that_are_known_already_are_skipped() -> None:
    workflow = watched()
    stale = batch(workflow, [(1, 1, S.FAILED), (1, 0, S.COMPLETED)], first=10)
    assert workflow.apply(stale) == {(1, 0)}
    assert workflow.blocks[1].status_of(1) is S.RUNNING
    assert workflow.seq == 11


def test_an_old_batch_does_not_take_the_summary_back() -> None:
    workflow = watched()
    workflow.apply(batch(workflow, [(1, 0, S.COMPLETED)]))
    newest = workflow.summary
    workflow.apply(batch(workflow, [(1, 0, S.RUNNING)], first=5))
    assert workflow.summary is newest


def test_an_error_stays_with_its_job_until_it_runs_again() -> None:
    workflow = watched()
    workflow.apply(batch(workflow, [(1, 2, S.UNKNOWN)], errors={0: "no answer"}))
    assert workflow.errors == {(1, 2): "no answer"}
    assert workflow.blocks[1].trouble == 1
    workflow.apply(batch(workflow, [(1, 2, S.RUNNING)], first=12))
    assert workflow.errors == {}


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.25, 0.5, 1.0, None])), max_size=20))
def test_the_sum_of_fractions_is_that_of_what_running_jobs_said(
    steps: list[tuple[int, float | None]],
) -> None:
    """None: the job ends, or starts again."""
    workflow = watched()
    for job, fraction in steps:
        running = workflow.blocks[1].status_of(job) is S.RUNNING
        turns = [(1, job, S.COMPLETED if running else S.RUNNING)] if fraction is None else []
        reports = (JobProgress(1, job, fraction),) if fraction is not None else ()
        workflow.apply(batch(workflow, turns, first=workflow.seq + 1, progress=reports))
        said = sum(report.fraction for report in workflow.progress.values())
        assert workflow.blocks[1].partly == pytest.approx(said)


def test_progress_counts_only_while_a_job_runs() -> None:
    workflow = watched()
    reports = (JobProgress(1, 0, 0.5), JobProgress(1, 5, 0.9))
    workflow.apply(batch(workflow, [], progress=reports))
    assert set(workflow.progress) == {(1, 0)}
    workflow.apply(batch(workflow, [(1, 0, S.COMPLETED)]))
    assert workflow.progress == {}


def test_a_status_from_a_newer_server_is_unspecified() -> None:
    block = LiveBlock.of(BlockSnapshot("", 1, S.RUNNING, False, bytes([2, 200])))
    assert [block.status_of(0), block.status_of(1)] == [S.RUNNING, S.UNSPECIFIED]


@given(
    st.lists(st.tuples(st.integers(0, 19), st.sampled_from(sorted(S))), max_size=60),
    st.sets(st.sampled_from(sorted(S))),
)
def test_members_and_counts_agree_with_the_bytes(
    steps: list[tuple[int, Status]], looked_at: set[Status]
) -> None:
    block = LiveBlock.of(BlockSnapshot("", 1, S.RUNNING, False, bytes([S.NOT_STARTED]) * 20))
    for status in looked_at:
        block.members(status)
    for job, status in steps:
        block.move(job, status)
    for status in S:
        expected = [job for job, byte in enumerate(block.statuses) if byte == status]
        assert list(block.members(status)) == expected
        assert block.counts[status] == len(expected)
        assert [block.place(job) for job in expected] == list(range(len(expected)))


def test_a_snapshot_without_blocks_is_watched_too() -> None:
    summary = summary_of(0, S.NOT_STARTED, counts_of([]))
    workflow = LiveWorkflow(Snapshot(summary, ()))
    assert workflow.blocks == []
    assert workflow.trouble == 0
