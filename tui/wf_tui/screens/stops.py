"""The emergency stops: what may run, what may not, who said so and why."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen, document
from wf_tui.state.filters import Filter
from wf_tui.state.models import Stop, StopBoard
from wf_tui.state.situation import Situation
from wf_tui.state.stops import board_lines, title
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.stop_table import FIELDS, StopHead, StopTable, stop_facts, stop_words


class StopsScreen(InspectingScreen, FilteredScreen):
    """The board. It is the app's own picture of the stops: it opens no stream."""

    AUTO_FOCUS = "#stops"
    FILTERED = "stops"
    FILTER_FIELDS = FIELDS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "s", "engage", "Stop", id="stops.engage", tooltip="Stop what the cursor is on; enter confirms"
        ),
        Binding(
            "r",
            "release",
            "Release",
            id="stops.release",
            tooltip="Release it: asks for a reason and its name",
        ),
        Binding(
            "u",
            "withdraw",
            "Take back",
            id="stops.withdraw",
            tooltip="Take back the first of the two keys that release it",
        ),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._problem = ""

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return ("Emergency stops",)

    def body(self) -> ComposeResult:
        """What is wrong with es.json, the board, all about one line."""
        yield Static(id="problem")
        yield self.filter_line()
        yield StopHead()
        yield StopTable(self.context.now)
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Waits for the board."""
        self._table.placeholder = [[Piece("Asking the server for its stops…", "dim")]]
        super().on_mount()

    @property
    def _table(self) -> StopTable:
        return self.query_one(StopTable)

    def situation_changed(self, situation: Situation) -> None:
        """Shows the newest board."""
        super().situation_changed(situation)
        if situation.board is not None:
            self._take(situation.board)

    def _take(self, board: StopBoard) -> None:
        self._problem = board.problem
        self._table.show_stops(board_lines(board))
        problem = self.query_one("#problem", Static)
        problem.display = bool(board.problem)
        problem.update(
            "Until es.json can be read again nothing starts and everything that runs is stopped. Mend or "
            "restore the file on the server; it is read again at once. Nothing can be released before that."
        )
        self.refresh_bindings()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self._table.choose(chosen)

    @on(RowsView.Moved)
    def _moved(self) -> None:
        stop = self._table.current
        self.query_one("#peek", Static).update(
            stop_words(stop, self.context.now()) if stop is not None else ""
        )
        self.refresh_bindings()

    def inspected(self) -> Inspected | None:
        """The entry under the cursor."""
        stop = self._table.current
        if stop is None:
            return None
        return Inspected(f"Stop of {title(stop)}", stop_facts(stop, self.context.now()), document(stop))

    def action_retry(self) -> None:
        """Asks for the board; the stream of it is the app's."""
        super().action_retry()
        self.ask(self._ask_board, "the stops", group="board", exclusive=True)

    async def _ask_board(self) -> None:
        self._take(await self.context.gateway.stops())

    @on(RowsView.Opened)
    def _opened(self) -> None:
        stop = self._table.current
        if stop is not None and self._may("release", stop):
            self.release_stop(stop)
        elif stop is not None and self._may("engage", stop):
            self.engage_stop(stop)

    def concerned(self) -> Collection[str]:
        """The type under the cursor; `*` asks for a role for every type."""
        stop = self._table.current if self.is_mounted else None
        return (stop.name,) if stop is not None else ()

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A stop is engaged or released, whichever it is not."""
        if action not in ("engage", "release", "withdraw"):
            return True
        stop = self._table.current if self.is_mounted else None
        if action == "withdraw":
            # Where releasing takes one key, nobody needs to know of it.
            return stop is not None and stop.key is not None
        return self._may(action, stop) if stop is not None else None

    def _may(self, action: str, stop: Stop) -> bool | None:
        if action == "release" and self._problem:
            return None
        stopped = stop.engaged or not stop.listed
        # What has no entry is stopped already, but engaging it says so, with a reason.
        return True if (stopped if action == "release" else not stop.engaged or not stop.listed) else None

    def action_engage(self) -> None:
        """Stops what the cursor is on."""
        if (stop := self._table.current) is not None:
            self.engage_stop(stop)

    def action_release(self) -> None:
        """Releases what the cursor is on."""
        if (stop := self._table.current) is not None:
            self.release_stop(stop)

    def action_withdraw(self) -> None:
        """Takes back the first key of what the cursor is on: a release is asked for no longer."""
        if (stop := self._table.current) is not None and stop.key is not None:
            self.ask(partial(self._withdraw, stop), "the key taken back", group="withdraw", exclusive=True)

    async def _withdraw(self, stop: Stop) -> None:
        await self.context.gateway.withdraw_key(stop.name)
        self.say(f"The first key for releasing {title(stop)} is taken back; it stays stopped.")
