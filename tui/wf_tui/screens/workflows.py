"""Home: all workflows, live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from wf_tui.commands import Command
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.gateway import GatewayError, Unreachable
from wf_tui.screens import orders
from wf_tui.screens.base import Context, OpenWorkflow
from wf_tui.screens.compare import compare_two, compare_with_another
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen
from wf_tui.screens.raw import workflow_texts
from wf_tui.state.endings import Endings
from wf_tui.state.filters import Filter
from wf_tui.state.format import count, short_id
from wf_tui.state.listing import FIELDS, Listing
from wf_tui.state.marks import GLYPHS, WORKFLOW_ORDER
from wf_tui.state.models import WORKFLOW_ACTIVE, Status, Stop, Summary
from wf_tui.state.standing import waits_for
from wf_tui.state.text import clean
from wf_tui.widgets.detail import status_style, summary_facts
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED
from wf_tui.widgets.workflow_table import WorkflowHead, WorkflowTable

#: As many as the server gives at once.
_LIMIT = 1000
_STREAM = "workflows"
#: Sides of a comparison.
_TWO = 2
#: So many are named in a question.
_NAMED = 8


class WorkflowsEnded(Message):
    """Tells once of workflows that have ended since the console began."""

    def __init__(self, ended: tuple[Summary, ...]) -> None:
        super().__init__()
        self.ended = ended


class WorkflowsScreen(InspectingScreen, FilteredScreen):
    """The list, its filter, and a line about the workflow under the cursor."""

    AUTO_FOCUS = "#workflows"
    FILTERED = "workflows"
    FILTER_FIELDS = FIELDS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "e",
            "app.wizard('erase')",
            "Erase",
            id="workflows.erase",
            tooltip="Erase satellites' disks, step by step",
        ),
        Binding("S", "app.stops", "Stops", id="workflows.stops", tooltip="To the emergency stops"),
        Binding(
            "o", "order", "Order", show=False, id="workflows.order", tooltip="Newest first, or trouble first"
        ),
        Binding(
            "space",
            "mark",
            "Mark",
            show=False,
            id="workflows.mark",
            tooltip="Mark it for what is done with several",
        ),
        Binding(
            "x",
            "execute",
            "Execute",
            show=False,
            id="workflows.execute",
            tooltip="Start the marked ones, or this one, after a question",
        ),
        Binding(
            "equals_sign",
            "compare",
            "Compare",
            show=False,
            id="workflows.compare",
            tooltip="The two marked ones side by side, or this one with another",
        ),
        Binding(
            "s", "stop", "Stop type", id="workflows.stop", tooltip="Engage the stop of this workflow's type"
        ),
        Binding(
            "p",
            "pause",
            "Pause",
            show=False,
            id="workflows.pause",
            tooltip="Pause the marked ones or this one, or let them go on",
        ),
        Binding(
            "X",
            "cancel",
            "Cancel",
            show=False,
            id="workflows.cancel",
            tooltip="End the marked ones or this one for good; asks before",
        ),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.listing = Listing()
        self._endings = Endings()

    def crumbs(self) -> tuple[str, ...]:
        """It is the first screen."""
        return ("Workflows",)

    def body(self) -> ComposeResult:
        """Counts, filter, table, the line below."""
        yield Static(id="counts")
        yield self.filter_line()
        yield WorkflowHead()
        yield WorkflowTable(self.listing, self.context.now)
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Opens the stream."""
        super().on_mount()
        self._table.placeholder = self._placeholder()
        self.follow(_STREAM, lambda: self.context.gateway.watch_list(_LIMIT), self._take)
        self.set_interval(1.0, self._table.refresh, name="ages")

    @property
    def _table(self) -> WorkflowTable:
        return self.query_one(WorkflowTable)

    @property
    def current_id(self) -> str:
        """The id of the workflow under the cursor; "": there is none."""
        current = self._table.current
        return current.id if current is not None else ""

    def _take(self, message: tuple[bool, tuple[Summary, ...]]) -> None:
        self.context.activity.take(*message, self.context.now())
        self._show(self.listing.take(*message))
        if ended := self._endings.take(message[1]):
            self.post_message(WorkflowsEnded(ended))

    def _show(self, lines: set[int] | None) -> None:
        if self.is_mounted:
            self._table.placeholder = self._placeholder()
            self._table.listing_changed(lines)
            self.query_one("#counts", Static).update(self._counts())

    def _placeholder(self) -> list[list[Piece]]:
        if not self.listing.loaded:
            return [[Piece("Waiting for the server's list of workflows…", "dim")]]
        if self.listing.total:
            return [
                [
                    Piece(f"None of {count(self.listing.total, 'workflow')} matches "),
                    Piece(clean(self.listing.filter.text), "strong"),
                ],
                [],
                [Piece("esc shows all again", "dim")],
            ]
        return [
            [Piece("No workflows yet", "strong")],
            [],
            [
                Piece("Press "),
                Piece("e", "strong"),
                Piece(" to erase the disks of a satellite, step by step,"),
            ],
            [Piece("or submit a file from a shell: "), Piece("wf run FILE", "strong")],
        ]

    def _counts(self) -> Content:
        if not self.listing.loaded:
            return Content("")
        numbers: Counter[Status] = self.listing.counts()
        told = [
            Content.styled(f"{GLYPHS[status]} {numbers[status]:,} {status.label}", status_style(status))
            for status in WORKFLOW_ORDER
            if numbers[status]
        ]
        shown = f"{len(self.listing):,} of " if self.listing.filter else ""
        total = f"{shown}{count(self.listing.total, 'workflow')}, {self.listing.order.value}"
        if marked := len(self.listing.marked):
            told.insert(0, Content.styled(f"◆ {marked:,} marked", "bold $text-warning"))
        return Content("   ").join((*told, Content.styled(total, MUTED)))

    @on(RowsView.Moved)
    def _peek(self) -> None:
        summary = self._table.current
        self.query_one("#peek", Static).update(_peek(summary) if summary is not None else "")
        self.refresh_bindings()

    def inspected(self) -> Inspected | None:
        """The workflow under the cursor."""
        summary = self._table.current
        if summary is None:
            return None
        name = f"{summary.name} {short_id(summary.id)}"
        texts = partial(workflow_texts, self.context.gateway, summary.id)
        return Inspected(name, summary_facts(summary, self.context.now()), texts)

    @on(RowsView.Opened)
    def _open(self, event: RowsView.Opened) -> None:
        self.post_message(OpenWorkflow(self.listing[event.line].id))

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self.listing.narrow(chosen)
        self._show(None)

    def concerned(self) -> Collection[str]:
        """The types of the marked workflows, or of the one under the cursor."""
        return {summary.name for summary in self._chosen()} if self.is_mounted else ()

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Back is only for the filter and the marks here."""
        if action == "back" and self.is_mounted:
            return self.filter_bar.display or bool(self.listing.marked)
        return True

    def action_back(self) -> None:
        """Takes the marks away; without any, clears the filter."""
        if self.listing.marked:
            self.listing.clear_marks()
            self._show(None)
        else:
            self.filter_bar.clear()
        self._to_list()

    def action_mark(self) -> None:
        """Marks the workflow under the cursor, or takes its mark away, and goes on to the next."""
        if current := self.current_id:
            self.listing.toggle_mark(current)
            self._table.action_move(1)
            self._show(set(range(self._table.cursor - 1, self._table.cursor + 1)))

    def action_execute(self) -> None:
        """Asks, and starts the marked workflows, or the one under the cursor; which ones is fixed here."""
        current = self._table.current
        chosen = self.listing.marked or ([current] if current is not None else [])
        waiting = [summary for summary in chosen if summary.status is Status.NOT_STARTED]
        if not waiting:
            self.say("Only what has not started can be executed.")
            return
        facts = [(short_id(summary.id), f"{summary.name}: {summary.desc}") for summary in waiting[:_NAMED]]
        facts += [("and", count(len(waiting) - _NAMED, "more"))] if len(waiting) > _NAMED else []
        left_out = len(chosen) - len(waiting)
        facts += [("Left out", f"{left_out:,} that started already")] if left_out else []

        def answered(yes: bool | None) -> None:
            if yes:
                self.ask(partial(self._execute, waiting), "execute", group="execute")

        question = f"Execute {count(len(waiting), 'workflow')}?"
        self.app.push_screen(ConfirmDialog(question, facts, "Execute"), answered)

    async def _execute(self, summaries: Sequence[Summary]) -> None:
        done = 0
        for summary in summaries:
            try:
                await self.context.gateway.execute(summary.id)
            except Unreachable:
                raise
            except GatewayError as error:
                # One that is refused keeps none of the others waiting.
                self.context.report(error)
            else:
                done += 1
        self.listing.clear_marks()
        self._show(None)
        self.say(f"{done:,} of {count(len(summaries), 'workflow')} started.")

    def action_compare(self) -> None:
        """Compares the two that are marked; one that is marked with this one; this one with another."""
        marked, current = self.listing.marked, self._table.current
        if len(marked) > _TWO:
            self.say(f"{len(marked)} workflows are marked: two can be compared. esc takes the marks away.")
        elif len(marked) == _TWO:
            compare_two(self, *marked)
        elif current is None:
            self.say("There is no workflow to compare.")
        elif marked and marked[0].id != current.id:
            compare_two(self, marked[0], current)
        else:
            compare_with_another(self, current)

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields what can be done with the list."""
        if screen is self:
            yield Command("workflow: compare", "The marked ones, or this with another", self.action_compare)
            if not self.context.read_only and self.permitted("execute"):
                yield Command("workflow: execute", "The marked ones, or this one", self.action_execute)
            yield Command("workflow: mark", "For what is done with several", self.action_mark)
            if self.permitted("cancel"):
                yield Command("workflow: pause", "The marked ones or this; or resume", self.action_pause)
                yield Command("workflow: cancel", "The marked ones or this, for good", self.action_cancel)
            yield Command("workflows: filter", "By regular expressions", self.action_filter)
            yield Command("workflows: order", "Newest first, or trouble first", self.action_order)

    def _chosen(self) -> list[Summary]:
        """The marked workflows, or the one under the cursor."""
        current = self._table.current
        return self.listing.marked or ([current] if current is not None else [])

    def action_pause(self) -> None:
        """Pauses the marked workflows or this one, or lets them go on."""
        if chosen := self._chosen():
            orders.pause_or_resume(self, chosen)

    def action_cancel(self) -> None:
        """Ends the marked workflows or this one for good."""
        if chosen := self._chosen():
            orders.cancel(self, chosen)

    def action_order(self) -> None:
        """Switches between newest and trouble first."""
        self.listing.sort(self.listing.order.other)
        self._show(None)

    def action_stop(self) -> None:
        """Engages the stop of the type under the cursor."""
        summary = self._table.current
        if summary is not None:
            running = sum(
                1
                for at in range(len(self.listing))
                if self.listing[at].name == summary.name and _runs(self.listing[at])
            )
            self.engage_stop(Stop(summary.name, engaged=False, running=running))


def _runs(summary: Summary) -> bool:
    return summary.status in WORKFLOW_ACTIVE


def _peek(summary: Summary) -> Content:
    who = f" by {clean(summary.operator)}" if summary.operator else ""
    first = Content.assemble(
        (clean(summary.desc) or "(no description)", "bold"), (f"  {clean(summary.id)}{who}", MUTED)
    )
    told = waits_for(summary) or summary.activity or summary.reason
    if not told:
        return first
    return Content("\n").join((first, Content.styled(clean(told), status_style(summary.status))))
