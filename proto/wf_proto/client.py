"""The typed client of wf.

Every call has a deadline. Calls that only read are asked again, a few times, when the server cannot be
reached, and so is Submit, which carries a key; other orders never are, because nobody could tell
whether they happened twice. A stream has a deadline for its first message and none after it: a server
that dies then is noticed by pings.
"""

from __future__ import annotations

import asyncio
import getpass
import platform
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast
from urllib.parse import quote

from grpclib.client import Channel

import wf_proto as pb
from wf_proto import access, audit, health
from wf_proto.address import parse_address
from wf_proto.calls import MessagePump, in_own_task
from wf_proto.channel import KEEPALIVE_SECONDS, BoundedChannel, open_channel
from wf_proto.codec import decoded, require_checking_codec
from wf_proto.credentials import NO_CREDENTIALS, Credentials
from wf_proto.errors import (
    CALL_FAILURES,
    ClientError,
    DeadlineExceeded,
    Overloaded,
    Unauthenticated,
    Unreachable,
    client_error,
)
from wf_proto.retry import Backoff

require_checking_codec()

T = TypeVar("T")

#: Seconds that a call may take, where the caller names no other.
DEFAULT_TIMEOUT = 10.0

_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def default_operator() -> str:
    """Who is calling, as far as this machine knows: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{platform.node() or 'unknown'}"


class Client:
    """A connection to one server; connects at the first call. An async context manager.

    `timeout` is in seconds and holds for every call, its repetitions included. Every method may raise
    a ClientError of wf_proto.errors; the constructor raises InvalidAddress and InvalidCredentials.
    """

    def __init__(
        self,
        address: str,
        *,
        operator: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        keepalive_seconds: float = KEEPALIVE_SECONDS,
        credentials: Credentials = NO_CREDENTIALS,
    ) -> None:
        self._address = parse_address(address)
        self._tls = credentials.context(self._address)
        self._proves_by_certificate = bool(credentials.certificate)
        self._timeout = timeout
        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._keepalive_seconds = keepalive_seconds
        name = quote(default_operator() if operator is None else operator, safe=_PRINTABLE)
        self._metadata = {"wf-operator": name} if name else {}
        if token := credentials.token():
            self._metadata["authorization"] = f"Bearer {token}"
        self._channel: BoundedChannel | None = None
        self._closed = False
        self._answered = False

    @property
    def address(self) -> str:
        """Where the server is, as it was written."""
        return self._address.text

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection and every call on it; calling again does nothing."""
        self._closed = True
        if self._channel is not None:
            self._channel.close()
            self._channel = None
            # The transport reports its end in the loop's next round, and complains if there is none.
            await asyncio.sleep(0)

    # Workflows

    async def check(self, work_req: pb.WorkReq) -> list[pb.Violation]:
        """Asks what submit would say of a WorkReq; nothing is stored. Those of level deny would refuse it."""
        stub = pb.WorkflowServiceStub(self._connected())
        answer = await self._read(stub.check, pb.CheckRequest(work_req=work_req))
        return answer.violations

    async def submit(
        self,
        work_req: pb.WorkReq,
        *,
        mends_rejection_id: str = "",
        key: str | None = None,
        lineage: pb.Lineage | None = None,
        acknowledge: Iterable[str] = (),
    ) -> str:
        """Stores a WorkReq and returns its id. Raises Rejected, EmergencyStopped, AlreadyExists.

        `mends_rejection_id` names the refused one that this mends; NotFound where there is none. Under the
        same `key` the same request is stored once, however often it is sent; None: a new key, so that this
        call may be repeated when its answer is lost. AlreadyExists: the key was used for another request.
        `acknowledge` names the policies whose warnings are accepted.
        """
        stub = pb.WorkflowServiceStub(self._connected())
        request = pb.SubmitRequest(
            work_req=work_req,
            mends_rejection_id=mends_rejection_id,
            key=str(uuid.uuid4()) if key is None else key,
            acknowledge=list(acknowledge),
        )
        if lineage is not None:
            request.lineage = lineage
        # Without a key nobody could tell whether it happened twice.
        act = self._act_again if request.key else self._act
        return (await act(stub.submit, request)).id

    async def exec(self, workflow_id: str) -> None:
        """Starts a stored workflow. Raises NotFound, AlreadyExecuted, FailedPrecondition, Rejected."""
        stub = pb.WorkflowServiceStub(self._connected())
        await self._act(stub.exec, pb.ExecRequest(id=workflow_id))

    async def pause(self, workflow_id: str, reason: str) -> pb.WorkflowSummary:
        """Starts nothing more of a running workflow. Raises NotFound, FailedPrecondition."""
        stub = pb.WorkflowServiceStub(self._connected())
        return (await self._act(stub.pause, pb.PauseRequest(id=workflow_id, reason=reason))).summary

    async def resume(self, workflow_id: str, reason: str = "") -> pb.WorkflowSummary:
        """Lets a paused workflow go on. Raises NotFound, FailedPrecondition."""
        stub = pb.WorkflowServiceStub(self._connected())
        return (await self._act(stub.resume, pb.ResumeRequest(id=workflow_id, reason=reason))).summary

    async def cancel(self, workflow_id: str, reason: str) -> pb.WorkflowSummary:
        """Ends a workflow that has not ended. Raises NotFound, FailedPrecondition."""
        stub = pb.WorkflowServiceStub(self._connected())
        return (await self._act(stub.cancel, pb.CancelRequest(id=workflow_id, reason=reason))).summary

    async def release(
        self, workflow_id: str, block: int, reason: str = "", *, confirm: str = ""
    ) -> pb.WorkflowSummary:
        """Gives the go for the block before which a workflow is held.

        `confirm` spells a point of no return's targets. Raises NotFound, FailedPrecondition, InvalidArgument,
        Rejected, EmergencyStopped.
        """
        stub = pb.WorkflowServiceStub(self._connected())
        request = pb.ReleaseRequest(id=workflow_id, block=block, reason=reason, confirm=confirm)
        return (await self._act(stub.release, request)).summary

    async def resolve(
        self, workflow_id: str, block: int, job: int, resolution: pb.Resolution, reason: str
    ) -> pb.WorkflowSummary:
        """Says how a job ended whose outcome is unknown. Raises NotFound, FailedPrecondition."""
        stub = pb.WorkflowServiceStub(self._connected())
        request = pb.ResolveRequest(
            id=workflow_id, block=block, job=job, resolution=resolution, reason=reason
        )
        return (await self._act(stub.resolve, request)).summary

    async def get_receipt(self, workflow_id: str) -> pb.Receipt:
        """Tells what a stop or a cancel did to every job. Raises NotFound, FailedPrecondition."""
        stub = pb.WorkflowServiceStub(self._connected())
        return (await self._read(stub.get_receipt, pb.GetReceiptRequest(id=workflow_id))).receipt

    async def plan_rerun(self, workflow_id: str, *, failed_only: bool = False) -> pb.PlanRerunResponse:
        """Makes the WorkReq with which a workflow is run again. Raises NotFound, FailedPrecondition."""
        stub = pb.WorkflowServiceStub(self._connected())
        request = pb.PlanRerunRequest(id=workflow_id, failed_only=failed_only)
        return await self._read(stub.plan_rerun, request)

    async def get_job(self, workflow_id: str, block: int, job: int) -> pb.GetJobResponse:
        """Returns one job with its attempts and its log. Raises NotFound."""
        stub = pb.WorkflowServiceStub(self._connected())
        return await self._read(stub.get_job, pb.GetJobRequest(id=workflow_id, block=block, job=job))

    async def status(self, workflow_id: str, *, at_seq: int = 0) -> pb.StatusResponse:
        """Returns a workflow whole, with every job; as it stood after a change, where one is named."""
        stub = pb.WorkflowServiceStub(self._connected())
        return await self._read(stub.status, pb.StatusRequest(id=workflow_id, at_seq=at_seq))

    async def get(self, workflow_id: str) -> pb.GetResponse:
        """Returns the stored WorkReq and its summary."""
        stub = pb.WorkflowServiceStub(self._connected())
        return await self._read(stub.get, pb.GetRequest(id=workflow_id))

    async def list(
        self,
        *,
        statuses: Iterable[pb.Status] = (),
        name: str = "",
        text: str = "",
        page_size: int = 0,
        page_token: str = "",
    ) -> pb.ListResponse:
        """Returns one page of workflows, newest first."""
        stub = pb.WorkflowServiceStub(self._connected())
        request = pb.ListRequest(
            statuses=[*statuses], name=name, text=text, page_size=page_size, page_token=page_token
        )
        return await self._read(stub.list, request)

    async def history(self, workflow_id: str, *, after_seq: int = 0, limit: int = 0) -> pb.HistoryResponse:
        """Returns a stretch of a workflow's committed changes."""
        stub = pb.WorkflowServiceStub(self._connected())
        return await self._read(
            stub.history, pb.HistoryRequest(id=workflow_id, after_seq=after_seq, limit=limit)
        )

    async def list_rejections(
        self, *, name: str = "", text: str = "", page_size: int = 0, page_token: str = ""
    ) -> pb.ListRejectionsResponse:
        """Returns one page of the refused WorkReqs, newest first."""
        stub = pb.WorkflowServiceStub(self._connected())
        request = pb.ListRejectionsRequest(name=name, text=text, page_size=page_size, page_token=page_token)
        return await self._read(stub.list_rejections, request)

    async def get_rejection(self, rejection_id: str) -> pb.GetRejectionResponse:
        """Returns a refused WorkReq with everything that was wrong with it."""
        stub = pb.WorkflowServiceStub(self._connected())
        return await self._read(stub.get_rejection, pb.GetRejectionRequest(id=rejection_id))

    async def list_jobs(
        self, workflow_id: str, block: int, *, offset: int = 0, limit: int = 0
    ) -> pb.ListJobsResponse:
        """Returns one page of a block's jobs with everything about them."""
        stub = pb.WorkflowServiceStub(self._connected())
        request = pb.ListJobsRequest(id=workflow_id, block=block, offset=offset, limit=limit)
        return await self._read(stub.list_jobs, request)

    def watch(self, workflow_id: str) -> AsyncGenerator[pb.WatchResponse, None]:
        """Streams a snapshot of a workflow, then its changes until it has ended."""
        stub = pb.WorkflowServiceStub(self._connected())
        return self._stream(stub.watch, pb.WatchRequest(id=workflow_id))

    def watch_list(self, limit: int = 0) -> AsyncGenerator[pb.WatchListResponse, None]:
        """Streams the newest workflows, then every summary that changed."""
        stub = pb.WorkflowServiceStub(self._connected())
        return self._stream(stub.watch_list, pb.WatchListRequest(limit=limit))

    # Approvals

    async def list_approvals(self, limit: int = 0) -> pb.ListApprovalsResponse:
        """Returns the workflows that await approval, or have it and were not executed, the oldest first."""
        stub = pb.ApprovalServiceStub(self._connected())
        return await self._read(stub.list, pb.ListApprovalsRequest(limit=limit))

    async def get_approval(self, workflow_id: str) -> pb.GetApprovalResponse:
        """Returns what there is to decide on, with the digest that names it. Raises NotFound."""
        stub = pb.ApprovalServiceStub(self._connected())
        return await self._read(stub.get, pb.GetApprovalRequest(id=workflow_id))

    async def approve(self, workflow_id: str, digest: str, comment: str = "") -> pb.WorkflowSummary:
        """Agrees to what get_approval returned. Raises NotFound, PermissionDenied, FailedPrecondition."""
        stub = pb.ApprovalServiceStub(self._connected())
        request = pb.ApproveRequest(id=workflow_id, digest=digest, comment=comment)
        return (await self._act(stub.approve, request)).summary

    async def reject(self, workflow_id: str, reason: str) -> pb.WorkflowSummary:
        """Ends a workflow that has not begun. Raises NotFound, PermissionDenied, FailedPrecondition."""
        stub = pb.ApprovalServiceStub(self._connected())
        return (await self._act(stub.reject, pb.RejectRequest(id=workflow_id, reason=reason))).summary

    async def withdraw(self, workflow_id: str, reason: str = "") -> pb.WorkflowSummary:
        """Takes one's own approval back. Raises NotFound, PermissionDenied, FailedPrecondition."""
        stub = pb.ApprovalServiceStub(self._connected())
        return (await self._act(stub.withdraw, pb.WithdrawRequest(id=workflow_id, reason=reason))).summary

    # Stops

    async def list_stops(self) -> pb.StopBoard:
        """Returns the stop board."""
        stub = pb.StopsServiceStub(self._connected())
        return (await self._read(stub.list, pb.ListStopsRequest())).board

    async def set_stop(
        self, name: str, status: pb.StopStatus, reason: str = "", lasts: float = 0, remind_every: float = 0
    ) -> pb.SetStopResponse:
        """Engages or releases a stop; a release may be but the first of two keys: see `stop.key`.

        A stop may have an end and reminders, in seconds. Raises InvalidRequest, FailedPrecondition.
        """
        stub = pb.StopsServiceStub(self._connected())
        request = pb.SetStopRequest(
            name=name,
            status=status,
            reason=reason,
            lasts_ms=round(lasts * 1000),
            remind_every_ms=round(remind_every * 1000),
        )
        return await self._act(stub.set, request)

    async def plan_release(self, name: str) -> pb.PlanReleaseResponse:
        """Tells what releasing a stop would let go again."""
        stub = pb.StopsServiceStub(self._connected())
        return await self._read(stub.plan_release, pb.PlanReleaseRequest(name=name))

    async def withdraw_stop_key(self, name: str) -> pb.Stop:
        """Takes back the first key of a release. Raises FailedPrecondition."""
        stub = pb.StopsServiceStub(self._connected())
        return (await self._act(stub.withdraw, pb.WithdrawStopKeyRequest(name=name))).stop

    def watch_stops(self) -> AsyncGenerator[pb.WatchStopsResponse, None]:
        """Streams the stop board: at once, and after every change."""
        stub = pb.StopsServiceStub(self._connected())
        return self._stream(stub.watch, pb.WatchStopsRequest())

    # Workbench

    def test_policies(
        self, draft: str, limit: int = 0, name: str = ""
    ) -> AsyncGenerator[pb.TestStoredResponse, None]:
        """Tries a draft of policies.json on what is stored; streams. Raises InvalidRequest, Overloaded."""
        stub = pb.WorkbenchServiceStub(self._connected())
        return self._stream(stub.test_stored, pb.TestStoredRequest(draft=draft, limit=limit, name=name))

    async def test_case(
        self, work_req: pb.WorkReq, draft: str, at_us: int = 0, acknowledge: Iterable[str] = ()
    ) -> pb.TestCaseResponse:
        """Tries a draft on one WorkReq, as of a time; 0: now. Raises InvalidRequest, Rejected."""
        stub = pb.WorkbenchServiceStub(self._connected())
        request = pb.TestCaseRequest(
            work_req=work_req, draft=draft, at_us=at_us, acknowledge=list(acknowledge)
        )
        return await self._read(stub.test_case, request)

    async def explain(self, workflow_id: str) -> pb.ExplainResponse:
        """Tells what each policy says of a stored WorkReq now. Raises NotFound."""
        stub = pb.WorkbenchServiceStub(self._connected())
        return await self._read(stub.explain, pb.ExplainRequest(id=workflow_id))

    async def explain_rejection(self, rejection_id: str) -> pb.ExplainResponse:
        """Tells what each policy says of a refused WorkReq now. Raises NotFound."""
        stub = pb.WorkbenchServiceStub(self._connected())
        return await self._read(stub.explain_rejection, pb.ExplainRejectionRequest(id=rejection_id))

    # Catalogue

    async def list_job_types(self) -> Sequence[pb.JobType]:
        """Returns the registered job types with their argument declarations."""
        stub = pb.CatalogServiceStub(self._connected())
        return (await self._read(stub.list_job_types, pb.ListJobTypesRequest())).job_types

    async def list_policies(self) -> pb.ListPoliciesResponse:
        """Returns the policies in force, and what is wrong with a newer policies.json."""
        stub = pb.CatalogServiceStub(self._connected())
        return await self._read(stub.list_policies, pb.ListPoliciesRequest())

    async def list_buckets(self) -> Sequence[pb.Bucket]:
        """Returns the token buckets and their levels."""
        stub = pb.CatalogServiceStub(self._connected())
        return (await self._read(stub.list_buckets, pb.ListBucketsRequest())).buckets

    async def list_quotas(self) -> Sequence[pb.Quota]:
        """Returns the quotas, and how much of each is taken."""
        stub = pb.CatalogServiceStub(self._connected())
        return (await self._read(stub.list_quotas, pb.ListQuotasRequest())).quotas

    async def server_info(self) -> pb.GetServerInfoResponse:
        """Returns the server's version, start, clock and problems."""
        stub = pb.CatalogServiceStub(self._connected())
        return await self._read(stub.get_server_info, pb.GetServerInfoRequest())

    async def is_serving(self, service: str = "") -> bool:
        """Asks the health service: False while the server drains or cannot write. Raises NotFound."""
        stub = health.HealthStub(self._connected())
        answer = await self._read(stub.check, health.HealthCheckRequest(service=service))
        return answer.status == health.ServingStatus.SERVING

    async def who_am_i(self) -> access.WhoAmIResponse:
        """Tells how the server knows this client, and what it may do. Raises Unauthenticated."""
        stub = access.AccessServiceStub(self._connected())
        return await self._read(stub.who_am_i, access.WhoAmIRequest())

    # The audit

    async def list_entries(self, request: audit.ListEntriesRequest) -> audit.ListEntriesResponse:
        """Returns a page of entries of the audit."""
        return await self._read(audit.AuditServiceStub(self._connected()).list, request)

    def bundle(self, workflow_id: str) -> AsyncGenerator[audit.BundlePiece, None]:
        """Streams the file with all that is on record about a workflow. Raises NotFound."""
        stub = audit.AuditServiceStub(self._connected())
        return self._stream(stub.bundle, audit.BundleRequest(id=workflow_id))

    # Inventory

    async def list_sites(self) -> Sequence[pb.Site]:
        """Returns all sites, in name order."""
        stub = pb.InventoryServiceStub(self._connected())
        return (await self._read(stub.list_sites, pb.ListSitesRequest())).sites

    async def get_site(self, name: str) -> pb.GetSiteResponse:
        """Returns a site with its machines. Raises NotFound."""
        stub = pb.InventoryServiceStub(self._connected())
        return await self._read(stub.get_site, pb.GetSiteRequest(name=name))

    # How calls are made

    def _connected(self) -> Channel:
        if self._closed:
            raise Unreachable(f"the connection to {self.address} was closed by this program")
        if self._channel is None:
            self._channel = open_channel(self._address, self._keepalive_seconds, self._tls)
        return self._channel

    async def _act(self, method: Callable[..., Coroutine[Any, Any, T]], request: object) -> T:
        """Makes a call that changes something: once, but for what the server says it did not carry out."""

        async def attempt(seconds: float) -> T:
            return await self._attempt(method, request, seconds)

        return await self._carried_out(self._repeat(attempt, safe=False))

    async def _act_again(self, method: Callable[..., Coroutine[Any, Any, T]], request: object) -> T:
        """Makes a call that changes the same thing however often it is made."""
        return await self._carried_out(self._read(method, request))

    async def _carried_out(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return await call
        except DeadlineExceeded as error:
            raise DeadlineExceeded(f"{error}; it may or may not have been carried out") from error

    async def _read(self, method: Callable[..., Coroutine[Any, Any, T]], request: object) -> T:
        """Makes a call that only reads: again, while the server cannot be reached."""

        async def attempt(seconds: float) -> T:
            return await self._attempt(method, request, seconds)

        return await self._repeat(attempt)

    async def _stream(self, method: Callable[..., object], request: object) -> AsyncGenerator[T, None]:
        async def attempt(seconds: float) -> tuple[MessagePump[T], T | None]:
            return await self._open(method, request, seconds)

        pump, message = await self._repeat(attempt)
        try:
            while message is not None:
                yield message
                message = await self._next(pump)
        finally:
            await pump.close()

    async def _repeat(self, attempt: Callable[[float], Awaitable[T]], *, safe: bool = True) -> T:
        """Attempts while the server cannot be reached, as often and as long as is allowed.

        What is not `safe` to repeat is attempted again only where the server says that it was not carried
        out, and when to come back.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._timeout
        for pause in self._backoff.pauses():
            try:
                return await attempt(ends - loop.time())
            except Unreachable:
                if not safe or self._closed or loop.time() + pause >= ends:
                    raise
            except Overloaded as error:
                if error.retry_after is None:
                    raise
                # The others who were told the same come back a little earlier or later.
                pause += error.retry_after
                if self._closed or loop.time() + pause >= ends:
                    raise
            await self._sleep(pause)
        return await attempt(ends - loop.time())

    async def _attempt(
        self, method: Callable[..., Coroutine[Any, Any, T]], request: object, seconds: float
    ) -> T:
        call = method(request, timeout=max(seconds, 0.001), metadata=self._metadata)
        try:
            answer: T = await decoded(await in_own_task(call, f"call {method.__name__} {self.address}"))
        except CALL_FAILURES as error:
            raise self._explained(error) from error
        self._answered = True
        return answer

    async def _open(
        self, method: Callable[..., object], request: object, seconds: float
    ) -> tuple[MessagePump[T], T | None]:
        messages = cast("AsyncGenerator[T, None]", method(request, metadata=self._metadata))
        pump = MessagePump(messages, f"stream {method.__name__} {self.address}")
        try:
            async with asyncio.timeout(seconds):
                return pump, await self._next(pump)
        except TimeoutError as error:
            await pump.close()
            raise DeadlineExceeded(f"{self.address} did not answer in time") from error
        except BaseException:
            await pump.close()
            raise

    async def _next(self, pump: MessagePump[T]) -> T | None:
        try:
            message: T | None = await decoded(await pump.next())
        except CALL_FAILURES as error:
            raise self._explained(error) from error
        self._answered = True
        return message

    def _explained(self, error: BaseException) -> ClientError:
        if self._channel is not None and self._channel.broken_by is not None:
            error, self._channel.broken_by = self._channel.broken_by, None
        told = client_error(error, self.address, answered_before=self._answered)
        if isinstance(told, Unreachable) and not self._answered and not isinstance(error, OSError):
            # It took the connection and hung up before it answered anything.
            if self._proves_by_certificate:
                words = "hung up: does it take this certificate? It has to be of the server's authority"
                return Unauthenticated(f"{self.address} {words}, and valid")
            if self._tls is None:
                return Unreachable(f"{told} If it speaks TLS, name its authority with --ca")
        return told
