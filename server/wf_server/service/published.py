"""The published service, `/diskerase.Workflow/*`: the same workflows, told in its five statuses."""

from __future__ import annotations

import wf_proto as pb
from wf_proto import published as old
from wf_server.engine.workflows import Workflows
from wf_server.model import WORKFLOW_ACTIVE, Status, Workflow
from wf_server.service.guard import caller
from wf_server.service.translate import request_of

#: A published client watches until the status is no longer running: what goes on has to read so.
_PUBLISHED = {
    Status.NOT_STARTED: "StatusNotStarted",
    # Nothing began, so nothing went wrong.
    Status.SKIPPED: "StatusNotStarted",
    Status.COMPLETED: "StatusCompleted",
    Status.AWAITING_APPROVAL: "StatusRunning",
    **dict.fromkeys(WORKFLOW_ACTIVE, "StatusRunning"),
}


def published_status(status: int) -> old.Status:
    """The published status that stands for one of ours; every unhappy end reads as failed."""
    return old.Status.from_string(_PUBLISHED.get(Status(status), "StatusFailed"))


class PublishedService(old.WorkflowBase):
    """Serves clients that were compiled from the published contract."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    async def submit(self, workflow_v1_work_req: pb.WorkReq) -> old.WorkResp:
        """Stores a request that breaks no rule."""
        request = request_of(workflow_v1_work_req)
        return old.WorkResp(id=await self._workflows.submit(request, caller().operator))

    async def exec(self, exec_req: old.ExecReq) -> old.ExecResp:
        """Starts a stored workflow."""
        await self._workflows.execute(exec_req.id, caller().operator)
        return old.ExecResp()

    async def status(self, status_req: old.StatusReq) -> old.StatusResp:
        """Reports a workflow whole."""
        workflow = await self._workflows.find(status_req.id)
        return old.StatusResp(
            name=workflow.name,
            desc=workflow.request.desc,
            status=published_status(workflow.status),
            blocks=[_block(workflow, block) for block in range(len(workflow.blocks))],
            had_errors=workflow.had_errors,
            was_es_stopped=workflow.was_es_stopped,
        )


def _block(workflow: Workflow, block: int) -> old.BlockStatus:
    spec, state = workflow.request.blocks[block], workflow.blocks[block]
    return old.BlockStatus(
        desc=spec.desc,
        status=published_status(state.status),
        has_error=state.has_error,
        jobs=[
            old.JobStatus(
                name=job.name,
                desc=job.desc,
                args=dict(job.args),
                status=published_status(state.statuses[j]),
                error=state.errors.get(j, ""),
            )
            for j, job in enumerate(spec.jobs)
        ],
    )
