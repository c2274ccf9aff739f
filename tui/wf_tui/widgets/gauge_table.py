"""Things of which something is taken and comes back with time, one a line."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.text import clean
from wf_tui.widgets.rows import Piece, RowsView

T = TypeVar("T")


class GaugeTable(RowsView, Generic[T]):
    """The gauges that the filter lets through; `server_now` is the server's clock."""

    #: What one is called.
    NOUN: ClassVar[str]

    def __init__(self, server_now: Callable[[], datetime]) -> None:
        super().__init__(id="gauges")
        self._server_now = server_now
        self._known: tuple[T, ...] = ()
        self._shown: tuple[T, ...] = ()
        self._filter = NO_FILTER

    @abstractmethod
    def identity(self, gauge: T) -> Any:
        """What tells a gauge from all others, whatever its level."""

    @abstractmethod
    def fields(self, gauge: T) -> Mapping[str, str]:
        """What a filter can ask for."""

    def line_count(self) -> int:
        """One line a gauge."""
        return len(self._shown)

    @property
    def current(self) -> T | None:
        """The one under the cursor."""
        return self._shown[self.cursor] if self.cursor < len(self._shown) else None

    def show(self, gauges: Sequence[T]) -> None:
        """Shows new levels; the cursor stays with its gauge."""
        self._known = tuple(gauges)
        self.choose(self._filter)

    def choose(self, chosen: Filter) -> None:
        """Shows only those that the filter lets through."""
        before, self._filter = self.current, chosen
        self._shown = tuple(gauge for gauge in self._known if chosen.lets_through(self.fields(gauge)))
        if self._known:
            self.placeholder = [[Piece(f"No {self.NOUN} matches "), Piece(clean(chosen.text), "strong")]]
        self.lines_changed()
        if before is not None:
            identities = [self.identity(gauge) for gauge in self._shown]
            if (known := self.identity(before)) in identities:
                self.cursor = identities.index(known)
        self.post_message(self.Moved(self))

    def line(self, at: int) -> T:
        """The gauge on a line."""
        return self._shown[at]
