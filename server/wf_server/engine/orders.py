"""What a run can be told: to end, to pause, to go on, what became of a job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wf_server.model import Status, Workflow


@dataclass(frozen=True, slots=True)
class Order:
    """Who ordered something, and why."""

    operator: str
    reason: str
    #: From where, where that is known.
    source: str = ""


@dataclass(frozen=True, slots=True)
class Halt:
    """An order that ends a workflow: an emergency stop's, or a cancelling operator's."""

    #: STOPPED or CANCELLED.
    status: Status
    operator: str
    reason: str

    @property
    def ending(self) -> Status:
        """The status until the running jobs have ended."""
        return Status.CANCELLING if self.status is Status.CANCELLED else Status.STOPPING

    @property
    def told(self) -> str:
        """What an interrupted job's error says; why stands on the workflow, once."""
        if self.status is Status.CANCELLED:
            return "interrupted: the workflow was cancelled"
        return "interrupted by the emergency stop"


class Resolution(Enum):
    """What a person found out about a job whose outcome was unknown."""

    DONE = "done"
    FAILED = "failed"
    RERUN = "rerun"

    @property
    def status(self) -> Status:
        """The job's status from then on."""
        return _RESOLVED[self]


_RESOLVED = {
    Resolution.DONE: Status.COMPLETED,
    Resolution.FAILED: Status.FAILED,
    Resolution.RERUN: Status.NOT_STARTED,
}


def targets_of(workflow: Workflow, block: int) -> str:
    """What a block acts on, by name, as the go for a point of no return has to spell it.

    The sites of its jobs, in order and joined by commas; the workflow type where they have none.
    """
    sites = {job.args["site"] for job in workflow.request.blocks[block].jobs if job.args.get("site")}
    return ",".join(sorted(sites)) or workflow.name
