"""One workflow to decide on: what it would reach, who is asked, who has agreed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from wf_tui.commands import Command
from wf_tui.dialogs.order import Order, OrderDialog
from wf_tui.gateway import GatewayError
from wf_tui.screens import approval_orders
from wf_tui.screens.base import Context, OpenWorkflow
from wf_tui.screens.inspecting import Inspected, InspectingScreen, document
from wf_tui.state.approvals import Approval, ApprovalPlan, plan_lines
from wf_tui.state.format import age, short_id
from wf_tui.state.marks import mark
from wf_tui.state.models import Status
from wf_tui.state.text import clean
from wf_tui.widgets.approval_table import case_facts
from wf_tui.widgets.detail import status_style
from wf_tui.widgets.plan_view import PlanView
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED

_EVERY_SECONDS = 2.0
_OPEN = (Status.AWAITING_APPROVAL, Status.NOT_STARTED)


class ApprovalScreen(InspectingScreen):
    """Read anew every few seconds. A decision is about the plan as it was when its dialog opened."""

    AUTO_FOCUS = "#plan"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", id="approval.approve", tooltip="Agree to it; asks before"),
        Binding("x", "reject", "Reject", id="approval.reject", tooltip="End it; asks for the reason"),
        Binding("u", "withdraw", "Withdraw", id="approval.withdraw", tooltip="Take your own approval back"),
        Binding(
            "o",
            "workflow",
            "Workflow",
            show=False,
            id="approval.workflow",
            tooltip="Open the workflow itself, as enter does",
        ),
    ]

    def __init__(self, context: Context, workflow_id: str, name: str) -> None:
        super().__init__(context)
        self.workflow_id = workflow_id
        self._workflow_type = name
        self.plan: ApprovalPlan | None = None

    def crumbs(self) -> tuple[str, ...]:
        """Below the inbox."""
        return "Workflows", "Inbox", f"{self._workflow_type} {short_id(self.workflow_id)}"

    def body(self) -> ComposeResult:
        """What it is, and the plan."""
        yield Static(id="order")
        yield PlanView()

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self._view.placeholder = [[Piece("Asking the server for the plan…", "dim")]]
        self.poll(f"approval {self.workflow_id}", self._ask, self._take, every=_EVERY_SECONDS)

    @property
    def _view(self) -> PlanView:
        return self.query_one(PlanView)

    async def _ask(self) -> ApprovalPlan:
        return await self.context.gateway.approval(self.workflow_id)

    def _take(self, plan: ApprovalPlan) -> None:
        self.plan = plan
        self._view.show_lines([*plan_lines(plan, self.context.now())])
        self.query_one("#order", Static).update(self._head(plan))
        self.refresh_bindings()

    def _head(self, plan: ApprovalPlan) -> Content:
        summary = plan.case.summary
        return Content.assemble(
            (mark(summary.status), f"bold {status_style(summary.status)}"),
            (f"  submitted {age(self.context.now(), summary.created)} ago", MUTED),
            (f" by {clean(summary.operator)}", MUTED),
            f"\n{clean(summary.desc) or '(no description)'}",
        )

    def refused(self, error: GatewayError) -> None:
        """Says it where the plan would be; one that was read stays."""
        if self.plan is not None:
            super().refused(error)
            return
        self._view.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("esc goes back", "dim")]]
        self._view.lines_changed()

    def inspected(self) -> Inspected | None:
        """The case; as text, the whole plan."""
        if self.plan is None:
            return None
        facts = case_facts(self.plan.case, self.context.now())
        return Inspected(f"Approval of {short_id(self.workflow_id)}", facts, document(self.plan))

    def concerned(self) -> tuple[str, ...]:
        """The workflow's type."""
        return (self._workflow_type,)

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What makes sense as it stands."""
        if action not in ("approve", "reject", "withdraw", "workflow"):
            return True
        plan = self.plan
        if plan is None:
            return None
        status = plan.case.summary.status
        open_ = status in _OPEN and bool(plan.case.rules)
        makes_sense = {
            "approve": status is Status.AWAITING_APPROVAL and not plan.case.why_not,
            "reject": open_,
            "withdraw": open_ and any(self._is_own(given) for given in plan.approvals),
            "workflow": True,
        }
        return True if makes_sense[action] else None

    def _is_own(self, given: Approval) -> bool:
        """Whether it is one that can be taken back here, as far as is known."""
        mine = self._known_as is None or given.operator == self._known_as.name
        return mine and given.withdrawn is None

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields what can be decided."""
        if screen is not self:
            return
        for name, words, run in (
            ("approve", "Asks before", self.action_approve),
            ("reject", "Ends it; asks for the reason", self.action_reject),
            ("withdraw", "Takes your own approval back", self.action_withdraw),
        ):
            if self.check_action(name, ()):
                yield Command(f"approval: {name}", words, run)

    def action_approve(self) -> None:
        """Agrees to the plan as it is shown."""
        if self.plan is not None:
            self._order(approval_orders.approve(self.context.gateway, self.plan))

    def action_reject(self) -> None:
        """Ends the workflow."""
        if self.plan is not None:
            self._order(approval_orders.reject(self.context.gateway, self.plan))

    def action_withdraw(self) -> None:
        """Takes one's own approval back."""
        if self.plan is not None:
            self._order(approval_orders.withdraw(self.context.gateway, self.plan))

    @on(RowsView.Opened)
    def action_workflow(self) -> None:
        """Opens the workflow."""
        self.post_message(OpenWorkflow(self.workflow_id))

    def _order(self, order: Order) -> None:
        def answered(words: str | None) -> None:
            if words is not None:
                self.say(words)
                self.context.links.hurry()

        self.app.push_screen(OrderDialog(order), answered)
