"""The inbox: the workflows that wait for somebody's approval, and those that have it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.approval import ApprovalScreen
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen, document
from wf_tui.state.approvals import ApprovalCase
from wf_tui.state.filters import Filter
from wf_tui.state.format import short_id
from wf_tui.state.models import Status
from wf_tui.state.text import clean
from wf_tui.widgets.approval_table import FIELDS, ApprovalHead, ApprovalTable, case_facts, case_words
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED

_MOST = 200
_EVERY_SECONDS = 3.0


class InboxScreen(InspectingScreen, FilteredScreen):
    """It is read anew every few seconds; nothing is decided here, only on what has been looked at."""

    AUTO_FOCUS = "#approvals"
    FILTERED = "approvals"
    FILTER_FIELDS = FIELDS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._loaded = False

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", "Inbox"

    def body(self) -> ComposeResult:
        """Counts, filter, table, the line below."""
        yield Static(id="counts")
        yield self.filter_line()
        yield ApprovalHead()
        yield ApprovalTable(self.context.now)
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self._table.placeholder = [[Piece("Asking the server for what waits…", "dim")]]
        self.poll("approvals", self._ask, self._take, every=_EVERY_SECONDS)
        self.set_interval(1.0, self._table.refresh, name="ages")

    @property
    def _table(self) -> ApprovalTable:
        return self.query_one(ApprovalTable)

    async def _ask(self) -> tuple[tuple[ApprovalCase, ...], int]:
        return await self.context.gateway.approvals(_MOST)

    def _take(self, answer: tuple[tuple[ApprovalCase, ...], int]) -> None:
        cases, total = answer
        self._loaded = True
        self._table.placeholder = [
            [Piece("Nothing waits for approval", "strong")],
            [],
            [Piece("Workflows of types with the policy requireApproval are listed here.", "dim")],
        ]
        self._table.show_cases(cases)
        self.query_one("#counts", Static).update(_counts(cases, total))

    def refused(self, error: GatewayError) -> None:
        """Says it where the list would be; a list that is there stays."""
        if self._loaded:
            super().refused(error)
            return
        self._table.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("ctrl+r asks again", "dim")]]
        self._table.lines_changed()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self._table.choose(chosen)

    @on(RowsView.Moved)
    def _moved(self) -> None:
        case = self._table.current
        self.query_one("#peek", Static).update(case_words(case) if case is not None else "")

    def inspected(self) -> Inspected | None:
        """The case under the cursor."""
        case = self._table.current
        if case is None:
            return None
        facts = case_facts(case, self.context.now())
        return Inspected(f"Approval of {short_id(case.summary.id)}", facts, document(case))

    @on(RowsView.Opened)
    def _open(self) -> None:
        case = self._table.current
        if case is not None:
            self.app.push_screen(ApprovalScreen(self.context, case.summary.id, case.summary.name))


def _counts(cases: tuple[ApprovalCase, ...], total: int) -> Content:
    waiting = [case for case in cases if case.summary.status is Status.AWAITING_APPROVAL]
    yours = sum(not case.why_not for case in waiting)
    if not cases:
        return Content("")
    more = f", {total - len(cases):,} more are not shown" if total > len(cases) else ""
    return Content("   ").join(
        (
            Content.styled(f"◇ {yours:,} for you", "$text-warning" if yours else MUTED),
            Content.styled(f"◇ {len(waiting) - yours:,} for others", MUTED),
            Content.styled(f"✓ {len(cases) - len(waiting):,} approved", "$text-success"),
            Content.styled(f"the oldest first{more}", MUTED),
        )
    )
