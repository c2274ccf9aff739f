"""Engaging an emergency stop, which is quick, and releasing one, which asks for more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from wf_tui.dialogs.acting import ActingDialog
from wf_tui.gateway import GatewayError
from wf_tui.state.format import count
from wf_tui.state.models import EVERYTHING, ReleasePlan, Stop
from wf_tui.state.stops import plan_lines, title
from wf_tui.state.text import clean
from wf_tui.widgets.fields import quiet_button, quiet_input

#: Finds what a release would let go.
AskPlan = Callable[[], Awaitable[ReleasePlan]]
#: Sets the stop for a reason; returns what to say of it.
SetStop = Callable[[str], Awaitable[str]]


class _StopDialog(ActingDialog):
    """Sets a stop while it is open."""

    AUTO_FOCUS = "#reason"

    def __init__(self, stop: Stop, set_stop: SetStop) -> None:
        super().__init__()
        self._stop = stop
        self._set_stop = set_stop
        self.left = f"Left while the server was asked: see on the board how {stop.name} stands."

    def set_stop(self) -> None:
        """Asks the server, once at a time."""
        if not self.is_under_way:
            reason = self.query_one("#reason", Input).value.strip()
            self.act(self._set_stop(reason), f"set stop {self._stop.name}")


class EngageDialog(_StopDialog):
    """Engages a stop with a reason, which may be empty: enter engages at once."""

    def __init__(self, stop: Stop, set_stop: SetStop) -> None:
        super().__init__(stop, set_stop)
        self.failure = f"■ {title(stop)} is NOT known to be stopped! Enter tries again."
        self.doing = f"stopping {title(stop)}…"

    def compose(self) -> ComposeResult:
        """What will be stopped, a reason, two buttons."""
        everything = self._stop.name == EVERYTHING
        whom = "EVERYTHING" if everything else clean(self._stop.name)
        running = count(self._stop.running, "workflow")
        now = (
            f"{running} running now: what runs is cut short at once."
            if self._stop.running
            else "None is running."
        )
        with Vertical(classes="box danger"):
            yield Static(Content.assemble("■ Stop ", (whom, "bold"), "?"), classes="question")
            yield Static(
                f"{now} No further one can be submitted or executed until it is released.", markup=False
            )
            yield Label("Reason (may stay empty)")
            yield quiet_input("why", id="reason")
            yield self.told()
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel  esc", id="cancel")
                yield quiet_button("Stop now  enter", id="engage", variant="error")

    @on(Input.Submitted, "#reason")
    @on(Button.Pressed, "#engage")
    def _engage(self) -> None:
        self.set_stop()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()


class ReleaseDialog(_StopDialog):
    """Releases a stop, once a reason is given and the entry's name is typed. Shows what that lets go."""

    def __init__(self, stop: Stop, set_stop: SetStop, plan: AskPlan, now: Callable[[], datetime]) -> None:
        super().__init__(stop, set_stop)
        self._plan = plan
        self._now = now
        self.failure = f"{title(stop)} is not known to be released. Enter tries again."
        self.doing = f"releasing {title(stop)}…"

    def compose(self) -> ComposeResult:
        """What stopped it, a reason, the name, two buttons."""
        with Vertical(classes="box"):
            yield Static(
                Content.assemble("▶ Release ", (clean(title(self._stop)), "bold"), "?"), classes="question"
            )
            yield Static(self._history(), markup=False)
            yield Static("Asking what it would let go…", id="plan", markup=False)
            yield Label("Reason")
            yield quiet_input("why it is safe to go on", id="reason")
            yield Label(Content.assemble("Type ", (clean(self._stop.name), "bold"), " to release it"))
            yield quiet_input("", id="name")
            yield self.told()
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel  esc", id="cancel")
                yield quiet_button("Release", id="release", variant="primary", disabled=True)

    def on_mount(self) -> None:
        """Asks what would be let go."""
        self.run_worker(self._ask_plan(), name="plan a release", group="plan", exit_on_error=False)

    async def _ask_plan(self) -> None:
        told = self.query_one("#plan", Static)
        try:
            plan = await self._plan()
        except GatewayError as error:
            told.update(clean(f"What it would let go is not known: {error}"))
            return
        told.update("\n".join(clean(line) for line in plan_lines(plan, self._now())))
        if plan.two_keys:
            key = "second" if plan.stop.key is not None else "first"
            self.query_one("#release", Button).label = f"Turn the {key} key"

    def _history(self) -> str:
        if not self._stop.listed:
            return "It has no entry in es.json, which means stop. Releasing it writes one."
        who = clean(self._stop.operator) or "somebody who edited es.json"
        why = f": {clean(self._stop.reason)}" if self._stop.reason else ", without a reason"
        return f"Stopped by {who}{why}"

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#release", Button).disabled = not self._complete()

    def _complete(self) -> bool:
        typed = self.query_one("#name", Input).value.strip()
        return typed == self._stop.name and bool(self.query_one("#reason", Input).value.strip())

    @on(Input.Submitted, "#reason")
    def _next(self) -> None:
        self.query_one("#name", Input).focus()

    @on(Input.Submitted, "#name")
    @on(Button.Pressed, "#release")
    def _release(self) -> None:
        if self._complete():
            self.set_stop()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()
