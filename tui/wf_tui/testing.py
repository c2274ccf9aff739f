"""A gateway without a server, and the console on it: scripted answers, streams fed by hand, breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from textual import events
from textual.app import App
from textual.pilot import Pilot

from wf_tui.app import WfApp
from wf_tui.drafts import Drafts
from wf_tui.gateway import (
    FailedPrecondition,
    Gateway,
    GatewayError,
    InvalidRequest,
    NotFound,
    Server,
    Servers,
    Unreachable,
)
from wf_tui.settings import Settings
from wf_tui.state import samples
from wf_tui.state.approvals import ApprovalCase, ApprovalPlan
from wf_tui.state.audit import AuditEntry, AuditPage, AuditQuery
from wf_tui.state.control_samples import Sample
from wf_tui.state.models import (
    Bucket,
    ChangeBatch,
    HistoryStretch,
    Identity,
    JobDetail,
    JobProgress,
    JobStory,
    JobType,
    Lineage,
    PolicyBook,
    Quota,
    Receipt,
    Rejection,
    RejectionSummary,
    ReleaseKey,
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

T = TypeVar("T")

#: Painting may take a round after the last message was handled.
_QUIET_ROUNDS = 3


class Feed(Generic[T]):
    """The server's end of a stream: every opening gets `first`, then whatever is sent.

    `first` None means: silent so far. An open stream is broken by `fail`, and ended by `end`.
    """

    def __init__(self, first: T | None = None) -> None:
        self.first = first
        #: While this is set, opening the stream fails with it.
        self.refusal: GatewayError | None = None
        self.opened = 0
        self._queues: set[asyncio.Queue[T | GatewayError | None]] = set()

    def send(self, item: T) -> None:
        """Sends an item to every open stream."""
        for queue in self._queues:
            queue.put_nowait(item)

    def fail(self, error: GatewayError) -> None:
        """Breaks every open stream."""
        for queue in self._queues:
            queue.put_nowait(error)

    def end(self) -> None:
        """Ends every open stream in good order."""
        for queue in self._queues:
            queue.put_nowait(None)

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._queues)

    async def stream(self) -> AsyncIterator[T]:
        """The client's end."""
        self.opened += 1
        if self.refusal is not None:
            raise self.refusal
        queue: asyncio.Queue[T | GatewayError | None] = asyncio.Queue()
        if self.first is not None:
            queue.put_nowait(self.first)
        self._queues.add(queue)
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, GatewayError):
                    raise item
                yield item
        finally:
            self._queues.discard(queue)


@dataclass(frozen=True, slots=True)
class Call:
    """One call as a test sees it."""

    name: str
    args: tuple[object, ...] = ()


