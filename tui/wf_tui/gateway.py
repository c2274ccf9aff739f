"""What the console and `wf` may ask of a server, and how it refuses. No gRPC here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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


class GatewayError(Exception):
    """The root of what a gateway raises; its text is for the operator."""


class Unreachable(GatewayError):
    """The server does not answer, or not in time; asking again may work."""


class Refused(GatewayError):
    """The server refuses a WorkReq, with every violation."""

    def __init__(self, message: str, violations: Sequence[Violation], rejection_id: str = "") -> None:
        super().__init__(message)
        self.violations = tuple(violations)
        self.rejection_id = rejection_id


class EmergencyStopped(Refused):
    """The server refuses because an emergency stop is engaged."""


class NotFound(GatewayError):
    """There is no such workflow or site."""


class AlreadyExecuted(GatewayError):
    """The workflow was executed before."""


class FailedPrecondition(GatewayError):
    """It cannot be done as things stand: submitted too long ago, es.json broken."""


class InvalidRequest(GatewayError):
    """The call's own arguments make no sense to the server."""


class Unauthenticated(GatewayError):
    """The server does not know who calls, or does not take what should prove it."""


class PermissionDenied(GatewayError):
    """The server knows who calls, and they have not the role for this."""


class Overloaded(GatewayError):
    """The server is at a limit; later it may work."""


class ServerFault(GatewayError):
    """The server failed in a way it did not expect; its log says more."""


