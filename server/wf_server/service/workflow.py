"""workflow.v1.WorkflowService."""

from __future__ import annotations

from collections.abc import AsyncIterator

import wf_proto as pb
from wf_server.engine.workflows import Workflows
from wf_server.errors import InvalidRequest, NotFound
from wf_server.events import Batch, Hub, Lagging, ListBatch
from wf_server.model import Workflow
from wf_server.service.guard import Encoded, Undecoded, caller
from wf_server.service.paging import page_limit, page_start, page_token
from wf_server.service.reports import (
    get_report,
    mended_rejection_in,
    rejection_report,
    request_in,
    snapshot_report,
    status_report,
)
from wf_server.service.translate import (
    batch_message,
    changes_message,
    freeze,
    job_status_message,
    rejection_message,
    status_of,
    summary_message,
    violation_message,
)

#: Changes in one answer about a history.
HISTORY_PAGE = 1_000
HISTORY_LIMIT = 10_000
#: Workflows in the first message of a list's stream, unless asked otherwise.
LIST_START = 200


class WorkflowService(pb.WorkflowServiceBase):
    """Submits, executes and reports workflows."""

    def __init__(self, workflows: Workflows, hub: Hub, max_jobs: int) -> None:
        self._workflows = workflows
        self._hub = hub
        self._max_jobs = max_jobs

    async def check(self, check_request: pb.CheckRequest | Undecoded) -> pb.CheckResponse:
        """Tells everything for which Submit would refuse the request."""
        violations = await self._workflows.check(await request_in(check_request, self._max_jobs))
        return pb.CheckResponse(violations=[violation_message(v) for v in violations])

    async def submit(self, submit_request: pb.SubmitRequest | Undecoded) -> pb.SubmitResponse:
        """Stores a request that breaks no rule."""
        request = await request_in(submit_request, self._max_jobs)
        mends = mended_rejection_in(submit_request)
        return pb.SubmitResponse(id=await self._workflows.submit(request, caller().operator, mends))

    async def exec(self, exec_request: pb.ExecRequest) -> pb.ExecResponse:
        """Starts a stored workflow."""
        await self._workflows.execute(exec_request.id, caller().operator)
        return pb.ExecResponse()

    async def status(self, status_request: pb.StatusRequest) -> Encoded:  # type: ignore[override]
        """Reports a workflow whole."""
        return await status_report(await self._workflows.find(status_request.id))

    async def get(self, get_request: pb.GetRequest) -> Encoded:  # type: ignore[override]
        """Returns the stored WorkReq."""
        return await get_report(await self._workflows.find(get_request.id))

    async def list(self, list_request: pb.ListRequest) -> pb.ListResponse:
        """Lists workflows, newest first."""
        statuses = [status_of(number) for number in list_request.statuses]
        if None in statuses:
            raise InvalidRequest("statuses: a number that is no status")
        listing = await self._workflows.listing(
            statuses=[status for status in statuses if status is not None],
            name=list_request.name,
            text=list_request.text,
            limit=page_limit(list_request.page_size),
            before=page_start(list_request.page_token),
        )
        return pb.ListResponse(
            workflows=[summary_message(summary) for summary in listing.summaries],
            next_page_token=page_token(listing.next_before),
        )

    async def history(self, history_request: pb.HistoryRequest) -> pb.HistoryResponse:
        """Returns a stretch of a workflow's history."""
        after = max(0, history_request.after_seq)
        limit = min(history_request.limit, HISTORY_LIMIT) if history_request.limit > 0 else HISTORY_PAGE
        workflow, changes = await self._workflows.history(history_request.id, after, limit)
        return pb.HistoryResponse(batch=changes_message(changes, after + 1), newest_seq=workflow.seq)

    async def list_rejections(
        self, list_rejections_request: pb.ListRejectionsRequest
    ) -> pb.ListRejectionsResponse:
        """Lists the refused WorkReqs, newest first."""
        page = await self._workflows.rejections(
            name=list_rejections_request.name,
            text=list_rejections_request.text,
            limit=page_limit(list_rejections_request.page_size),
            before=page_start(list_rejections_request.page_token),
        )
        return pb.ListRejectionsResponse(
            rejections=[rejection_message(summary) for summary in page.summaries],
            next_page_token=page_token(page.next_before),
        )

    async def get_rejection(  # type: ignore[override]
        self, get_rejection_request: pb.GetRejectionRequest
    ) -> Encoded:
        """Returns a refused WorkReq with its violations."""
        return await rejection_report(await self._workflows.rejection(get_rejection_request.id))

    async def list_jobs(self, list_jobs_request: pb.ListJobsRequest) -> pb.ListJobsResponse:
        """Lists one block's jobs."""
        workflow = await self._workflows.find(list_jobs_request.id)
        block, offset = list_jobs_request.block, list_jobs_request.offset
        if not 0 <= block < len(workflow.blocks):
            raise NotFound(f"workflow {workflow.id} has no block {block}")
        total = len(workflow.blocks[block].statuses)
        end = min(total, max(0, offset) + page_limit(list_jobs_request.limit))
        jobs = [job_status_message(workflow, block, job) for job in range(max(0, offset), end)]
        return pb.ListJobsResponse(jobs=jobs, offset=offset, total=total)

    async def watch(self, watch_request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
        """Streams a snapshot, then the changes that follow it."""
        workflow = await self._workflows.find(watch_request.id)
        self._hub.check_room()
        subscription = self._hub.watch(workflow)
        try:
            yield await _snapshot(workflow)
            while True:
                try:
                    batch = await subscription.next()
                except Lagging:
                    yield await _snapshot(workflow)
                    continue
                if batch is None:
                    return
                yield _shared_batch(batch)
        finally:
            self._hub.unwatch(workflow, subscription)

    async def watch_list(
        self, watch_list_request: pb.WatchListRequest
    ) -> AsyncIterator[pb.WatchListResponse]:
        """Streams the newest workflows, then what changes."""
        limit = page_limit(watch_list_request.limit, default=LIST_START)
        self._hub.check_room()
        subscription = self._hub.watch_list()
        try:
            yield await self._list_start(limit)
            while True:
                try:
                    batch = await subscription.next()
                except Lagging:
                    yield await self._list_start(limit)
                    continue
                if batch is None:
                    return
                yield _shared_list(batch)
        finally:
            self._hub.unwatch_list(subscription)

    async def _list_start(self, limit: int) -> pb.WatchListResponse:
        listing = await self._workflows.listing(limit=limit)
        summaries = {summary.id: summary for summary in self._workflows.active()}
        summaries.update({summary.id: summary for summary in listing.summaries})
        return pb.WatchListResponse(
            reset=True, workflows=[summary_message(summary) for summary in summaries.values()]
        )


async def _snapshot(workflow: Workflow) -> pb.WatchResponse:
    # Frozen before anything is waited for: the batches that follow begin right after it.
    return await snapshot_report(freeze(workflow))  # type: ignore[return-value]


def _shared_batch(batch: Batch) -> pb.WatchResponse:
    if batch.encoded is None:
        batch.encoded = Encoded(bytes(batch_message(batch)))
    return batch.encoded  # type: ignore[no-any-return]


def _shared_list(batch: ListBatch) -> pb.WatchListResponse:
    if batch.encoded is None:
        message = pb.WatchListResponse(workflows=[summary_message(s) for s in batch.summaries])
        batch.encoded = Encoded(bytes(message))
    return batch.encoded  # type: ignore[no-any-return]
