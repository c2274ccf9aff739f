"""Who decides right now what becomes of a workflow: one at a time, so that orders cannot race."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from wf_server.errors import FailedPrecondition


class Decision(Enum):
    """What can be decided of a workflow that has not begun."""

    START = "start"
    END = "end"
    #: Whether it is approved.
    APPROVAL = "approval"


class Deciding:
    """The workflows of which it is being decided whether they start, wait, or never will."""

    def __init__(self) -> None:
        self._under_way: dict[str, Decision] = {}

    def of(self, workflow_id: str) -> Decision | None:
        """What is being decided of a workflow; None: nothing."""
        return self._under_way.get(workflow_id)

    @contextmanager
    def on(self, workflow_id: str, decision: Decision) -> Iterator[None]:
        """Keeps others out meanwhile. Raises FailedPrecondition where another has come first."""
        if workflow_id in self._under_way:
            raise FailedPrecondition(f"another order decides on workflow {workflow_id} right now: try again")
        self._under_way[workflow_id] = decision
        try:
            yield
        finally:
            del self._under_way[workflow_id]
