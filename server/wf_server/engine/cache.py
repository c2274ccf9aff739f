"""Workflows in memory: one object for each, and those that were asked for lately kept for a while."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
        #: Those that are being read from the database, and how often.
        self._reading: Counter[str] = Counter()
        #: Those that are leaving the database.
        self._leaving: set[str] = set()

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

    def is_leaving(self, workflow_id: str) -> bool:
        """Whether a workflow is about to be deleted: it must not be read any more."""
        return workflow_id in self._leaving

    @contextmanager
    def reading(self, workflow_id: str) -> Iterator[None]:
        """A workflow is being read from the database, so nobody may delete it meanwhile."""
        self._reading[workflow_id] += 1
        try:
            yield
        finally:
            self._reading[workflow_id] -= 1
            self._reading += Counter()

    @contextmanager
    def parting(self, workflow_ids: Iterable[str]) -> Iterator[set[str]]:
        """Lets go of workflows that are about to be deleted; gives those that nobody else holds.

        Until the end of this nobody can get hold of them again.
        """
        free = {workflow_id for workflow_id in workflow_ids if self._let_go(workflow_id)}
        self._leaving |= free
        try:
            yield free
        finally:
            self._leaving -= free

    def _let_go(self, workflow_id: str) -> bool:
        if self._reading[workflow_id]:
            return False
        kept = self._kept.pop(workflow_id, None)
        if kept is not None:
            self._weight -= _weight(kept)
            del kept
        # Whatever else holds it keeps it alive: a run, a watcher, an answer that is being written.
        return workflow_id not in self._alive


def _weight(workflow: Workflow) -> int:
    return workflow.request.job_count + OWN_WEIGHT
