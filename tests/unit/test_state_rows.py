"""The tree's lines: what is open, what is where, and that nothing jumps."""

from __future__ import annotations

import pytest

from wf_tui.state.models import Status
from wf_tui.state.rows import Row, Tree
from wf_tui.state.samples import ago, counts_of, erase_blocks, snapshot_of, summary_of
from wf_tui.state.workflow import LiveWorkflow

S = Status


def live(blocks: list[list[Status]], status: Status = S.RUNNING) -> LiveWorkflow:
    return LiveWorkflow(snapshot_of(summary_of(0, status, counts_of(blocks), started=ago(100)), blocks))


def running() -> LiveWorkflow:
    blocks = erase_blocks(2)
    blocks[2] = [S.COMPLETED, S.RUNNING, S.FAILED, S.RUNNING, S.INTERRUPTED, S.NOT_STARTED]
    return live(blocks)


def rows(tree: Tree) -> list[Row]:
    return [tree.row(line) for line in range(len(tree))]


def test_only_the_running_block_is_open_with_trouble_first_and_completed_folded() -> None:
    tree = Tree(running())
    assert rows(tree)[:11] == [
        Row(0),
        Row(1),
        Row(2),
        Row(2, S.FAILED),
        Row(2, S.FAILED, 2),
        Row(2, S.INTERRUPTED),
        Row(2, S.INTERRUPTED, 4),
        Row(2, S.RUNNING),
        Row(2, S.RUNNING, 1),
        Row(2, S.RUNNING, 3),
        Row(2, S.NOT_STARTED),
    ]
    assert rows(tree)[11:14] == [Row(2, S.NOT_STARTED, 5), Row(2, S.COMPLETED), Row(3)]
    with pytest.raises(IndexError):
        tree.row(len(tree))


def test_every_row_knows_its_line() -> None:
    tree = Tree(running())
    assert [tree.line_of(row) for row in rows(tree)] == list(range(len(tree)))


def test_a_job_is_found_where_it_went_and_its_folded_status_stands_for_it() -> None:
    workflow = running()
    tree = Tree(workflow)
    job = Row(2, S.RUNNING, 1)
    workflow.blocks[2].move(1, S.FAILED)
    tree.refresh([2])
    assert tree.row(tree.line_of(job)) == Row(2, S.FAILED, 1)
    workflow.blocks[2].move(1, S.COMPLETED)
    tree.refresh([2])
    assert tree.row(tree.line_of(job)) == Row(2, S.COMPLETED)


def test_a_block_that_ends_well_folds_unless_the_operator_opened_it() -> None:
    workflow = live(erase_blocks(0))
    workflow.blocks[0].status = S.RUNNING
    tree = Tree(workflow)
    assert tree.is_open(Row(0))
    for job in range(2):
        workflow.blocks[0].move(job, S.COMPLETED)
    workflow.blocks[0].status = S.COMPLETED
    tree.refresh([0])
    assert not tree.is_open(Row(0))
    tree.open(Row(0), opened=True)
    tree.rebase(live(erase_blocks(1)))
    assert tree.is_open(Row(0))


def test_a_block_with_trouble_stays_open_after_its_end() -> None:
    blocks = erase_blocks(3)
    blocks[1][3] = S.FAILED
    tree = Tree(live(blocks))
    assert tree.is_open(Row(1))
    assert not tree.is_open(Row(2))


def test_trouble_is_walked_through_in_both_directions_and_round() -> None:
    blocks = erase_blocks(4)
    blocks[1][4], blocks[1][2], blocks[3][0] = S.FAILED, S.UNKNOWN, S.FAILED
    tree = Tree(live(blocks))
    tree.open(Row(3), opened=False)
    found = Row(0)
    walk = []
    for _ in range(4):
        following = tree.next_trouble(found, 1)
        assert following is not None
        found = following
        walk.append((found.block, found.job))
    assert walk == [(1, 4), (1, 2), (3, 0), (1, 4)]
    back = tree.next_trouble(Row(1, S.UNKNOWN, 2), -1)
    assert back == Row(1, S.FAILED, 4)
    assert tree.next_trouble(Row(0), -1) == Row(3, S.FAILED, 0)
    assert tree.row(tree.reveal(Row(3, S.FAILED, 0))) == Row(3, S.FAILED, 0)


def test_without_trouble_there_is_nowhere_to_go() -> None:
    assert Tree(live(erase_blocks(2))).next_trouble(Row(0), 1) is None


def test_the_plan_of_what_has_not_started_shows_its_first_block() -> None:
    tree = Tree(live(erase_blocks(0), S.NOT_STARTED))
    assert tree.is_open(Row(0))
    assert not tree.is_open(Row(1))


def test_many_waiting_jobs_are_folded_and_a_closed_block_hides_its_jobs() -> None:
    workflow = live([[S.RUNNING] * 3 + [S.NOT_STARTED] * 9_997])
    tree = Tree(workflow)
    assert len(tree) == 6
    tree.open(Row(0, S.NOT_STARTED), opened=True)
    assert len(tree) == 6 + 9_997
    assert tree.row(tree.line_of(Row(0, None, 9_000))) == Row(0, S.NOT_STARTED, 9_000)
    tree.open(Row(0), opened=False)
    assert tree.line_of(Row(0, None, 9_000)) == 0


def test_parents() -> None:
    tree = Tree(running())
    assert tree.parent(Row(2, S.RUNNING, 1)) == Row(2, S.RUNNING)
    assert tree.parent(Row(2, S.RUNNING)) == Row(2)
    assert tree.parent(Row(2)) == Row(2)
