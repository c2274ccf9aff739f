"""How times, durations, ids and shares are written, the same on every screen."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_SHORT_ID = 8
_TIMED_UUID = "7"


def duration(seconds: float) -> str:
    """Writes a length of time in at most two units: `42 s`, `3 m 05 s`, `2 h 10 m`, `4 d 03 h`."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} m"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02} h"


def age(now: datetime, then: datetime) -> str:
    """Writes how long ago something was in one unit, for a narrow column: `42s`, `3m`, `2h`, `4d`."""
    whole = max(0, int((now - then).total_seconds()))
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def between(start: datetime | None, end: datetime | None, now: datetime) -> str:
    """Writes how long something took, or has taken so far; `–` if it has not started."""
    if start is None:
        return "–"
    return duration(((end or now) - start).total_seconds())


def moment(now: datetime, then: datetime | None, zone: tzinfo | None = None) -> str:
    """Writes a time of day, with its date unless that is today's; in `zone`, the local one by default."""
    if then is None:
        return "–"
    local, today = then.astimezone(zone), now.astimezone(zone)
    day = "" if local.date() == today.date() else f"{local:%Y-%m-%d} "
    return f"{day}{local:%H:%M:%S}"


def clock(now: datetime, after: timedelta, zone: tzinfo | None = None) -> str:
    """Writes the time of day that is `after` from now, to the minute, with the date if it is another day."""
    local, today = (now + after).astimezone(zone), now.astimezone(zone)
    day = "" if local.date() == today.date() else f"{local:%Y-%m-%d} "
    return f"{day}{local:%H:%M}"


def short_id(workflow_id: str) -> str:
    """Returns the eight characters that tell ids apart.

    Those of a time-ordered UUID (version 7) are its last: its first are the same for a minute.
    """
    parts = workflow_id.split("-")
    if len(parts) == 5 and parts[2].startswith(_TIMED_UUID):
        return workflow_id[-_SHORT_ID:]
    return workflow_id[:_SHORT_ID]


def short_address(address: str, width: int = 28) -> str:
    """Returns an address, of a long path only its end: `unix:…/demo/wf.sock`."""
    if len(address) <= width:
        return address
    head, colon, path = address.partition(":")
    kept = path[len(head) + 2 - width :]
    return f"{head}{colon}…{kept[kept.find('/') :] if '/' in kept else kept}"


def count(number: int, noun: str, plural: str = "") -> str:
    """Writes a number with its noun: `1 job`, `1,000 jobs`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def compact(number: int) -> str:
    """Writes a number in at most five cells, rounded down: `999`, `31.2k`, `1.5M`."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            tenths = number * 10 // size
            return (
                f"{tenths // 10}{unit}" if tenths % 10 == 0 or tenths >= 1000 else f"{tenths / 10:.1f}{unit}"
            )
    return str(number)


def percent(done: int, total: int) -> str:
    """Writes a share rounded down, so that 100% means all: `99%`."""
    return f"{100 * done // total}%" if total else "–"


def rate(per_second: float) -> str:
    """Writes a rate in at most eight cells: `1.2k/s`, `4.5/s`, `9.8/min`, `30/h`."""
    for factor, unit in ((1, "s"), (_MINUTE, "min"), (_HOUR, "h")):
        number = per_second * factor
        if number >= 1:
            return f"{compact(int(number)) if number >= 10 else f'{number:.1f}'}/{unit}"
    return f"{per_second * _DAY:.1f}/d"


def bar(fraction: float, width: int) -> tuple[str, str]:
    """Draws a share as (done, rest) of together `width` cells, to half a cell; readable without colour."""
    halves = int(min(1.0, max(0.0, fraction)) * width * 2)
    done = "━" * (halves // 2) + "╸" * (halves % 2)
    return done, "─" * (width - len(done))
