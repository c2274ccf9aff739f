"""The published service, `/diskerase.Workflow/*`: the same workflows, told in its five statuses."""

from __future__ import annotations

import wf_proto as pb
from wf_proto import published as old
from wf_server.engine.control import Control
from wf_server.engine.workflows import Workflows
from wf_server.service.guard import Encoded, Undecoded, caller
from wf_server.service.reports import published_report, request_in


class PublishedService(old.WorkflowBase):
    """Serves clients that were compiled from the published contract."""

    def __init__(self, workflows: Workflows, control: Control, max_jobs: int) -> None:
        self._workflows = workflows
        self._control = control
        self._max_jobs = max_jobs

    async def submit(self, workflow_v1_work_req: pb.WorkReq | Undecoded) -> old.WorkResp:
        """Stores a request that breaks no rule."""
        request = await request_in(workflow_v1_work_req, self._max_jobs, nested=False)
        who = caller()
        workflow_id = await self._workflows.submit(request, who.name, source=who.source, proven=who.proven)
        return old.WorkResp(id=workflow_id)

    async def exec(self, exec_req: old.ExecReq) -> old.ExecResp:
        """Starts a stored workflow."""
        await self._control.execute(exec_req.id, caller().name, caller().source)
        return old.ExecResp()

    async def status(self, status_req: old.StatusReq) -> Encoded:  # type: ignore[override]
        """Reports a workflow whole."""
        return await published_report(await self._workflows.find(status_req.id))