@dataclass
class FakeGateway:
    """Answers from its fields and keeps every changing call in `calls`.

    A method named in `errors` raises that error instead; `disconnect` breaks everything as a dead
    server does, `reconnect` undoes it.
    """

    address: str = "127.0.0.1:8080"
    known_sites: tuple[tuple[Site, tuple[str, ...]], ...] = ()
    board: StopBoard = field(default_factory=lambda: StopBoard(()))
    trial: tuple[TrialNews, ...] = ()
    book: PolicyBook = field(default_factory=lambda: PolicyBook(()))
    known_buckets: tuple[Bucket, ...] = ()
    entries: tuple[AuditEntry, ...] = ()
    #: How it knows whoever asks.
    identity: Identity = field(default_factory=lambda: Identity("ann", "loopback", "127.0.0.1:1", ("admin",)))
    known_quotas: tuple[Quota, ...] = ()
    known_job_types: tuple[JobType, ...] = ()
    verdict: tuple[Violation, ...] = ()
    new_id: str = "0198b2c4-0000-7000-8000-00000000beef"
    requests: dict[str, WorkReq] = field(default_factory=dict)
    summaries: tuple[Summary, ...] = ()
    jobs: dict[str, list[list[JobDetail]]] = field(default_factory=dict)
    histories: dict[str, HistoryStretch] = field(default_factory=dict)
    refused: tuple[Rejection, ...] = ()
    receipts: dict[str, Receipt] = field(default_factory=dict)
    stories: dict[tuple[str, int, int], JobStory] = field(default_factory=dict)
    reruns: dict[str, tuple[WorkReq, Lineage]] = field(default_factory=dict)
    plans: dict[str, ApprovalPlan] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    errors: dict[str, GatewayError] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    now: datetime = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

    def __post_init__(self) -> None:
        #: Silent until a test sends, or sets `first`.
        self.list_feed: Feed[tuple[bool, tuple[Summary, ...]]] = Feed()
        self.stop_feed: Feed[StopBoard] = Feed(self.board)
        self.watch_feeds: dict[str, Feed[Snapshot | ChangeBatch]] = {}
        self.closed = False

    def feed(self, workflow_id: str, first: Snapshot | None = None) -> Feed[Snapshot | ChangeBatch]:
        """Returns the feed of one workflow's watch, made on first use."""
        feed = self.watch_feeds.setdefault(workflow_id, Feed())
        if first is not None:
            feed.first = first
        return feed

    def disconnect(self, reason: str = "connection refused") -> None:
        """Breaks every stream and refuses every call."""
        error = Unreachable(f"{self.address} does not answer: {reason}")
        self.errors["*"] = error
        for feed in self._feeds():
            feed.refusal = error
            feed.fail(error)

    def reconnect(self) -> None:
        """Answers again."""
        del self.errors["*"]
        for feed in self._feeds():
            feed.refusal = None

    def called(self, name: str) -> list[tuple[object, ...]]:
        """Returns the arguments of every call of that name, in order."""
        return [call.args for call in self.calls if call.name == name]

    def _feeds(self) -> Iterator[Feed[Any]]:
        yield self.list_feed
        yield self.stop_feed
        yield from self.watch_feeds.values()

    def _answer(self, name: str, *args: object) -> None:
        self.calls.append(Call(name, args))
        error = self.errors.get("*") or self.errors.get(name)
        if error is not None:
            raise error

    async def check(self, request: WorkReq) -> tuple[Violation, ...]:
        """Returns `verdict`."""
        self._answer("check", request)
        return self.verdict

    async def submit(
        self,
        request: WorkReq,
        *,
        mends: str = "",
        lineage: Lineage | None = None,
        key: str | None = None,
        acknowledge: Sequence[str] = (),
    ) -> str:
        """Keeps the request under `new_id`; the call tells what it mends and comes from, key, warnings."""
        self._answer("submit", request, *filter(None, [mends, lineage, key, tuple(acknowledge)]))
        self.requests[self.new_id] = request
        return self.new_id

    async def execute(self, workflow_id: str) -> None:
        """Notes the call."""
        self._answer("execute", workflow_id)

    async def pause(self, workflow_id: str, reason: str) -> Summary:
        """Notes the call; the workflow is pausing from now on."""
        self._answer("pause", workflow_id, reason)
        return self._becomes(workflow_id, Status.PAUSING, reason)

    async def resume(self, workflow_id: str, reason: str = "") -> Summary:
        """Notes the call; the workflow runs from now on."""
        self._answer("resume", workflow_id, reason)
        return self._becomes(workflow_id, Status.RUNNING, reason)

    async def cancel(self, workflow_id: str, reason: str) -> Summary:
        """Notes the call; the workflow is cancelling from now on."""
        self._answer("cancel", workflow_id, reason)
        return self._becomes(workflow_id, Status.CANCELLING, reason)

    async def release(self, workflow_id: str, block: int, reason: str = "", confirm: str = "") -> Summary:
        """Notes the call; the workflow runs from now on."""
        self._answer("release", workflow_id, block, reason, confirm)
        return self._becomes(workflow_id, Status.RUNNING, reason)

    async def resolve(
        self, workflow_id: str, block: int, job: int, resolution: Resolution, reason: str
    ) -> Summary:
        """Notes the call; the workflow runs from now on."""
        self._answer("resolve", workflow_id, block, job, resolution, reason)
        return self._becomes(workflow_id, Status.RUNNING, reason)

    def _becomes(self, workflow_id: str, status: Status, reason: str) -> Summary:
        """Changes a line of `summaries`; who watches is told what the test sends."""
        for at, known in enumerate(self.summaries):
            if known.id == workflow_id:
                changed = replace(known, status=status, reason=reason, since=self.now)
                self.summaries = (*self.summaries[:at], changed, *self.summaries[at + 1 :])
                return changed
        raise NotFound(f"there is no workflow {workflow_id}")

    async def receipt(self, workflow_id: str) -> Receipt:
        """Returns one of `receipts`."""
        self._answer("receipt", workflow_id)
        if workflow_id not in self.receipts:
            raise FailedPrecondition(f"nobody stopped or cancelled {workflow_id}")
        return self.receipts[workflow_id]

    async def plan_rerun(self, workflow_id: str, *, failed_only: bool = False) -> tuple[WorkReq, Lineage]:
        """Returns one of `reruns`."""
        self._answer("plan_rerun", workflow_id, failed_only)
        if workflow_id not in self.reruns:
            raise NotFound(f"there is no workflow {workflow_id}")
        return self.reruns[workflow_id]

    async def job(self, workflow_id: str, block: int, job: int) -> JobStory:
        """Returns one of `stories`, or a job of `jobs` without attempts and log."""
        self._answer("job", workflow_id, block, job)
        story = self.stories.get((workflow_id, block, job))
        if story is not None:
            return story
        if workflow_id not in self.jobs:
            raise NotFound(f"there is no workflow {workflow_id}")
        return JobStory(self.jobs[workflow_id][block][job])

    async def approvals(self, limit: int) -> tuple[tuple[ApprovalCase, ...], int]:
        """Returns the cases of `plans`."""
        self._answer("approvals", limit)
        return tuple(plan.case for plan in self.plans.values())[:limit], len(self.plans)

    async def approval(self, workflow_id: str) -> ApprovalPlan:
        """Returns one of `plans`."""
        self._answer("approval", workflow_id)
        if workflow_id not in self.plans:
            raise NotFound(f"there is no workflow {workflow_id}")
        return self.plans[workflow_id]

    async def approve(self, workflow_id: str, digest: str, comment: str = "") -> Summary:
        """Notes the call; the workflow is approved from now on."""
        self._answer("approve", workflow_id, digest, comment)
        return self._decided(workflow_id, Status.NOT_STARTED)

    async def reject(self, workflow_id: str, reason: str) -> Summary:
        """Notes the call; the workflow is cancelled, and waits no more."""
        self._answer("reject", workflow_id, reason)
        return replace(self.plans.pop(workflow_id).case.summary, status=Status.CANCELLED, reason=reason)

    async def withdraw(self, workflow_id: str, reason: str = "") -> Summary:
        """Notes the call; the workflow awaits approval from now on."""
        self._answer("withdraw", workflow_id, reason)
        return self._decided(workflow_id, Status.AWAITING_APPROVAL)

    def _decided(self, workflow_id: str, status: Status) -> Summary:
        plan = self.plans[workflow_id]
        summary = replace(plan.case.summary, status=status)
        self.plans[workflow_id] = replace(plan, case=replace(plan.case, summary=summary))
        return summary

    async def get(self, workflow_id: str) -> tuple[WorkReq, Summary]:
        """Returns a request of `requests` with its line of `summaries`."""
        self._answer("get", workflow_id)
        summary = next((known for known in self.summaries if known.id == workflow_id), None)
        if summary is None or workflow_id not in self.requests:
            raise NotFound(f"there is no workflow {workflow_id}")
        return self.requests[workflow_id], summary

    async def list(
        self,
        *,
        statuses: Sequence[Status] = (),
        name: str = "",
        text: str = "",
        limit: int = 100,
        page_token: str = "",
    ) -> tuple[tuple[Summary, ...], str]:
        """Returns those of `summaries` that match, all on one page."""
        self._answer("list", tuple(statuses), name, text)
        found = [
            summary
            for summary in self.summaries
            if (not statuses or summary.status in statuses)
            and name in ("", summary.name)
            and text.casefold() in f"{summary.id} {summary.name} {summary.desc}".casefold()
        ]
        return tuple(found[:limit]), ""

    async def list_jobs(self, workflow_id: str, block: int, offset: int, limit: int) -> tuple[JobDetail, ...]:
        """Returns a page of `jobs`."""
        self._answer("list_jobs", workflow_id, block, offset, limit)
        if workflow_id not in self.jobs:
            raise NotFound(f"there is no workflow {workflow_id}")
        return tuple(self.jobs[workflow_id][block][offset : offset + limit])

    def watch(self, workflow_id: str) -> AsyncIterator[Snapshot | ChangeBatch]:
        """Opens the workflow's feed."""
        return self.feed(workflow_id).stream()

    def watch_list(self, limit: int) -> AsyncIterator[tuple[bool, tuple[Summary, ...]]]:
        """Opens `list_feed`."""
        return self.list_feed.stream()

    async def history(self, workflow_id: str, after_seq: int, limit: int) -> HistoryStretch:
        """Returns a part of what `histories` holds of the workflow, from its change 1 on."""
        self._answer("history", workflow_id, after_seq, limit)
        whole = self.histories.get(workflow_id)
        if whole is None:
            raise NotFound(f"there is no workflow {workflow_id}")
        end = after_seq + limit
        return replace(
            whole,
            first_seq=after_seq + 1,
            blocks=whole.blocks[after_seq:end],
            jobs=whole.jobs[after_seq:end],
            statuses=whole.statuses[after_seq:end],
            times_us=whole.times_us[after_seq:end],
            notes={i - after_seq: note for i, note in whole.notes.items() if after_seq <= i < end},
        )

    async def rejections(
        self, *, name: str = "", text: str = "", limit: int = 100, page_token: str = ""
    ) -> tuple[tuple[RejectionSummary, ...], str]:
        """Returns the lines of `refused`, in one page."""
        self._answer("rejections", name, text)
        return tuple(found.summary for found in self.refused), ""

    async def rejection(self, rejection_id: str) -> Rejection:
        """Returns one of `refused`."""
        self._answer("rejection", rejection_id)
        for found in self.refused:
            if found.summary.id == rejection_id:
                return found
        raise NotFound(f"there is no rejection {rejection_id}")

    async def status_json(self, workflow_id: str, *, at_seq: int = 0) -> str:
        """Returns an object that names the change asked for."""
        self._answer("status_json", workflow_id, at_seq)
        return json.dumps({"seq": at_seq} if at_seq else {})

    async def stops(self) -> StopBoard:
        """Returns `board`."""
        self._answer("stops")
        return self.board

    async def set_stop(
        self, name: str, *, engaged: bool, reason: str, lasts: float = 0, remind_every: float = 0
    ) -> tuple[Stop, int]:
        """Changes `board` and sends it to whoever watches."""
        self._answer("set_stop", name, engaged, reason)
        entry = Stop(name, engaged, "you", reason, self.now)
        before = next((stop for stop in self.board.stops if stop.name == name), entry)
        if self.board.two_keys and not engaged and before.key is None:
            expires = self.now + timedelta(minutes=30)
            entry = replace(before, key=ReleaseKey("you", reason, self.now, expires))
        self._set_stop(entry)
        return entry, before.running if engaged else 0

    def _set_stop(self, entry: Stop) -> None:
        others = [stop for stop in self.board.stops if stop.name != entry.name]
        self.board = replace(self.board, stops=(*others, entry))
        self.stop_feed.first = self.board
        self.stop_feed.send(self.board)

    async def plan_release(self, name: str) -> ReleasePlan:
        """Returns what the entry, as whoever watches was told, lets go: itself, and made-up work."""
        self._answer("plan_release", name)
        board = self.stop_feed.first or self.board
        entry = next((stop for stop in board.stops if stop.name == name), Stop(name, True, listed=False))
        return ReleasePlan(entry, board.two_keys, (name,), workflows=3, jobs=1_204)

    async def withdraw_key(self, name: str) -> Stop:
        """Takes the key out of `board`."""
        self._answer("withdraw_key", name)
        entry = replace(next(stop for stop in self.board.stops if stop.name == name), key=None)
        self._set_stop(entry)
        return entry

    async def test_policies(
        self, draft: str, *, limit: int = 0, name: str = ""
    ) -> AsyncGenerator[TrialNews, None]:
        """Returns `trial`."""
        self._answer("test_policies", draft, limit, name)
        for news in self.trial:
            yield news

    async def test_case(
        self, draft: str, request: WorkReq, *, at: datetime | None = None, acknowledge: Sequence[str] = ()
    ) -> tuple[Verdict, tuple[Violation, ...]]:
        """Returns `verdict`."""
        self._answer("test_case", draft, request, at, acknowledge)
        return Verdict.REFUSED if self.verdict else Verdict.PASSES, tuple(self.verdict)

    async def explain(self, workflow_id: str) -> Explanation:
        """Knows nothing."""
        self._answer("explain", workflow_id)
        raise NotFound(f"there is no workflow {workflow_id}")

    async def explain_rejection(self, rejection_id: str) -> Explanation:
        """Knows nothing."""
        self._answer("explain_rejection", rejection_id)
        raise NotFound(f"there is no rejection {rejection_id}")

    def watch_stops(self) -> AsyncIterator[StopBoard]:
        """Opens `stop_feed`."""
        return self.stop_feed.stream()

    async def job_types(self) -> tuple[JobType, ...]:
        """Returns `known_job_types`."""
        self._answer("job_types")
        return self.known_job_types

    async def policies(self) -> PolicyBook:
        """Returns `book`."""
        self._answer("policies")
        return self.book

    async def buckets(self) -> tuple[Bucket, ...]:
        """Returns `known_buckets`."""
        self._answer("buckets")
        return self.known_buckets

    async def audit(
        self,
        query: AuditQuery,
        *,
        after: int = 0,
        before: int = 0,
        oldest_first: bool = False,
        limit: int = 100,
    ) -> AuditPage:
        """Returns those of `entries` that fit, as a server does."""
        self._answer("audit", query)
        fitting = [
            entry
            for entry in self.entries
            if after < entry.seq < (before or 2**62) and query.text.lower() in entry.text.lower()
        ]
        fitting.sort(key=lambda entry: entry.seq, reverse=not oldest_first)
        page = tuple(fitting[:limit])
        head = max(self.entries, key=lambda entry: entry.seq, default=None)
        follows = page[-1].seq if len(fitting) > limit else 0
        return AuditPage(page, follows, head.seq if head else 0, head.hash if head else "")

    async def quotas(self) -> tuple[Quota, ...]:
        """Returns `known_quotas`."""
        self._answer("quotas")
        return self.known_quotas

    async def bundle(self, workflow_id: str) -> AsyncIterator[bytes]:
        """Streams the lines of `entries`."""
        self._answer("bundle", workflow_id)
        for entry in self.entries:
            yield f"{entry.line}\n".encode()

    async def who_am_i(self) -> Identity:
        """Returns `identity`."""
        self._answer("who_am_i")
        return self.identity

    async def server_info(self) -> ServerInfo:
        """Returns a version, `now` and `problems`."""
        self._answer("server_info")
        return ServerInfo("test", self.now, self.now, self.problems)

    async def sites(self) -> tuple[Site, ...]:
        """Returns the sites of `known_sites`."""
        self._answer("sites")
        return tuple(site for site, _ in self.known_sites)

    async def site(self, name: str) -> tuple[Site, tuple[str, ...]]:
        """Returns one of `known_sites`."""
        self._answer("site", name)
        for site, machines in self.known_sites:
            if site.name == name:
                return site, machines
        raise NotFound(f"there is no site {name}")

    async def close(self) -> None:
        """Ends every stream."""
        self.closed = True
        for feed in self._feeds():
            feed.end()


