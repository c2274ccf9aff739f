"""Home: all workflows, live."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from wf_tui.screens.base import Context, OpenWorkflow
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.state.endings import Endings
from wf_tui.state.filters import Filter
from wf_tui.state.format import count
from wf_tui.state.listing import FIELDS, Listing
from wf_tui.state.marks import GLYPHS, WORKFLOW_ORDER
from wf_tui.state.models import WORKFLOW_ACTIVE, Status, Stop, Summary
from wf_tui.state.text import clean
from wf_tui.widgets.detail import status_style
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED
from wf_tui.widgets.workflow_table import WorkflowHead, WorkflowTable

#: As many as the server gives at once.
_LIMIT = 1000
_STREAM = "workflows"


class WorkflowsEnded(Message):
    """Tells once of workflows that have ended since the console began."""

    def __init__(self, ended: tuple[Summary, ...]) -> None:
        super().__init__()
        self.ended = ended


class WorkflowsScreen(FilteredScreen):
    """The list, its filter, and a line about the workflow under the cursor."""

    AUTO_FOCUS = "#workflows"
    FILTERED = "workflows"
    FILTER_FIELDS = FIELDS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "app.erase", "Erase", id="workflows.erase", tooltip="Erase a satellite's disks"),
        Binding("S", "app.stops", "Stops", id="workflows.stops", tooltip="To the emergency stops"),
        Binding(
            "o", "order", "Order", show=False, id="workflows.order", tooltip="Newest first, or trouble first"
        ),
        Binding(
            "s", "stop", "Stop type", id="workflows.stop", tooltip="Engage the stop of this workflow's type"
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
        return Content("   ").join((*told, Content.styled(total, MUTED)))

    @on(RowsView.Moved)
    def _peek(self) -> None:
        summary = self._table.current
        self.query_one("#peek", Static).update(_peek(summary) if summary is not None else "")

    @on(RowsView.Opened)
    def _open(self, event: RowsView.Opened) -> None:
        self.post_message(OpenWorkflow(self.listing[event.line].id))

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self.listing.narrow(chosen)
        self._show(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Back is only for the filter here."""
        return self.filter_bar.display if action == "back" and self.is_mounted else True

    def action_back(self) -> None:
        """Clears the filter."""
        self.filter_bar.clear()
        self._to_list()

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
    if not summary.reason:
        return first
    return Content("\n").join((first, Content.styled(clean(summary.reason), status_style(summary.status))))
