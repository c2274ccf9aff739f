"""Times from iCalendar files (RFC 5545): what events cover, with recurrences and exceptions, for two years.

Whatever is not understood is an error of the file: an event that was passed over would be a freeze that
is not kept. Events that are cancelled count for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar
from icalendar.parser import Contentline

from wf_server.errors import ConfigError
from wf_server.files import read_text
from wf_server.policy.calendar import instant
from wf_server.wording import printable, told

#: In bytes.
MAX_BYTES = 1 << 20
MAX_EVENTS = 2_000
#: Times that the events of a file may cover within `AHEAD`.
MAX_TIMES = 5_000
#: How far the times are worked out.
AHEAD = timedelta(days=731)
#: How long working them out may take. Seconds.
SECONDS = 20.0
#: Beginning with times that are over: clocks are set back.
_BEHIND = timedelta(days=2)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_TOO_FINE = ("BYHOUR", "BYMINUTE", "BYSECOND")
_LONGEST_REASON = 200
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "UID", "STATUS", "SUMMARY")


@dataclass(frozen=True, slots=True)
class CoveredTime:
    """What an event covers once, in UTC, and what it is called."""

    start: datetime
    end: datetime
    summary: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A content line, which the file may have folded, with its name and the number of its first line."""

    number: int
    text: str
    name: str


def read_times(path: Path, zone: ZoneInfo, now: datetime, *, until_last: bool = False) -> list[CoveredTime]:
    """Reads what the events of a file cover from now on. Blocks.

    Times without a zone are those of `zone`. Of an hour that the clocks show twice, an end is the first, or
    with `until_last` the second. Raises ConfigError "path:line: what is wrong and what to do".
    """
    text = read_text(path, MAX_BYTES)
    lines = list(_lines(path, text))
    calendar = _calendar(path, lines, text)
    places = [line.number for line in lines if (line.name, line.text[6:].upper()) == ("BEGIN", "VEVENT")]
    events = calendar.walk("VEVENT")
    if len(events) > MAX_EVENTS:
        raise ConfigError(f"{path}: {len(events):,} events; at most {MAX_EVENTS:,} are allowed")
    groups: dict[str, list[tuple[str, Any]]] = {}
    for number, event in zip(places, events, strict=True):
        where = f"{path}:{number}"
        with _at(where):
            _expect_understood(where, event)
        groups.setdefault(str(event.get("UID", number)), []).append((where, event))
    named = calendar.get("X-WR-TIMEZONE")
    return sorted(_covered(groups, named, zone, now, until_last), key=lambda covered: covered.start)