@dataclass
class FakeServers:
    """Servers behind fake gateways: of each title, what makes one."""

    servers: tuple[Server, ...]
    gateways: Mapping[str, Callable[[], Gateway]]

    def known(self) -> tuple[Server, ...]:
        """Returns `servers`."""
        return self.servers

    def open(self, server: Server) -> Gateway:
        """Returns the server's gateway; one that there is none of cannot be opened."""
        if server.title not in self.gateways:
            raise InvalidRequest(f"{server.address!r} is no address")
        return self.gateways[server.title]()


def sample_gateway() -> FakeGateway:
    """Returns a gateway with the made-up sites, stops and policies, and no workflow yet."""
    gateway = FakeGateway(
        known_sites=samples.sample_sites(),
        board=samples.sample_board(),
        book=samples.sample_book(),
        known_buckets=samples.sample_buckets(),
        now=samples.NOW,
    )
    gateway.list_feed.first = (True, ())
    return gateway


def add_workflow(
    gateway: FakeGateway,
    summary: Summary,
    blocks: Sequence[Sequence[Status]],
    *,
    progress: Sequence[JobProgress] = (),
    errors: Mapping[tuple[int, int], str] | None = None,
) -> Summary:
    """Adds a made-up erasure to the list, with its watch and its jobs' details."""
    gateway.summaries = (*gateway.summaries, summary)
    gateway.list_feed.first = (True, gateway.summaries)
    gateway.feed(summary.id, samples.snapshot_of(summary, blocks, progress))
    gateway.jobs[summary.id] = samples.jobs_of(blocks, dict(errors or {}))
    return summary


