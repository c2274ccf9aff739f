"""The way to the server, with a question before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.gateway import NotFound, Refused, Unreachable
from wf_tui.screens.base import OpenWorkflow
from wf_tui.screens.composer.desk import Desk
from wf_tui.state.composition import EMPTY
from wf_tui.state.format import count
from wf_tui.state.models import Violation, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals, to_acknowledge


class Submitting(Desk):
    """Names what is submitted, and freezes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+s",
            "submit(False)",
            "Submit",
            id="composer.submit",
            priority=True,
            tooltip="Submit it; asks before",
        ),
        Binding(
            "ctrl+e",
            "submit(True)",
            "Execute",
            show=False,
            id="composer.execute",
            priority=True,
            tooltip="Submit and execute it; asks before",
        ),
    ]

    def action_submit(self, execute: bool) -> None:
        """Asks, and submits it."""
        if self.submitting or self.app.screen is not self:
            return
        self.with_text_read(partial(self._confirm, execute=execute))

    def _confirm(self, *, execute: bool) -> None:
        request = self.request
        if request == EMPTY:
            self.say("There is nothing to submit yet.")
            return
        verb = "Submit and execute" if execute else "Submit"
        is_warned = self.is_checked and not refusals(self.verdict.all)
        acknowledged = to_acknowledge(self.verdict.all) if is_warned else ()
        facts = [
            ("Workflow", request.name or "(no name)"),
            ("About", request.desc),
            ("Holds", f"{count(request.job_count, 'job')} in {count(len(request.blocks), 'block')}"),
            ("Server", self.context.gateway.address),
            ("Verdict", self._verdict_fact()),
        ]
        if self.mends:
            facts.insert(2, ("Mends", self.mends))
        if self.lineage is not None:
            facts.insert(2, ("Is a", f"{self.lineage.kind.label} {self.lineage.workflow_id}"))
        if acknowledged:
            facts.append(("Acknowledges", ", ".join(acknowledged)))

        def answered(yes: bool | None) -> None:
            if yes:
                self.submit(request, execute=execute, acknowledge=acknowledged)

        self.app.push_screen(ConfirmDialog(f"{verb} this WorkReq?", facts, verb), answered)

    def _verdict_fact(self) -> str:
        if not self.is_checked:
            return "not known yet"
        if refused := refusals(self.verdict.all):
            return f"{count(refused, 'violation')}: the server will refuse it"
        if to_acknowledge(self.verdict.all):
            return "the server accepts it only if you acknowledge its warnings"
        return "the server would accept it"

    def submit(self, request: WorkReq, *, execute: bool, acknowledge: Sequence[str] = ()) -> None:
        """Submits what was confirmed with the warnings that were, and executes it if that was too."""
        self.submitting = True
        submission = self._submit(request, execute=execute, acknowledge=acknowledge)
        self.ask(submission, "submit", group="submit", exclusive=True)

    async def _submit(self, request: WorkReq, *, execute: bool, acknowledge: Sequence[str]) -> None:
        try:
            workflow_id = await self._submitted(request, acknowledge)
        finally:
            self.submitting = False
        if workflow_id is None:
            return
        await self.forget_draft()
        try:
            if execute:
                await self.context.gateway.execute(workflow_id)
        finally:
            # Executed or not, it is stored now: its own screen says how it stands.
            self.post_message(OpenWorkflow(workflow_id, instead=True))

    async def _submitted(self, request: WorkReq, acknowledge: Sequence[str]) -> str | None:
        gateway = self.context.gateway
        try:
            return await gateway.submit(
                request, mends=self.mends, lineage=self.lineage, acknowledge=acknowledge
            )
        except Refused as refused:
            self.judged(request, refused.violations or (Violation("server", str(refused)),))
            # Mended here and submitted again, it is the mended form of what was refused just now.
            self.mends = self.mends or refused.rejection_id
            self.keep_soon()
            told = "n goes to what is wrong" if refusals(self.verdict.all) else "submit again to acknowledge"
            self.notify(f"The server refused it: {told}.", severity="error", markup=False)
        except NotFound as error:
            # All that a submission names is the rejection that it mends and the workflow that it comes from.
            self.mends, self.lineage = "", None
            self.notify(
                f"{clean(str(error))}: submit it again, as a request of its own.",
                severity="warning",
                markup=False,
            )
        except Unreachable as error:
            self.notify(
                f"{clean(str(error))}. Whether it was submitted is not known: look at the list of workflows "
                "before you try again.",
                severity="error",
                markup=False,
            )
        return None