def _lines(path: Path, text: str) -> Iterator[_Line]:
    """Yields the content lines. Raises ConfigError where one is none, or BEGIN and END do not match."""
    open_parts: list[str] = []
    number = 0
    for number, whole in _unfolded(text):
        try:
            name, _, value = Contentline(whole).parts()  # type: ignore[no-untyped-call]
        except ValueError:
            expected = "NAME:VALUE, as RFC 5545 has it, is expected"
            raise ConfigError(
                f"{path}:{number}: {told(whole)} is no line of a calendar; {expected}"
            ) from None
        if name.upper() == "BEGIN":
            open_parts.append(value.upper())
        elif name.upper() == "END" and (not open_parts or open_parts.pop() != value.upper()):
            raise ConfigError(f"{path}:{number}: END:{printable(value)} ends nothing that has begun")
        yield _Line(number, whole, name.upper())
    if open_parts:
        raise ConfigError(f"{path}:{number}: END:{printable(open_parts[-1])} is missing; is the file whole?")


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yields lines with the number at which they begin; a blank goes on the one before."""
    number, whole = 0, ""
    for at, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and whole:
            whole += line[1:]
            continue
        if whole:
            yield number, whole
        number, whole = at, line
    if whole:
        yield number, whole


def _calendar(path: Path, lines: list[_Line], text: str) -> Calendar:
    if not lines or lines[0].text.upper() != "BEGIN:VCALENDAR":
        raise ConfigError(f"{path}:1: this is no calendar; it has to begin with BEGIN:VCALENDAR")
    begins = [line.number for line in lines if line.text.upper() == "BEGIN:VCALENDAR"]
    if len(begins) > 1:
        raise ConfigError(f"{path}:{begins[1]}: a second calendar; put its events into the first")
    with _at(str(path)):
        return Calendar.from_ical(text)
    raise AssertionError("unreachable")


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Makes whatever the libraries raise about what stands there an error of the file."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - they raise many kinds, and none may leave a freeze out
        reason = printable(f"{type(error).__name__}: {error}")[:200]
        raise ConfigError(f"{where}: this cannot be understood ({reason}); mend or remove it") from None


def _expect_understood(where: str, event: Any) -> None:
    """Raises ConfigError for an event of which something would be passed over."""
    for name, problem in event.errors:
        told_of = printable(f"{name or 'a line of the event'}: {problem}")[:300]
        raise ConfigError(f"{where}: {told_of}; mend it")
    for name in _ONCE:
        if isinstance(event.get(name), list):
            raise ConfigError(f"{where}: the event has {name} more than once; keep one of them")
    if "DTSTART" not in event:
        raise ConfigError(f"{where}: the event has no DTSTART; add it")
    if not isinstance(event["DTSTART"].dt, date):
        raise ConfigError(f"{where}: DTSTART is neither a date nor a time of a date; write 20261224, say")
    _expect_rule(where, event)
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
        _expect_zone(where, name, event.get(name))
    for name in ("EXDATE", "RDATE"):
        for listed in _listed(event.get(name)):
            _expect_zone(where, name, listed)
    _expect_end(where, event)


def _listed(found: Any) -> list[Any]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _expect_rule(where: str, event: Any) -> None:
    rules = _listed(event.get("RRULE"))
    if len(rules) > 1:
        raise ConfigError(f"{where}: the event has {len(rules)} RRULEs; make it as many events")
    for rule in rules:
        frequency = str(next(iter(rule.get("FREQ", [])), "nothing"))
        if frequency not in _FREQUENCIES:
            expected = ", ".join(_FREQUENCIES)
            raise ConfigError(
                f"{where}: RRULE: FREQ is {printable(frequency)}; one of {expected} is expected"
            )
        fine = [name for name in _TOO_FINE if name in rule]
        if fine:
            raise ConfigError(f"{where}: RRULE: {fine[0]} is not supported; write an event for each time")


def _expect_zone(where: str, name: str, found: Any) -> None:
    zone = getattr(found, "params", {}).get("TZID") if found is not None else None
    moments = [getattr(listed, "dt", None) for listed in getattr(found, "dts", [found])]
    if zone and any(isinstance(moment, datetime) and moment.tzinfo is None for moment in moments):
        raise ConfigError(
            f'{where}: {name}: there is no time zone {told(str(zone))}; write "Europe/Berlin", say'
        )


def _expect_end(where: str, event: Any) -> None:
    start, end, lasts = event["DTSTART"].dt, event.get("DTEND"), event.get("DURATION")
    if end is not None:
        if isinstance(start, datetime) is not isinstance(end.dt, datetime):
            raise ConfigError(
                f"{where}: one of DTSTART and DTEND is a date, the other a time; make both the same"
            )
        if isinstance(start, datetime) and (start.tzinfo is None) is not (end.dt.tzinfo is None):
            raise ConfigError(f"{where}: one of DTSTART and DTEND has a time zone, the other has none")
        if end.dt <= start:
            raise ConfigError(f"{where}: DTEND is not after DTSTART; mend one of them")
    elif lasts is not None:
        if lasts.dt <= timedelta(0):
            raise ConfigError(f"{where}: DURATION is not more than nothing; mend it")
    elif isinstance(start, datetime):
        raise ConfigError(f"{where}: the event has no end; add DTEND or DURATION")


def _covered(
    groups: dict[str, list[tuple[str, Any]]],
    named: str | None,
    zone: ZoneInfo,
    now: datetime,
    until_last: bool,
) -> Iterator[CoveredTime]:
    """Yields what events cover; those of one UID are one series, with what was changed in it.

    `named` is the zone for which a calendar in UTC was written, as some programs have it.
    """
    count, latest = 0, time.monotonic() + SECONDS
    for group in groups.values():
        where = group[0][0]
        series = Calendar()
        if named is not None:
            series.add("X-WR-TIMEZONE", named)
        for _, event in group:
            series.add_component(event)
        with _at(where):
            query = recurring_ical_events.of(series)
            found = list(query.between(now - _BEHIND, now + AHEAD))
        if time.monotonic() > latest:
            raise ConfigError(
                f"{where}: working out the times takes longer than {SECONDS:g} s; simplify its rule"
            )
        for event in found:
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            count += 1
            if count > MAX_TIMES:
                raise ConfigError(f"{where}: the events cover more than {MAX_TIMES:,} times in two years")
            with _at(where):
                start = _moment(event["DTSTART"].dt, zone)
                end = _moment(event["DTEND"].dt, zone, last=until_last)
            if start < end:
                summary = " ".join(printable(str(event.get("SUMMARY", "")).replace("\n", " ")).split())
                yield CoveredTime(start, end, summary[:_LONGEST_REASON])


def _moment(found: date, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """A date or time of an event, in UTC."""
    if not isinstance(found, datetime):
        return instant(datetime(found.year, found.month, found.day), zone, last=last)
    if found.tzinfo is None or isinstance(found.tzinfo, ZoneInfo):
        at = found.tzinfo if isinstance(found.tzinfo, ZoneInfo) else zone
        return instant(found.replace(tzinfo=None), at, last=last)
    return found.astimezone(UTC)
