"""The disk-erase wizard: site, pre-checks, plan, verdict, confirmation; then the live tree."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, ContentSwitcher, Input, Label, Static

from wf_tui.diskerase import CannotErase, erasable
from wf_tui.gateway import GatewayError, Refused, Unreachable
from wf_tui.screens.base import Context, OpenWorkflow, WfScreen
from wf_tui.screens.draft import Draft, load_draft
from wf_tui.state.models import Violation, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals, to_acknowledge
from wf_tui.state.wizard import PreCheck, Step, may_go_on, plan, pre_checks
from wf_tui.widgets.fields import quiet_button, quiet_input
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.site_table import SiteHead, SiteTable
from wf_tui.widgets.steps import Steps
from wf_tui.widgets.theme import MUTED
from wf_tui.widgets.verdicts import checks_content, plan_content, question_content, violations_content

_ASK_AGAIN_SECONDS = 5.0
#: Beside the words: padding and scrollbar.
_MARGIN = 5


class WizardScreen(WfScreen):
    """Step by step; esc goes one back and keeps what was entered."""

    AUTO_FOCUS = "#sites"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="wizard.filter", tooltip="Show only some sites"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="wizard.up", tooltip="Scroll up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="wizard.down", tooltip="Scroll down"),
        Binding("r", "again", "Check again", id="wizard.again", tooltip="Ask the server again"),
    ]

    def __init__(self, context: Context, site: str = "") -> None:
        super().__init__(context)
        self._wanted = site
        self._step = Step.SITE
        self._draft: Draft | None = None
        self._violations: tuple[Violation, ...] | None = None
        self._submitting = False

    def crumbs(self) -> tuple[str, ...]:
        """What is erased, once that is chosen."""
        if self._draft is None:
            return "Workflows", "Erase a satellite's disks"
        return "Workflows", f"Erase the disks of {self._draft.site}"

    def body(self) -> ComposeResult:
        """The steps, one pane for each, two buttons."""
        yield Steps()
        with ContentSwitcher(initial="step-1"):
            with Vertical(id="step-1"):
                with Vertical(id="filter"):
                    yield quiet_input(
                        "words in name, type, status or reason – enter keeps, esc clears", id="text"
                    )
                yield SiteHead()
                yield SiteTable(erasable)
            for step in (Step.CHECKS, Step.PLAN, Step.VERDICT):
                with VerticalScroll(id=f"step-{step.value}"):
                    yield Static(id=f"words-{step.value}")
            with VerticalScroll(id="step-5", can_focus=False):
                yield Static(id="words-5")
                yield Label(id="ask")
                yield quiet_input("", id="typed")
        with Horizontal(id="buttons"):
            yield quiet_button("Back  esc", id="back")
            yield quiet_button("Continue  enter", id="continue", variant="primary")

    def on_mount(self) -> None:
        """Asks for the sites."""
        super().on_mount()
        self._table.placeholder = [[Piece("Asking the server for its sites…", "dim")]]
        self._show_step(Step.SITE)
        self.ask(self._load_sites(), "sites", group="sites", exclusive=True)
        self.set_interval(_ASK_AGAIN_SECONDS, self._look_again, name="pre-checks")

    @property
    def _table(self) -> SiteTable:
        return self.query_one(SiteTable)

    async def _load_sites(self) -> None:
        try:
            self._table.show_sites(await self.context.gateway.sites())
        except GatewayError as error:
            self._table.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("r asks again", "dim")]]
            self._table.lines_changed()
            raise
        if self._wanted:
            self._choose(self._wanted)

    # -- moving between steps

    def _show_step(self, step: Step) -> None:
        self._step = step
        self.query_one(Steps).step = step
        self.query_one(ContentSwitcher).current = f"step-{step.value}"
        self.query_one("#buttons").display = step is not Step.SITE
        self._show_words()
        target = {Step.SITE: "#sites", Step.CONFIRM: "#typed"}.get(step, "#continue")
        button = self.query_one("#continue", Button)
        button.label = "Erase" if step is Step.CONFIRM else "Continue  enter"
        button.variant = "error" if step is Step.CONFIRM else "primary"
        self._enable()
        focused = self.query_one(target)
        # While the way on is shut, enter does nothing and the arrows scroll.
        (self.query_one(f"#step-{step.value}") if focused.disabled else focused).focus()
        self.refresh_bindings()

    def _enable(self) -> None:
        """The way on is open only if the step allows it."""
        self.query_one("#continue", Button).disabled = not self._may_go_on()

    def _may_go_on(self) -> bool:
        if self._draft is None or self._submitting:
            return False
        if self._step is Step.CHECKS:
            return may_go_on(self._checks())
        if self._step is Step.VERDICT:
            return self._violations is not None and not refusals(self._violations)
        if self._step is Step.CONFIRM:
            return self.query_one("#typed", Input).value.strip() == self._draft.site
        return True

    @on(Button.Pressed, "#continue")
    def _continue(self) -> None:
        if not self._may_go_on():
            return
        if self._step is Step.CONFIRM:
            self._submit()
            return
        self._show_step(Step(self._step + 1))
        if self._step is Step.VERDICT:
            self._ask_verdict()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    def action_back(self) -> None:
        """One step back; from the first, out, but a filter is cleared before that."""
        if self._submitting:
            return
        if self._step is not Step.SITE:
            self._show_step(Step(self._step - 1))
        elif self.has_class("-filtering"):
            self.query_one("#text", Input).value = ""
            self.remove_class("-filtering")
            self._table.focus()
        else:
            super().action_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Filtering is for sites; asking again for what the server answers."""
        if action == "filter":
            return self._step is Step.SITE
        if action == "again":
            return self._step in (Step.SITE, Step.CHECKS, Step.VERDICT)
        return True

    def on_resize(self) -> None:
        """Words are wrapped to the width."""
        self._show_words()

    def action_scroll(self, lines: int) -> None:
        """Scrolls what the step shows, while the focus is on its button."""
        if self._step is not Step.SITE:
            self.query_one(f"#step-{self._step.value}").scroll_relative(y=lines, animate=False)

    def action_again(self) -> None:
        """Asks the server again what this step shows."""
        if self._step is Step.SITE:
            self.ask(self._load_sites(), "sites", group="sites", exclusive=True)
        elif self._step is Step.CHECKS and self._draft is not None:
            self._choose(self._draft.site)
        elif self._step is Step.VERDICT:
            self._ask_verdict()

    def _look_again(self) -> None:
        """Tokens and stops change while one looks at them."""
        if self._step is Step.CHECKS and self._draft is not None and not self.has_class("-stale"):
            self._choose(self._draft.site)

    # -- 1: the site

    def action_filter(self) -> None:
        """Opens the filter's line."""
        self.add_class("-filtering")
        self.query_one("#text", Input).focus()

    @on(Input.Changed, "#text")
    def _narrow(self, event: Input.Changed) -> None:
        self._table.narrow(event.value)

    @on(Input.Submitted, "#text")
    def _narrowed(self, event: Input.Submitted) -> None:
        self.set_class(bool(event.value.strip()), "-filtering")
        self._table.focus()

    @on(RowsView.Opened)
    def _opened(self) -> None:
        site = self._table.current
        if site is None:
            return
        if reason := erasable(site):
            self.notify(clean(reason), severity="warning", markup=False)
            return
        self._choose(site.name)

    # -- 2: pre-checks

    def _choose(self, site: str) -> None:
        self.ask(self._load(site), f"pre-checks of {site}", group="load", exclusive=True)

    async def _load(self, name: str) -> None:
        before = self._draft
        try:
            self._draft = await load_draft(self.context.gateway, name, self.context.pause_seconds, before)
        except CannotErase as reason:
            self.notify(clean(str(reason)), severity="warning", markup=False)
            return
        if before is None or before.site != name:
            self.query_one("#typed", Input).value = ""
            self._violations = None
        self.renamed()
        if self._step is Step.SITE:
            self._show_step(Step.CHECKS)
        else:
            self._show_words()
            self._open_way()

    def _open_way(self) -> None:
        """A check that passes at last puts the focus where enter goes on."""
        shut = self.query_one("#continue", Button).disabled
        self._enable()
        if shut and self._may_go_on():
            self.query_one("#continue").focus()

    def _checks(self) -> tuple[PreCheck, ...]:
        assert self._draft is not None
        return pre_checks(self._draft.world, self._draft.request, self.context.now())

    # -- what the panes say

    def _show_words(self) -> None:
        if self._draft is None or self._step is Step.SITE:
            return
        self.query_one(f"#words-{self._step.value}", Static).update(self._words())
        if self._step is Step.CONFIRM:
            name = clean(self._draft.site)
            self.query_one("#ask", Label).update(
                Content.assemble("Type ", (name, "bold"), " and press enter:")
            )

    def _words(self) -> Content:
        assert self._draft is not None
        request = self._draft.request
        if self._step is Step.CHECKS:
            return checks_content(self._checks(), self.size.width - _MARGIN)
        if self._step is Step.PLAN:
            return plan_content(request, plan(request, self._draft.paces.get), self._draft.pause_seconds)
        if self._step is Step.VERDICT:
            if self._violations is None:
                return Content.styled("Asking the server for its verdict…", MUTED)
            return violations_content(self._violations, request)
        return question_content(
            request, self._draft.world, self._draft.pause_seconds, self.context.gateway.address
        )

    # -- 4: the verdict

    def _ask_verdict(self) -> None:
        self._violations = None
        self._show_words()
        self._enable()
        self.ask(self._load_verdict(), "verdict", group="verdict", exclusive=True)

    async def _load_verdict(self) -> None:
        assert self._draft is not None
        try:
            self._violations = await self.context.gateway.check(self._draft.request)
        except GatewayError as error:
            words = Content.styled(f"✗ No verdict: {clean(str(error))}\n\nr asks again.", "$text-error")
            self.query_one("#words-4", Static).update(words)
            raise
        if self._step is Step.VERDICT:
            self._show_words()
            self._open_way()

    # -- 5: for good

    @on(Input.Changed, "#typed")
    def _typed(self) -> None:
        self._enable()

    @on(Input.Submitted, "#typed")
    def _entered(self) -> None:
        if self._may_go_on():
            self._submit()
        elif self._draft is not None and not self._submitting:
            self.notify(
                f"That is not {clean(self._draft.site)}: nothing was done.",
                severity="warning",
                markup=False,
            )

    def _submit(self) -> None:
        self._submitting = True
        self._enable()
        self.ask(self._run(), "submit and execute", group="submit", exclusive=True)

    async def _run(self) -> None:
        assert self._draft is not None
        try:
            workflow_id = await self._submitted(self._draft.request)
        finally:
            self._submitting = False
            self._enable()
        if workflow_id is None:
            return
        try:
            await self.context.gateway.execute(workflow_id)
        finally:
            # Executed or not, it is stored now: its own screen says how it stands.
            # What was said of earlier tries is no longer true.
            self.app.clear_notifications()
            self.post_message(OpenWorkflow(workflow_id, instead=True))

    async def _submitted(self, request: WorkReq) -> str | None:
        try:
            acknowledged = to_acknowledge(self._violations or ())
            return await self.context.gateway.submit(request, acknowledge=acknowledged)
        except Refused as refused:
            self._violations = refused.violations or (Violation("server", str(refused)),)
            self._show_step(Step.VERDICT)
            self.notify("The server refused it: see the verdict.", severity="error", markup=False)
        except Unreachable as error:
            self.notify(
                f"{clean(str(error))}. Whether it was submitted is not known: look at the list of workflows "
                "before you try again.",
                severity="error",
                markup=False,
            )
        return None
