"""Engaging an emergency stop, which is quick, and releasing one, which asks for more."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from wf_tui.dialogs.base import Dialog
from wf_tui.gateway import GatewayError
from wf_tui.state.format import count
from wf_tui.state.models import EVERYTHING, Stop
from wf_tui.state.stops import title
from wf_tui.state.text import clean
from wf_tui.widgets.fields import quiet_button, quiet_input

#: Sets the stop for a reason; returns what to say of it.
SetStop = Callable[[str], Awaitable[str]]


class _StopDialog(Dialog[str]):
    """Sets a stop while it is open, and stays open until the server has said yes.

    Answers with what to say of it. Whoever closed it on a call that then failed would think it done.
    """

    AUTO_FOCUS = "#reason"

    def __init__(self, stop: Stop, set_stop: SetStop) -> None:
        super().__init__()
        self._stop = stop
        self._set_stop = set_stop
        self._under_way = False

    @property
    @abstractmethod
    def failure(self) -> str:
        """What an operator has to know if the call fails, before the error's own words."""

    @property
    @abstractmethod
    def doing(self) -> str:
        """What is going on while the server is asked."""

    def act(self) -> None:
        """Asks the server, once at a time."""
        if not self._under_way:
            self._under_way = True
            self._tell(self.doing)
            name = f"set stop {self._stop.name}"
            self.run_worker(self._act(), name=name, group="set stop", exit_on_error=False)

    async def _act(self) -> None:
        try:
            told = await self._set_stop(self.query_one("#reason", Input).value.strip())
        except GatewayError as error:
            self._tell(f"{self.failure} {clean(str(error))}", failed=True)
        else:
            self.dismiss(told)
        finally:
            self._under_way = False

    def _tell(self, words: str, *, failed: bool = False) -> None:
        told = self.query_one("#told", Static)
        told.update(Content(words))
        told.set_class(failed, "failed")
        told.display = True

    def action_leave(self) -> None:
        """Closes the dialog; a call under way may or may not be carried out, and that is said."""
        if self._under_way:
            words = f"Left while the server was asked: see on the board how {self._stop.name} stands."
            self.app.notify(clean(words), severity="warning", timeout=10, markup=False)
        super().action_leave()


def _told() -> Static:
    """Where the dialog says how it is going."""
    told = Static("", id="told", markup=False)
    told.display = False
    return told


class EngageDialog(_StopDialog):
    """Engages a stop with a reason, which may be empty: enter engages at once."""

    @property
    def failure(self) -> str:
        """It may still be running."""
        return f"■ {title(self._stop)} is NOT known to be stopped! Enter tries again."

    @property
    def doing(self) -> str:
        """Until the server says yes."""
        return f"stopping {clean(title(self._stop))}…"

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
            yield _told()
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel  esc", id="cancel")
                yield quiet_button("Stop now  enter", id="engage", variant="error")

    @on(Input.Submitted, "#reason")
    @on(Button.Pressed, "#engage")
    def _engage(self) -> None:
        self.act()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()


class ReleaseDialog(_StopDialog):
    """Releases a stop, once a reason is given and the entry's name is typed."""

    @property
    def failure(self) -> str:
        """It may still be stopped."""
        return f"{title(self._stop)} is not known to be released. Enter tries again."

    @property
    def doing(self) -> str:
        """Until the server says yes."""
        return f"releasing {clean(title(self._stop))}…"

    def compose(self) -> ComposeResult:
        """What stopped it, a reason, the name, two buttons."""
        with Vertical(classes="box"):
            yield Static(
                Content.assemble("▶ Release ", (clean(title(self._stop)), "bold"), "?"), classes="question"
            )
            yield Static(self._history(), markup=False)
            yield Label("Reason")
            yield quiet_input("why it is safe to go on", id="reason")
            yield Label(Content.assemble("Type ", (clean(self._stop.name), "bold"), " to release it"))
            yield quiet_input("", id="name")
            yield _told()
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel  esc", id="cancel")
                yield quiet_button("Release", id="release", variant="primary", disabled=True)

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
            self.act()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()
