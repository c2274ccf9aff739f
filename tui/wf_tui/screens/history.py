"""A workflow as of any change of its history: back and forth, read-only."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context, WfScreen
from wf_tui.screens.log import LogScreen
from wf_tui.screens.past import load_history
from wf_tui.state.format import moment, short_id
from wf_tui.state.history import History, Scrubber
from wf_tui.state.pages import PAGE, Page, TimelessPages
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.detail import block_facts, job_facts
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.overview import Overview
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.slider import Slider
from wf_tui.widgets.work_tree import WorkTree

_LEAP = 0.1


def _key(keys: str, action: str, name: str, id: str, tooltip: str, *, show: bool = False) -> Binding:
    # Before the tree's own: left and right go through time here.
    return Binding(keys, action, name, show=show, priority=True, id=f"history.{id}", tooltip=tooltip)


class HistoryScreen(WfScreen):
    """Holds the history as it was read; ctrl+r reads what has come since."""

    AUTO_FOCUS = "#tree"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("left", "step(-1)", "Back", "back", "One change back", show=True),
        _key("right", "step(1)", "Forth", "forth", "One change forth", show=True),
        _key("shift+left,pageup", "leap(-1)", "10% back", "leap_back", "A tenth of the history back"),
        _key("shift+right,pagedown", "leap(1)", "10% forth", "leap_forth", "A tenth of the history forth"),
        Binding("l", "log", "Log", id="history.log", tooltip="What the job wrote into its log, all of it"),
        _key("home", "begin", "Submitted", "begin", "To the beginning, as it was submitted"),
        _key("end", "end", "Newest", "end", "To the newest change"),
    ]

    def __init__(self, context: Context, workflow: LiveWorkflow) -> None:
        super().__init__(context)
        self.history = History(workflow)
        self.scrubber: Scrubber | None = None
        self._pages = TimelessPages()

    def crumbs(self) -> tuple[str, ...]:
        """Below its workflow."""
        summary = self.history.summary
        return "Workflows", f"{summary.name} {short_id(summary.id)}", "History"

    def body(self) -> ComposeResult:
        """Which moment it is, the workflow as of then, where that is in its history."""
        yield Static(id="as-of", markup=False)
        yield Overview(self._then)
        with Container(id="panes"):
            yield WorkTree(self._pages, self._then)
            yield Facts(id="detail")
        yield Slider()

    def on_mount(self) -> None:
        """Reads the history."""
        super().on_mount()
        self.query_one("#as-of", Static).update("Reading the history…")
        self._read()

    def _then(self) -> datetime:
        """The time as of which everything is shown."""
        seq = self.scrubber.seq if self.scrubber is not None else 0
        return self.history.time(seq) or self.history.summary.created

    def _read(self) -> None:
        self.ask(self._load(), "the history", group="history", exclusive=True)

    async def _load(self) -> None:
        try:
            await load_history(self.context.gateway, self.history, self._told)
        except GatewayError as error:
            if self.scrubber is not None:
                raise
            self.query_one("#as-of", Static).update(f"✗ {clean(str(error))}  ctrl+r asks again, esc: back")
            return
        scrubber = self.scrubber or Scrubber(self.history)
        for _ in scrubber.checkpoints():
            # A hundred thousand changes are not gone through in one go.
            await asyncio.sleep(0)
        self.scrubber = scrubber
        self._go(len(self.history))

    def _told(self) -> None:
        if self.scrubber is None:
            read = f"{len(self.history):,} of {self.history.newest_seq:,} changes"
            self.query_one("#as-of", Static).update(f"Reading the history… {read}")

    def _go(self, seq: int) -> None:
        """Shows the workflow as of a change."""
        if self.scrubber is None:
            return
        workflow = self.scrubber.go(seq)
        self.query_one(WorkTree).show_workflow(workflow)
        self.query_one(Overview).show_workflow(workflow)
        when = moment(self.context.now(), self._then())
        self.query_one("#as-of", Static).update(f"◆ as of {when}, not live – esc: back to live")
        line = self.scrubber.line(self.context.now())
        self.query_one(Slider).tell(self.scrubber.seq, len(self.history), line)
        self._show_detail()

    @on(RowsView.Moved)
    def _moved(self) -> None:
        self._show_detail()
        row = self.query_one(WorkTree).row
        jobs = self.query_one(WorkTree).visible_jobs()
        if row is not None and row.job is not None:
            jobs.append((row.block, row.job))
        for page in self._pages.wanted(jobs, changed=False):
            self.ask(self._fetch(page), f"jobs of block {page[0]}", group="details")

    async def _fetch(self, page: Page) -> None:
        block, number = page
        try:
            details = await self.context.gateway.list_jobs(
                self.history.summary.id, block, number * PAGE, PAGE
            )
        except GatewayError:
            self._pages.give_up(page)
            raise
        self._pages.take(page, details)
        self.query_one(WorkTree).lines_changed()
        self._show_detail()

    def _show_detail(self) -> None:
        row = self.query_one(WorkTree).row
        if self.scrubber is None or row is None or row.block >= len(self.scrubber.workflow.blocks):
            return
        workflow, then = self.scrubber.workflow, self._then()
        if row.job is None:
            self.query_one(Facts).tell(block_facts(workflow, row.block, then))
            return
        detail = self._pages.get(row.block, row.job)
        self.query_one(Facts).tell(job_facts(workflow, row.block, row.job, detail, then))

    def action_log(self) -> None:
        """Shows the log of the job under the cursor, as it is now."""
        summary = self.history.summary
        if jobs := self.query_one(WorkTree).jobs_here():
            self.app.push_screen(LogScreen(self.context, summary.id, summary.name, jobs))
        else:
            self.say("No job had started here by then.")

    def action_step(self, changes: int) -> None:
        """Goes some changes on."""
        if self.scrubber is not None:
            self._go(self.scrubber.seq + changes)

    def action_leap(self, direction: int) -> None:
        """Goes a tenth of the history on."""
        if self.scrubber is not None:
            self._go(self.scrubber.seq + direction * self.scrubber.step(_LEAP))

    def action_begin(self) -> None:
        """Goes to the beginning."""
        self._go(0)

    def action_end(self) -> None:
        """Goes to the newest change."""
        self._go(len(self.history))

    def action_retry(self) -> None:
        """Reads what has come since."""
        self._read()
