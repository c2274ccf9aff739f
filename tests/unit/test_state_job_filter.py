"""The jobs' filter: what matches, what the tree shows of it, and what stays true while jobs move."""

from __future__ import annotations

import pytest

from wf_tui.state.filters import Filter
from wf_tui.state.job_filter import JOB_FIELDS, Chosen, JobTexts, Narrowing
from wf_tui.state.models import Status
from wf_tui.state.rows import Row, Tree
from wf_tui.state.samples import ago, counts_of, erase_blocks, jobs_of, snapshot_of, summary_of
from wf_tui.state.workflow import LiveWorkflow

S = Status
ERRORS = {(2, 2): "its controller does not answer"}


def live() -> tuple[LiveWorkflow, JobTexts]:
    blocks = erase_blocks(2)
    blocks[2] = [S.COMPLETED, S.RUNNING, S.FAILED, S.RUNNING, S.NOT_STARTED, S.NOT_STARTED]
    workflow = LiveWorkflow(
        snapshot_of(summary_of(0, S.RUNNING, counts_of(blocks), started=ago(100)), blocks)
    )
    texts = JobTexts([block.total for block in workflow.blocks])
    for number, details in enumerate(jobs_of(blocks, ERRORS)):
        texts.take(number, details)
    return workflow, texts


def chosen(text: str) -> tuple[LiveWorkflow, Chosen]:
    workflow, texts = live()
    return workflow, Chosen(workflow, texts, Filter.parse(text, JOB_FIELDS))


def found(choice: Chosen) -> list[tuple[int, int]]:
    return [
        (number, job)
        for number, block in enumerate(choice.blocks)
        for status in S
        for job in block.members(status)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AA0[56]", [(2, 0), (2, 1)]),
        ("machine=ab01", [(3, 1)]),
        ("does not answer", [(2, 2)]),
        ("^validate", [(0, 0)]),
        ("in decom", [(0, 0)]),
        ("failed|running", [(2, 2), (2, 1), (2, 3)]),
        ("!machine=|sleep", [(0, 0), (0, 1)]),
        ("type:token", [(0, 1)]),
        ("status:failed", [(2, 2)]),
        ("error:answer desc:erase", [(2, 2)]),
        ("!type:. status:completed", []),
        ("nothing like it", []),
    ],
)
def test_type_args_description_error_and_status_are_looked_at(
    text: str, expected: list[tuple[int, int]]
) -> None:
    _, choice = chosen(text)
    assert sorted(found(choice)) == sorted(expected)
    assert choice.total == len(expected)


def test_the_tree_shows_only_what_matches_and_all_of_it_open() -> None:
    workflow, choice = chosen("ab00|aa05")
    tree = Tree(workflow)
    tree.narrow(choice.blocks)
    assert [tree.row(line) for line in range(len(tree))] == [
        Row(2),
        Row(2, S.COMPLETED),
        Row(2, S.COMPLETED, 0),
        Row(3),
        Row(3, S.NOT_STARTED),
        Row(3, S.NOT_STARTED, 0),
    ]
    assert tree.line_of(Row(3, S.NOT_STARTED, 0)) == 5
    assert tree.line_of(Row(3, S.NOT_STARTED, 4)) == 4
    assert tree.next_trouble(Row(2), 1) is None


def test_what_was_open_before_is_open_after() -> None:
    workflow, choice = chosen("aa05")
    tree = Tree(workflow)
    before = len(tree)
    tree.narrow(choice.blocks)
    tree.open(Row(2), opened=False)
    assert len(tree) == 1
    tree.narrow(None)
    assert len(tree) == before


def test_trouble_outside_the_filter_is_not_jumped_to() -> None:
    workflow, choice = chosen("failed|ab0[12]")
    tree = Tree(workflow)
    tree.narrow(choice.blocks)
    assert tree.next_trouble(Row(3), 1) == Row(2, S.FAILED, 2)
    _, other = chosen("ab0[12]")
    tree.narrow(other.blocks)
    assert tree.next_trouble(Row(2, S.FAILED, 2), 1) is None


def test_a_job_that_moves_comes_and_goes() -> None:
    workflow, choice = chosen("running")
    workflow.blocks[2].move(1, S.COMPLETED)
    workflow.blocks[2].move(4, S.RUNNING)
    choice.touch([(2, 1), (2, 4), (2, -1)])
    assert found(choice) == [(2, 3), (2, 4)]


def test_an_error_of_an_earlier_try_is_no_longer_looked_at() -> None:
    workflow, choice = chosen("does not answer")
    workflow.blocks[2].move(2, S.RUNNING)
    choice.touch([(2, 2)])
    assert found(choice) == []


def test_jobs_are_read_page_by_page() -> None:
    workflow, _ = live()
    narrowing = Narrowing()
    narrowing.choose(workflow, Filter.parse("token"))
    assert narrowing.texts is not None
    details = jobs_of([[Status(byte) for byte in block.statuses] for block in workflow.blocks], {})
    assert narrowing.words() == "0 of 61, 61 still to be read"
    while (page := narrowing.texts.next_page()) is not None:
        block, offset = page
        narrowing.take(block, details[block][offset : offset + 4])
    assert narrowing.words() == "1 of 61"
