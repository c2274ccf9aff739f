"""The workflows that were executed and have not ended, as policies see them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from wf_server.model import Status, Workflow, WorkReq

#: The values of the arguments that a policy names, together.
Value = tuple[str, ...]
#: By value, the block and position of the first job that has it.
Values = Mapping[Value, tuple[int, int]]


class Wanted(NamedTuple):
    """Which arguments make a value, and of which jobs."""

    args: tuple[str, ...]
    #: None: of every job type.
    job_types: frozenset[str] | None


def values_in(request: WorkReq, wanted: Wanted) -> Values:
    """Finds the values that a request's jobs have; a job without one of the arguments has none."""
    args, job_types = wanted
    found: dict[Value, tuple[int, int]] = {}
    for b, j, job in request.jobs():
        if job_types is None or job.name in job_types:
            value = tuple([job.args.get(arg, "") for arg in args])
            if value not in found and all(value):
                found[value] = (b, j)
    return found


class Executed:
    """A workflow from its execution until its end is on record. Its values are looked up once."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._values: dict[Wanted, Values] = {}

    @property
    def name(self) -> str:
        """Its workflow type."""
        return self._workflow.name

    def values(self, wanted: Wanted) -> Values:
        """The values that its jobs have, whatever has become of each job."""
        found = self._values.get(wanted)
        if found is None:
            found = self._values[wanted] = values_in(self._workflow.request, wanted)
        return found

    @property
    def told(self) -> str:
        """Which workflow it is, whose, and since when: `workflow ID (Erase, by ann, paused, since TIME)`."""
        workflow, standing = self._workflow, self._workflow.standing
        # Between the answer to Exec and the record it has no status of its own yet.
        label = "starting" if standing.status is Status.NOT_STARTED else standing.status.label
        since = datetime.fromtimestamp((standing.started_us or standing.since_us) // 1_000_000, UTC)
        by = f"by {workflow.operator[:100]}, " if workflow.operator else ""
        about = f"{workflow.name[:100]}, {by}{label}, since {since:%Y-%m-%d %H:%M:%S} UTC"
        return f"workflow {workflow.id} ({about})"