class Gateway(Protocol):
    """A connection to one server. Every call has a deadline; a stream has none.

    Every method may raise GatewayError. A stream that breaks raises Unreachable; the caller opens it
    again, and its first item then is a whole picture (Snapshot, first page, board).
    """

    @property
    def address(self) -> str:
        """Where the server is, as the operator wrote it."""
        ...

    async def check(self, request: WorkReq) -> tuple[Violation, ...]:
        """Asks what Submit would say; nothing is stored. What has the level deny would refuse it."""
        ...

    async def submit(
        self,
        request: WorkReq,
        *,
        mends: str = "",
        lineage: Lineage | None = None,
        key: str | None = None,
        acknowledge: Sequence[str] = (),
    ) -> str:
        """Stores a WorkReq; returns its id. Raises Refused.

        `mends` is the id of the rejection that it mends, NotFound where there is none; `lineage` the workflow
        that it was made from. Under the same `key` the same request is stored once; None: a key of its own.
        AlreadyExecuted: the key was used for another request. `acknowledge` names the policies whose warnings
        are accepted.
        """
        ...

    async def execute(self, workflow_id: str) -> None:
        """Starts a stored workflow. Raises AlreadyExecuted, FailedPrecondition, NotFound, Refused."""
        ...

    async def pause(self, workflow_id: str, reason: str) -> Summary:
        """Starts nothing more of a running workflow; needs a reason. Raises FailedPrecondition, NotFound."""
        ...

    async def resume(self, workflow_id: str, reason: str = "") -> Summary:
        """Lets a paused workflow go on. Raises FailedPrecondition, NotFound."""
        ...

    async def cancel(self, workflow_id: str, reason: str) -> Summary:
        """Ends a workflow that has not ended; needs a reason. Raises FailedPrecondition, NotFound."""
        ...

    async def release(self, workflow_id: str, block: int, reason: str = "", confirm: str = "") -> Summary:
        """Gives the go for the block before which a workflow is held.

        A point of no return needs its targets spelled as `confirm`, BlockSnapshot.confirm. Raises
        FailedPrecondition (it is not held there), InvalidRequest (another confirm), Refused, NotFound.
        """
        ...

    async def resolve(
        self, workflow_id: str, block: int, job: int, resolution: Resolution, reason: str
    ) -> Summary:
        """Says how a job ended whose outcome is unknown; needs a reason.

        Raises FailedPrecondition, NotFound.
        """
        ...

    async def receipt(self, workflow_id: str) -> Receipt:
        """Returns what a stop or a cancel did. Raises FailedPrecondition (nobody ended it), NotFound."""
        ...

    async def plan_rerun(self, workflow_id: str, *, failed_only: bool = False) -> tuple[WorkReq, Lineage]:
        """Returns the WorkReq that runs it, or what failed of it, again.

        Raises FailedPrecondition, NotFound.
        """
        ...

    async def job(self, workflow_id: str, block: int, job: int) -> JobStory:
        """Returns one job with its attempts and its log. Raises NotFound."""
        ...

    async def approvals(self, limit: int) -> tuple[tuple[ApprovalCase, ...], int]:
        """Returns what awaits approval, or has it and was not executed, the oldest first; how many in all."""
        ...

    async def approval(self, workflow_id: str) -> ApprovalPlan:
        """Returns what there is to decide on. Raises NotFound."""
        ...

    async def approve(self, workflow_id: str, digest: str, comment: str = "") -> Summary:
        """Agrees to the plan with that digest. Raises PermissionDenied, FailedPrecondition, NotFound."""
        ...

    async def reject(self, workflow_id: str, reason: str) -> Summary:
        """Ends what has not begun; needs a reason. Raises PermissionDenied, FailedPrecondition, NotFound."""
        ...

    async def withdraw(self, workflow_id: str, reason: str = "") -> Summary:
        """Takes one's own approval back. Raises FailedPrecondition, NotFound."""
        ...

    async def get(self, workflow_id: str) -> tuple[WorkReq, Summary]:
        """Returns the stored WorkReq and where it stands."""
        ...

    async def list(
        self,
        *,
        statuses: Sequence[Status] = (),
        name: str = "",
        text: str = "",
        limit: int = 100,
        page_token: str = "",
    ) -> tuple[tuple[Summary, ...], str]:
        """Returns a page of workflows, newest first, and the token of the next page ("": none)."""
        ...

    async def list_jobs(self, workflow_id: str, block: int, offset: int, limit: int) -> tuple[JobDetail, ...]:
        """Returns the details of one block's jobs from `offset` on, at most `limit` (1,000)."""
        ...

    def watch(self, workflow_id: str) -> AsyncIterator[Snapshot | ChangeBatch]:
        """Streams a snapshot, then changes; ends when the workflow has ended.

        A second Snapshot in mid-stream means: this watcher was too slow; start from it.
        """
        ...

    def watch_list(self, limit: int) -> AsyncIterator[tuple[bool, tuple[Summary, ...]]]:
        """Streams (reset, summaries): the newest `limit` first, then those that changed."""
        ...

    async def history(self, workflow_id: str, after_seq: int, limit: int) -> HistoryStretch:
        """Returns at most `limit` (10,000) committed changes after that number; raises NotFound."""
        ...

    async def rejections(
        self, *, name: str = "", text: str = "", limit: int = 100, page_token: str = ""
    ) -> tuple[tuple[RejectionSummary, ...], str]:
        """Returns a page of refused WorkReqs, newest first, and the token of the next page ("": none)."""
        ...

    async def rejection(self, rejection_id: str) -> Rejection:
        """Returns a refused WorkReq with its violations. Raises NotFound."""
        ...

    async def status_json(self, workflow_id: str, *, at_seq: int = 0) -> str:
        """Returns the whole status as proto JSON; as it stood after a change, where one is named."""
        ...

    async def stops(self) -> StopBoard:
        """Returns the stop board."""
        ...

    async def set_stop(
        self, name: str, *, engaged: bool, reason: str, lasts: float = 0, remind_every: float = 0
    ) -> tuple[Stop, int]:
        """Engages or releases a stop; returns the entry and how many workflows it told to end.

        A release that was but the first of two keys leaves it engaged, with a `key`. What is engaged may
        have an end and reminders, in seconds. Raises FailedPrecondition.
        """
        ...

    async def plan_release(self, name: str) -> ReleasePlan:
        """Tells what releasing a stop would let go again."""
        ...

    async def withdraw_key(self, name: str) -> Stop:
        """Takes back the first key of a release. Raises FailedPrecondition where there is none."""
        ...

    def test_policies(self, draft: str, *, limit: int = 0, name: str = "") -> AsyncGenerator[TrialNews, None]:
        """Tries a draft of policies.json on what is stored. Raises InvalidRequest, Overloaded."""
        ...

    async def test_case(
        self, draft: str, request: WorkReq, *, at: datetime | None = None, acknowledge: Sequence[str] = ()
    ) -> tuple[Verdict, tuple[Violation, ...]]:
        """Tries a draft on one WorkReq, as of a time. Raises InvalidRequest."""
        ...

    async def explain(self, workflow_id: str) -> Explanation:
        """Tells what each policy says of a stored WorkReq now. Raises NotFound."""
        ...

    async def explain_rejection(self, rejection_id: str) -> Explanation:
        """Tells what each policy says of a refused WorkReq now. Raises NotFound."""
        ...

    def watch_stops(self) -> AsyncIterator[StopBoard]:
        """Streams the stop board: at once, and after every change."""
        ...

    async def job_types(self) -> tuple[JobType, ...]:
        """Returns the registered job types."""
        ...

    async def policies(self) -> PolicyBook:
        """Returns the policies in force."""
        ...

    async def buckets(self) -> tuple[Bucket, ...]:
        """Returns the token buckets."""
        ...

    async def audit(
        self,
        query: AuditQuery,
        *,
        after: int = 0,
        before: int = 0,
        oldest_first: bool = False,
        limit: int = 100,
    ) -> AuditPage:
        """Returns a page of the audit between two entries, by their numbers (0: no limit).

        The next page begins at the page's `next`: as `after` where the oldest come first, else as `before`.
        """
        ...

    async def quotas(self) -> tuple[Quota, ...]:
        """Returns the quotas, each value that has tokens taken by itself."""
        ...

    def bundle(self, workflow_id: str) -> AsyncIterator[bytes]:
        """Streams the file with all that is on record about a workflow. Raises NotFound."""
        ...

    async def who_am_i(self) -> Identity:
        """Returns how the server knows this client. Raises Unauthenticated."""
        ...

    async def server_info(self) -> ServerInfo:
        """Returns the server's version, start, clock and problems."""
        ...

    async def sites(self) -> tuple[Site, ...]:
        """Returns all sites in name order."""
        ...

    async def site(self, name: str) -> tuple[Site, tuple[str, ...]]:
        """Returns a site and its machines' short names in order. Raises NotFound."""
        ...

    async def close(self) -> None:
        """Ends the connection and every stream on it."""
        ...


@dataclass(frozen=True, slots=True)
class Server:
    """A server that one can go to; `name` is its profile's, "" where it has none."""

    name: str
    address: str
    #: The console may change nothing there.
    read_only: bool = False
    #: Paths: the server's authority, the client's certificate and key, the file with its token.
    ca: str = ""
    cert: str = ""
    key: str = ""
    token_file: str = ""

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or self.address


class Servers(Protocol):
    """The servers that the console can show in each other's place."""

    def known(self) -> tuple[Server, ...]:
        """Returns them, in the order to show them in."""
        ...

    def open(self, server: Server) -> Gateway:
        """Returns a gateway to a server, without asking it anything. Raises InvalidRequest."""
        ...
