"""Weekly windows and dated freezes in a time zone: whether a moment is allowed, and when the next one is.

Times are those of the clocks on the wall. Where the clocks are set back, an hour comes twice: a window
opens and closes the first time, a freeze begins the first time and lasts until the second. Where they are set
forward, an hour is left out: a time in it is the moment at which they are set.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wf_server.wording import told

Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
#: As written, Monday first as `date.weekday` has it.
DAYS: tuple[Day, ...] = get_args(Day)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
#: Far enough from the ends of the calendar for every time zone.
_YEARS = range(1970, 2200)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
#: A window that a set clock leaves out opens a week later.
_DAYS_AHEAD = 16

#: From a moment until right before another, in UTC.
Span = tuple[datetime, datetime]


def parse_zone(name: str) -> ZoneInfo:
    """Turns "Europe/Berlin" into a time zone. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        expected = 'write one such as "Europe/Berlin" or "UTC"'
        raise ValueError(f"{told(name)} is no time zone of the IANA list; {expected}") from None


def parse_clock(written: str) -> timedelta:
    """Turns "09:30" into the time since midnight; "24:00" is the day's end. Raises ValueError."""
    match = _CLOCK.fullmatch(written)
    if match is None:
        raise ValueError(f'{told(written)} is no time of day from "00:00" to "24:00"')
    return _DAY if match[1] is None else timedelta(hours=int(match[1]), minutes=int(match[2]))


def parse_moment(written: str, *, end: bool = False) -> datetime:
    """Turns "2026-12-24", or "2026-12-24T18:00", into a time on the wall. Raises ValueError.

    A date is its first moment, or the `end` of its day.
    """
    found = None
    with suppress(ValueError):
        if _DATE.fullmatch(written):
            found = datetime.combine(date.fromisoformat(written), time())
        elif _TIME.fullmatch(written):
            found = datetime.fromisoformat(written)
    if found is None:
        expected = 'a date such as "2026-12-24" or a time such as "2026-12-24T18:00"'
        raise ValueError(f"{told(written)} is not {expected}")
    if found.year not in _YEARS:
        raise ValueError(f"{told(written)} is not within the years {_YEARS[0]} to {_YEARS[-1]}")
    return found + _DAY if end and _DATE.fullmatch(written) else found


def instant(wall: datetime, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """When the clocks of a zone show a time, in UTC: for the first time, or for the `last`.

    A time that is left out is the moment at which the clocks are set forward.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first <= second:
        return second if last else first
    # Left out: the clocks are set after `second`, at `first` at the latest.
    before, (low, high) = second.astimezone(zone).utcoffset(), (second, first)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


@dataclass(frozen=True, slots=True)
class Window:
    """When work is allowed, every week: from one time of day until right before another."""

    #: The days on which it opens, Monday is 0.
    days: frozenset[int]
    opens: timedelta
    #: Not after `opens`: on the next day.
    closes: timedelta

    def span(self, day: date, zone: ZoneInfo) -> Span | None:
        """When it is open that opens on a day; None: it does not open, or a set clock leaves it out."""
        if day.weekday() not in self.days:
            return None
        midnight = datetime.combine(day, time())
        closes = self.closes if self.closes > self.opens else self.closes + _DAY
        opened, closed = instant(midnight + self.opens, zone), instant(midnight + closes, zone)
        return (opened, closed) if opened < closed else None


@dataclass(frozen=True, slots=True)
class Freeze:
    """When no work is allowed, in UTC, and why."""

    start: datetime
    end: datetime
    reason: str


class _Spans:
    """Spans of time in order, those that meet joined."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        for start, end in sorted(spans):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def end_of(self, moment: datetime) -> datetime | None:
        """When the span ends in which a moment is; None: it is in none."""
        at = bisect_right(self._starts, moment) - 1
        return self._ends[at] if at >= 0 and moment < self._ends[at] else None

    def start_after(self, moment: datetime) -> datetime | None:
        """When the next one begins; None: there is none."""
        at = bisect_right(self._starts, moment)
        return self._starts[at] if at < len(self._starts) else None


class Calendar:
    """Windows, weekly and dated ones, of which none at all means always, and the freezes among them."""

    def __init__(
        self,
        zone: ZoneInfo,
        windows: Sequence[Window],
        freezes: Sequence[Freeze],
        openings: Sequence[Span] | None = None,
    ) -> None:
        self.zone = zone
        self._windows = windows
        self._freezes = freezes
        self._frozen = _Spans((freeze.start, freeze.end) for freeze in freezes)
        self._openings = _Spans(openings or ())
        self._always = not windows and openings is None

    def freeze_at(self, moment: datetime) -> Freeze | None:
        """The freeze in force at a moment; of several the one that ends last."""
        if self._frozen.end_of(moment) is None:
            return None
        in_force = (freeze for freeze in self._freezes if freeze.start <= moment < freeze.end)
        return max(in_force, key=lambda freeze: freeze.end, default=None)

    def in_window(self, moment: datetime) -> bool:
        """Whether a window is open, frozen or not."""
        # Around the day: windows last over midnight, and a zone may have left out a whole day.
        spans = self._spans(moment - 2 * _DAY, 4)
        if self._always or self._openings.end_of(moment) is not None:
            return True
        return any(opens <= moment < closes for opens, closes in spans)

    def next_allowed(self, moment: datetime) -> datetime | None:
        """The first moment from this one on at which work is allowed; None: there is none."""
        while True:
            frozen_until = self._frozen.end_of(moment)
            if frozen_until is not None:
                moment = frozen_until
            elif self.in_window(moment):
                return moment
            else:
                openings = [opens for opens, _ in self._spans(moment - _DAY, _DAYS_AHEAD) if opens > moment]
                dated = self._openings.start_after(moment)
                following = min([*openings, *([dated] if dated else [])], default=None)
                if following is None:
                    return None
                moment = following

    def told(self, moment: datetime) -> str:
        """A moment as the zone's clocks show it: `Thu 2026-12-24 18:00 CET`."""
        local = moment.astimezone(self.zone)
        return f"{DAYS[local.weekday()]} {local:%Y-%m-%d %H:%M %Z}"

    def _spans(self, start: datetime, days: int) -> Iterator[Span]:
        day = start.astimezone(self.zone).date()
        for ahead in range(days):
            for window in self._windows:
                span = window.span(day + _DAY * ahead, self.zone)
                if span is not None:
                    yield span
