"""The table of the console's screens and dialogs, and a world to show on them.

A new screen or dialog is covered by a line in VISITS; without one a test fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static

from wf_tui.app import WfApp
from wf_tui.dialogs.base import Dialog
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.fan_out import FanOutDialog
from wf_tui.dialogs.help import HelpDialog
from wf_tui.dialogs.order import Order, OrderDialog, Verb
from wf_tui.dialogs.path import PathDialog
from wf_tui.dialogs.pick import Choice, PickDialog
from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.dialogs.resume import ResumeDialog, ResumeQueueDialog
from wf_tui.dialogs.servers import ServersDialog
from wf_tui.dialogs.stop import EngageDialog, ReleaseDialog
from wf_tui.gateway import Server
from wf_tui.screens.approval import ApprovalScreen
from wf_tui.screens.audit import AuditScreen
from wf_tui.screens.base import WfScreen
from wf_tui.screens.buckets import BucketsScreen
from wf_tui.screens.catalogue import CatalogueScreen
from wf_tui.screens.compare import CompareScreen
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.history import HistoryScreen
from wf_tui.screens.inbox import InboxScreen
from wf_tui.screens.log import LogScreen
from wf_tui.screens.pulse import PulseScreen
from wf_tui.screens.queue import QueueScreen
from wf_tui.screens.quotas import QuotasScreen
from wf_tui.screens.raw import RawScreen
from wf_tui.screens.receipt import ReceiptScreen
from wf_tui.screens.rejection import RejectionScreen
from wf_tui.screens.rejections import RejectionsScreen
from wf_tui.screens.sites import SitesScreen
from wf_tui.screens.stops import StopsScreen
from wf_tui.screens.timeline import TimelineScreen
from wf_tui.screens.wizard import WizardScreen
from wf_tui.screens.workbench import WorkbenchScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.state.approvals import (
    Approval,
    ApprovalCase,
    ApprovalPlan,
    ApprovalRule,
    BlastRadius,
    JobTypeCount,
    PlannedBlock,
    SiteReach,
)
from wf_tui.state.audit import AuditEntry
from wf_tui.state.models import (
    ArgDeclaration,
    Block,
    BlockSnapshot,
    Bucket,
    ChangeNote,
    Fate,
    HistoryStretch,
    Job,
    JobCounts,
    JobDetail,
    JobProgress,
    JobType,
    Lineage,
    LineageKind,
    Policy,
    PolicyBook,
    Quota,
    Receipt,
    Rejection,
    RejectionSummary,
    ReleaseKey,
    ReleasePlan,
    Site,
    SiteStatus,
    SiteType,
    Snapshot,
    Status,
    Stop,
    StopBoard,
    Summary,
    Violation,
    WorkflowType,
    WorkReq,
)
from wf_tui.state.queue import Entry, Queue, Stage
from wf_tui.state.samples import ago, sample_id
from wf_tui.state.trial import JudgedRequest, TrialNews, TrialSummary, Verdict
from wf_tui.testing import FakeGateway, FakeServers, press, settle
from wf_tui.widgets.audit_table import AuditTable
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.work_tree import WorkTree

S = Status
Say = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Visit:
    """The way to a screen: keys from the list of workflows, or a dialog put on top of it."""

    screen: type[Screen[Any]]
    keys: tuple[str, ...] = ()
    dialog: Callable[[WfApp, Say], Screen[Any]] | None = None

    def __str__(self) -> str:
        return "-".join((self.screen.__name__, *self.keys))


async def _set_stop(reason: str) -> str:
    return reason


VISITS: tuple[Visit, ...] = (
    Visit(WorkflowsScreen),
    Visit(WorkflowsScreen, ("slash",)),
    Visit(WorkflowScreen, ("enter",)),
    Visit(WorkflowScreen, ("enter", "n")),
    Visit(WorkflowScreen, ("enter", "down", "right", "down")),
    Visit(TimelineScreen, ("enter", "T")),
    Visit(HistoryScreen, ("enter", "H")),
    Visit(RawScreen, ("enter", "y")),
    Visit(LogScreen, ("enter", "l")),
    Visit(CompareScreen, dialog=lambda app, _: CompareScreen(app.context, *_first(app), *_first(app))),
    Visit(ReceiptScreen, dialog=lambda app, say: ReceiptScreen(app.context, *_first(app), say("type"))),
    Visit(InboxScreen, ("A",)),
    # The first of each screen has to work where nothing waits for approval too.
    Visit(ApprovalScreen, dialog=lambda app, say: ApprovalScreen(app.context, *_first(app), say("type"))),
    Visit(ApprovalScreen, ("A", "enter")),
    Visit(OrderDialog, ("enter", "X")),
    Visit(OrderDialog, ("A", "enter", "a")),
    Visit(RejectionsScreen, ("R",)),
    Visit(RejectionScreen, ("R", "enter")),
    Visit(StopsScreen, ("S",)),
    Visit(AuditScreen, ("W",)),
    Visit(ReadingDialog, ("W", "enter")),
    Visit(PulseScreen, ("P",)),
    Visit(CatalogueScreen, ("K",)),
    Visit(BucketsScreen, ("B",)),
    Visit(QuotasScreen, ("U",)),
    Visit(SitesScreen, ("I",)),
    Visit(WorkbenchScreen, ("F",)),
    Visit(WorkbenchScreen, dialog=lambda app, _: WorkbenchScreen(app.context, Path(__file__))),
    Visit(WizardScreen, ("e",)),
    Visit(WizardScreen, ("e", "enter", "tab", "enter")),
    Visit(WizardScreen, ("e", "a", "enter")),
    Visit(WizardScreen, ("e", "d", "a", "enter", "enter", "enter", "enter")),
    Visit(WizardScreen, ("D", "d", "a", "enter", "enter", "enter", "enter")),
    Visit(QueueScreen, ("Q",)),
    Visit(QueueScreen, dialog=lambda app, say: _queued(app, say)),  # noqa: PLW0108 - it stands below
    Visit(ComposerScreen, ("c",)),
    Visit(ComposerScreen, ("C",)),
    Visit(ComposerScreen, ("C", "down", "down")),
    Visit(ComposerScreen, ("C", "t")),
    Visit(ComposerScreen, ("R", "enter", "m")),
    Visit(EngageDialog, ("s",)),
    Visit(ReleaseDialog, dialog=lambda _, say: _release(say)),
    Visit(OrderDialog, dialog=lambda _, say: OrderDialog(_order(say))),
    Visit(HelpDialog, ("question_mark",)),
    Visit(ReadingDialog, ("I", "enter")),
    Visit(ReadingDialog, ("K", "enter")),
    Visit(
        ReadingDialog,
        dialog=lambda _, say: ReadingDialog(say("title"), [Fact(say("label"), say("value")), Fact(say("x"))]),
    ),
    Visit(
        ConfirmDialog,
        dialog=lambda _, say: ConfirmDialog(say("question"), [(say("label"), say("value"))], "Do it"),
    ),
    Visit(ResumeQueueDialog, dialog=lambda _, say: ResumeQueueDialog([("Holds", say("sites"))])),
    Visit(ResumeDialog, dialog=lambda _, say: ResumeDialog([("Name", say("name"))])),
    Visit(
        PickDialog,
        dialog=lambda _, say: PickDialog(say("question"), [Choice(say(n), say("words")) for n in "abc"]),
    ),
    Visit(
        PathDialog,
        dialog=lambda _, say: PathDialog(say("question"), say("path"), "Open", lambda _: say("why")),
    ),
    Visit(
        FanOutDialog,
        dialog=lambda _, say: FanOutDialog(
            Job(say("job"), say("desc"), {say("site"): say("aap")}), say("machine"), (say("aa00"),), 1
        ),
    ),
    Visit(
        ServersDialog,
        dialog=lambda app, say: ServersDialog(_servers(say), Server("", "here"), app.context.now),
    ),
)  # fmt: skip


def _order(say: Say) -> Order:
    """An order that asks for everything."""

    async def give(reason: str, confirm: str) -> str:
        return say("done")

    return Order(
        say("question"),
        [Fact("Workflow", say("type"))],
        [Verb("Do it", give)],
        "why",
        confirm=say("aap"),
        warning=say("warning"),
        danger=True,
    )


def _queued(app: WfApp, say: Say) -> QueueScreen:
    """A queue that stands still, so that nothing of it is worked off."""
    trouble = Entry((say("aap"), say("adg")), _request(say), "k1", stage=Stage.TROUBLE, words=say("why"))
    waiting = Entry((say("adv"),), _request(say), "k2", workflow_id=say("id"))
    app.context.queue.adopt(Queue(say("address"), (trouble, waiting)))
    return QueueScreen(app.context)


def _first(app: WfApp) -> tuple[str]:
    """The id of the workflow on top of the list."""
    home = app.screen_stack[0]
    assert isinstance(home, WorkflowsScreen)
    return (home.listing[0].id,)


def console_classes() -> set[type[Screen[Any]]]:
    """Returns every screen and dialog that the console can show; what others only build on is none."""
    found: set[type[Screen[Any]]] = set()
    kinds: list[type[Screen[Any]]] = [WfScreen, Dialog]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        own = [sub for sub in kind.__subclasses__() if sub.__module__.startswith("wf_tui.")]
        if kind.__module__.startswith("wf_tui.") and (not own or kind is ConfirmDialog):
            found.add(kind)
    return found


def _servers(say: Say) -> FakeServers:
    known = tuple(Server(say(name), say("host")) for name in ("fra", "ams"))
    return FakeServers(known, {})


def _stop(say: Say) -> Stop:
    key = ReleaseKey(say("first operator"), say("first reason"), ago(2), ago(-60))
    return Stop(say("type"), True, say("operator"), say("reason"), ago(5), key=key, expires=ago(-600))


def _release(say: Say) -> ReleaseDialog:
    key = ReleaseKey(say("operator"), say("reason"), ago(5), ago(-60))
    stop = Stop(say("type"), True, key=key)

    async def plan() -> ReleasePlan:
        return ReleasePlan(stop, two_keys=True, types=(say("type"),), workflows=2, jobs=3)

    return ReleaseDialog(stop, _set_stop, plan, lambda: ago(0))


def _trial(say: Say) -> tuple[TrialNews, ...]:
    judged = JudgedRequest(
        say("judged"), False, say("type"), say("desc"), say("operator"), ago(9),
        Verdict.PASSES, Verdict.REFUSED, _violations(say)[:2], 2,
    )  # fmt: skip
    return (TrialNews(1, 1, (judged,), TrialSummary(1, refused=1, newly_refused=1)),)


def world(say: Say) -> FakeGateway:
    """Returns a server on which every text that can be from outside is `say` of what it is."""
    request = _request(say)
    summary = Summary(
        id=sample_id(7), name=say("type"), desc=say("desc"), status=S.RUNNING, operator=say("operator"),
        created=ago(90), started=ago(60),
        jobs=JobCounts(total=4, completed=1, running=1, failed=1, not_started=1), blocks=2,
        current_block=1, had_errors=True, reason=say("reason"), seq=6,
        activity=say("activity"), lineage=Lineage(LineageKind.RERUN, say("source")), since=ago(60),
    )  # fmt: skip
    gateway = FakeGateway(
        known_sites=tuple(
            (Site(say(name), SiteType.SATELLITE, SiteStatus.DECOM, 2), (say("aa00"), say("aa01")))
            for name in ("aap", "adg")
        ),
        board=StopBoard((_stop(say), Stop("*", False))),
        book=_book(say),
        known_buckets=(Bucket(say("bucket"), 3, 1, 1, 60.0, ago(-30)),),
        known_quotas=(_quota(say),),
        known_job_types=_job_types(say),
        verdict=_violations(say),
        requests={summary.id: request},
        summaries=(summary,),
        jobs={summary.id: _jobs(say)},
        histories={summary.id: _history(say)},
        refused=(_refusal(say, request),),
        receipts={summary.id: _receipt(say)},
        plans={summary.id: _plan(say)},
        problems=(say("problem"),),
        entries=(_entry(say),),
        now=ago(0),
        trial=_trial(say),
    )
    gateway.list_feed.first = (True, (summary,))
    blocks = tuple(
        BlockSnapshot(say(f"block {at}"), 2, (S.FAILED, S.RUNNING)[at], at == 0, statuses, ago(60 - at))
        for at, statuses in enumerate((bytes((S.COMPLETED, S.FAILED)), bytes((S.RUNNING, S.NOT_STARTED))))
    )
    gateway.feed(summary.id, Snapshot(summary, blocks, (JobProgress(1, 0, 0.4, say("progress")),)))
    return gateway


def _plan(say: Say) -> ApprovalPlan:
    rule = ApprovalRule(say("policy"), (say("ann"), say("bob")), 2, 1, 60.0, say("message"))
    summary = Summary(
        id=sample_id(7), name=say("type"), desc=say("desc"), status=S.AWAITING_APPROVAL,
        operator=say("operator"), created=ago(90), jobs=JobCounts(total=4), blocks=2,
        activity=say("activity"), since=ago(60),
    )  # fmt: skip
    counts = (JobTypeCount(say("job"), 4),)
    given = Approval(say("ann"), ago(30), say("comment"), say("way"), say("why"), ago(5), say("reason"))
    return ApprovalPlan(
        ApprovalCase(summary, (rule,), ago(-60)),
        (given,),
        BlastRadius(4, counts, (SiteReach(say("aap"), 2, 2),), 2, counts, 1),
        (PlannedBlock(say("block"), counts, 2), PlannedBlock(say("last"), counts, 1, True, True)),
        2,
        say("digest"),
    )


def _quota(say: Say) -> Quota:
    names = (say("job type"),), (say("workflow type"),)
    return Quota(say("label"), say("value"), 2, 2, say("limit"), 60.0, 3, ago(-30), *names)


def _entry(say: Say) -> AuditEntry:
    return AuditEntry(
        1, ago(5), say("operator"), say("source"), say("act"), say("type"), say("target"), say("reason"),
        say("outcome"), say("told"), say("digest"), 3, "{}", "ab" * 32, "00" * 32,
    )  # fmt: skip


def _receipt(say: Say) -> Receipt:
    fates = bytes((Fate.ENDED_BEFORE, Fate.UNKNOWN)), bytes((Fate.IN_FLIGHT, Fate.NEVER_STARTED))
    return Receipt(
        sample_id(7), say("type"), S.CANCELLED, say("operator"), say("reason"), ago(3), None, ago(-7),
        jobs=4, never_started=1, unknown=1, ended_before=1, in_flight=1, fates=fates,
    )  # fmt: skip


def _request(say: Say) -> WorkReq:
    job = Job(say("job"), say("job desc"), {say("arg"): say("value"), "site": say("aap")})
    return WorkReq(
        say("type"), say("desc"), tuple(Block(say(f"block {at}"), 2, (job, job)) for at in range(2))
    )


def _book(say: Say) -> PolicyBook:
    settings = {say("setting"): [say("one"), say("two")], "AllowedJobs": [say("job")]}
    policy = Policy(say("policy"), say("help"), settings)
    return PolicyBook((WorkflowType(say("type"), (policy, policy)),), say("problem"))


def _job_types(say: Say) -> tuple[JobType, ...]:
    args = (
        ArgDeclaration(say("arg"), "text", True, say("help"), (say("choice"), say("other")), say("example")),
        ArgDeclaration("site", "site", True, say("help"), example=say("aap")),
    )
    return (JobType(say("job"), say("help"), args, say("idempotent")),)


def _violations(say: Say) -> tuple[Violation, ...]:
    return (
        Violation(say("policy"), say("message"), 0, 0, say("arg"), say("found"), say("expected")),
        Violation(say("policy"), say("message"), 1, None),
        Violation(say("policy"), say("message")),
    )


def _jobs(say: Say) -> list[list[JobDetail]]:
    statuses = ((S.COMPLETED, S.FAILED), (S.RUNNING, S.NOT_STARTED))
    return [
        [
            JobDetail(
                at, job, say("job"), say("job desc"), {say("arg"): say("value")}, status, say("error"),
                ago(50), ago(40), 0.4, say("progress"), (say("log line"), say("another")),
            )
            for job, status in enumerate(block)
        ]
        for at, block in enumerate(statuses)
    ]  # fmt: skip


def _history(say: Say) -> HistoryStretch:
    statuses = bytes((S.RUNNING, S.RUNNING, S.RUNNING, S.COMPLETED, S.RUNNING, S.FAILED))
    note = ChangeNote(say("error"), say("operator"), say("reason"))
    times = [round(ago(60 - at).timestamp() * 1_000_000) for at in range(6)]
    return HistoryStretch(
        1, (-1, 0, 0, 0, 0, 0), (-1, -1, 0, 0, 1, 1), statuses, times, {0: note, 5: note}, 6
    )


def _refusal(say: Say, request: WorkReq) -> Rejection:
    summary = RejectionSummary(
        sample_id(99), say("type"), say("desc"), say("operator"), ago(30), 2, 4, 3, say("message")
    )
    return Rejection(summary, request, _violations(say))


async def go_to(visit: Visit, pilot: Pilot[None], say: Say) -> None:
    """Goes to a screen from the list of workflows."""
    await press(pilot, *visit.keys)
    if visit.dialog is not None:
        assert isinstance(pilot.app, WfApp)
        pilot.app.push_screen(visit.dialog(pilot.app, say))
        await settle(pilot)
    assert isinstance(pilot.app.screen, visit.screen)


def base(app: App[Any]) -> WfScreen:
    """The screen that has a banner: the one on top, or the one beneath a dialog."""
    return next(screen for screen in reversed(app.screen_stack) if isinstance(screen, WfScreen))


def banner(app: App[Any], part: str) -> str:
    line = base(app).query_one(part, Static)
    return str(line.visual) if line.display else ""


def _place(rows: RowsView) -> object:
    """What the cursor is on, where its line may change by itself."""
    if isinstance(rows, WorkTree):
        # Its line may be folded away.
        return rows.row
    if isinstance(rows, AuditTable) and rows.current is not None:
        # Newer entries come above it.
        return rows.current.seq
    return rows.cursor


class Held:
    """What the operator has in hand: the typed text, the cursors, the focus."""

    def __init__(self, app: App[Any]) -> None:
        self.focus = app.focused.id if app.focused is not None else None
        self.typed = [(field.id, field.value, field.cursor_position) for field in app.screen.query(Input)]
        self.cursors = [(rows.id, _place(rows)) for rows in app.screen.query(RowsView)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(vars(self))


def take_in_hand(app: App[Any]) -> None:
    """Types into the first field that one can see."""
    field = next((field for field in app.screen.query(Input) if field.focusable and field.region.area), None)
    if field is not None:
        field.focus()
        field.value = "keep me"
        field.cursor_position = 4
