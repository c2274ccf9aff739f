"""The application: it wires screens to the gateway, and keeps what all of them share."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events, on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from wf_tui.commands import Command, WfCommands, stop_commands, workflow_commands
from wf_tui.connection import Connection
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.help import HelpDialog, help_groups
from wf_tui.drafts import Drafts
from wf_tui.gateway import Gateway, GatewayError, Server, Servers
from wf_tui.live import Wait, wait_at_most
from wf_tui.preferences import leave_out_dangers, put_in_force
from wf_tui.screens.base import Context, OpenWorkflow, WfScreen
from wf_tui.screens.composing import can_clone, clone, compose
from wf_tui.screens.places import PLACES, go, place_bindings
from wf_tui.screens.queue_news import QueueNews, waiting_facts
from wf_tui.screens.stops import StopsScreen
from wf_tui.screens.switching import Switching
from wf_tui.screens.wizarding import begin_wizard, wizard_bindings, wizard_commands
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsEnded, WorkflowsScreen
from wf_tui.settings import Settings
from wf_tui.state.format import count
from wf_tui.state.models import Status
from wf_tui.state.permits import OPERATOR, may, only_views
from wf_tui.state.situation import Situation
from wf_tui.state.stops import reminder_words, reminders
from wf_tui.state.text import clean
from wf_tui.state.window_title import window_title
from wf_tui.terminal_title import TerminalTitle
from wf_tui.toasts import tell_endings
from wf_tui.wizards import WIZARDS

_log = logging.getLogger(__name__)

_DEFAULTS = Settings()


def utc_now() -> datetime:
    """Returns the time by this machine's clock."""
    return datetime.now(UTC)


