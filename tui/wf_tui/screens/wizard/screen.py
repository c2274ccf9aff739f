"""A wizard, step by step: sites, pre-checks, plan, verdict, confirmation; or a dry run of all that."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, ContentSwitcher, Input, Label, Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.queue import QueueScreen
from wf_tui.screens.wizard.confirming import Confirming
from wf_tui.screens.wizard.loading import Plans, Verdicts, load_plans, load_verdicts
from wf_tui.state.models import Stop, StopBoard
from wf_tui.state.situation import Situation
from wf_tui.state.stops import stop_for
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals
from wf_tui.state.wizard import PreCheck, Step, Unfit, may_go_on, plan, pre_checks
from wf_tui.widgets.fields import quiet_button, quiet_input
from wf_tui.widgets.filter_bar import FilterBar
from wf_tui.widgets.rows import Piece
from wf_tui.widgets.site_table import FIELDS, SiteHead, SiteTable
from wf_tui.widgets.steps import Steps
from wf_tui.widgets.theme import MUTED
from wf_tui.widgets.verdicts import (
    checks_content,
    dry_run_content,
    plan_content,
    stop_content,
    verdicts_content,
    words_content,
)
from wf_tui.wizards import Options, Wizard

_ASK_AGAIN_SECONDS = 5.0
#: Beside the words: padding and scrollbar.
_MARGIN = 5
_SHORTEST_FIELD = 24


class WizardScreen(Confirming):
    """Esc goes one step back and keeps what was entered; from the first it goes out and keeps a draft."""

    AUTO_FOCUS = "#sites"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "d", "dry_run", "Dry run", id="wizard.dry_run", tooltip="Go through it without submitting, or not"
        ),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="wizard.up", tooltip="Scroll up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="wizard.down", tooltip="Scroll down"),
        Binding("r", "again", "Check again", id="wizard.again", tooltip="Ask the server again"),
    ]

    def __init__(self, context: Context, wizard: Wizard, site: str = "", *, dry_run: bool = False) -> None:
        super().__init__(context, wizard)
        self._wanted = (site,) if site else ()
        self._options = Options(context.pause_seconds)
        #: A draft's step, until it is reached again.
        self._goal = Step.SITE
        self._board: StopBoard | None = None
        self.choose(dry_run=dry_run)

    def crumbs(self) -> tuple[str, ...]:
        """What is to be done, to whom as soon as that is chosen."""
        sites = self.plans.sites if self.plans is not None else ()
        name = self.wizard.title(sites)
        return "Workflows", f"{name} – dry run" if self.choices.dry_run else name

    def body(self) -> ComposeResult:
        """The steps, one pane for each, two buttons."""
        yield Steps()
        with ContentSwitcher(initial="step-1"):
            with Vertical(id="step-1"):
                yield FilterBar("sites", FIELDS)
                yield Static(id="marks")
                yield SiteHead()
                yield SiteTable(self.wizard.unfit, self.wizard.fit)
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
        """Asks for the sites, and for a draft."""
        super().on_mount()
        self.sites_table.placeholder = [[Piece("Asking the server for its sites…", "dim")]]
        self.show_marks()
        self._show_step(Step.SITE)
        self.ask_sites()
        if not self._wanted:
            self.ask(self.look_for_draft(), "drafts", group="drafts")
        self.set_interval(_ASK_AGAIN_SECONDS, self._look_again, name="pre-checks")

    def sites_loaded(self) -> None:
        """Goes to what was asked for before there was something to choose from."""
        if self._wanted:
            wanted, self._wanted = self._wanted, ()
            self.sites_table.move_to_site(wanted[0])
            self.load_chosen(wanted)

    async def gone_on(self) -> None:
        """Goes back to where the draft was, as far as the world allows it."""
        self._goal = min(self.choices.step, Step.VERDICT)
        self.query_one(Steps).dry_run = self.choices.dry_run
        self.show_marks()
        self.choose(step=Step.SITE)
        self.renamed()
        if self._goal is not Step.SITE:
            self.load_chosen(self.choices.sites)

    # -- moving between steps

    @property
    def step(self) -> Step:
        """Where one is."""
        return self.choices.step

    def _show_step(self, step: Step) -> None:
        self.choose(step=step)
        self.query_one(Steps).step = step
        self.query_one(Steps).dry_run = self.choices.dry_run
        self.query_one(ContentSwitcher).current = f"step-{step.value}"
        self.query_one("#buttons").display = step is not Step.SITE
        self._show_words()
        self._label_button()
        self._enable()
        focused = self.query_one(self._focus_of(step))
        # While the way on is shut, enter does nothing and the arrows scroll.
        (self.query_one(f"#step-{step.value}") if focused.disabled else focused).focus()
        self.refresh_bindings()

    def _focus_of(self, step: Step) -> str:
        if step is Step.SITE:
            return "#sites"
        if step is not Step.CONFIRM or self.choices.dry_run:
            return "#continue"
        # What wants no word typed wants a step aside instead.
        return "#typed" if self._phrase() else "#back"

    def _label_button(self) -> None:
        button = self.query_one("#continue", Button)
        confirms = self.step is Step.CONFIRM
        if confirms and self.choices.dry_run:
            button.label = "Done  enter"
        else:
            button.label = self.wizard.verb if confirms else "Continue  enter"
        danger = confirms and not self.choices.dry_run and bool(self._phrase())
        button.variant = "error" if danger else "primary"

    def _phrase(self) -> str:
        return self.wizard.phrase(self.plans.sites) if self.plans is not None else ""

    def _enable(self) -> None:
        """The way on is open only if the step allows it."""
        self.query_one("#continue", Button).disabled = not self._may_go_on()

    def submitting_changed(self) -> None:
        """The way on opens or shuts."""
        if self.is_mounted:
            self._enable()

    def _may_go_on(self) -> bool:
        if self.plans is None or self.submitting:
            return False
        if self.step is Step.VERDICT and self.verdicts is None:
            return False
        if self.choices.dry_run:
            # Nothing can come of it: it shows all that is wrong, not only the first.
            return True
        if self.step is Step.CHECKS:
            return may_go_on(self._checks(self.plans))
        if self.step is Step.VERDICT:
            return self._was_accepted()
        if self._stop() is not None:
            return False
        if self.step is Step.CONFIRM:
            return self.query_one("#typed", Input).value.strip() == self._phrase()
        return True

    @on(Button.Pressed, "#continue")
    def _continue(self) -> None:
        if not self._may_go_on():
            return
        if self.step is not Step.CONFIRM:
            self._go_to(Step(self.step + 1))
        elif self.choices.dry_run:
            self.ask(self._end_dry_run(), "end of the dry run", group="submit", exclusive=True)
        else:
            self.submit()

    def _go_to(self, step: Step) -> None:
        self._show_step(step)
        if step is Step.VERDICT:
            self._ask_verdict()

    async def _end_dry_run(self) -> None:
        await self.forget()
        self.say("The dry run is over: nothing was submitted.")
        self.app.pop_screen()

    @on(Button.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    def action_back(self) -> None:
        """One step back; from the first, out, but a filter is cleared before that."""
        if self.submitting:
            return
        if self.step is not Step.SITE:
            self._goal = Step.SITE
            self._show_step(Step(self.step - 1))
        elif not self.leave_filter():
            if self.is_kept:
                self.say(f"The draft is kept: {self.wizard.key} offers it again.")
            super().action_back()

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Filtering and marking are for sites; asking again for what the server answers."""
        if action in ("filter", "mark", "mark_all"):
            return self.step is Step.SITE
        if action == "again":
            return self.step in (Step.SITE, Step.CHECKS, Step.VERDICT)
        return True

    def situation_changed(self, situation: Situation) -> None:
        """A stop that is engaged meanwhile shuts the way, and says so."""
        super().situation_changed(situation)
        board, self._board = self._board, situation.board
        if board != self._board and self.is_mounted and self.step is not Step.SITE:
            self._show_words()
            self._enable()
            if self.step is Step.CHECKS:
                self._load_again()

    def _stop(self) -> Stop | None:
        """What stops the wizard's workflow type, as far as is known."""
        return stop_for(self._board, self.wizard.workflow) if self._board is not None else None

    def on_resize(self) -> None:
        """Words are wrapped to the width."""
        self._show_words()

    def action_scroll(self, lines: int) -> None:
        """Scrolls what the step shows, while the focus is on its button."""
        if self.step is not Step.SITE:
            self.query_one(f"#step-{self.step.value}").scroll_relative(y=lines, animate=False)

    def action_again(self) -> None:
        """Asks the server again what this step shows."""
        if self.step is Step.SITE:
            self.ask_sites()
        elif self.step is Step.CHECKS:
            self._load_again()
        elif self.step is Step.VERDICT:
            self._ask_verdict()

    def action_dry_run(self) -> None:
        """Makes it a dry run, or the real thing."""
        if self.submitting:
            return
        self.choose(dry_run=not self.choices.dry_run)
        self.renamed()
        # What a dry run lets pass would not be let through to the confirmation.
        back = self.step is Step.CONFIRM and not self._was_accepted()
        self._show_step(Step.VERDICT if back else self.step)

    def _was_accepted(self) -> bool:
        return self.verdicts is not None and not any(map(refusals, self.verdicts))

    # -- 2: pre-checks

    def _look_again(self) -> None:
        """Tokens and stops change while one looks at them."""
        if self.step is Step.CHECKS and not self.has_class("-stale"):
            self._load_again()

    def _load_again(self) -> None:
        if self.choices.sites:
            self.load_chosen(self.choices.sites)

    def load_chosen(self, sites: tuple[str, ...]) -> None:
        """Asks the server about these sites, and leaves the first step with the answer."""
        self.ask(self._load(sites), f"pre-checks of {', '.join(sites)}", group="load", exclusive=True)

    async def _load(self, sites: tuple[str, ...]) -> None:
        before = self.plans
        try:
            plans = await load_plans(self.context.gateway, self.wizard, sites, self._options, before)
        except Unfit as reason:
            self._goal = Step.SITE
            self.notify(clean(str(reason)), severity="warning", markup=False)
            return
        self.plans = plans
        if before is None or before.sites != plans.sites:
            self.query_one("#typed", Input).value = ""
            self.verdicts = None
            self.choose(sites=plans.sites, key="" if before is not None else self.choices.key)
        self.renamed()
        if self.step is Step.SITE:
            self._show_step(Step.CHECKS)
            self._go_on_to_goal()
        else:
            self._show_words()
            self._open_way()

    def _go_on_to_goal(self) -> None:
        """From a draft's first step to its last, as long as nothing is in the way."""
        while self.step < self._goal and self._may_go_on():
            self._go_to(Step(self.step + 1))
        self._goal = Step.SITE

    def _open_way(self) -> None:
        """A check that passes at last puts the focus where enter goes on."""
        shut = self.query_one("#continue", Button).disabled
        self._enable()
        if shut and self._may_go_on():
            self.query_one("#continue").focus()

    def _checks(self, plans: Plans) -> tuple[PreCheck, ...]:
        return pre_checks(plans.items, self.wizard.checks, self.context.now())

    # -- what the panes say

    def _show_words(self) -> None:
        if self.plans is None or self.step is Step.SITE or not self.is_mounted:
            return
        words = self._words(self.plans)
        stop = self._stop()
        if stop is not None and self.step is not Step.CHECKS:
            words = Content("\n\n").join((stop_content(stop, self.wizard.workflow), words))
        self.query_one(f"#words-{self.step.value}", Static).update(words)
        if self.step is Step.CONFIRM:
            phrase = "" if self.choices.dry_run else clean(self._phrase())
            self.query_one("#ask", Label).update(
                Content.assemble("Type ", (phrase, "bold"), " and press enter:")
            )
            field = self.query_one("#typed", Input)
            field.styles.width = max(_SHORTEST_FIELD, min(len(phrase) + 4, self.size.width - _MARGIN))
            self.query_one("#ask").display = field.display = bool(phrase)

    def _words(self, plans: Plans) -> Content:
        if self.step is Step.CHECKS:
            return checks_content(self._checks(plans), self.size.width - _MARGIN)
        if self.step is Step.PLAN:
            return self._plan_words(plans)
        if self.step is Step.VERDICT:
            if self.verdicts is None:
                return Content.styled("Asking the server for its verdict…", MUTED)
            return verdicts_content(plans.items, self.verdicts)
        if self.choices.dry_run:
            return dry_run_content(self.wizard.title(plans.sites), self._checks(plans), self.verdicts or ())
        return words_content(self.wizard.question(plans.items, self.context.gateway.address))

    def _plan_words(self, plans: Plans) -> Content:
        note = self.wizard.plan_note(plans.options)
        told = [plan_content(item.request, plan(item.request, plans.paces.get), note) for item in plans.items]
        return Content("\n\n").join(told)

    # -- 4: the verdict

    def _ask_verdict(self) -> None:
        self.verdicts = None
        self._show_words()
        self._enable()
        self.ask(self._load_verdict(), "verdict", group="verdict", exclusive=True)

    async def _load_verdict(self) -> None:
        assert self.plans is not None
        try:
            self.verdicts = await load_verdicts(self.context.gateway, self.plans.items)
        except GatewayError as error:
            words = Content.styled(f"✗ No verdict: {clean(str(error))}\n\nr asks again.", "$text-error")
            self.query_one("#words-4", Static).update(words)
            raise
        if self.step is Step.VERDICT:
            self._show_words()
            self._open_way()

    def show_refusal(self, verdicts: Verdicts) -> None:
        """Shows what the server says instead of doing what was confirmed."""
        self.verdicts = verdicts
        self._show_step(Step.VERDICT)

    # -- 5: for good

    @on(Input.Changed, "#typed")
    def _typed(self) -> None:
        self._enable()

    @on(Input.Submitted, "#typed")
    def _entered(self) -> None:
        if self._may_go_on():
            self.submit()
        elif not self.submitting:
            self.notify(
                f"That is not “{clean(self._phrase())}”: nothing was done.", severity="warning", markup=False
            )

    def show_queue(self) -> None:
        """Goes to the queue, in the wizard's place."""
        if self.is_current:
            self.app.switch_screen(QueueScreen(self.context))
