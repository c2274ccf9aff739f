"""Where a workflow stands, and a workflow in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from wf_server.model.change import Change
from wf_server.model.status import JOB_TROUBLE, WORKFLOW_FINAL, Status


class LineageKind(IntEnum):
    """How a WorkReq came from another; the numbers are the contract's and the database's."""

    CLONE = 1
    RERUN = 2


@dataclass(frozen=True, slots=True)
class Lineage:
    """The workflow that a WorkReq was made from."""

    kind: LineageKind
    workflow_id: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A workflow in one line, from memory or from the database."""

    id: str
    name: str
    desc: str
    operator: str
    status: Status
    created_us: int
    started_us: int
    ended_us: int
    #: Since when it has its status.
    since_us: int
    reason: str
    seq: int
    blocks: int
    current_block: int | None
    #: Jobs by status.
    counts: Mapping[int, int]
    #: The rejection that it mends; empty: none.
    mends: str = ""
    lineage: Lineage | None = None
    #: What it does while nothing seems to happen, and until when at the latest (0: nobody knows).
    activity: str = ""
    until_us: int = 0

    @property
    def had_errors(self) -> bool:
        """Whether a job failed, was interrupted, or has an unknown outcome."""
        return any(self.counts.get(status) for status in JOB_TROUBLE)


@dataclass(slots=True)
class Standing:
    """Where a workflow stands, without its blocks and jobs: what a listing shows of it."""

    counts: Counter[int]
    status: Status = Status.NOT_STARTED
    started_us: int = 0
    ended_us: int = 0
    since_us: int = 0
    reason: str = ""
    seq: int = 0
    current_block: int | None = None

    def copy(self) -> Standing:
        """A standing of its own, equal to this one."""
        return replace(self, counts=Counter(self.counts))

    def note(self, change: Change, before: int) -> None:
        """Takes in a legal step; `before` is the status that it leads away from."""
        self.seq = change.seq
        if change.job >= 0:
            self.counts[before] -= 1
            self.counts[change.status] += 1
        elif change.block >= 0:
            if change.status is Status.RUNNING:
                self.current_block = change.block
        else:
            self.status = change.status
            self.since_us = change.time_us
            self.reason = change.error or change.reason
            if change.status is Status.RUNNING and not self.started_us:
                self.started_us = change.time_us
            if change.status in WORKFLOW_FINAL:
                self.ended_us = change.time_us
