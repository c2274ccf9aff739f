"""How far a workflow is and when it will probably end, and no more than is known of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from wf_tui.state.models import Status
from wf_tui.state.workflow import LiveBlock, LiveWorkflow

#: Of the running block, when there is nothing else to go by.
_ENOUGH = 0.2


def job_work(workflow: LiveWorkflow, number: int) -> float:
    """Returns how many jobs of a block are done, counting a running one by its reported fraction."""
    block = workflow.blocks[number]
    return block.over + block.partly if block.counts[Status.RUNNING] else block.over


def share_done(workflow: LiveWorkflow, number: int) -> float:
    """Returns the share of a block's jobs that is done, from 0 to 1, running ones by their fractions."""
    total = workflow.blocks[number].total
    return min(1.0, job_work(workflow, number) / total) if total else 0.0


def block_rate(block: LiveBlock, now: datetime) -> float | None:
    """Returns how many jobs a second have ended since the block began, None before the first has."""
    if block.started is None or not block.over:
        return None
    seconds = ((block.ended or now) - block.started).total_seconds()
    return block.over / seconds if seconds > 0 else None


def fraction_done(workflow: LiveWorkflow) -> float:
    """Returns the share of all jobs that is done, from 0 to 1."""
    jobs = workflow.summary.jobs
    if not jobs.total:
        return 1.0 if workflow.summary.ended else 0.0
    part = sum(block.partly for block in workflow.blocks)
    return min(1.0, (jobs.over + part) / jobs.total)


def time_left(workflow: LiveWorkflow, now: datetime) -> timedelta | None:
    """Estimates the time until the workflow completes, None while too little is known.

    A block is expected to take, job for job, what finished blocks of its rate limit took. Before there
    is one, the running block is expected to go on as it did, once a fifth of it is done; of others
    nothing is known then: its quick jobs may come first, and a long sleep last.
    """
    if workflow.summary.status is not Status.RUNNING:
        return None
    pace = _paces(workflow)
    seconds = 0.0
    for number, block in enumerate(workflow.blocks):
        if block.ended is not None or block.over == block.total:
            continue
        per_job = pace.get(block.rate_limit) or _own_pace(workflow, number, now)
        if per_job is None:
            return None
        seconds += _block_left(workflow, number, per_job, now)
    return timedelta(seconds=seconds)


def block_time_left(workflow: LiveWorkflow, number: int, now: datetime) -> timedelta | None:
    """Estimates the time until a running block ends, by the same rules; None: too little is known of it."""
    block = workflow.blocks[number]
    if block.status is not Status.RUNNING or block.over == block.total:
        return None
    per_job = _paces(workflow).get(block.rate_limit) or _own_pace(workflow, number, now)
    return timedelta(seconds=_block_left(workflow, number, per_job, now)) if per_job is not None else None


def _block_left(workflow: LiveWorkflow, number: int, per_job: float, now: datetime) -> float:
    block = workflow.blocks[number]
    if block.started is None:
        return per_job * block.total
    spent = (now - block.started).total_seconds()
    work = job_work(workflow, number)
    late = spent / work * (block.total - work) if work and per_job * block.total < spent else 0.0
    return max(per_job * block.total - spent, late, 0.0)


def _paces(workflow: LiveWorkflow) -> dict[int, float]:
    """Seconds a job by rate limit, of the blocks that completed."""
    spent: dict[int, list[float]] = {}
    for block in workflow.blocks:
        if (seconds := _took(block)) is not None:
            known = spent.setdefault(block.rate_limit, [0.0, 0.0])
            known[0] += seconds
            known[1] += block.total
    return {rate: seconds / jobs for rate, (seconds, jobs) in spent.items() if jobs}


def _own_pace(workflow: LiveWorkflow, number: int, now: datetime) -> float | None:
    """Seconds a job of a running block so far, None while too little of it is done."""
    block, work = workflow.blocks[number], job_work(workflow, number)
    if block.started is None or not work >= _ENOUGH * block.total > 0:
        return None
    return (now - block.started).total_seconds() / work


def _took(block: LiveBlock) -> float | None:
    if block.status is not Status.COMPLETED or block.started is None or block.ended is None:
        return None
    return (block.ended - block.started).total_seconds()
