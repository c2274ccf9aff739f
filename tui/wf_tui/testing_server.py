"""A gateway that keeps what is submitted, as a server does: workflows end when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from wf_tui.gateway import AlreadyExecuted, GatewayError
from wf_tui.state import samples
from wf_tui.state.models import (
    BlockSnapshot,
    JobCounts,
    Lineage,
    Site,
    Snapshot,
    Status,
    Summary,
    WorkReq,
)
from wf_tui.testing import Call, FakeGateway


@dataclass
class WorkingGateway(FakeGateway):
    """Ids are `w1`, `w2`, …; `advance` and `finish` move the workflow of an id on."""

    #: Lost on their way back: the submission is stored, and its answer is this error instead.
    lost_answers: list[GatewayError] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)

    async def submit(
        self,
        request: WorkReq,
        *,
        mends: str = "",
        lineage: Lineage | None = None,
        key: str | None = None,
        acknowledge: Sequence[str] = (),
    ) -> str:
        """Stores it as not started; under a key that was used it is stored already."""
        if key is not None and key in self._ids:
            self.calls.append(Call("submit again", (request,)))
            return self._ids[key]
        self.new_id = f"w{len(self.summaries) + 1}"
        await super().submit(request, mends=mends, acknowledge=acknowledge)
        jobs = JobCounts(total=request.job_count, not_started=request.job_count)
        self.summaries = (
            Summary(
                self.new_id,
                request.name,
                request.desc,
                Status.NOT_STARTED,
                "you",
                self.now,
                jobs=jobs,
                blocks=len(request.blocks),
            ),
            *self.summaries,
        )
        if key:
            self._ids[key] = self.new_id
        if self.lost_answers:
            raise self.lost_answers.pop(0)
        return self.new_id

    async def execute(self, workflow_id: str) -> None:
        """Has it run, once."""
        await super().execute(workflow_id)
        if self.summary(workflow_id).status is not Status.NOT_STARTED:
            raise AlreadyExecuted(f"{workflow_id} was executed before")
        self.move(workflow_id, status=Status.RUNNING, started=self.now)

    def summary(self, workflow_id: str) -> Summary:
        """Returns the line of a workflow."""
        return next(known for known in self.summaries if known.id == workflow_id)

    def move(self, workflow_id: str, **fields: object) -> None:
        """Changes a workflow and tells whoever watches it."""
        changed = replace(self.summary(workflow_id), **fields)  # type: ignore[arg-type]
        self.summaries = tuple(changed if known.id == workflow_id else known for known in self.summaries)
        snapshot = Snapshot(changed, _blocks(self.requests[workflow_id]))
        self.feed(workflow_id, snapshot).send(snapshot)

    def advance(self, workflow_id: str, completed: int) -> None:
        """Has so many of its jobs completed."""
        total = self.summary(workflow_id).jobs.total
        jobs = JobCounts(total=total, completed=completed, running=1, not_started=total - completed - 1)
        self.move(workflow_id, jobs=jobs)

    def finish(self, workflow_id: str, status: Status = Status.COMPLETED, reason: str = "") -> None:
        """Ends it, fourteen minutes after it began."""
        begun = self.summary(workflow_id).started or self.now
        self.move(workflow_id, status=status, reason=reason, ended=begun + timedelta(minutes=14))


def _blocks(request: WorkReq) -> tuple[BlockSnapshot, ...]:
    return tuple(
        BlockSnapshot(
            block.desc,
            block.rate_limit,
            Status.NOT_STARTED,
            has_error=False,
            job_statuses=bytes([Status.NOT_STARTED] * len(block.jobs)),
        )
        for block in request.blocks
    )


def working_gateway(
    *, tokens: int = 1, sites: Callable[[], tuple[tuple[Site, tuple[str, ...]], ...]] = samples.sample_sites
) -> WorkingGateway:
    """Returns one with the made-up sites, stops, policies and buckets."""
    gateway = WorkingGateway(
        known_sites=sites(),
        board=samples.sample_board(),
        book=samples.sample_book(),
        known_buckets=samples.sample_buckets(tokens=tokens),
        now=samples.NOW,
    )
    gateway.list_feed.first = (True, ())
    return gateway
