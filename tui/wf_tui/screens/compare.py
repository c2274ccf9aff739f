"""Two runs compared: what was asked for, how it ended, how long it took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from wf_tui.commands import Command
from wf_tui.dialogs.pick import Choice, PickDialog
from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.gateway import Gateway, GatewayError
from wf_tui.screens.base import Context, WfScreen
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.log import LogScreen
from wf_tui.state.compare import Comparison, Run, compare
from wf_tui.state.compare_lines import FIELDS, Line, arrange, as_text, summary_lines
from wf_tui.state.filters import Filter
from wf_tui.state.format import count, moment, short_id
from wf_tui.state.marks import mark
from wf_tui.state.models import JobDetail, Snapshot, Summary
from wf_tui.state.raw import copied_words
from wf_tui.state.text import clean
from wf_tui.widgets.compare_view import CompareView, pair_facts
from wf_tui.widgets.detail import status_style
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED

#: As many as the server gives at once.
_MOST_JOBS = 1000
_MOST_RUNS = 200


class CompareScreen(FilteredScreen):
    """As of the moment it was opened; ctrl+r reads both again."""

    AUTO_FOCUS = "#compare"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (160, "-wide")]  # noqa: RUF012 - declared so by Textual
    FILTERED = "jobs"
    FILTER_FIELDS = FIELDS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "only", "Only differences", id="compare.only", tooltip="Only what differs, or all"),
        Binding("d", "describe", "Describe", id="compare.describe", tooltip="Both sides of this line"),
        Binding("l", "log", "Log", show=False, id="compare.log", tooltip="The log of the job on the right"),
        Binding(
            "tab",
            "swap",
            "Swap",
            show=False,
            priority=True,
            id="compare.swap",
            tooltip="Left to the right and back again",
        ),
        Binding("Y", "copy", "Copy", show=False, id="compare.copy", tooltip="Copy what is shown, as text"),
    ]

    def __init__(self, context: Context, left: str, right: str) -> None:
        super().__init__(context)
        self.ids = left, right
        self.comparison: Comparison | None = None
        self.only_differences = True
        self._lines: tuple[Line, ...] = ()
        self._read_jobs = 0
        self._summary = ["", "", ""]

    @property
    def filter_key(self) -> str:
        """Each pair has its own."""
        return f"compare {self.ids}"

    def crumbs(self) -> tuple[str, ...]:
        """Both short ids."""
        left, right = map(short_id, self.ids)
        return "Workflows", f"{left} ⇄ {right}"

    def body(self) -> ComposeResult:
        """Both runs, what differs on the whole, filter, pairs, all about one."""
        yield Static(id="runs", markup=False)
        yield self.filter_line()
        with Container(id="panes"):
            yield CompareView()
            yield Facts(id="detail")

    def on_mount(self) -> None:
        """Reads both."""
        super().on_mount()
        self._read()

    @property
    def _view(self) -> CompareView:
        return self.query_one(CompareView)

    def _read(self) -> None:
        self._read_jobs = 0
        if self.comparison is None:
            self._say("Reading both workflows…", "dim")
        self.ask(self._load, "both workflows", group="compare", exclusive=True)

    async def _load(self) -> None:
        gateway = self.context.gateway
        try:
            left, right = await asyncio.gather(*(read_run(gateway, id, self._told) for id in self.ids))
        except GatewayError as error:
            if self.comparison is not None:
                raise
            self._say(clean(str(error)), "bad")
            return
        await self._compare(left, right)

    async def _compare(self, left: Run, right: Run) -> None:
        # In a thread: tens of thousands of jobs take their time.
        self.comparison = await asyncio.to_thread(compare, left, right)
        self._summary = await asyncio.to_thread(summary_lines, self.comparison)
        await self._arrange()

    def _told(self, jobs: int) -> None:
        self._read_jobs += jobs
        if self.comparison is None:
            self._say(f"Reading both workflows… {count(self._read_jobs, 'job')}", "dim")

    def _say(self, words: str, look: str) -> None:
        view = self._view
        view.placeholder = [[Piece(words, look)], [], [Piece("ctrl+r asks again, esc goes back", "dim")]]
        view.lines_changed()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        if self.comparison is not None:
            self.ask(self._arrange, "what differs", group="arrange", exclusive=True)

    async def _arrange(self) -> None:
        comparison, chosen, only = self.comparison, self.filter_bar.chosen, self.only_differences
        if comparison is None:
            return
        self._lines = await asyncio.to_thread(arrange, comparison, only_differences=only, chosen=chosen)
        nothing = "No block and no job differs" if only else "There are no jobs"
        words = "Nothing matches" if chosen else nothing
        self._view.placeholder = [[Piece(words, "strong")], [], [Piece("o shows what is the same", "dim")]]
        self.query_one("#runs", Static).update(self._head(comparison))
        self._view.show_lines(comparison.left, comparison.right, self._lines)
        jobs = sum(line.job is not None for line in self._lines)
        self.filter_bar.tell(count(jobs, "job"))

    def _head(self, comparison: Comparison) -> Content:
        runs = [
            Content.assemble(
                (f"{side:<6}", MUTED),
                (mark(run.summary.status), status_style(run.summary.status)),
                (f"  {clean(run.summary.name)} {short_id(clean(run.summary.id))}", "bold"),
                f"  {clean(run.summary.desc)}",
                (f"  {moment(self.context.now(), run.summary.created)}", MUTED),
            )
            for side, run in (("Left", comparison.left), ("Right", comparison.right))
        ]
        shown = "only differences" if self.only_differences else "everything"
        request, outcome, time = self._summary
        words = [Content.styled(line, "bold") for line in (request, outcome)]
        last = Content.assemble((time, "bold"), (f"   shown: {shown}", MUTED))
        return Content("\n").join((*runs, *words, last))

    @on(RowsView.Moved)
    def _moved(self) -> None:
        self.query_one(Facts).tell(self._facts())

    def _facts(self) -> list[Any]:
        line, comparison = self._view.current, self.comparison
        if line is None or comparison is None:
            return []
        return list(pair_facts(comparison.left, comparison.right, line, self.context.now()))

    @on(RowsView.Opened)
    def _opened(self) -> None:
        self.action_describe()

    def action_describe(self) -> None:
        """Shows both sides of the line under the cursor."""
        if facts := self._facts():
            self.app.push_screen(ReadingDialog("Left and right", facts))

    def action_only(self) -> None:
        """Shows only differences, or everything."""
        self.only_differences = not self.only_differences
        self.ask(self._arrange, "what differs", group="arrange", exclusive=True)

    def action_swap(self) -> None:
        """Puts the left one to the right."""
        if self.comparison is not None:
            self.ids = self.ids[1], self.ids[0]
            self.renamed()
            left, right = self.comparison.right, self.comparison.left
            self.ask(partial(self._compare, left, right), "both workflows", group="compare", exclusive=True)

    def action_log(self) -> None:
        """Shows the log of the right side's job, or the left's where there is no other."""
        line, comparison = self._view.current, self.comparison
        if line is None or comparison is None or line.job is None:
            self.say("Put the cursor on a job to read its log.")
            return
        job, run = line.job.right, comparison.right
        if job is None:
            job, run = line.job.left, comparison.left
        assert job is not None
        summary = run.summary
        self.app.push_screen(LogScreen(self.context, summary.id, summary.name, [(job.block, job.job)]))

    def action_copy(self) -> None:
        """Copies the summary and the lines, by OSC 52."""
        if self.comparison is not None:
            text = as_text(self.comparison, self._lines)
            self.app.copy_to_clipboard(text)
            self.say(copied_words(text))

    def action_retry(self) -> None:
        """Reads both again."""
        self._read()

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields what can be done with a comparison."""
        if screen is self:
            yield Command("compare: only differences", "Or everything", self.action_only)
            yield Command("compare: swap", "Left to the right and back again", self.action_swap)
            yield Command("compare: copy", "What is shown, as text", self.action_copy)


