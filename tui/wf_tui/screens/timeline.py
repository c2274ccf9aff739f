"""When each block and job of a workflow ran, from its history."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context, WfScreen
from wf_tui.screens.log import LogScreen
from wf_tui.screens.past import load_history
from wf_tui.state.format import duration, moment, short_id
from wf_tui.state.history import History
from wf_tui.state.pages import PAGE, JobPages, Page
from wf_tui.state.text import clean
from wf_tui.state.timeline import Timeline
from wf_tui.state.workflow import LiveWorkflow, moment_of
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.timeline import TimelineRows


class TimelineScreen(WfScreen):
    """As of the moment it was opened; ctrl+r reads what has come since."""

    AUTO_FOCUS = "#timeline"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log", id="timeline.log", tooltip="What the job under the cursor wrote"),
    ]

    def __init__(self, context: Context, workflow: LiveWorkflow) -> None:
        super().__init__(context)
        self.history = History(workflow)
        self._pages = JobPages()

    def crumbs(self) -> tuple[str, ...]:
        """Below its workflow."""
        summary = self.history.summary
        return "Workflows", f"{summary.name} {short_id(summary.id)}", "Timeline"

    def body(self) -> ComposeResult:
        """Which time is drawn, and the bars."""
        yield Static(id="axis", markup=False)
        yield TimelineRows(self._pages)

    def on_mount(self) -> None:
        """Reads the history."""
        super().on_mount()
        self._read()

    @property
    def _rows(self) -> TimelineRows:
        return self.query_one(TimelineRows)

    def _read(self) -> None:
        self._say("Reading the history…", "dim")
        self.ask(self._load(), "the history", group="history", exclusive=True)

    async def _load(self) -> None:
        try:
            await load_history(self.context.gateway, self.history, self._told)
        except GatewayError as error:
            self._say(clean(str(error)), "bad")
            return
        if not len(self.history):
            self._say("Nothing has happened yet.", "dim")
            return
        now_us = round(self.context.now().timestamp() * 1_000_000)
        self._rows.show_timeline(Timeline(self.history, now_us))

    def _told(self) -> None:
        self._say(f"Reading the history… {len(self.history):,} of {self.history.newest_seq:,} changes", "dim")

    def _say(self, words: str, look: str) -> None:
        rows = self._rows
        rows.placeholder = [[Piece(words, look)], [], [Piece("ctrl+r asks again, esc goes back", "dim")]]
        rows.lines_changed()

    @on(RowsView.Moved)
    def _moved(self) -> None:
        rows = self._rows
        if not rows.line_count():
            return
        window, now = rows.window, self.context.now()
        start, end = moment(now, moment_of(window.start)), moment(now, moment_of(window.end))
        shown = duration(window.length / 1_000_000)
        self.query_one("#axis", Static).update(f"{start} – {end}  ({shown})")
        for page in self._pages.wanted(rows.visible_jobs(), changed=False):
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
        self._rows.refresh()

    def action_log(self) -> None:
        """Shows the log of the job under the cursor, or of all in its block."""
        summary = self.history.summary
        if jobs := self._rows.jobs_here():
            self.app.push_screen(LogScreen(self.context, summary.id, summary.name, jobs))

    def action_retry(self) -> None:
        """Reads what has come since."""
        self._read()
