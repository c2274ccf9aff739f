"""The composer: any WorkReq, put together by keyboard, checked by the server while one types."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Static

from wf_tui.commands import Command
from wf_tui.screens.base import Context
from wf_tui.screens.composer.desk import DESK
from wf_tui.screens.composer.editing import Editing
from wf_tui.screens.composer.fanning import Fanning
from wf_tui.screens.composer.filing import Filing
from wf_tui.screens.composer.filling import Filling
from wf_tui.screens.composer.mending import Mending
from wf_tui.screens.composer.submitting import Submitting
from wf_tui.screens.composer.texting import Texting
from wf_tui.state.composition import EMPTY
from wf_tui.state.format import short_id
from wf_tui.state.models import Lineage, LineageKind, WorkReq
from wf_tui.widgets.form_pane import FormPane
from wf_tui.widgets.outline import Outline
from wf_tui.widgets.request_text import RequestText
from wf_tui.widgets.verdict_list import VerdictList

#: What makes no sense while the request is a text.
_AT_THE_DESK = frozenset(
    {
        "add_job",
        "add_block",
        "copy",
        "remove",
        "move",
        "undo",
        "redo",
        "fan_out",
        "offence",
        "fix",
        "open",
        "options",
    }
)
#: What makes sense only then.
_IN_THE_TEXT = frozenset({"notation", "text_offence"})


# The last base's keys come first in the footer.
class ComposerScreen(Submitting, Filing, Texting, Mending, Fanning, Filling, Editing):
    """Outline on the left, the form of what the cursor is on beside it, the verdict below."""

    AUTO_FOCUS = "#outline"

    def __init__(
        self,
        context: Context,
        request: WorkReq = EMPTY,
        *,
        mends: str = "",
        clones: str = "",
        lineage: Lineage | None = None,
    ) -> None:
        super().__init__(context, request, mends)
        self._clones = clones
        self.lineage = Lineage(LineageKind.CLONE, clones) if clones else lineage

    def crumbs(self) -> tuple[str, ...]:
        """What is composed."""
        name = self.request.name or "a WorkReq"
        if self.lineage is not None and self.lineage.kind is LineageKind.RERUN:
            return "Workflows", f"Rerun {name} {short_id(self.lineage.workflow_id)}"
        return "Workflows", f"{'Mend' if self.mends else 'Compose'} {name}"

    def body(self) -> ComposeResult:
        """Outline and form, or the text; the verdict."""
        with ContentSwitcher(initial=DESK, id="composing"):
            with Horizontal(id=DESK):
                yield Outline()
                yield FormPane()
            yield RequestText()
        with Vertical(id="verdict"):
            yield Static(id="verdict-line")
            yield VerdictList()

    def on_mount(self) -> None:
        """Asks what there is to compose with, and for what was left behind."""
        self.call_later(self.show_verdict)
        self.ask_newest(self.load_known, "catalogue", group="known")
        if self._clones:
            self.ask(self._clone(), "workflow to clone", group="clone")
        elif self.request != EMPTY:
            self.check_soon()
        elif self.context.drafts is not None:
            self.ask(self.look_for_draft(self.context.drafts), "drafts", group="drafts")

    async def _clone(self) -> None:
        request, _ = await self.context.gateway.get(self._clones)
        if self.composition.past:
            # Somebody was quicker than the server.
            self.take(self.composition.edited(request, self.composition.place))
        else:
            self.begin_with(request)

    def action_back(self) -> None:
        """From the text or the form to the outline; from there out, and the draft stays."""
        if self.in_text:
            self.leave_text()
        elif self.focused is not self.outline:
            self.outline.focus()
        elif not self.submitting:
            if self.composition.past and self.context.drafts is not None:
                self.say("The draft is kept: composing again offers it.")
            super().action_back()

    def concerned(self) -> Collection[str]:
        """The type that is composed."""
        return (self.request.name,) if self.request.name else ()

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text is edited as a text; there is nothing to undo at first."""
        if not self.is_mounted:
            return True
        if action in (_AT_THE_DESK if self.in_text else _IN_THE_TEXT):
            return False
        if action in ("undo", "redo"):
            steps = self.composition.past if action == "undo" else self.composition.future
            return bool(steps) or None
        return True

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields what can be done with the request."""
        if not self.context.read_only and self.permitted("submit"):
            yield Command("workreq: submit", "ctrl+s; asks before", partial(self.action_submit, False))
            yield Command(
                "workreq: submit and execute", "ctrl+e; asks before", partial(self.action_submit, True)
            )
        yield Command("workreq: open a file", "YAML or proto JSON", self.action_open)
        yield Command("workreq: save as a file", "YAML, or proto JSON by its name", self.action_save)
        yield Command("workreq: options", "Budgets, holds, waves, timeouts, retries", self.action_options)
        yield Command("workreq: edit as text", "and back again", self.action_text)
        yield Command("workreq: one job for each machine", "Or site, by a pattern", self.action_fan_out)