async def read_run(gateway: Gateway, workflow_id: str, told: Callable[[int], None]) -> Run:
    """Reads a workflow with all of its jobs, page by page; tells how many came. Raises GatewayError."""
    snapshot = await _snapshot(gateway, workflow_id)
    jobs = []
    for number, block in enumerate(snapshot.blocks):
        read: list[JobDetail] = []
        while len(read) < len(block.job_statuses):
            page = await gateway.list_jobs(workflow_id, number, len(read), _MOST_JOBS)
            if not page:
                break
            read += page
            told(len(page))
        jobs.append(tuple(read))
    return Run(snapshot, tuple(jobs))


async def _snapshot(gateway: Gateway, workflow_id: str) -> Snapshot:
    stream = gateway.watch(workflow_id)
    try:
        async for message in stream:
            if isinstance(message, Snapshot):
                return message
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
    raise GatewayError("the server ended the watch before it said how the workflow stands")


def compare_two(screen: WfScreen, one: Summary, other: Summary) -> None:
    """Opens the comparison of two workflows, the older one on the left."""
    left, right = sorted((one, other), key=lambda summary: (summary.created, summary.id))
    screen.app.push_screen(CompareScreen(screen.context, left.id, right.id))


def compare_with_another(screen: WfScreen, summary: Summary) -> None:
    """Asks which other run of the same type to compare with."""
    screen.ask(partial(_pick, screen, summary), "runs to compare with", group="compare", exclusive=True)


async def _pick(screen: WfScreen, summary: Summary) -> None:
    found, _ = await screen.context.gateway.list(name=summary.name, limit=_MOST_RUNS)
    others = [other for other in found if other.id != summary.id]
    if not others:
        screen.say(f"There is no other {summary.name} to compare with.")
        return
    choices, by_value = _choices(screen, others)

    def chosen(value: str | None) -> None:
        if value is not None:
            compare_two(screen, summary, by_value[value])

    if screen.is_current:
        question = f"Compare {summary.name} {short_id(summary.id)} with"
        screen.app.push_screen(PickDialog(question, choices), chosen)


def _choices(screen: WfScreen, others: Sequence[Summary]) -> tuple[list[Choice], dict[str, Summary]]:
    now = screen.context.now()
    by_value = {f"{short_id(other.id)}  {moment(now, other.created)}": other for other in others}
    choices = [
        Choice(value, f"{mark(other.status)}  {other.desc}  {other.operator}")
        for value, other in by_value.items()
    ]
    return choices, by_value
