"""What jobs wrote into their logs, live while they run, and there to read afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from wf_tui.commands import Command
from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.state.filters import Filter
from wf_tui.state.format import between, count, short_id
from wf_tui.state.job_log import FIELDS, Kind, LogBook
from wf_tui.state.marks import JOB_ORDER, mark
from wf_tui.state.models import JobDetail, Status
from wf_tui.state.pages import PAGE
from wf_tui.state.raw import copied_words
from wf_tui.state.text import clean
from wf_tui.widgets.detail import bar_content, status_style
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.log_lines import LogLines
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED

_EVERY_SECONDS = 1.0
_BAR = 20


class LogScreen(FilteredScreen):
    """Asks every second while a job may still write; ctrl+r asks for all of it again."""

    AUTO_FOCUS = "#log"
    FILTERED = "lines"
    FILTER_FIELDS = FIELDS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "describe", "Line", id="log.describe", tooltip="Read a long line as a whole"),
        Binding("Y", "copy", "Copy", id="log.copy", tooltip="Copy the lines that are shown"),
    ]

    def __init__(
        self, context: Context, workflow_id: str, name: str, jobs: Sequence[tuple[int, int]]
    ) -> None:
        super().__init__(context)
        self.workflow_id = workflow_id
        self._name = name
        self._jobs = tuple(jobs)
        self.book = LogBook(jobs)
        self._everything = False
        self._loaded = False

    @property
    def filter_key(self) -> str:
        """Each set of jobs has its own."""
        return f"log {self.workflow_id} {self._jobs[:2]}"

    def crumbs(self) -> tuple[str, ...]:
        """Below its workflow."""
        (block, job), *others = self._jobs
        what = f"of {count(len(self._jobs), 'job')}" if others else f"of job {job} of block {block}"
        return "Workflows", f"{self._name} {short_id(self.workflow_id)}", f"Log {what}"

    def body(self) -> ComposeResult:
        """How the job stands, filter, lines."""
        yield Static(id="job", markup=False)
        yield self.filter_line()
        yield LogLines(self.book)

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self._lines.placeholder = [[Piece("Asking the server for the log…", "dim")]]
        self.poll(f"log {self.workflow_id}", self._ask, self._take, every=_EVERY_SECONDS)

    @property
    def _lines(self) -> LogLines:
        return self.query_one(LogLines)

    async def _ask(self) -> list[JobDetail]:
        everything, self._everything = self._everything, False
        details: list[JobDetail] = []
        for block, page in self.book.due(everything=everything):
            details += await self.context.gateway.list_jobs(self.workflow_id, block, page * PAGE, PAGE)
        return details

    def _take(self, details: list[JobDetail]) -> None:
        self._loaded = True
        key = self._lines.current
        self.book.take(details)
        self._lines.placeholder = self._placeholder()
        self._lines.book_changed(key=key)
        self._tell()

    def refused(self, error: GatewayError) -> None:
        """Says it where the lines would be; lines that were read stay."""
        if self._loaded:
            super().refused(error)
        else:
            self._fail(error)

    def stream_failed(self, error: Exception) -> None:
        """Says that nothing more will come."""
        if isinstance(error, GatewayError) and not self._loaded:
            self._fail(error)
        else:
            super().stream_failed(error)

    def _fail(self, error: GatewayError) -> None:
        self._lines.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("ctrl+r asks again", "dim")]]
        self._lines.lines_changed()

    def _placeholder(self) -> list[list[Piece]]:
        if self.book.total:
            return [[Piece("No line matches"), Piece("  esc shows all again", "dim")]]
        detail = self.book.alone.detail if self.book.alone is not None else None
        if detail is not None and detail.status is Status.NOT_STARTED:
            return [[Piece("It has not started", "strong")], [], [Piece("Its log appears here.", "dim")]]
        if not self.book.due():
            return [[Piece("The server has no line of this log", "strong")]]
        return [[Piece("No line yet", "strong")], [], [Piece("New ones appear here at once.", "dim")]]

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        key = self._lines.current
        self.book.narrow(chosen)
        if self._loaded:
            self._lines.placeholder = self._placeholder()
        self._lines.book_changed(key=key)
        self._tell()

    @on(RowsView.Moved)
    def _tell(self) -> None:
        if self._loaded and self.is_mounted:
            self.filter_bar.tell(f"{self.book.shown:,} of {self.book.total:,}")
            self.query_one("#job", Static).update(self._head())

    def _head(self) -> Content:
        follows = "▼ follows" if self._lines.following else "‖ stays here, f follows"
        lines = Content.styled(f"{count(self.book.total, 'line')}  {follows}", MUTED)
        alone = self.book.alone
        if alone is not None:
            if alone.detail is None:
                return lines
            return Content("\n").join(
                (_job_line(alone.detail), _progress(alone.detail, self.context) + lines)
            )
        statuses = Counter(log.detail.status for log in self.book.logs.values() if log.detail is not None)
        marks = [
            Content.styled(f"{mark(status)} {statuses[status]:,}", status_style(status))
            for status in JOB_ORDER
            if statuses[status]
        ]
        left_out = f"   {self.book.left_out:,} more are left out" if self.book.left_out else ""
        return Content("\n").join((Content("   ").join(marks) + left_out, lines))

    @on(RowsView.Opened)
    def _opened(self) -> None:
        self.action_describe()

    def action_describe(self) -> None:
        """Shows the line under the cursor as a whole."""
        line = self._lines.current
        if line is None:
            return
        title = f"Job {line.job} of block {line.block}"
        if line.kind is Kind.LINE:
            title += f", line {line.number:,}"
        self.app.push_screen(ReadingDialog(title, [Fact("", line.text)]))

    def action_copy(self) -> None:
        """Copies what is shown, by OSC 52."""
        if text := self.book.text:
            self.app.copy_to_clipboard(text)
            self.say(copied_words(text))

    def action_retry(self) -> None:
        """Asks for everything again, of jobs that have ended too."""
        self._everything = True
        super().action_retry()

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields what can be done with the lines."""
        if screen is self:
            yield Command("log: follow", "Stay on the newest line, or stay here", self._lines.action_follow)
            yield Command("log: copy", "The lines that are shown, to the clipboard", self.action_copy)
            yield Command("log: filter", "Lines by regular expressions", self.action_filter)


def _job_line(detail: JobDetail) -> Content:
    args = "  ".join(f"{clean(name)}={clean(value)}" for name, value in sorted(detail.args.items()))
    error = f"  {clean(detail.error)}" if detail.error else ""
    return Content.assemble(
        (mark(detail.status), f"bold {status_style(detail.status)}"),
        (f"  {clean(detail.name)}", "bold"),
        f"  {args}",
        (error, status_style(detail.status)),
    )


def _progress(detail: JobDetail, context: Context) -> Content:
    """How far it is and how long it took, with room for the lines' number behind."""
    took = between(detail.started, detail.ended, context.now())
    if detail.status is not Status.RUNNING or detail.fraction is None:
        return Content(f"{took}   " if detail.started is not None else "")
    done = bar_content(detail.fraction, _BAR, status_style(detail.status))
    message = f"  {clean(detail.progress_message)}" if detail.progress_message else ""
    return Content.assemble(done, f" {int(100 * detail.fraction)}%{message}  {took}   ")