class WfApp(App[None]):
    """The console on one server at a time. It closes no gateway but one that another replaces.

    `server` says what the gateway leads to, and `servers` which others one can go to from within.
    """

    TITLE = "wf"
    CSS_PATH = "app.tcss"
    COMMANDS = {WfCommands}  # noqa: RUF012 - declared so by Textual

    #: Every server has a stack of screens of its own.
    DEFAULT_MODE = "server"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "home", "Workflows", show=False, id="app.home", tooltip="To the list of workflows"),
        *wizard_bindings(),
        Binding("S", "stops", "Stops", show=False, id="app.stops", tooltip="To the emergency stops"),
        Binding("c", "compose", "Compose", show=False, id="app.compose", tooltip="Compose a WorkReq"),
        Binding("C", "clone", "Clone", show=False, id="app.clone", tooltip="Compose a copy of this workflow"),
        *place_bindings(),
        Binding("V", "servers", "Servers", show=False, id="app.servers", tooltip="Connect to another server"),
        Binding("colon", "command_palette", "Menu", id="app.palette", tooltip="Find any command by its name"),
        Binding("question_mark", "help", "Help", id="app.help", tooltip="The keys that work here"),
        Binding("q", "quit", "Quit", id="app.quit", tooltip="Leave; workflows go on without the console"),
    ]

    situation: reactive[Situation] = reactive(Situation("", {}), always_update=True)

    def __init__(
        self,
        gateway: Gateway,
        *,
        now: Callable[[], datetime] = utc_now,
        pause_seconds: int = 60,
        log_path: Path | None = None,
        private: bool = False,
        notice: str = "",
        wait: Wait = wait_at_most,
        jitter: Callable[[], float] = random.random,
        stopwatch: Callable[[], float] = time.monotonic,
        drafts: Drafts | None = None,
        typing_pause: float = 0.3,
        settings: Settings = _DEFAULTS,
        server: Server | None = None,
        servers: Servers | None = None,
    ) -> None:
        super().__init__()
        self.add_mode(self.DEFAULT_MODE, self.get_default_screen)
        put_in_force(self, settings)
        self._all_bindings = self._bindings.copy()
        self._bell = settings.bell
        self._log_path = log_path
        self._notice = notice
        self._private = gateway.address if private else None
        self.servers = servers
        self._connected_to = partial(
            Connection,
            told=self._take_situation,
            report=self.report,
            now=now,
            wait=wait,
            jitter=jitter,
            stopwatch=stopwatch,
            pause_seconds=pause_seconds,
            drafts=drafts,
            typing_pause=typing_pause,
        )
        server = server or Server("", gateway.address, settings.read_only)
        self._connection = self._connected_to(gateway, server)
        leave_out_dangers(self, self._all_bindings, read_only=server.read_only)
        self.set_reactive(WfApp.situation, self._connection.situation)
        self._title = TerminalTitle(self, self._window_title) if settings.title else None

    @property
    def context(self) -> Context:
        """What screens need, of the server that is shown now."""
        return self._connection.context

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed there."""
        return self.context.read_only

    def _may_operate(self, workflow_type: str) -> bool:
        return may(self.situation.identity, OPERATOR, (workflow_type,))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A wizard whose work the server would refuse is not offered."""
        return action != "wizard" or self._may_operate(WIZARDS[str(parameters[0])].workflow)

    async def on_event(self, event: events.Event) -> None:
        """Lets the screen know of keys before anything else does."""
        if isinstance(event, events.Key) and isinstance(self.screen, WfScreen):
            self.screen.hurry()
        await super().on_event(event)

    def get_default_screen(self) -> Screen[Any]:
        """Home is the list of workflows."""
        return WorkflowsScreen(self.context)

    def on_mount(self) -> None:
        """Watches the stops and the server's health for as long as the app runs."""
        self._connection.start()
        self._queue_news()
        if self._title is not None:
            self._title.start()
        if self._notice:
            self.notify(clean(self._notice), timeout=15, markup=False)

    async def on_unmount(self) -> None:
        """Ends the watches."""
        await self._connection.stop()
        if self._title is not None:
            self._title.stop()

    def _take_situation(self, situation: Situation) -> None:
        for stop in reminders(self.situation.board, situation.board):
            words = reminder_words(stop, self.context.now())
            self.notify(clean(words), severity="warning", timeout=15, markup=False)
        known, self.situation = self.situation.identity, situation
        who = situation.identity
        if who is not None and who != known and only_views(who) and not situation.read_only:
            self.notify(clean(f"{who.name} is a viewer there: nothing can be changed"), markup=False)

    async def connect(self, server: Server) -> None:
        """Shows another server in the place of this one, of which nothing stays."""
        assert self.servers is not None
        before = self._connection
        self._connection = self._connected_to(self.servers.open(server), server)
        await before.stop()
        leave_out_dangers(self, self._all_bindings, read_only=server.read_only)
        self.situation = self._connection.situation
        self.clear_notifications()
        await self._show_anew()
        self._connection.start()
        self._queue_news()
        await before.context.gateway.close()

    async def _show_anew(self) -> None:
        """Begins with the list of workflows again, on a stack of screens of its own."""
        mode = self.current_mode
        after = f"{mode}'"
        self.add_mode(after, self.get_default_screen)
        await self.switch_mode(after)
        await self.remove_mode(mode)

    def _queue_news(self) -> None:
        QueueNews(self, self.context).start()

    def _window_title(self) -> str:
        home = self.screen_stack[0]
        return window_title(
            self.situation, home.listing.counts() if isinstance(home, WorkflowsScreen) else {}
        )

    def report(self, error: BaseException) -> None:
        """Tells an error: a gateway's in its words, a bug by the name of the log that has the rest."""
        if isinstance(error, GatewayError):
            self.notify(clean(str(error)), severity="error", timeout=10, markup=False)
            return
        _log.error("unexpected error", exc_info=error)
        words = f"The console met an unexpected error ({type(error).__name__}){self._where()}"
        self.notify(clean(words), severity="error", timeout=15, markup=False)

    def _where(self) -> str:
        return f". Details are in {self._log_path}" if self._log_path is not None else ""

    def _handle_exception(self, error: Exception) -> None:
        """A bug in a handler ends the app with one line; a test gets the exception itself."""
        if self.is_headless:
            super()._handle_exception(error)
            return
        _log.critical("the console ends", exc_info=error)
        words = f"wf-tui ended by an unexpected error ({type(error).__name__}){self._where()}"
        self.exit(return_code=1, message=clean(words))

    @on(WorkflowsEnded)
    def _workflows_ended(self, message: WorkflowsEnded) -> None:
        if isinstance(self.screen, WorkflowsScreen):
            return
        shown = self.screen.workflow_id if isinstance(self.screen, WorkflowScreen) else ""
        missed = [summary for summary in message.ended if summary.id != shown]
        if missed:
            tell_endings(self, missed, bell=self._bell)

    @on(OpenWorkflow)
    def _open_workflow(self, message: OpenWorkflow) -> None:
        self.open_workflow(message.workflow_id, instead=message.instead)

    def open_workflow(self, workflow_id: str, *, instead: bool = False) -> None:
        """Shows a workflow, on top of the screen that asks or in its place."""
        if isinstance(self.screen, WorkflowScreen) and self.screen.workflow_id == workflow_id:
            return
        screen = WorkflowScreen(self.context, workflow_id)
        if instead:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def action_home(self) -> None:
        """Goes back to the list of workflows."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_stops(self) -> None:
        """Shows the stops."""
        if not isinstance(self.screen, StopsScreen):
            self.push_screen(StopsScreen(self.context))

    def action_go(self, name: str) -> None:
        """Shows one of the places."""
        go(self, self.context, name)

    def action_servers(self) -> None:
        """Asks which server to go to."""
        if switching := self._switching():
            switching.choose()
        else:
            self.notify("No other server is known: console.toml has no [profiles.NAME].", markup=False)

    def _switching(self) -> Switching | None:
        if self.servers is None:
            return None
        return Switching(self, self.servers, self._connection.server, self.context, self.connect)

    def action_wizard(self, name: str) -> None:
        """Begins a wizard; one that was begun is gone on with."""
        begin_wizard(self, self.context, name)

    def action_compose(self) -> None:
        """Begins a WorkReq; one that was begun is gone on with."""
        compose(self, self.context)

    def action_clone(self) -> None:
        """Begins a WorkReq with a copy of the workflow that the screen is about."""
        clone(self, self.context)

    async def action_quit(self) -> None:
        """Leaves; asks first where the server ends with the console in the middle of something."""
        home = self.screen_stack[0]
        running = home.listing.counts()[Status.RUNNING] if isinstance(home, WorkflowsScreen) else 0
        facts = list(waiting_facts(self.context.queue.queue))
        if self._private == self.situation.address and running:
            facts.append(("Running", count(running, "workflow")))
            facts.append(("Server", "private: it ends with the console"))
        if not facts or isinstance(self.screen, ConfirmDialog):
            self.exit()
            return
        self.push_screen(
            ConfirmDialog("Quit while something is running?", facts, "Quit"), self._answered_quit
        )

    def _quit(self) -> None:
        self.call_later(self.action_quit)

    def _answered_quit(self, yes: bool | None) -> None:
        if yes:
            self.exit()

    def action_help(self) -> None:
        """Shows the keys that work here."""
        place = self.screen.crumbs()[-1] if isinstance(self.screen, WfScreen) else "here"
        self.push_screen(HelpDialog(place, help_groups(self, self.screen.active_bindings.values())))

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields the commands that make sense everywhere."""
        yield Command("go: workflows", "The list of all workflows", self.action_home)
        yield Command("go: emergency stops", "What may run and what may not", self.action_stops)
        for name, place in PLACES.items():
            yield Command(f"go: {name}", place.words, partial(self.action_go, name))
        yield from wizard_commands(self, self.context, self._may_operate)
        yield Command("workreq: compose", "Name, blocks, jobs; checked while you type", self.action_compose)
        if can_clone(screen):
            yield Command("workreq: clone this workflow", "Compose a copy of it", self.action_clone)
        if switching := self._switching():
            yield from switching.commands()
        if self.situation.board is not None and isinstance(screen, WfScreen):
            yield from stop_commands(
                self.situation.board, self._may_operate, screen.engage_stop, screen.release_stop
            )
        home = self.screen_stack[0]
        if isinstance(home, WorkflowsScreen):
            yield from workflow_commands(home.listing, self.open_workflow)
        yield Command("console: help", "The keys that work here", self.action_help)
        yield Command("console: theme", "Other colours", self.action_change_theme)
        yield Command("console: quit", "Workflows go on without the console", self._quit)
