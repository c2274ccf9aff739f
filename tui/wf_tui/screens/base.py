"""What all screens share: the frame, the streams they own, and how failures are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Footer
from textual.worker import Worker, WorkerState

from wf_tui.dialogs.stop import EngageDialog, ReleaseDialog
from wf_tui.drafts import Drafts
from wf_tui.gateway import Gateway, GatewayError
from wf_tui.live import Follower, Links
from wf_tui.queueing import QueueRunner
from wf_tui.readonly import forbid, orders_in, role_for
from wf_tui.screens.painting import PromptScreen
from wf_tui.state.activity import Activity
from wf_tui.state.format import count
from wf_tui.state.models import Identity, Stop
from wf_tui.state.permits import may
from wf_tui.state.situation import Situation
from wf_tui.state.stops import title
from wf_tui.state.text import clean
from wf_tui.widgets.banner import Banner
from wf_tui.widgets.titlebar import TitleBar
from wf_tui.widgets.too_small import LEAST, TooSmall

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """What a screen needs of the world."""

    gateway: Gateway
    now: Callable[[], datetime]
    links: Links
    #: Tells an error to the operator; bugs go to the log as well.
    report: Callable[[BaseException], None]
    #: Of the disk-erase wizard, between blocks.
    pause_seconds: int = 60
    #: How many jobs ended when, fed by the list of workflows.
    activity: Activity = field(default_factory=Activity)
    #: Where drafts of WorkReqs are kept; None: nowhere.
    drafts: Drafts | None = None
    #: Without a key for so many seconds, what is typed is checked and kept.
    typing_pause: float = 0.3
    #: What changes something on the server is left out.
    read_only: bool = False
    #: What lists were filtered by when one was there last, by the list.
    filters: dict[str, str] = field(default_factory=dict)
    #: What was confirmed together, worked off one after another.
    queue: QueueRunner = field(kw_only=True)


class OpenWorkflow(Message):
    """Asks for the screen of a workflow."""

    def __init__(self, workflow_id: str, *, instead: bool = False) -> None:
        super().__init__()
        self.workflow_id = workflow_id
        #: In the place of the screen that asks.
        self.instead = instead


class WfScreen(PromptScreen):
    """A screen with title, banner and footer. Its streams end with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="screen.back", tooltip="To the screen before"),
        Binding(
            "ctrl+r",
            "retry",
            "Refresh",
            show=False,
            id="screen.refresh",
            tooltip="Ask for everything anew; reconnect at once",
        ),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self._followers: list[Follower[Any]] = []
        self._pollers: list[Follower[Any]] = []
        if context.read_only:
            forbid(self._bindings)
        #: The ids of the bindings that change something on the server, by their actions.
        self._orders = orders_in(self._bindings)
        self._known_as: Identity | None = None
        self._refusal = ""

    def crumbs(self) -> tuple[str, ...]:
        """Returns where one is, the screen's own name last."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """Composes what is between banner and footer."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        yield TitleBar(self.crumbs())
        yield Banner(self.context.now)
        yield from self.body()
        yield Footer(compact=True, show_command_palette=False)
        yield TooSmall()

    @on(events.Resize)
    def _measure(self, event: events.Resize) -> None:
        """Says so where there is no room for it."""
        self.set_class(event.size.width < LEAST.width or event.size.height < LEAST.height, "-too-small")

    def on_mount(self) -> None:
        """Shows the situation from now on."""
        self.watch(self.app, "situation", self.situation_changed)

    async def on_unmount(self) -> None:
        """Ends the streams."""
        await self._end(self._followers + self._pollers)

    async def on_screen_suspend(self) -> None:
        """Asks for nothing that nobody sees."""
        await self._end(self._pollers)

    def on_screen_resume(self) -> None:
        """Asks again for what is polled."""
        for poller in self._pollers:
            poller.start()

    async def _end(self, followers: Sequence[Follower[Any]]) -> None:
        for follower in followers:
            await follower.stop()
            self.context.links.forget(follower.name)

    def situation_changed(self, situation: Situation) -> None:
        """Shows connection and stops; what is stale looks so."""
        self.query_one(TitleBar).situation = situation
        self.query_one(Banner).situation = situation
        self.set_class(situation.connected is False, "-stale")
        if situation.identity != self._known_as:
            self._known_as = situation.identity
            self.identity_changed()

    def identity_changed(self) -> None:
        """Offers what somebody may do whom the server has come to know otherwise."""
        self.refresh_bindings()

    def concerned(self) -> Collection[str]:
        """The workflow types that what is done here would be about; none: no certain ones."""
        return ()

    def permitted(self, action: str) -> bool:
        """Whether the server would let somebody with these roles do it."""
        binding = self._orders.get(action)
        return binding is None or may(self._known_as, role_for(binding), self.concerned())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What the server would refuse is not offered; of the rest `offered` decides."""
        return self.permitted(action) and self.offered(action, parameters)

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action makes sense now, as Textual asks it: None shows it greyed out."""
        return True

    def renamed(self) -> None:
        """Shows the crumbs anew."""
        self.query_one(TitleBar).crumbs = self.crumbs()

    def follow(
        self,
        name: str,
        open_stream: Callable[[], AsyncIterator[T]],
        take: Callable[[T], None],
        *,
        endless: bool = True,
    ) -> None:
        """Follows a stream for as long as the screen lives."""

        def taken(item: T) -> None:
            # While the app closes, a last item may find the screen's parts gone.
            if self.query(TitleBar):
                take(item)

        follower = self.context.links.follower(name, open_stream, taken, self.stream_failed, endless=endless)
        self._followers.append(follower)
        follower.start()

    def poll(
        self, name: str, ask: Callable[[], Awaitable[T]], take: Callable[[T], None], *, every: float
    ) -> None:
        """Asks again and again, so many seconds after each answer, while the screen is on top."""

        def answered(answer: T) -> None:
            self._refusal = ""
            if self.query(TitleBar):
                take(answer)

        poller = self.context.links.poller(name, ask, answered, self.refused, self.stream_failed, every=every)
        self._pollers.append(poller)
        poller.start()

    def refused(self, error: GatewayError) -> None:
        """Tells what the server says to a poll in its answer's place; the same again only after an answer."""
        if str(error) != self._refusal:
            self._refusal = str(error)
            self.context.report(error)

    def stream_failed(self, error: Exception) -> None:
        """Tells that a stream ended for good."""
        self.context.report(error)

    def ask(
        self,
        call: Coroutine[Any, Any, None] | Callable[[], Coroutine[Any, Any, None]],
        what: str,
        *,
        group: str,
        exclusive: bool = False,
    ) -> None:
        """Runs a call to the server; its error is shown, never raised.

        What is asked anew with every key has to be given as a function: it may be cancelled before it began.
        """
        self.run_worker(
            call, name=what, group=group, description=what, exclusive=exclusive, exit_on_error=False
        )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Shows the error of any call."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.context.report(event.worker.error)

    def say(self, words: str) -> None:
        """Shows a toast."""
        self.notify(clean(words), markup=False)

    def action_back(self) -> None:
        """Goes to the screen before; the first has none."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_retry(self) -> None:
        """Asks for everything anew, and reconnects at once."""
        self.context.links.hurry()
        self.ask(self._reopen, "everything anew", group="refresh", exclusive=True)

    async def _reopen(self) -> None:
        """Begins the screen's streams again: their first item is a whole picture."""
        for follower in self._followers:
            await follower.stop()
            follower.start()

    def engage_stop(self, stop: Stop) -> None:
        """Asks for a reason and stops; what it is about is fixed from here on."""
        self.app.push_screen(EngageDialog(stop, partial(self._set_stop, stop.name, True)), self._say_answer)

    def release_stop(self, stop: Stop) -> None:
        """Asks for a reason and the name, and releases."""
        context = self.context
        dialog = ReleaseDialog(
            stop,
            partial(self._set_stop, stop.name, False),
            partial(context.gateway.plan_release, stop.name),
            context.now,
        )
        self.app.push_screen(dialog, self._say_answer)

    def _say_answer(self, words: str | None) -> None:
        if words is not None:
            self.say(words)

    async def _set_stop(self, name: str, engaged: bool, reason: str) -> str:
        entry, told = await self.context.gateway.set_stop(name, engaged=engaged, reason=reason)
        if engaged:
            return f"■ {title(entry)} is stopped; {count(told, 'workflow')} told to end."
        if entry.engaged:
            return f"{title(entry)} stays stopped: yours is the first of two keys, the second is another's."
        return f"{title(entry)} is released."
