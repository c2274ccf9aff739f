"""The orders that the screen of a workflow gives, by key and by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.commands import Command
from wf_tui.dialogs.pick import Choice, PickDialog
from wf_tui.gateway import GatewayError
from wf_tui.screens import orders
from wf_tui.screens.base import Context, OpenWorkflow
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.receipt import ReceiptScreen
from wf_tui.state.format import count, short_id
from wf_tui.state.marks import mark
from wf_tui.state.models import WORKFLOW_FINAL, Status, Summary
from wf_tui.state.standing import (
    ORDERED,
    WITH_RECEIPT,
    can_cancel,
    can_pause,
    can_resolve,
    can_resume,
)
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.detail import story_facts

#: How many of the newest changes are searched for who ordered what stands.
_NEWEST_CHANGES = 1000
#: How many workflows of a type are searched for what was made from one: as many as the server gives at once.
_MOST_WORKFLOWS = 1000


class OrderingScreen(FilteredScreen):
    """Knows a workflow, and what may be ordered of it now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", id="workflow.pause", tooltip="Pause it, or let it go on"),
        Binding("X", "cancel", "Cancel", id="workflow.cancel", tooltip="End it for good; asks before"),
        Binding("o", "go", "Go", id="workflow.go", tooltip="The go for the block that waits for it"),
        Binding("u", "resolve", "Resolve", id="workflow.resolve", tooltip="Say what became of a job"),
        Binding("E", "receipt", "Receipt", id="workflow.receipt", tooltip="What a stop or a cancel did"),
        Binding(
            "r", "rerun", "Rerun", show=False, id="workflow.rerun", tooltip="Compose it again, or what failed"
        ),
        Binding(
            "L",
            "lineage",
            "Lineage",
            show=False,
            id="workflow.lineage",
            tooltip="What it was made from, and what was made from it",
        ),
    ]

    def __init__(self, context: Context, workflow_id: str) -> None:
        super().__init__(context)
        self.workflow_id = workflow_id
        self.workflow: LiveWorkflow | None = None

    @property
    def job_here(self) -> tuple[int, int] | None:
        """The (block, job) under the cursor."""
        raise NotImplementedError

    def show_standing(self) -> None:
        """Shows how it stands."""
        raise NotImplementedError

    @property
    def _summary(self) -> Summary:
        assert self.workflow is not None
        return self.workflow.summary

    def concerned(self) -> Collection[str]:
        """Its type."""
        return (self.workflow.summary.name,) if self.workflow is not None else ()

    def may(self, action: str) -> bool | None:
        """Whether an order makes sense now; None: this is no order."""
        if self.workflow is None:
            return False if action in _ORDERS else None
        status, jobs = self._summary.status, self._summary.jobs
        return {
            "pause": can_pause(status) or can_resume(status),
            "cancel": can_cancel(status),
            "go": status is Status.HELD,
            "resolve": can_resolve(status) and jobs.unknown > 0,
            "receipt": status in WITH_RECEIPT,
            "rerun": True,
            "lineage": True,
        }.get(action)

    def order_commands(self) -> Iterator[Command]:
        """Yields what may be ordered now."""
        if self.workflow is None:
            return
        paused = can_resume(self._summary.status)
        for action, name, words, run in (
            ("pause", "resume" if paused else "pause", "Asks for a reason", self.action_pause),
            ("cancel", "cancel", "For good; asks for a reason", self.action_cancel),
            ("go", "go", "For the block that waits for it", self.action_go),
            ("resolve", "resolve", "Say what became of a job", self.action_resolve),
            ("receipt", "receipt", "What a stop or a cancel did", self.action_receipt),
            ("rerun", "rerun", "In the composer, all of it or what failed", self.action_rerun),
            ("lineage", "lineage", "From what it was made, and what from it", self.action_lineage),
        ):
            if self.may(action) and self.permitted(action):
                yield Command(f"workflow: {name}", words, run)

    # -- orders

    def action_pause(self) -> None:
        """Pauses it, or lets it go on."""
        orders.pause_or_resume(self, [self._summary])

    def action_cancel(self) -> None:
        """Ends it for good."""
        orders.cancel(self, [self._summary])

    def action_go(self) -> None:
        """Gives the go for the block before which it is held: the first that has not started."""
        assert self.workflow is not None
        blocks = self.workflow.blocks
        held = next((at for at, block in enumerate(blocks) if block.status is Status.NOT_STARTED), None)
        if held is not None:
            orders.release(self, self.workflow, held)

    def action_resolve(self) -> None:
        """Asks what became of the job under the cursor, or of the next whose outcome is unknown."""
        assert self.workflow is not None
        here = self.job_here
        if here is None or self.workflow.blocks[here[0]].status_of(here[1]) is not Status.UNKNOWN:
            here = next(_unknown(self.workflow), None)
        if here is not None:
            self.ask(self._resolve(*here), "job to resolve", group="resolve", exclusive=True)

    async def _resolve(self, block: int, job: int) -> None:
        story = await self.context.gateway.job(self.workflow_id, block, job)
        orders.resolve(self, self._summary, block, job, [*story_facts(story, self.context.now())])

    # -- what came of them

    def action_receipt(self) -> None:
        """Shows what a stop or a cancel did to every job."""
        self.app.push_screen(ReceiptScreen(self.context, self.workflow_id, self._summary.name))

    def ask_who(self) -> None:
        """Finds out who ordered what stands, where nobody has seen it happen."""
        if self.workflow is not None and self._summary.status in ORDERED and not self.workflow.ordered_by:
            self.ask(self._who(self.workflow), "who ordered it", group="who", exclusive=True)

    async def _who(self, workflow: LiveWorkflow) -> None:
        after = max(0, workflow.seq - _NEWEST_CHANGES)
        try:
            stretch = await self.context.gateway.history(self.workflow_id, after, _NEWEST_CHANGES)
        except GatewayError:
            # Nobody asked for it, and the standing is told without a name as well.
            return
        for at in range(len(stretch.statuses) - 1, -1, -1):
            if stretch.blocks[at] < 0:
                note = stretch.notes.get(at)
                workflow.ordered_by = note.operator if note is not None else ""
                self.show_standing()
                return

    # -- again

    def action_rerun(self) -> None:
        """Asks what of it, and opens the composer with that."""
        jobs = self._summary.jobs
        choices = [Choice("all of it", f"{jobs.total:,} jobs, as it was submitted")]
        if self._summary.status in WORKFLOW_FINAL - {Status.COMPLETED}:
            left = jobs.total - jobs.completed - jobs.skipped
            choices.append(Choice("what failed", f"{count(left, 'job')}, and what checks preconditions"))

        def answered(choice: str | None) -> None:
            if choice is not None:
                failed_only = choice != choices[0].value
                self.ask(self._rerun(failed_only=failed_only), "rerun", group="rerun", exclusive=True)

        self.app.push_screen(PickDialog("Run again what of it?", choices), answered)

    async def _rerun(self, *, failed_only: bool) -> None:
        request, lineage = await self.context.gateway.plan_rerun(self.workflow_id, failed_only=failed_only)
        self.app.push_screen(ComposerScreen(self.context, request, lineage=lineage))

    def action_lineage(self) -> None:
        """Offers what it was made from, and what was made from it."""
        self.ask(self._lineage(), "lineage", group="lineage", exclusive=True)

    async def _lineage(self) -> None:
        page, more = await self.context.gateway.list(name=self._summary.name, limit=_MOST_WORKFLOWS)
        relatives = [*_relatives(self._summary, page)]
        if not relatives:
            among = f", among the newest {_MOST_WORKFLOWS:,} of its type" if more else ""
            self.say(f"It was made from no other workflow, and none was made from it{among}.")
            return
        ids = {short_id(workflow_id): workflow_id for workflow_id, _ in relatives}
        choices = [Choice(short_id(workflow_id), words) for workflow_id, words in relatives]

        def answered(chosen: str | None) -> None:
            if chosen is not None:
                self.post_message(OpenWorkflow(ids[chosen]))

        self.app.push_screen(PickDialog("Open which relative?", choices), answered)


_ORDERS = frozenset({"pause", "cancel", "go", "resolve", "receipt", "rerun", "lineage"})


def _unknown(workflow: LiveWorkflow) -> Iterator[tuple[int, int]]:
    for number, block in enumerate(workflow.blocks):
        for job in block.members(Status.UNKNOWN):
            yield number, job


def _relatives(summary: Summary, page: Sequence[Summary]) -> Iterator[tuple[str, str]]:
    """Yields id and words of what a workflow was made from, then of what was made from it."""
    source = summary.lineage
    if source is not None:
        known = next((other for other in page if other.id == source.workflow_id), None)
        yield source.workflow_id, f"this is a {source.kind.label} it{_stands(known)}"
    for other in page:
        if other.lineage is not None and other.lineage.workflow_id == summary.id:
            yield other.id, f"{other.lineage.kind.label} this one{_stands(other)}"


def _stands(summary: Summary | None) -> str:
    return f"  {mark(summary.status)}" if summary is not None else ""
