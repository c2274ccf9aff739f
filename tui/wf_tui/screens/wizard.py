"""The disk-erase wizard: site, pre-checks, plan, verdict, confirmation; then the live tree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, ContentSwitcher, Input, Label, Static

from wf_tui.diskerase import erasable, erase_request
from wf_tui.gateway import GatewayError, Refused, Unreachable
from wf_tui.screens.base import Context, OpenWorkflow, WfScreen
from wf_tui.state.format import count
from wf_tui.state.models import Status, Violation, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.wizard import PreCheck, Step, World, may_go_on, paces, plan, pre_checks
from wf_tui.widgets.fields import quiet_button, quiet_input
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.site_table import SiteHead, SiteTable
from wf_tui.widgets.steps import Steps
from wf_tui.widgets.theme import MUTED
from wf_tui.widgets.verdicts import checks_content, plan_content, violations_content

#: Enough of an earlier run to know the usual times: its second block is the first that erases.
_SAMPLE_BLOCKS, _SAMPLE_JOBS = 2, 10
_ASK_AGAIN_SECONDS = 5.0
#: Beside the words: padding and scrollbar.
_MARGIN = 5


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything about the chosen site; frozen, so that what is confirmed is what was shown."""

    world: World
    request: WorkReq
    paces: dict[str, float]


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
        return "Workflows", f"Erase the disks of {self._draft.world.site.name}"

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
            return self._violations == ()
        if self._step is Step.CONFIRM:
            return self.query_one("#typed", Input).value.strip() == self._draft.world.site.name
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
            self._choose(self._draft.world.site.name)
        elif self._step is Step.VERDICT:
            self._ask_verdict()

    def _look_again(self) -> None:
        """Tokens and stops change while one looks at them."""
        if self._step is Step.CHECKS and self._draft is not None and not self.has_class("-stale"):
            self._choose(self._draft.world.site.name)

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
        gateway = self.context.gateway
        (site, machines), board, book, buckets = await asyncio.gather(
            gateway.site(name), gateway.stops(), gateway.policies(), gateway.buckets()
        )
        request = erase_request(name, machines, pause_seconds=self.context.pause_seconds)
        fresh = self._draft is None or self._draft.world.site.name != name
        known = await self._paces(request.name) if fresh or self._draft is None else self._draft.paces
        self._draft = Draft(World(site, machines, board, book, buckets), request, known)
        if fresh:
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

    async def _paces(self, name: str) -> dict[str, float]:
        """The usual times, from the last run that completed; none where the server does not say."""
        gateway = self.context.gateway
        try:
            runs, _ = await gateway.list(statuses=(Status.COMPLETED,), name=name, limit=1)
            samples = range(_SAMPLE_BLOCKS if runs else 0)
            blocks = await asyncio.gather(
                *(gateway.list_jobs(runs[0].id, at, 0, _SAMPLE_JOBS) for at in samples)
            )
        except GatewayError:
            return {}
        return paces([job for block in blocks for job in block])

    def _checks(self) -> tuple[PreCheck, ...]:
        assert self._draft is not None
        return pre_checks(self._draft.world, self._draft.request, self.context.now())

    # -- what the panes say

    def _show_words(self) -> None:
        if self._draft is None or self._step is Step.SITE:
            return
        self.query_one(f"#words-{self._step.value}", Static).update(self._words())
        if self._step is Step.CONFIRM:
            name = clean(self._draft.world.site.name)
            self.query_one("#ask", Label).update(
                Content.assemble("Type ", (name, "bold"), " and press enter:")
            )

    def _words(self) -> Content:
        assert self._draft is not None
        request = self._draft.request
        if self._step is Step.CHECKS:
            return checks_content(self._checks(), self.size.width - _MARGIN)
        if self._step is Step.PLAN:
            return plan_content(request, plan(request, self._draft.paces.get), self.context.pause_seconds)
        if self._step is Step.VERDICT:
            if self._violations is None:
                return Content.styled("Asking the server for its verdict…", MUTED)
            return violations_content(self._violations, request)
        return self._question()

    def _question(self) -> Content:
        assert self._draft is not None
        site, machines = clean(self._draft.world.site.name), self._draft.world.machines
        return Content.assemble(
            ("All disks of ", ""),
            (count(len(machines), "machine"), "bold $text-error"),
            " of satellite ",
            (site, "bold $text-error"),
            f" will be erased by {clean(self.context.gateway.address)}.\n",
            f"Machines {clean(machines[0])} to {clean(machines[-1])}; ",
            f"{count(len(self._draft.request.blocks), 'block')}, ",
            f"{self.context.pause_seconds} s of pause between them.\n\n",
            ("Erased disks cannot be brought back.", "bold"),
            " A stop engaged later saves only what has not been erased by then.",
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
                f"That is not {clean(self._draft.world.site.name)}: nothing was done.",
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
            self.post_message(OpenWorkflow(workflow_id, instead=True))

    async def _submitted(self, request: WorkReq) -> str | None:
        try:
            return await self.context.gateway.submit(request)
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
