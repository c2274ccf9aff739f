"""One workflow, live: its tree of blocks and jobs, and all about what the cursor is on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from wf_tui.commands import Command
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.compare import compare_with_another
from wf_tui.screens.history import HistoryScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen
from wf_tui.screens.log import LogScreen
from wf_tui.screens.ordering import OrderingScreen
from wf_tui.screens.raw import RawScreen, workflow_texts
from wf_tui.screens.rejection import RejectionScreen
from wf_tui.screens.timeline import TimelineScreen
from wf_tui.state.filters import Filter
from wf_tui.state.format import count, short_id
from wf_tui.state.job_filter import JOB_FIELDS, ONLY_TROUBLE, Narrowing
from wf_tui.state.models import ChangeBatch, Snapshot, Status, Stop, WorkReq
from wf_tui.state.pages import PAGE, JobPages, Page
from wf_tui.state.raw import copied_words
from wf_tui.state.stories import JobStories
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.detail import block_facts, job_facts
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.overview import Overview
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.work_tree import WorkTree

#: As many as the server gives at once.
_MOST_JOBS = 1000
#: Jobs of a WorkReq that is read for its options: reading more would be felt at the keys.
_MOST_READ = 2_000


class WorkflowScreen(InspectingScreen, OrderingScreen):
    """Opens its own watch, and ends it."""

    AUTO_FOCUS = "#tree"
    FILTERED = "jobs"
    FILTER_FIELDS = JOB_FIELDS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "execute", "Execute", id="workflow.execute", tooltip="Start it, after a question"),
        Binding(
            "s", "stop", "Stop type", id="workflow.stop", tooltip="Engage the stop of this workflow's type"
        ),
        Binding(
            "v",
            "detail",
            "Pane",
            show=False,
            id="workflow.detail",
            tooltip="Show or hide the pane with the details",
        ),
        Binding(
            "H",
            "history",
            "History",
            show=False,
            id="workflow.history",
            tooltip="Back and forth through all that happened",
        ),
        Binding(
            "T",
            "timeline",
            "Timeline",
            show=False,
            id="workflow.timeline",
            tooltip="When each block and job ran",
        ),
        Binding(
            "M",
            "mends",
            "Mends",
            show=False,
            id="workflow.mends",
            tooltip="The refused WorkReq that it mends",
        ),
        Binding(
            "l", "log", "Log", id="workflow.log", tooltip="What the job under the cursor wrote into its log"
        ),
        Binding(
            "equals_sign",
            "compare",
            "Compare",
            show=False,
            id="workflow.compare",
            tooltip="Side by side with another run of its type",
        ),
        Binding(
            "t",
            "trouble",
            "Only trouble",
            show=False,
            id="workflow.trouble",
            tooltip="Only jobs in trouble, or all",
        ),
        Binding(
            "Y",
            "copy_detail",
            "Copy",
            show=False,
            id="workflow.copy",
            tooltip="Copy the details of what the cursor is on",
        ),
        Binding(
            "I", "copy_id", "Copy id", show=False, id="workflow.copy_id", tooltip="Copy the workflow's id"
        ),
    ]

    def __init__(self, context: Context, workflow_id: str) -> None:
        super().__init__(context, workflow_id)
        self._pages = JobPages()
        self._stories = JobStories()
        #: What was submitted; None: not read, or too large to read for a few words.
        self._request: WorkReq | None = None
        self._narrowing = Narrowing()
        self._reading = False

    def crumbs(self) -> tuple[str, ...]:
        """Its name and short id."""
        name = self.workflow.summary.name if self.workflow is not None else "Workflow"
        return "Workflows", f"{name} {short_id(self.workflow_id)}"

    def body(self) -> ComposeResult:
        """How it stands, tree, details."""
        yield Overview(self.context.now, may_act=self._may_act)
        yield self.filter_line()
        with Container(id="panes"):
            yield WorkTree(self._pages, self.context.now)
            yield Facts(id="detail")

    def on_mount(self) -> None:
        """Opens the watch."""
        super().on_mount()
        self._tree.placeholder = [[Piece("Asking the server for this workflow…", "dim")]]
        self.follow(
            f"workflow {self.workflow_id}",
            lambda: self.context.gateway.watch(self.workflow_id),
            self._take,
            endless=False,
        )
        self.set_interval(1.0, self._tick, name="elapsed times")

    @property
    def _tree(self) -> WorkTree:
        return self.query_one(WorkTree)

    @property
    def job_here(self) -> tuple[int, int] | None:
        """The (block, job) under the cursor."""
        row = self._tree.row
        return (row.block, row.job) if row is not None and row.job is not None else None

    def _take(self, message: Snapshot | ChangeBatch) -> None:
        status = self.workflow.summary.status if self.workflow is not None else None
        if isinstance(message, Snapshot):
            self.workflow = LiveWorkflow(message)
            self._pages.forget()
            self._tree.show_workflow(self.workflow)
            self.narrow(self._narrowing.chooser)
            self._read_request()
        elif self.workflow is not None:
            touched = self.workflow.apply(message)
            self._pages.touch(touched)
            self._stories.touch(touched)
            self._narrowing.touch(touched)
            self._tree.blocks_changed({block for block, _ in touched})
        self.show_standing()
        if self.workflow is not None and self.workflow.summary.status is not status:
            self.ask_who()
            self.renamed()
            self.refresh_bindings()

    def stream_failed(self, error: Exception) -> None:
        """Says in the tree's place what is wrong."""
        self._tree.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("esc goes back", "dim")]]
        self._tree.lines_changed()
        if not isinstance(error, GatewayError):
            self.context.report(error)

    def _tick(self) -> None:
        """Times go on, and the job under the cursor may have more to say."""
        if self.workflow is None:
            return
        row = self._tree.row
        if row is not None and row.job is not None and self._status(row.block, row.job) is Status.RUNNING:
            self._pages.touch([(row.block, row.job)])
        self._fetch(changed=True)
        self.show_standing()
        self._tree.lines_changed()

    def _status(self, block: int, job: int) -> Status:
        assert self.workflow is not None
        return self.workflow.blocks[block].status_of(job)

    def show_standing(self) -> None:
        """Shows how it stands now, and what the cursor is on."""
        if self.workflow is None or not self.is_mounted:
            return
        self.query_one(Overview).show_workflow(self.workflow)
        self.filter_bar.tell(self._narrowing.words())
        self._show_detail()

    def _show_detail(self) -> None:
        row = self._tree.row
        if self.workflow is None or row is None or row.block >= len(self.workflow.blocks):
            return
        now = self.context.now()
        if row.job is None:
            self.query_one(Facts).tell(block_facts(self.workflow, row.block, now, self._request))
            return
        detail = self._pages.get(row.block, row.job)
        key = row.block, row.job
        asked = self._request.blocks[row.block].jobs[row.job] if self._request is not None else None
        facts = job_facts(self.workflow, *key, detail, now, story=self._stories.get(key), asked=asked)
        self.query_one(Facts).tell(facts)
        if detail is not None and self._stories.wants(detail, self._status(*key)):
            self.ask(self._fetch_story(*key), f"attempts of job {row.job}", group="details")

    async def _fetch_story(self, block: int, job: int) -> None:
        try:
            story = await self.context.gateway.job(self.workflow_id, block, job)
        except GatewayError:
            self._stories.give_up((block, job))
            raise
        self._stories.take((block, job), story)
        self._show_detail()

    def _read_request(self) -> None:
        """Asks once what was submitted: waves, budgets, retries."""
        assert self.workflow is not None
        if self._request is None and self.workflow.summary.jobs.total <= _MOST_READ:
            self.ask(self._requested(), "what was submitted", group="request", exclusive=True)

    async def _requested(self) -> None:
        # Nobody asked for it: the next snapshot is the next occasion.
        with suppress(GatewayError):
            request, _ = await self.context.gateway.get(self.workflow_id)
            assert self.workflow is not None
            shapes = [len(block.jobs) for block in request.blocks], [b.total for b in self.workflow.blocks]
            self._request = request if shapes[0] == shapes[1] else None
            self._show_detail()

    @on(RowsView.Moved)
    def _moved(self) -> None:
        self._show_detail()
        self._fetch(changed=False)

    def _fetch(self, *, changed: bool) -> None:
        """Asks for details of what is visible: missing ones at once, changed ones by the second."""
        jobs = self._tree.visible_jobs()
        row = self._tree.row
        if row is not None and row.job is not None:
            jobs.append((row.block, row.job))
        if self.has_class("-stale"):
            return
        for page in self._pages.wanted(jobs, changed=changed):
            self.ask(self._fetch_page(page), f"jobs of block {page[0]}", group="details")

    async def _fetch_page(self, page: Page) -> None:
        block, number = page
        try:
            details = await self.context.gateway.list_jobs(self.workflow_id, block, number * PAGE, PAGE)
        except GatewayError:
            self._pages.give_up(page)
            raise
        self._pages.take(page, details)
        self._tree.lines_changed()
        self._show_detail()

    @property
    def filter_key(self) -> str:
        """Each workflow has its own."""
        return f"workflow {self.workflow_id}"

    def narrow(self, chosen: Filter) -> None:
        """Shows only the jobs that match."""
        self._narrowing.chooser = chosen
        if self.workflow is None:
            return
        self._narrowing.choose(self.workflow, chosen)
        self._narrow()
        self.show_standing()
        if chosen and self._narrowing.reads and not self._reading:
            self._reading = True
            self.ask(self._read_jobs(), "all jobs, for the filter", group="filter")

    async def _read_jobs(self) -> None:
        """Reads what the filter looks at; what has been read stays so."""
        texts = self._narrowing.texts
        assert texts is not None
        try:
            while (page := texts.next_page()) is not None:
                details = await self.context.gateway.list_jobs(self.workflow_id, *page, _MOST_JOBS)
                if not details:
                    return
                self._narrowing.take(page[0], details)
                self._narrow()
                self.show_standing()
        finally:
            self._reading = False

    def _narrow(self) -> None:
        chosen = self._narrowing.chosen
        self._tree.narrow(chosen.blocks if chosen is not None else None)
        if chosen is not None and not chosen.total:
            self._tree.placeholder = [[Piece("No job matches"), Piece("  esc shows all again", "dim")]]

    def _may_act(self) -> bool:
        return not self.context.read_only and self.permitted("cancel")

    def identity_changed(self) -> None:
        """Names the keys that are left."""
        super().identity_changed()
        self.query_one(Overview).refresh()

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense as it stands, and not everything mends a rejection."""
        if (may := self.may(action)) is not None:
            return may
        if action == "execute":
            return self.workflow is not None and self.workflow.summary.status is Status.NOT_STARTED
        if action == "mends":
            return self.workflow is not None and bool(self.workflow.summary.mends)
        return True

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields what can be done with this workflow."""
        if screen is not self or self.workflow is None:
            return
        yield from self.order_commands()
        yield Command("workflow: filter jobs", "By a regular expression", self.action_filter)
        yield Command("workflow: log", "Of the job under the cursor, or the jobs under it", self.action_log)
        yield Command("workflow: only trouble", "Only jobs in trouble, or all again", self.action_trouble)
        yield Command("workflow: describe", "What the cursor is on, to read", self.action_describe)
        yield Command("workflow: pane", "Show or hide the details beside the tree", self.action_detail)
        yield Command("workflow: history", "Back and forth through all that happened", self.action_history)
        yield Command("workflow: compare", "Side by side with another run of its type", self.action_compare)
        yield Command("workflow: timeline", "When each block and job ran", self.action_timeline)
        yield Command("workflow: raw", "Request and status as YAML and JSON", self.action_raw)
        if self.workflow.summary.mends:
            yield Command("workflow: what it mends", "The refused WorkReq", self.action_mends)
        yield Command("workflow: copy id", "To the terminal's clipboard", self.action_copy_id)
        yield Command("workflow: copy details", "Of what the cursor is on", self.action_copy_detail)

    def action_mends(self) -> None:
        """Opens the rejection that this workflow is the mended form of."""
        assert self.workflow is not None
        self.app.push_screen(RejectionScreen(self.context, self.workflow.summary.mends))

    def action_execute(self) -> None:
        """Asks, and starts it."""
        assert self.workflow is not None
        summary = self.workflow.summary
        facts = [("Workflow", summary.name), ("About", summary.desc), ("Id", summary.id)]
        facts.append(("Jobs", f"{summary.jobs.total:,} in {count(summary.blocks, 'block')}"))

        def answered(yes: bool | None) -> None:
            if yes:
                self.ask(self._execute(), "execute", group="execute")

        self.app.push_screen(ConfirmDialog("Execute this workflow?", facts, "Execute"), answered)

    async def _execute(self) -> None:
        await self.context.gateway.execute(self.workflow_id)
        self.say("It is running.")

    def action_stop(self) -> None:
        """Engages the stop of its type."""
        if self.workflow is not None:
            summary = self.workflow.summary
            self.engage_stop(Stop(summary.name, engaged=False, running=int(summary.status is Status.RUNNING)))

    def action_detail(self) -> None:
        """Shows or hides the details."""
        self.toggle_class("-no-detail")

    def action_history(self) -> None:
        """Shows it as of any change."""
        if self.workflow is not None:
            self.app.push_screen(HistoryScreen(self.context, self.workflow))

    def action_timeline(self) -> None:
        """Shows when each block and job ran."""
        if self.workflow is not None:
            self.app.push_screen(TimelineScreen(self.context, self.workflow))

    def action_log(self) -> None:
        """Shows the log of the job under the cursor, or of those under the block or status it is on."""
        jobs = self._tree.jobs_here()
        if self.workflow is None:
            return
        if jobs:
            name = self.workflow.summary.name
            self.app.push_screen(LogScreen(self.context, self.workflow_id, name, jobs))
        else:
            self.say("No job has started here: there is no log yet.")

    def action_compare(self) -> None:
        """Asks for another run of the type, and shows both side by side."""
        if self.workflow is not None:
            compare_with_another(self, self.workflow.summary)

    def inspected(self) -> Inspected | None:
        """The block or job under the cursor; as text, the whole workflow."""
        facts = self.query_one(Facts).told
        if self.workflow is None:
            return None
        texts = partial(workflow_texts, self.context.gateway, self.workflow_id)
        return Inspected(self.workflow.summary.name, facts, texts)

    def action_raw(self) -> None:
        """Shows the workflow as text, whatever the cursor is on."""
        if (found := self.inspected()) is not None:
            self.app.push_screen(RawScreen(self.context, self.crumbs(), found.texts))

    def action_trouble(self) -> None:
        """Shows only jobs in trouble, or all again."""
        bar = self.filter_bar
        bar.put("" if bar.chosen.text == ONLY_TROUBLE else ONLY_TROUBLE)

    def action_copy_detail(self) -> None:
        """Copies the details of what the cursor is on, by OSC 52."""
        text = self.query_one(Facts).plain
        if text:
            self.app.copy_to_clipboard(text)
            self.say(copied_words(text))

    def action_copy_id(self) -> None:
        """Copies the workflow's id, by OSC 52."""
        self.app.copy_to_clipboard(self.workflow_id)
        self.say(f"Copied {self.workflow_id}")
