"""A workflow as of any change of its history: back and forth, read-only."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widgets import Input, Static

from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.log import LogScreen
from wf_tui.screens.past import load_history
from wf_tui.screens.raw import RawScreen, texts_as_of
from wf_tui.state.filters import Filter
from wf_tui.state.format import moment, short_id
from wf_tui.state.history import FIELDS, History, Scrubber, along
from wf_tui.state.pages import PAGE, Page, TimelessPages
from wf_tui.state.raw import copied_words
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.detail import block_facts, job_facts
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.overview import Overview
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.slider import Slider
from wf_tui.widgets.work_tree import WorkTree

_LEAP = 0.1
#: Actions whose keys come before those of what has the focus.
_IN_TIME = frozenset({"step", "leap", "block", "trouble", "play", "speed", "begin", "end"})
#: Ticks in which the whole history plays at speed 1.
_TICKS = 80


def _key(keys: str, action: str, name: str, id: str, tooltip: str, *, show: bool = False) -> Binding:
    # Before the tree's own: left and right go through time here.
    return Binding(keys, action, name, show=show, priority=True, id=f"history.{id}", tooltip=tooltip)


class HistoryScreen(FilteredScreen):
    """Holds the history as it was read; ctrl+r reads what has come since."""

    AUTO_FOCUS = "#tree"
    FILTERED = "changes to stop at"
    FILTER_FIELDS = FIELDS
    #: Seconds between two pictures while it plays.
    TICK: ClassVar[float] = 0.25
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("left", "step(-1)", "Back", "back", "One change back", show=True),
        _key("right", "step(1)", "Forth", "forth", "One change forth", show=True),
        _key("shift+left,pageup", "leap(-1)", "10% back", "leap_back", "A tenth of the history back"),
        _key("shift+right,pagedown", "leap(1)", "10% forth", "leap_forth", "A tenth of the history forth"),
        Binding("l", "log", "Log", id="history.log", tooltip="What the job wrote into its log, all of it"),
        _key(
            "right_square_bracket",
            "block(1)",
            "Next block",
            "next_block",
            "To where the next block begins or ends",
        ),
        _key("left_square_bracket", "block(-1)", "Last block", "last_block", "To the one before"),
        _key("n", "trouble(1)", "Failure", "next_trouble", "To the next failure", show=True),
        _key("N", "trouble(-1)", "Last failure", "last_trouble", "To the failure before"),
        _key("p", "play", "Play", "play", "Play on from here, or stop", show=True),
        _key("plus", "speed(2)", "Faster", "faster", "Play twice as fast"),
        _key("minus", "speed(0.5)", "Slower", "slower", "Play half as fast"),
        Binding("d", "describe", "Describe", show=False, id="history.describe", tooltip="All about it"),
        Binding(
            "y",
            "raw",
            "Raw",
            show=False,
            id="history.raw",
            tooltip="The whole status as of this change, as YAML and JSON",
        ),
        Binding("Y", "copy", "Copy", show=False, id="history.copy", tooltip="Copy the details"),
        _key("home", "begin", "Submitted", "begin", "To the beginning, as it was submitted"),
        _key("end", "end", "Newest", "end", "To the newest change"),
    ]

    def __init__(self, context: Context, workflow: LiveWorkflow) -> None:
        super().__init__(context)
        self.history = History(workflow)
        self.scrubber: Scrubber | None = None
        self._pages = TimelessPages()
        #: The changes that the filter lets through; None: all.
        self._stops: array[int] | None = None
        self._speed = 1.0
        self._clock: Timer | None = None
        self._plays = False

    def crumbs(self) -> tuple[str, ...]:
        """Below its workflow."""
        summary = self.history.summary
        return "Workflows", f"{summary.name} {short_id(summary.id)}", "History"

    def body(self) -> ComposeResult:
        """Which moment it is, the workflow as of then, where that is in its history."""
        yield Static(id="as-of", markup=False)
        yield self.filter_line()
        yield Overview(self._then)
        with Container(id="panes"):
            yield WorkTree(self._pages, self._then)
            yield Facts(id="detail")
        yield Slider()

    def on_mount(self) -> None:
        """Reads the history."""
        super().on_mount()
        self.query_one("#as-of", Static).update("Reading the history…")
        self._clock = self.set_interval(self.TICK, self._advance, name="play", pause=True)
        self._read()

    @property
    def filter_key(self) -> str:
        """Each workflow has its own."""
        return f"history {self.history.summary.id}"

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._plays

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Who types a filter goes nowhere in time."""
        return not (action in _IN_TIME and isinstance(self.focused, Input))

    def narrow(self, chosen: Filter) -> None:
        """Stops only at the changes that match."""
        self._stops = None
        if chosen:
            self.ask(partial(self._match, chosen), "changes that match", group="match", exclusive=True)
        elif self.scrubber is not None:
            self._go(self.scrubber.seq)

    async def _match(self, chosen: Filter) -> None:
        # In a thread: a long history has a hundred thousand changes.
        stops = await asyncio.to_thread(self.history.matching, chosen)
        if chosen == self.filter_bar.chosen:
            self._stops = stops
            self.filter_bar.tell(f"{len(stops):,} of {len(self.history):,}")

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
        plays = f"▶ ×{self._speed:g}  " if self.playing else ""
        self.query_one(Slider).tell(self.scrubber.seq, len(self.history), plays + line)
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
        """Goes some changes on, of those that the filter lets through."""
        if self.scrubber is None:
            return
        if self._stops is None:
            self._go(self.scrubber.seq + changes)
        elif (seq := along(self._stops, self.scrubber.seq, changes)) is not None:
            self._go(seq)
        else:
            self.say(f"No change {'after' if changes > 0 else 'before'} this one matches.")

    def action_block(self, step: int) -> None:
        """Goes to where a block, or the workflow, begins or ends."""
        self._seek(step, self.history.is_block, "No block begins or ends")

    def action_trouble(self, step: int) -> None:
        """Goes to a failure, round the end, and puts the cursor on it."""
        self._seek(step, self.history.is_trouble, "Nothing fails", around=True)

    def _seek(self, step: int, wanted: Callable[[int], bool], words: str, *, around: bool = False) -> None:
        if self.scrubber is None:
            return
        seq = self.history.seek(self.scrubber.seq, step, wanted)
        if seq is None and around:
            seq = self.history.seek(0 if step > 0 else len(self.history) + 1, step, wanted)
        if seq is None:
            self.say(f"{words} {'after' if step > 0 else 'before'} this change.")
            return
        self._go(seq)
        self.query_one(WorkTree).go_to(self.history.blocks[seq - 1], self.history.jobs[seq - 1])

    def action_play(self) -> None:
        """Plays on from here, from the beginning if this is the end; or stops."""
        if self.scrubber is None:
            return
        self._play(not self._plays)
        if self._plays and self.scrubber.seq >= len(self.history):
            self._go(0)
        else:
            self._go(self.scrubber.seq)

    def _play(self, plays: bool) -> None:
        self._plays = plays
        if self._clock is not None:
            if plays:
                self._clock.resume()
            else:
                self._clock.pause()

    def action_speed(self, factor: float) -> None:
        """Plays faster or slower."""
        self._speed = min(64.0, max(0.25, self._speed * factor))
        if self.scrubber is not None:
            self._go(self.scrubber.seq)

    def _advance(self) -> None:
        """A tick: on by so much that the whole takes some twenty seconds, at least a change."""
        if self.scrubber is None or not self.is_current:
            return
        changes = max(1, round(len(self.history) * self._speed / _TICKS))
        if self._stops is not None:
            seq = along(self._stops, self.scrubber.seq, 1)
        else:
            seq = self.scrubber.seq + changes
        if seq is None or seq >= len(self.history):
            self._play(False)
        self._go(len(self.history) if seq is None else seq)

    def action_describe(self) -> None:
        """Shows the details of the line under the cursor, as of then."""
        if facts := self.query_one(Facts).told:
            self.app.push_screen(ReadingDialog(self.query_one(Slider).words, facts))

    def action_raw(self) -> None:
        """Shows the workflow as text, as the server has it as of this change."""
        if self.scrubber is None:
            return
        seq, workflow_id = self.scrubber.seq, self.history.summary.id
        place = (*self.crumbs(), f"seq {seq:,}" if seq else "as submitted")
        texts = partial(texts_as_of, self.context.gateway, workflow_id, seq)
        self.app.push_screen(RawScreen(self.context, place, texts))

    def action_copy(self) -> None:
        """Copies the details, by OSC 52."""
        text = self.query_one(Facts).plain
        if text:
            self.app.copy_to_clipboard(text)
            self.say(copied_words(text))

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
