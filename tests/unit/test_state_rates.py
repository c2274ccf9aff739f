"""How far a block is, and how fast: the same figures in the tree and beside it."""

from __future__ import annotations

import pytest

from wf_tui.state.estimate import block_rate, share_done
from wf_tui.state.format import rate
from wf_tui.state.models import JobProgress, Status
from wf_tui.state.samples import NOW, ago, counts_of, erase_blocks, snapshot_of, summary_of
from wf_tui.state.workflow import LiveWorkflow

S = Status


def running(*reports: JobProgress) -> LiveWorkflow:
    blocks = erase_blocks(1)
    blocks[1] = [S.COMPLETED, S.RUNNING, S.RUNNING, S.NOT_STARTED, S.NOT_STARTED, S.NOT_STARTED]
    summary = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(100))
    return LiveWorkflow(snapshot_of(summary, blocks, reports))


def test_a_running_job_counts_by_its_fraction() -> None:
    assert share_done(running(), 1) == pytest.approx(1 / 6)
    assert share_done(running(JobProgress(1, 1, 0.5), JobProgress(1, 2, 0.25)), 1) == pytest.approx(1.75 / 6)


def test_the_rate_is_over_the_blocks_own_time() -> None:
    workflow = running()
    assert block_rate(workflow.blocks[1], NOW) == pytest.approx(1 / 35)
    assert block_rate(workflow.blocks[2], NOW) is None


def test_a_block_that_took_no_time_has_no_rate() -> None:
    workflow = running()
    block = workflow.blocks[0]
    block.ended = block.started
    assert block_rate(block, NOW) is None


@pytest.mark.parametrize(
    ("per_second", "words"),
    [(51_234, "51.2k/s"), (120, "120/s"), (4.52, "4.5/s"), (1 / 6, "10/min"), (1 / 35, "1.7/min"),
     (1 / 120, "30/h"), (1 / 7200, "12.0/d")],
)  # fmt: skip
def test_a_rate_is_written_in_the_unit_that_makes_it_a_number(per_second: float, words: str) -> None:
    assert rate(per_second) == words
    assert len(words) <= 8
