"""An order to a workflow: what it is about, why, and what has to be typed where it cannot be undone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Static
from textual.widgets.button import ButtonVariant

from wf_tui.dialogs.acting import ActingDialog
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact, Facts
from wf_tui.widgets.fields import quiet_button, quiet_input

#: Gives the order for a reason, with what was typed to confirm it; returns what to say of it.
Give = Callable[[str, str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Verb:
    """A button, and the order that it gives."""

    label: str
    give: Give


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator is asked, frozen when the dialog opens."""

    question: str
    facts: Sequence[Fact]
    verbs: Sequence[Verb]
    #: In the field of the reason while it is empty.
    reason: str
    needs_reason: bool = True
    #: What has to be typed exactly; "": nothing.
    confirm: str = ""
    #: What has to be known before, in the colour of danger.
    warning: str = ""
    danger: bool = False
    doing: str = "asking the server…"
    failure: str = "It is NOT known to be done."
    #: The field or button that has the focus first.
    focus: str = "#reason"


class OrderDialog(ActingDialog):
    """Gives the order itself, and stays open until the server has taken it."""

    AUTO_FOCUS = ""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self._order = order
        self.doing = order.doing
        self.failure = order.failure

    def compose(self) -> ComposeResult:
        """The question, what it is about, reason, confirmation, buttons."""
        order = self._order
        variant: ButtonVariant = "error" if order.danger else "primary"
        with Vertical(classes="box danger" if order.danger else "box"):
            yield Static(clean(order.question), classes="question", markup=False)
            yield Facts(id="about-order")
            if order.warning:
                yield Static(clean(order.warning), id="warning", markup=False)
            yield Label("Reason" if order.needs_reason else "Reason (may stay empty)")
            yield quiet_input(order.reason, id="reason")
            if order.confirm:
                yield Label(Content.assemble("Type ", (clean(order.confirm), "bold"), " to confirm it"))
                yield quiet_input("", id="confirm-word")
            yield self.told()
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel  esc", id="cancel")
                for number, verb in enumerate(order.verbs):
                    yield quiet_button(verb.label, id=f"verb-{number}", variant=variant, disabled=True)

    def on_mount(self) -> None:
        """Tells what it is about."""
        self.call_after_refresh(self.query_one(Facts).tell, self._order.facts)
        self._show_buttons()
        self.query_one(self._order.focus).focus()

    @property
    def _is_complete(self) -> bool:
        typed = [field.value for field in self.query("#confirm-word").results(Input)]
        confirmed = typed == [self._order.confirm] if self._order.confirm else True
        return confirmed and (bool(self._reason) or not self._order.needs_reason)

    @property
    def _reason(self) -> str:
        return self.query_one("#reason", Input).value.strip()

    @on(Input.Changed)
    def _show_buttons(self) -> None:
        complete = self._is_complete
        for number in range(len(self._order.verbs)):
            self.query_one(f"#verb-{number}", Button).disabled = not complete

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        """Goes on to what is missing; with everything there and only one thing to do, does it."""
        if event.input.id == "reason" and self._order.confirm:
            self.query_one("#confirm-word", Input).focus()
        elif self._is_complete and len(self._order.verbs) == 1:
            self._give(0)
        elif self._is_complete:
            self.query_one("#verb-0", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "cancel":
            self.action_leave()
        elif event.button.id is not None:
            self._give(int(event.button.id.removeprefix("verb-")))

    def _give(self, number: int) -> None:
        if self._is_complete and not self.is_under_way:
            verb = self._order.verbs[number]
            self.act(verb.give(self._reason, self._order.confirm), clean(self._order.question))
