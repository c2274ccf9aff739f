"""The last step: what was confirmed is submitted and executed, at once or by the queue."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from wf_tui.gateway import AlreadyExecuted, Refused, Unreachable
from wf_tui.queueing import find_under_way, new_key
from wf_tui.screens.base import OpenWorkflow
from wf_tui.screens.wizard.choosing import Choosing
from wf_tui.screens.wizard.loading import Plans, Verdicts
from wf_tui.state.format import short_id
from wf_tui.state.models import Violation
from wf_tui.state.queue import Entry, entries_of
from wf_tui.state.text import clean
from wf_tui.state.wizard import buckets_of


class Confirming(Choosing):
    """One WorkReq that can begin is begun here. Several are queued, and so is one that has to wait."""

    plans: Plans | None = None
    verdicts: Verdicts | None = None
    submitting = False

    def show_refusal(self, verdicts: Verdicts) -> None:
        """Shows what the server says instead."""
        raise NotImplementedError

    def submitting_changed(self) -> None:
        """The way on opens or shuts."""
        raise NotImplementedError

    def submit(self) -> None:
        """Submits what is shown; what was asked for twice happens once."""
        if self.submitting or self.plans is None:
            return
        self.submitting = True
        self.submitting_changed()
        self.ask(self._submit(self.plans), "submit and execute", group="submit", exclusive=True)

    async def _submit(self, plans: Plans) -> None:
        try:
            if not self.choices.key:
                self.choices = replace(self.choices, key=new_key())
                self._unsaved = True
                await self.keep()
            entries = entries_of(plans.items, self.choices.key, self.verdicts or ())
            if len(entries) > 1 or await self._has_to_wait(entries[0]):
                await self._queue(entries)
            else:
                await self._begin(entries[0])
        finally:
            self.submitting = False
            self.submitting_changed()

    async def _has_to_wait(self, entry: Entry) -> bool:
        """Whether the queue is at work, or a token is missing."""
        if self.context.queue.queue.current is not None:
            return True
        levels = {bucket.name: bucket.tokens for bucket in await self.context.gateway.buckets()}
        return any(levels.get(name) == 0 for name in buckets_of(entry.request))

    async def _queue(self, entries: tuple[Entry, ...]) -> None:
        await self.context.queue.add(entries)
        await self.forget()
        self.app.clear_notifications()
        self.show_queue()

    def show_queue(self) -> None:
        """Goes to the queue, in the wizard's place."""
        raise NotImplementedError

    async def _begin(self, entry: Entry) -> None:
        found = await find_under_way(self.context.gateway, entry)
        workflow_id = found.id if found is not None else await self._submitted(entry)
        if not workflow_id:
            return
        await self.forget()
        try:
            if found is None:
                await self._execute(workflow_id)
        finally:
            # Executed or not, it is stored now: its own screen says how it stands.
            # What was said of earlier tries is no longer true.
            self.app.clear_notifications()
            if found is not None:
                self.say(f"It is under way already, as {short_id(workflow_id)}: nothing was submitted.")
            self.post_message(OpenWorkflow(workflow_id, instead=True))

    async def _execute(self, workflow_id: str) -> None:
        with suppress(AlreadyExecuted):
            await self.context.gateway.execute(workflow_id)

    async def _submitted(self, entry: Entry) -> str:
        """Returns the new workflow's id; "": it is not known to be submitted, and the screen says why."""
        try:
            return await self.context.gateway.submit(
                entry.request, key=entry.key, acknowledge=entry.acknowledge
            )
        except Refused as refused:
            self.show_refusal((refused.violations or (Violation("server", str(refused)),),))
            self.notify("The server refused it: see the verdict.", severity="error", markup=False)
        except Unreachable as error:
            self.notify(
                f"{clean(str(error))}. Whether it was submitted is not known. Confirm again: it is "
                "submitted under the same key, and so never twice.",
                severity="error",
                markup=False,
            )
        return ""
