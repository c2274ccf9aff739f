"""What the screens of gauges share: levels that are asked for again and again, and countdowns in between."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import InspectingScreen
from wf_tui.state.filters import Filter
from wf_tui.state.health import Health
from wf_tui.state.situation import Situation
from wf_tui.state.text import clean
from wf_tui.widgets.gauge_table import GaugeTable
from wf_tui.widgets.rows import Piece, RowsView

_EVERY_SECONDS = 1.0

T = TypeVar("T")


class GaugesScreen(InspectingScreen, FilteredScreen, Generic[T]):
    """Levels are asked for every second while they are shown."""

    AUTO_FOCUS = "#gauges"
    #: What they are called, together.
    NOUNS: ClassVar[str]
    #: Where to look if there are none.
    WHERE: ClassVar[str]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._health: Health | None = None
        self._loaded = False
        self._table = self.table(self.server_now)

    @abstractmethod
    def table(self, server_now: Callable[[], datetime]) -> GaugeTable[T]:
        """Makes the table."""

    @abstractmethod
    def head(self) -> Widget:
        """Makes the names of its columns."""

    @abstractmethod
    def fetch(self) -> Coroutine[Any, Any, Sequence[T]]:
        """Asks for the levels."""

    @abstractmethod
    def name_of(self, gauge: T) -> str:
        """Names one."""

    @abstractmethod
    def sentence_of(self, gauge: T) -> str:
        """Tells what its level means."""

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", self.NOUNS.capitalize()

    def body(self) -> ComposeResult:
        """The levels, and a line about the one under the cursor."""
        yield self.filter_line()
        yield self.head()
        yield self._table
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Begins to ask."""
        self._table.placeholder = [[Piece(f"Asking the server for its {self.NOUNS}…", "dim")]]
        super().on_mount()
        self.poll(self.NOUNS, self.fetch, self._take, every=_EVERY_SECONDS)
        self.set_interval(1.0, self._tick, name="countdown")

    @property
    def current(self) -> T | None:
        """The one under the cursor."""
        return self._table.current

    def server_now(self) -> datetime:
        """The server's time, as far as it is known."""
        now = self.context.now()
        return self._health.server_time(now) if self._health is not None else now

    def situation_changed(self, situation: Situation) -> None:
        """Countdowns go by the server's clock."""
        super().situation_changed(situation)
        self._health = situation.health

    def _take(self, gauges: Sequence[T]) -> None:
        if not self.is_mounted:
            return
        self._loaded = True
        self._table.placeholder = [
            [Piece(f"The server has no {self.NOUNS}", "strong")],
            [],
            [Piece(self.WHERE, "dim")],
        ]
        self._table.show(gauges)

    def refused(self, error: GatewayError) -> None:
        """Says it in the table's place; levels that were read stay."""
        if self._loaded:
            super().refused(error)
            return
        self._table.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("ctrl+r asks again", "dim")]]
        self._table.lines_changed()

    @on(RowsView.Opened)
    def _opened(self) -> None:
        self.action_describe()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self._table.choose(chosen)

    def _tick(self) -> None:
        self._table.refresh()
        self._peek()

    @on(RowsView.Moved)
    def _peek(self) -> None:
        gauge = self.current
        if gauge is None:
            self.query_one("#peek", Static).update("")
            return
        name, words = clean(self.name_of(gauge)), clean(self.sentence_of(gauge))
        self.query_one("#peek", Static).update(Content.assemble((name, "bold"), f"\n{words}"))