def add_sample(gateway: FakeGateway, sample: Sample) -> Summary:
    """Adds a made-up workflow that somebody ordered something of, with all that is known of it."""
    summary = add_workflow(gateway, sample.summary, sample.blocks, errors=sample.errors)
    gateway.feed(summary.id, sample.snapshot)
    for (block, job), story in sample.stories.items():
        gateway.stories[summary.id, block, job] = story
        gateway.jobs[summary.id][block][job] = story.job
    if sample.receipt is not None:
        gateway.receipts[summary.id] = sample.receipt
    if sample.history is not None:
        gateway.histories[summary.id] = sample.history
    return summary


def frozen_app(
    gateway: Gateway,
    *,
    private: bool = False,
    drafts: Drafts | None = None,
    settings: Settings | None = None,
    server: Server | None = None,
    servers: Servers | None = None,
) -> WfApp:
    """Returns the console at three in the morning, for ever; a broken stream is retried only by hand."""

    async def until_told(event: asyncio.Event, seconds: float) -> None:
        await event.wait()

    app = WfApp(
        gateway,
        now=lambda: samples.NOW,
        private=private,
        wait=until_told,
        jitter=lambda: 1.0,
        stopwatch=lambda: 0.0,
        drafts=drafts,
        typing_pause=0.0,
        settings=settings or Settings(),
        server=server,
        servers=servers,
    )
    app.animation_level = "none"
    return app


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Presses keys one after another, each when the one before has had its effect."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await settle(pilot)


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Types a text into what has the focus."""
    for character in text:
        pilot.app.post_message(events.Key("space" if character == " " else character, character))
    await settle(pilot)


async def settle(pilot: Pilot[None]) -> None:
    """Waits until no message is in a queue, no call is on its way, and everything is painted.

    Not by the clock: on a busy machine a process that waits for its turn looks idle.
    """
    quiet = 0
    while quiet < _QUIET_ROUNDS:
        await pilot.wait_for_scheduled_animations()
        quiet = quiet + 1 if _is_quiet(pilot.app) else 0


def _is_quiet(app: App[None]) -> bool:
    nodes = (
        app,
        *app.screen_stack,
        *(node for screen in app.screen_stack for node in screen.walk_children()),
    )
    # What is put off until after the next painting stands in no queue, and can scroll or paint again.
    waiting = any(node.message_queue_size or node._next_callbacks for node in nodes)
    unpainted = app.screen._callbacks or app.screen._layout_required
    return not waiting and not unpainted and all(worker.is_finished for worker in app.workers)
