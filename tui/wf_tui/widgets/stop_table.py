"""The board of emergency stops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.format import age, count, moment
from wf_tui.state.models import EVERYTHING, Stop
from wf_tui.state.stops import stop_outlook, title
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit

#: What a filter can ask for by name.
FIELDS = ("state", "name", "by", "why")

_STATE, _RUNNING, _AGE, _WHO = 9, 8, 5, 14


def _name_width(width: int) -> int:
    return max(16, min(30, width - _STATE - _RUNNING - _AGE - _WHO - 24))


class StopTable(RowsView):
    """Entries, one a line."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(id="stops")
        self._now = now
        self._known: tuple[Stop, ...] = ()
        self._stops: tuple[Stop, ...] = ()
        self._filter = NO_FILTER

    def line_count(self) -> int:
        """One line an entry."""
        return len(self._stops)

    @property
    def current(self) -> Stop | None:
        """The entry under the cursor."""
        return self._stops[self.cursor] if self.cursor < len(self._stops) else None

    def show_stops(self, stops: tuple[Stop, ...]) -> None:
        """Shows a new board; the cursor stays with its entry."""
        self._known = stops
        self.choose(self._filter)

    def choose(self, chosen: Filter) -> None:
        """Shows only entries that the filter lets through."""
        before, self._filter = self.current, chosen
        self._stops = tuple(stop for stop in self._known if chosen.lets_through(_fields(stop)))
        if self._known:
            self.placeholder = [[Piece("No stop matches "), Piece(clean(chosen.text), "strong")]]
        self.lines_changed()
        names = [stop.name for stop in self._stops]
        self.cursor = names.index(before.name) if before is not None and before.name in names else self.cursor
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints an entry."""
        stop = self._stops[line]
        stopped = stop.engaged or not stop.listed
        yield Piece(fit(_state(stop), _STATE), "bad" if stopped else "good")
        yield Piece(fit(clean(title(stop)), _name_width(width)) + " ", "strong")
        yield Piece(
            fit(f"{stop.running:,}", _RUNNING - 1, right=True) + " ", "busy" if stop.running else "dim"
        )
        yield Piece(fit(age(self._now(), stop.changed) if stop.changed else "–", _AGE, right=True) + " ")
        yield Piece(fit(clean(stop.operator) or "–", _WHO) + " ")
        rest = width - _STATE - _name_width(width) - 1 - _RUNNING - _AGE - 1 - _WHO - 1
        why = clean(stop.reason) if stop.listed else "no entry in es.json: means stop"
        if stop.key is not None:
            why = f"1st key: {clean(stop.key.operator)}"
        yield Piece(fit(why, max(0, rest)), "dim")


def _state(stop: Stop) -> str:
    if not stop.engaged and stop.listed:
        return "▶ GO"
    # One of two keys is turned.
    return "■ STOP ½" if stop.key is not None else "■ STOP"


def _fields(stop: Stop) -> Mapping[str, str]:
    state = "stop" if stop.engaged or not stop.listed else "go"
    values = (state, title(stop), stop.operator, stop.reason if stop.listed else "no entry in es.json")
    return dict(zip(FIELDS, map(clean, values), strict=True))


class StopHead(Widget):
    """The columns' names."""

    def render(self) -> Content:
        """Paints the names."""
        width = self.content_size.width - 2
        names = (
            " " + fit("STATE", _STATE),
            fit("WORKFLOW TYPE", _name_width(width)) + " ",
            fit("RUNNING", _RUNNING - 1, right=True) + " ",
            fit("SINCE", _AGE, right=True) + " ",
            fit("WHO", _WHO) + " ",
            "WHY",
        )
        return Content("".join(names)).truncate(max(1, width), ellipsis=True)


def stop_words(stop: Stop, now: datetime) -> Content:
    """Tells an entry in sentences."""
    name = clean(title(stop))
    if not stop.listed:
        return Content(
            f"{name} has policies but no entry in es.json, which means stop. Releasing it writes one."
        )
    if stop.name == EVERYTHING:
        told = _everything_words(stop)
    elif not stop.engaged:
        told = f"{name} may be submitted and executed; {count(stop.running, 'workflow')} running now."
    else:
        told = f"{name} is stopped: nothing starts, and what ran was cut short."
    more = "".join(f"\n{clean(line)}" for line in stop_outlook(stop, now))
    who = f" by {clean(stop.operator)}" if stop.operator else ""
    if stop.changed is None:
        return Content(told + more)
    why = f": {clean(stop.reason)}" if stop.reason else ""
    first = f", with the first key of {clean(stop.first_operator)}" if stop.first_operator else ""
    return Content(f"{told}\nSet {moment(now, stop.changed)}{who}{first}{why}{more}")


def stop_facts(stop: Stop, now: datetime) -> Iterator[Fact]:
    """Tells all about an entry."""
    stopped = stop.engaged or not stop.listed
    yield Fact("State", "■ stop" if stopped else "▶ go", "$text-error" if stopped else "$text-success")
    yield Fact("Running", count(stop.running, "workflow"))
    yield Fact("Changed", moment(now, stop.changed))
    yield Fact("By", stop.operator or "–")
    yield Fact("Why", (stop.reason or "–") if stop.listed else "no entry in es.json: means stop")
    if stop.first_operator:
        yield Fact("1st key", stop.first_operator)
    if stopped:
        yield Fact("Until", moment(now, stop.expires) if stop.expires else "it is released")
        yield Fact("Reminded", moment(now, stop.reminded))
    yield Fact("")
    yield Fact("", stop_words(stop, now))


def _everything_words(stop: Stop) -> str:
    if stop.engaged:
        return "Everything is stopped, whatever its own entry says: nothing starts, what ran was cut short."
    return f"Each type goes by its own entry; {count(stop.running, 'workflow')} running now."
