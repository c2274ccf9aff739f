"""Workflows that do not run, kept in memory for a while because they were asked for."""

from __future__ import annotations

from collections import OrderedDict

from wf_server.model import Workflow

#: What the kept ones may weigh together; a workflow weighs as many as its jobs, and a little more. Each
#: kept job costs every full garbage collection a quarter of a microsecond, in which no stop is heard.
WEIGHT_LIMIT = 20_000
OWN_WEIGHT = 100


class WorkflowCache:
    """The least recently used are dropped first."""

    def __init__(self, weight_limit: int = WEIGHT_LIMIT) -> None:
        self._weight_limit = weight_limit
        self._kept: OrderedDict[str, Workflow] = OrderedDict()
        self._weight = 0

    def get(self, workflow_id: str) -> Workflow | None:
        """Returns a kept workflow."""
        workflow = self._kept.get(workflow_id)
        if workflow is not None:
            self._kept.move_to_end(workflow_id)
        return workflow

    def put(self, workflow: Workflow) -> None:
        """Keeps a workflow; others may have to go, but never this one."""
        self.drop(workflow.id)
        self._kept[workflow.id] = workflow
        self._weight += _weight(workflow)
        while self._weight > self._weight_limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._weight -= _weight(dropped)

    def drop(self, workflow_id: str) -> None:
        """Forgets a workflow, if it is kept."""
        dropped = self._kept.pop(workflow_id, None)
        if dropped is not None:
            self._weight -= _weight(dropped)


def _weight(workflow: Workflow) -> int:
    return workflow.request.job_count + OWN_WEIGHT
