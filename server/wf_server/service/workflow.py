"""workflow.v1.WorkflowService."""

from __future__ import annotations

from collections.abc import AsyncIterator

import wf_proto as pb
from wf_server.engine.control import Control
from wf_server.engine.orders import Order, Resolution
from wf_server.engine.workflows import Workflows
from wf_server.errors import InvalidRequest, NotFound
from wf_server.events import Batch, Hub, Lagging, ListBatch
from wf_server.model import Role, Workflow
from wf_server.service.guard import Encoded, Undecoded, caller
from wf_server.service.paging import page_limit, page_start, page_token
from wf_server.service.reasons import reason_of
from wf_server.service.reports import (
    get_report,
    rejection_report,
    request_in,
    rerun_report,
    snapshot_report,
    status_report,
    submission_in,
)
from wf_server.service.translate import (
    acknowledged_of,
    attempt_message,
    batch_message,
    changes_message,
    freeze,
    job_status_message,
    lineage_of,
    log_line_message,
    receipt_message,
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
#: Characters of a submit key.
KEY_LIMIT = 200

_RESOLUTIONS = {
    pb.Resolution.DONE: Resolution.DONE,
    pb.Resolution.FAILED: Resolution.FAILED,
    pb.Resolution.RERUN: Resolution.RERUN,
}


class WorkflowService(pb.WorkflowServiceBase):
    """Submits, executes and reports workflows."""

    def __init__(self, workflows: Workflows, control: Control, hub: Hub, max_jobs: int) -> None:
        self._workflows = workflows
        self._control = control
        self._hub = hub
        self._max_jobs = max_jobs

    async def check(self, check_request: pb.CheckRequest | Undecoded) -> pb.CheckResponse:
        """Tells everything for which Submit would refuse the request."""
        request = await request_in(check_request, self._max_jobs)
        violations = await self._workflows.check(request, proven=caller().proven)
        return pb.CheckResponse(violations=[violation_message(v) for v in violations])

    async def submit(self, submit_request: pb.SubmitRequest | Undecoded) -> pb.SubmitResponse:
        """Stores a request that breaks no rule."""
        submission = submission_in(submit_request)
        if len(submission.key) > KEY_LIMIT:
            raise InvalidRequest(f"key: {len(submission.key)} characters; at most {KEY_LIMIT}")
        workflow_id = await self._workflows.submit(
            await request_in(submit_request, self._max_jobs),
            caller().name,
            submission.mends,
            submission.key,
            lineage_of(submission.lineage_kind, submission.lineage_id),
            acknowledged_of(submission.acknowledge),
            caller().source,
            proven=caller().proven,
        )
        return pb.SubmitResponse(id=workflow_id)

    async def exec(self, exec_request: pb.ExecRequest) -> pb.ExecResponse:
        """Starts a stored workflow."""
        await self._control.execute(exec_request.id, caller().name, caller().source)
        return pb.ExecResponse()

    async def status(self, status_request: pb.StatusRequest) -> Encoded:  # type: ignore[override]
        """Reports a workflow whole."""
        if status_request.at_seq > 0:
            past = await self._workflows.as_of(status_request.id, status_request.at_seq)
            return await status_report(past)
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
            names=caller().types(Role.VIEWER),
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
            names=caller().types(Role.VIEWER),
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
        notes = await self._workflows.notes(workflow, block, max(0, offset), end)
        jobs = [
            job_status_message(workflow, block, job, notes.logs.get(job, ()), notes.progress.get(job))
            for job in range(max(0, offset), end)
        ]
        return pb.ListJobsResponse(jobs=jobs, offset=offset, total=total)

    async def get_job(self, get_job_request: pb.GetJobRequest) -> pb.GetJobResponse:
        """Returns one job with its attempts and its log."""
        block, job = get_job_request.block, get_job_request.job
        workflow, story = await self._workflows.job(get_job_request.id, block, job)
        lines = [line.text for line in story.log]
        return pb.GetJobResponse(
            job=job_status_message(workflow, block, job, lines, story.progress),
            attempts=[attempt_message(attempt) for attempt in story.attempts],
            log=[log_line_message(line) for line in story.log],
            dropped_lines=story.log[0].number - 1 if story.log else 0,
        )

    async def pause(self, pause_request: pb.PauseRequest) -> pb.PauseResponse:
        """Starts nothing more of a workflow."""
        order = _order(pause_request.reason, required="pause")
        workflow = await self._control.pause(pause_request.id, order)
        return pb.PauseResponse(summary=summary_message(workflow.summary()))

    async def resume(self, resume_request: pb.ResumeRequest) -> pb.ResumeResponse:
        """Lets a paused workflow go on."""
        workflow = await self._control.resume(resume_request.id, _order(resume_request.reason))
        return pb.ResumeResponse(summary=summary_message(workflow.summary()))

    async def cancel(self, cancel_request: pb.CancelRequest) -> pb.CancelResponse:
        """Ends a workflow."""
        order = _order(cancel_request.reason, required="cancel")
        workflow = await self._control.cancel(cancel_request.id, order)
        return pb.CancelResponse(summary=summary_message(workflow.summary()))

    async def release(self, release_request: pb.ReleaseRequest) -> pb.ReleaseResponse:
        """Gives the go for a block."""
        workflow = await self._control.release(
            release_request.id,
            release_request.block,
            release_request.confirm,
            _order(release_request.reason),
        )
        return pb.ReleaseResponse(summary=summary_message(workflow.summary()))

    async def resolve(self, resolve_request: pb.ResolveRequest) -> pb.ResolveResponse:
        """Says what became of a job whose outcome is unknown."""
        resolution = _RESOLUTIONS.get(resolve_request.resolution)
        if resolution is None:
            raise InvalidRequest("resolution: expected done, failed or rerun")
        workflow = await self._control.resolve(
            resolve_request.id,
            resolve_request.block,
            resolve_request.job,
            resolution,
            _order(resolve_request.reason, required="resolve"),
        )
        return pb.ResolveResponse(summary=summary_message(workflow.summary()))

    async def get_receipt(self, get_receipt_request: pb.GetReceiptRequest) -> pb.GetReceiptResponse:
        """Tells what a stop or a cancel did."""
        workflow, receipt = await self._workflows.receipt(get_receipt_request.id)
        return pb.GetReceiptResponse(receipt=receipt_message(receipt, workflow.until_us))

    async def plan_rerun(  # type: ignore[override]
        self, plan_rerun_request: pb.PlanRerunRequest
    ) -> Encoded:
        """Makes the WorkReq of a rerun."""
        request, lineage = await self._workflows.plan_rerun(
            plan_rerun_request.id, failed_only=plan_rerun_request.failed_only
        )
        return await rerun_report(request, lineage)

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
        types = caller().types(Role.VIEWER)
        self._hub.check_room()
        subscription = self._hub.watch_list()
        try:
            yield await self._list_start(limit, types)
            while True:
                try:
                    batch = await subscription.next()
                except Lagging:
                    yield await self._list_start(limit, types)
                    continue
                if batch is None:
                    return
                if types is None:
                    yield _shared_list(batch)
                elif seen := [s for s in batch.summaries if s.name in types]:
                    yield pb.WatchListResponse(workflows=[summary_message(s) for s in seen])
        finally:
            self._hub.unwatch_list(subscription)

    async def _list_start(self, limit: int, types: frozenset[str] | None) -> pb.WatchListResponse:
        listing = await self._workflows.listing(names=types, limit=limit)
        active = self._workflows.active()
        summaries = {summary.id: summary for summary in active if types is None or summary.name in types}
        summaries.update({summary.id: summary for summary in listing.summaries})
        return pb.WatchListResponse(
            reset=True, workflows=[summary_message(summary) for summary in summaries.values()]
        )


def _order(reason: str, required: str = "") -> Order:
    """An order by whoever calls. Raises InvalidRequest for a bad reason, or none where one is needed."""
    kept = reason_of(reason)
    if required and not kept:
        raise InvalidRequest(f"reason: say why, to {required} a workflow")
    return Order(caller().name, kept, caller().source)


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
