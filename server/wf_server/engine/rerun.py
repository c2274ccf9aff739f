"""The WorkReq with which a workflow, or what failed of it, is run again."""

from __future__ import annotations

from dataclasses import replace

from wf_server.errors import FailedPrecondition
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Status, Workflow, WorkReq

_DONE = frozenset({Status.COMPLETED, Status.SKIPPED})


def rerun_of(workflow: Workflow, registry: JobRegistry, *, failed_only: bool) -> WorkReq:
    """The request, to be checked and submitted like any other.

    With `failed_only` what completed is left out, except jobs that check preconditions: they have to hold
    anew. Raises FailedPrecondition where nothing is left, or where the workflow has not ended.
    """
    if not failed_only:
        return workflow.request
    if not workflow.is_final:
        told = f"workflow {workflow.id} is {workflow.status.label}: what failed is known when it has ended"
        raise FailedPrecondition(told)
    if workflow.status is Status.COMPLETED:
        raise FailedPrecondition(f"workflow {workflow.id} completed: there is nothing that failed")
    blocks = (_left(workflow, b, registry) for b in range(len(workflow.blocks)))
    return replace(workflow.request, blocks=tuple(block for block in blocks if block.jobs))


def _left(workflow: Workflow, b: int, registry: JobRegistry) -> Block:
    block = workflow.request.blocks[b]
    jobs = tuple(
        job
        for job, status in zip(block.jobs, workflow.blocks[b].statuses, strict=True)
        if status not in _DONE or _is_precondition(job.name, registry)
    )
    return replace(block, jobs=jobs)


def _is_precondition(name: str, registry: JobRegistry) -> bool:
    job_type = registry.get(name)
    return job_type is not None and job_type.precondition
