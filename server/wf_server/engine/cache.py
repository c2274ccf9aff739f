"""Workflows in memory: one object for each, and those that were asked for lately kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from weakref import WeakValueDictionary

from wf_server.model import Workflow

#: What the kept ones may weigh together; a workflow weighs as many as its jobs, and a little more. Each
#: kept job costs every full garbage collection a quarter of a microsecond, in which no stop is heard.
WEIGHT_LIMIT = 20_000
OWN_WEIGHT = 100


class WorkflowCache:
    """The least recently used are dropped first.

    What anyone else still holds, a run or a watcher, is found all the same: never are there two objects of
    one workflow, of which one would go on and the other stand still.
    """

    def __init__(self, weight_limit: int = WEIGHT_LIMIT) -> None:
        self._weight_limit = weight_limit
        self._kept: OrderedDict[str, Workflow] = OrderedDict()
        self._alive: WeakValueDictionary[str, Workflow] = WeakValueDictionary()
        self._weight = 0

    def get(self, workflow_id: str) -> Workflow | None:
        """Returns the one object of a workflow, if it is in memory."""
        return self._alive.get(workflow_id)

    def put(self, workflow: Workflow) -> Workflow:
        """Keeps a workflow and returns its one object, which is another where there was one before."""
        workflow = self._alive.setdefault(workflow.id, workflow)
        if workflow.id not in self._kept:
            self._weight += _weight(workflow)
        self._kept[workflow.id] = workflow
        self._kept.move_to_end(workflow.id)
        while self._weight > self._weight_limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._weight -= _weight(dropped)
        return workflow


def _weight(workflow: Workflow) -> int:
    return workflow.request.job_count + OWN_WEIGHT
