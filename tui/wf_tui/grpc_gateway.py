"""The gateway to a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import datetime

import wf_proto as pb
from wf_proto import errors
from wf_proto.client import DEFAULT_TIMEOUT, Client
from wf_proto.credentials import Credentials
from wf_proto.proto_json import to_proto_json
from wf_tui import gateway, translate, translate_approvals
from wf_tui.state.approvals import ApprovalCase, ApprovalPlan
from wf_tui.state.audit import AuditPage, AuditQuery
from wf_tui.state.models import (
    Bucket,
    ChangeBatch,
    HistoryStretch,
    Identity,
    JobDetail,
    JobStory,
    JobType,
    Lineage,
    PolicyBook,
    Quota,
    Receipt,
    Rejection,
    RejectionSummary,
    ReleasePlan,
    Resolution,
    ServerInfo,
    Site,
    Snapshot,
    Status,
    Stop,
    StopBoard,
    Summary,
    Violation,
    WorkReq,
)
from wf_tui.state.trial import Explanation, TrialNews, Verdict

#: How many jobs the server gives at most in one answer.
_PAGE = 1000

_ENGAGED = {True: pb.StopStatus["STOP"], False: pb.StopStatus["GO"]}

_PLAIN: dict[type[errors.ClientError], type[gateway.GatewayError]] = {
    errors.Unreachable: gateway.Unreachable,
    errors.DeadlineExceeded: gateway.Unreachable,
    errors.NotFound: gateway.NotFound,
    errors.AlreadyExecuted: gateway.AlreadyExecuted,
    errors.FailedPrecondition: gateway.FailedPrecondition,
    errors.InvalidRequest: gateway.InvalidRequest,
    errors.Unauthenticated: gateway.Unauthenticated,
    errors.PermissionDenied: gateway.PermissionDenied,
    errors.Overloaded: gateway.Overloaded,
    errors.ServerFault: gateway.ServerFault,
}


def _gateway_error(error: errors.ClientError) -> gateway.GatewayError:
    if isinstance(error, errors.Rejected):
        stopped = isinstance(error, errors.EmergencyStopped)
        kind = gateway.EmergencyStopped if stopped else gateway.Refused
        violations = [translate.violation(violation) for violation in error.violations]
        return kind(str(error), violations, error.rejection_id)
    return _PLAIN.get(type(error), gateway.ServerFault)(str(error))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except errors.ClientError as error:
        raise _gateway_error(error) from error


class GrpcGateway:
    """A `wf_tui.gateway.Gateway` over gRPC; connects at the first call.

    The constructor raises ValueError where `address` is not HOST:PORT, [IPV6]:PORT or unix:PATH, or where
    a file of `credentials` cannot be used.
    """

    def __init__(
        self,
        address: str,
        *,
        operator: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        ca: str = "",
        cert: str = "",
        key: str = "",
        token_file: str = "",
    ) -> None:
        credentials = Credentials(ca, cert, key, token_file)
        self._client = Client(address, operator=operator, timeout=timeout, credentials=credentials)

    @property
    def address(self) -> str:
        """Where the server is, as the operator wrote it."""
        return self._client.address

    async def close(self) -> None:
        """Ends the connection and every stream on it."""
        await self._client.close()

    async def check(self, request: WorkReq) -> tuple[Violation, ...]:
        """Asks what Submit would say; nothing is stored."""
        with _translated():
            found = await self._client.check(translate.request_to_proto(request))
        return tuple(translate.violation(violation) for violation in found)

    async def submit(
        self,
        request: WorkReq,
        *,
        mends: str = "",
        lineage: Lineage | None = None,
        key: str | None = None,
        acknowledge: Sequence[str] = (),
    ) -> str:
        """Stores a WorkReq; returns its id."""
        source = translate.lineage_to_proto(lineage) if lineage else None
        with _translated():
            return await self._client.submit(
                translate.request_to_proto(request),
                mends_rejection_id=mends,
                key=key,
                lineage=source,
                acknowledge=acknowledge,
            )

    async def execute(self, workflow_id: str) -> None:
        """Starts a stored workflow."""
        with _translated():
            await self._client.exec(workflow_id)

    async def pause(self, workflow_id: str, reason: str) -> Summary:
        """Starts nothing more of a running workflow."""
        with _translated():
            return translate.summary(await self._client.pause(workflow_id, reason))

    async def resume(self, workflow_id: str, reason: str = "") -> Summary:
        """Lets a paused workflow go on."""
        with _translated():
            return translate.summary(await self._client.resume(workflow_id, reason))

    async def cancel(self, workflow_id: str, reason: str) -> Summary:
        """Ends a workflow that has not ended."""
        with _translated():
            return translate.summary(await self._client.cancel(workflow_id, reason))

    async def release(self, workflow_id: str, block: int, reason: str = "", confirm: str = "") -> Summary:
        """Gives the go for the block before which a workflow is held."""
        with _translated():
            return translate.summary(await self._client.release(workflow_id, block, reason, confirm=confirm))

    async def resolve(
        self, workflow_id: str, block: int, job: int, resolution: Resolution, reason: str
    ) -> Summary:
        """Says how a job ended whose outcome is unknown."""
        with _translated():
            return translate.summary(
                await self._client.resolve(workflow_id, block, job, pb.Resolution(resolution), reason)
            )

    async def receipt(self, workflow_id: str) -> Receipt:
        """Returns what a stop or a cancel did."""
        with _translated():
            return translate.receipt(await self._client.get_receipt(workflow_id))

    async def plan_rerun(self, workflow_id: str, *, failed_only: bool = False) -> tuple[WorkReq, Lineage]:
        """Returns the WorkReq that runs it, or what failed of it, again."""
        with _translated():
            return translate.planned_rerun(
                await self._client.plan_rerun(workflow_id, failed_only=failed_only)
            )

    async def job(self, workflow_id: str, block: int, job: int) -> JobStory:
        """Returns one job with its attempts and its log."""
        with _translated():
            return translate.job_story(block, job, await self._client.get_job(workflow_id, block, job))

    async def approvals(self, limit: int) -> tuple[tuple[ApprovalCase, ...], int]:
        """Returns what awaits approval, or has it and was not executed, the oldest first; how many in all."""
        with _translated():
            answer = await self._client.list_approvals(limit)
        return tuple(translate_approvals.case(one) for one in answer.cases), answer.total

    async def approval(self, workflow_id: str) -> ApprovalPlan:
        """Returns what there is to decide on."""
        with _translated():
            return translate_approvals.plan(await self._client.get_approval(workflow_id))

    async def approve(self, workflow_id: str, digest: str, comment: str = "") -> Summary:
        """Agrees to the plan with that digest."""
        with _translated():
            return translate.summary(await self._client.approve(workflow_id, digest, comment))

    async def reject(self, workflow_id: str, reason: str) -> Summary:
        """Ends what has not begun."""
        with _translated():
            return translate.summary(await self._client.reject(workflow_id, reason))

    async def withdraw(self, workflow_id: str, reason: str = "") -> Summary:
        """Takes one's own approval back."""
        with _translated():
            return translate.summary(await self._client.withdraw(workflow_id, reason))

    async def get(self, workflow_id: str) -> tuple[WorkReq, Summary]:
        """Returns the stored WorkReq and where it stands."""
        with _translated():
            answer = await self._client.get(workflow_id)
        # Of a large workflow both take longer than a key should have to wait.
        request = await asyncio.to_thread(translate.request, answer.work_req)
        return request, translate.summary(answer.summary)

    async def list(
        self,
        *,
        statuses: Sequence[Status] = (),
        name: str = "",
        text: str = "",
        limit: int = 100,
        page_token: str = "",
    ) -> tuple[tuple[Summary, ...], str]:
        """Returns a page of workflows, newest first, and the token of the next page."""
        with _translated():
            page = await self._client.list(
                statuses=[pb.Status(status) for status in statuses],
                name=name,
                text=text,
                page_size=limit,
                page_token=page_token,
            )
        return translate.summaries(page.workflows), page.next_page_token

    async def list_jobs(self, workflow_id: str, block: int, offset: int, limit: int) -> tuple[JobDetail, ...]:
        """Returns the details of one block's jobs from `offset` on."""
        with _translated():
            page = await self._client.list_jobs(workflow_id, block, offset=offset, limit=min(limit, _PAGE))
        return tuple(
            translate.job_detail(block, page.offset + position, job) for position, job in enumerate(page.jobs)
        )

    async def watch(self, workflow_id: str) -> AsyncIterator[Snapshot | ChangeBatch]:
        """Streams a snapshot, then changes; ends when the workflow has ended."""
        with _translated():
            async with aclosing(self._client.watch(workflow_id)) as messages:
                async for message in messages:
                    event = translate.watched(message)
                    if event is not None:
                        yield event

    async def watch_list(self, limit: int) -> AsyncIterator[tuple[bool, tuple[Summary, ...]]]:
        """Streams (reset, summaries)."""
        with _translated():
            async with aclosing(self._client.watch_list(limit)) as messages:
                async for message in messages:
                    if message.reset:
                        # Up to a thousand of them.
                        yield True, await asyncio.to_thread(translate.summaries, message.workflows)
                    else:
                        yield False, translate.summaries(message.workflows)

    async def history(self, workflow_id: str, after_seq: int, limit: int) -> HistoryStretch:
        """Returns a stretch of a workflow's committed changes."""
        with _translated():
            return translate.history(
                await self._client.history(workflow_id, after_seq=after_seq, limit=limit)
            )

    async def rejections(
        self, *, name: str = "", text: str = "", limit: int = 100, page_token: str = ""
    ) -> tuple[tuple[RejectionSummary, ...], str]:
        """Returns a page of refused WorkReqs, newest first, and the token of the next page."""
        with _translated():
            page = await self._client.list_rejections(
                name=name, text=text, page_size=limit, page_token=page_token
            )
        return tuple(translate.rejection_summary(found) for found in page.rejections), page.next_page_token

    async def rejection(self, rejection_id: str) -> Rejection:
        """Returns a refused WorkReq with its violations."""
        with _translated():
            return translate.rejection(await self._client.get_rejection(rejection_id))

    async def status_json(self, workflow_id: str, *, at_seq: int = 0) -> str:
        """Returns the whole status as proto JSON."""
        with _translated():
            status = await self._client.status(workflow_id, at_seq=at_seq)
            return await asyncio.to_thread(to_proto_json, status)

    async def stops(self) -> StopBoard:
        """Returns the stop board."""
        with _translated():
            return translate.stop_board(await self._client.list_stops())

    async def set_stop(
        self, name: str, *, engaged: bool, reason: str, lasts: float = 0, remind_every: float = 0
    ) -> tuple[Stop, int]:
        """Engages or releases a stop; returns the entry and how many workflows it told to end."""
        with _translated():
            answer = await self._client.set_stop(name, _ENGAGED[engaged], reason, lasts, remind_every)
        return translate.stop(answer.stop), answer.stopped_workflows

    async def plan_release(self, name: str) -> ReleasePlan:
        """Tells what releasing a stop would let go again."""
        with _translated():
            return translate.release_plan(await self._client.plan_release(name))

    async def withdraw_key(self, name: str) -> Stop:
        """Takes back the first key of a release."""
        with _translated():
            return translate.stop(await self._client.withdraw_stop_key(name))

    async def test_policies(
        self, draft: str, *, limit: int = 0, name: str = ""
    ) -> AsyncGenerator[TrialNews, None]:
        """Tries a draft of policies.json on what is stored."""
        with _translated():
            async with aclosing(self._client.test_policies(draft, limit, name)) as messages:
                async for message in messages:
                    yield translate.trial_news(message)

    async def test_case(
        self, draft: str, request: WorkReq, *, at: datetime | None = None, acknowledge: Sequence[str] = ()
    ) -> tuple[Verdict, tuple[Violation, ...]]:
        """Tries a draft on one WorkReq."""
        at_us = round(at.timestamp() * 1_000_000) if at is not None else 0
        with _translated():
            answer = await self._client.test_case(
                translate.request_to_proto(request), draft, at_us, acknowledge
            )
        return translate.verdict(answer.verdict), tuple(map(translate.violation, answer.violations))

    async def explain(self, workflow_id: str) -> Explanation:
        """Tells what each policy says of a stored WorkReq now."""
        with _translated():
            return translate.explanation(await self._client.explain(workflow_id))

    async def explain_rejection(self, rejection_id: str) -> Explanation:
        """Tells what each policy says of a refused WorkReq now."""
        with _translated():
            return translate.explanation(await self._client.explain_rejection(rejection_id))

    async def watch_stops(self) -> AsyncIterator[StopBoard]:
        """Streams the stop board."""
        with _translated():
            async with aclosing(self._client.watch_stops()) as messages:
                async for message in messages:
                    yield translate.stop_board(message.board)

    async def job_types(self) -> tuple[JobType, ...]:
        """Returns the registered job types."""
        with _translated():
            return tuple(translate.job_type(kind) for kind in await self._client.list_job_types())

    async def policies(self) -> PolicyBook:
        """Returns the policies in force."""
        with _translated():
            return translate.policy_book(await self._client.list_policies())

    async def buckets(self) -> tuple[Bucket, ...]:
        """Returns the token buckets."""
        with _translated():
            return tuple(translate.bucket(bucket) for bucket in await self._client.list_buckets())

    async def audit(
        self,
        query: AuditQuery,
        *,
        after: int = 0,
        before: int = 0,
        oldest_first: bool = False,
        limit: int = 100,
    ) -> AuditPage:
        """Returns a page of the audit between two entries."""
        request = translate.audit_request(query)
        request.after, request.before, request.oldest_first, request.limit = (
            after,
            before,
            oldest_first,
            limit,
        )
        with _translated():
            return translate.audit_page(await self._client.list_entries(request))

    async def quotas(self) -> tuple[Quota, ...]:
        """Returns the quotas, each value that has tokens taken by itself."""
        with _translated():
            listed = await self._client.list_quotas()
            return tuple(level for quota in listed for level in translate.quota_levels(quota))

    async def bundle(self, workflow_id: str) -> AsyncIterator[bytes]:
        """Streams the file with all that is on record about a workflow."""
        with _translated():
            async with aclosing(self._client.bundle(workflow_id)) as pieces:
                async for piece in pieces:
                    yield piece.data

    async def who_am_i(self) -> Identity:
        """Returns how the server knows this client."""
        with _translated():
            return translate.identity(await self._client.who_am_i())

    async def server_info(self) -> ServerInfo:
        """Returns the server's version, start, clock and problems."""
        with _translated():
            return translate.server_info(await self._client.server_info())

    async def sites(self) -> tuple[Site, ...]:
        """Returns all sites in name order."""
        with _translated():
            return tuple(translate.site(site) for site in await self._client.list_sites())

    async def site(self, name: str) -> tuple[Site, tuple[str, ...]]:
        """Returns a site and its machines' short names in order."""
        with _translated():
            answer = await self._client.get_site(name)
        return translate.site(answer.site), tuple(answer.machines)
