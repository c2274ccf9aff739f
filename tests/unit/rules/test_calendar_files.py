"""iCalendar files: what their events cover, over set clocks and leap days too, and what is refused."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rules.test_policy_change_window import us

from wf_server.errors import ConfigError
from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.model import Block, WorkReq
from wf_server.policy import Facts, LivePolicies
from wf_server.policy.calendar import Calendar, Freeze
from wf_server.policy.calendar_file import AHEAD, MAX_BYTES, MAX_EVENTS, MAX_TIMES, read_times
from wf_server.policy.change_window import ChangeWindow, ChangeWindowSettings
from wf_server.policy.reader import DAY as A_DAY
from wf_server.testing import ManualClock

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
REQUEST = WorkReq("X", "", (Block("", 1, ()),) * 2)


def event(*lines: str) -> str:
    return "\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT"))


def write(path: Path, *parts: str) -> Path:
    path.write_bytes("\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", *parts, "END:VCALENDAR", "")).encode())
    return path


def told(path: Path, *parts: str, now: datetime = NOW, until_last: bool = False) -> list[str]:
    """What the events cover, as the clocks of Berlin show it."""
    covered = read_times(write(path, *parts), BERLIN, now, until_last=until_last)
    return [" ".join(f"{at.astimezone(BERLIN):%Y-%m-%dT%H:%M%z}" for at in (t.start, t.end)) for t in covered]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "times.ics"


def test_times_with_zones_without_and_of_utc(path: Path) -> None:
    assert told(
        path,
        event("UID:a", "DTSTART:20260401T060000Z", "DTEND:20260401T070000Z"),
        event("UID:b", "DTSTART:20260402T060000", "DURATION:PT90M"),
        event("UID:c", "DTSTART;TZID=America/New_York:20260403T060000", "DURATION:P1D"),
        event("UID:d", "DTSTART;VALUE=DATE:20260404", "SUMMARY:one day"),
        event("UID:e", "DTSTART;VALUE=DATE:20260405", "DTEND;VALUE=DATE:20260407"),
    ) == [
        "2026-04-01T08:00+0200 2026-04-01T09:00+0200",
        "2026-04-02T06:00+0200 2026-04-02T07:30+0200",
        "2026-04-03T12:00+0200 2026-04-04T12:00+0200",
        "2026-04-04T00:00+0200 2026-04-05T00:00+0200",
        "2026-04-05T00:00+0200 2026-04-07T00:00+0200",
    ]


def test_a_rule_keeps_to_the_clocks_when_they_are_set_forward(path: Path) -> None:
    # 2026-03-29 02:00 to 03:00 is left out: what begins in it begins when they are set.
    assert told(
        path,
        event(
            "UID:a", "DTSTART;TZID=Europe/Berlin:20260328T023000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"
        ),
    ) == [
        "2026-03-28T02:30+0100 2026-03-28T03:30+0100",
        "2026-03-29T03:00+0200 2026-03-29T03:30+0200",
        "2026-03-30T02:30+0200 2026-03-30T03:30+0200",
    ]


@pytest.mark.parametrize(("until_last", "ends"), [(False, "+0200"), (True, "+0100")])
def test_an_hour_that_comes_twice_ends_as_asked(path: Path, until_last: bool, ends: str) -> None:
    lines = (
        "UID:a",
        "DTSTART;TZID=Europe/Berlin:20261025T013000",
        "DTEND;TZID=Europe/Berlin:20261025T023000",
    )
    assert told(path, event(*lines), until_last=until_last) == [
        f"2026-10-25T01:30+0200 2026-10-25T02:30{ends}"
    ]


def test_a_leap_day_comes_every_four_years(path: Path) -> None:
    leap = event("UID:a", "DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY")
    assert told(path, leap, now=datetime(2026, 1, 1, tzinfo=UTC)) == []
    assert told(path, leap, now=datetime(2027, 1, 1, tzinfo=UTC)) == [
        "2028-02-29T00:00+0100 2028-03-01T00:00+0100"
    ]
    last = event("UID:a", "DTSTART;VALUE=DATE:20260131", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=26")
    ends = told(path, last, now=datetime(2027, 12, 1, tzinfo=UTC))
    assert "2028-02-29T00:00+0100 2028-03-01T00:00+0100" in ends


def test_a_series_with_exceptions(path: Path) -> None:
    series = ("UID:a", "DTSTART:20260401T060000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=5")
    moved = event("UID:a", "RECURRENCE-ID:20260403T060000Z", "DTSTART:20260403T100000Z", "DURATION:PT2H")
    gone = event(
        *("UID:a", "RECURRENCE-ID:20260404T060000Z", "DTSTART:20260404T060000Z"),
        *("DURATION:PT1H", "STATUS:CANCELLED"),
    )
    assert told(path, event(*series, "EXDATE:20260402T060000Z", "RDATE:20260410T060000Z"), moved, gone) == [
        "2026-04-01T08:00+0200 2026-04-01T09:00+0200",
        "2026-04-03T12:00+0200 2026-04-03T14:00+0200",
        "2026-04-05T08:00+0200 2026-04-05T09:00+0200",
        "2026-04-10T08:00+0200 2026-04-10T09:00+0200",
    ]


def test_a_zone_that_the_file_describes_itself(path: Path) -> None:
    zone = (
        *("BEGIN:VTIMEZONE", "TZID:Ship time", "BEGIN:STANDARD", "DTSTART:19700101T000000"),
        *("TZOFFSETFROM:+0300", "TZOFFSETTO:+0330", "END:STANDARD", "END:VTIMEZONE"),
    )
    at = event("UID:a", "DTSTART;TZID=Ship time:20260401T060000", "DURATION:PT1H")
    assert told(path, *zone, at) == ["2026-04-01T04:30+0200 2026-04-01T05:30+0200"]


def test_long_lines_are_folded_and_what_goes_on_counts(path: Path) -> None:
    going_on = event(
        "DTSTART:20250101T060000Z", "DTEND:2026", " 0401T060000Z", "SUMMARY:end\\nof", "  it all"
    )
    (covered,) = read_times(write(path, going_on), BERLIN, NOW)
    assert (covered.summary, covered.end) == ("end of it all", datetime(2026, 4, 1, 6, tzinfo=UTC))
    assert told(path, event("DTSTART:20250101T060000Z", "DTEND:20260101T060000Z")) == []


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["BEGIN:VEVENT", "DTSTART", "END:VEVENT"], ':4: "DTSTART" is no line of a calendar'),
        (["BEGIN:VEVENT", "END:VTODO"], ":4: END:VTODO ends nothing that has begun"),
        (["BEGIN:VEVENT"], ":4: END:VCALENDAR ends nothing that has begun"),
        ([event("DURATION:PT1H")], ":3: the event has no DTSTART; add it"),
        ([event("DTSTART:20260401T060000Z")], ":3: the event has no end; add DTEND or DURATION"),
        ([event("DTSTART:2026-04-01")], ":3: DTSTART: "),
        (["X-A:b", event("DTSTART;VALUE=DATE:20260401", "RRULE:FREQ=NEVER")], ":4: RRULE: "),
        (
            [event("DTSTART;VALUE=DATE:20260401", "RRULE:FREQ=HOURLY")],
            ":3: RRULE: FREQ is HOURLY; one of DAILY",
        ),
        (
            [event("DTSTART;VALUE=DATE:20260401", "RRULE:FREQ=DAILY;BYHOUR=1,2")],
            ":3: RRULE: BYHOUR is not supported",
        ),
        ([event("DTSTART;VALUE=DATE:20260401", *["RRULE:FREQ=DAILY"] * 2)], ":3: the event has 2 RRULEs"),
        ([event(*["DTSTART;VALUE=DATE:20260401"] * 2)], ":3: the event has DTSTART more than once"),
        ([event("DTSTART;VALUE=DATE:20260401", "EXDATE:then")], ":3: EXDATE: "),
        (
            [event("DTSTART;TZID=Nowhere/At all:20260401T060000", "DURATION:PT1H")],
            ':3: DTSTART: there is no time zone "Nowhere/At all"',
        ),
        (
            [event("DTSTART:20260401T060000Z", "DTEND:20260401T050000Z")],
            ":3: DTEND is not after DTSTART; mend one of them",
        ),
        (
            [event("DTSTART:20260401T060000Z", "DTEND;VALUE=DATE:20260402")],
            ":3: one of DTSTART and DTEND is a date",
        ),
        (
            [event("DTSTART:20260401T060000Z", "DTEND:20260402T060000")],
            ":3: one of DTSTART and DTEND has a time zone",
        ),
        ([event("DTSTART:20260401T060000Z", "DURATION:-PT1H")], ":3: DURATION is not more than nothing"),
        (["END:VCALENDAR", "BEGIN:VCALENDAR"], ":4: a second calendar"),
        ([event("DTSTART;VALUE=DATE:20260401")] * (MAX_EVENTS + 1), ": 2,001 events; at most 2,000"),
        (
            [event(f"UID:{n}", "DTSTART;VALUE=DATE:20260301", "RRULE:FREQ=DAILY") for n in range(8)],
            ": the events cover more than 5,000 times",
        ),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(path: Path, parts: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_times(write(path, *parts), BERLIN, NOW)
    text = str(error.value)
    assert text.startswith(f"{path}:")
    assert message in text
    assert text.isprintable()


def test_a_file_that_is_none_or_too_large(path: Path) -> None:
    for data, message in (
        (b"", ":1: this is no calendar; it has to begin with BEGIN:VCALENDAR"),
        (b"BEGIN:VCALENDAR\nSUMMARY:\xff\n", ":2: not UTF-8 text"),
        (b"BEGIN:VCALENDAR\n", ":1: END:VCALENDAR is missing; is the file whole?"),
        (b"x" * (MAX_BYTES + 1), ": is larger than 1 MiB"),
    ):
        path.write_bytes(data)
        with pytest.raises(ConfigError) as error:
            read_times(path, BERLIN, NOW)
        assert str(error.value).startswith(f"{path}{message}")
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_times(path, BERLIN, NOW)


def test_much_of_it_is_read_in_little_time(path: Path) -> None:
    daily = [event(f"UID:{n}", "DTSTART;VALUE=DATE:20260301", "RRULE:FREQ=DAILY") for n in range(6)]
    covered = read_times(write(path, *daily), BERLIN, NOW)
    assert 4_000 < len(covered) <= MAX_TIMES
    assert max(times.start for times in covered) <= NOW + AHEAD


# The policy


def policy(directory: Path, **settings: Any) -> ChangeWindow:
    rule = ChangeWindow(ChangeWindowSettings.model_validate({"TimeZone": "Europe/Berlin", **settings}))
    rule.read_files(directory, us("2026-03-01T00:00"))
    return rule


def judged(rule: ChangeWindow, moment: str) -> str:
    found = rule.check_start(REQUEST, 1, Facts(Inventory({}, {}), us(moment)))
    return found[0].sentence() if found else ""


def test_events_are_windows_and_freezes(tmp_path: Path) -> None:
    weekly = event(
        *("UID:a", "DTSTART;TZID=Europe/Berlin:20260302T090000", "DURATION:PT8H"),
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU",
    )
    write(tmp_path / "windows.ics", weekly)
    write(tmp_path / "no.ics", event("DTSTART;VALUE=DATE:20260330", "SUMMARY:inventory day"))
    rule = policy(tmp_path, AllowedCalendars=["windows.ics"], FrozenCalendars=["no.ics"])
    assert rule.files(tmp_path) == [tmp_path / "windows.ics", tmp_path / "no.ics"]
    # The clocks are set on the Sunday between; nine o'clock is nine o'clock.
    assert judged(rule, "2026-03-24T09:00+01:00") == ""
    assert judged(rule, "2026-03-31T09:00+02:00") == ""
    assert judged(rule, "2026-03-31T08:59+02:00").endswith("expected from Tue 2026-03-31 09:00 CEST on)")
    assert judged(rule, "2026-03-30T12:00+02:00") == (
        "changeWindow: block 1: changes are frozen: inventory day "
        "(found Mon 2026-03-30 12:00 CEST, expected from Tue 2026-03-31 09:00 CEST on)"
    )
    # After the last one that was worked out.
    assert judged(rule, "2031-01-01T00:00").endswith("expected no time in the next two years)")


def test_a_weekly_window_and_a_calendar_add_up(tmp_path: Path) -> None:
    write(tmp_path / "more.ics", event("DTSTART:20260307T100000Z", "DURATION:PT1H"))
    rule = policy(
        tmp_path, Allowed=[{"Days": ["Mon"], "From": "09:00", "To": "10:00"}], AllowedCalendars=["more.ics"]
    )
    assert judged(rule, "2026-03-02T09:30+01:00") == ""
    assert judged(rule, "2026-03-07T10:30") == ""
    assert "from Sat 2026-03-07 11:00 CET on" in judged(rule, "2026-03-03T00:00")
    assert "from Mon 2026-03-09 09:00 CET on" in judged(rule, "2026-03-07T11:00")


def test_an_empty_calendar_of_windows_allows_nothing(tmp_path: Path) -> None:
    write(tmp_path / "windows.ics", "X-A:b")
    assert "outside the allowed times" in judged(
        policy(tmp_path, AllowedCalendars=["windows.ics"]), "2026-03-02T09:30"
    )


def test_before_its_files_are_read_nothing_is_allowed() -> None:
    rule = ChangeWindow(
        ChangeWindowSettings.model_validate({"TimeZone": "UTC", "FrozenCalendars": ["a.ics"]})
    )
    assert "have not been read" in judged(rule, "2026-03-02T09:30")


async def test_the_times_are_worked_out_again_every_day(tmp_path: Path, registry: JobRegistry) -> None:
    clock, watched = ManualClock(), set[Path]()
    path, file = tmp_path / "policies.json", tmp_path / "no.ics"
    settings = {"TimeZone": "UTC", "FrozenCalendars": ["no.ics"]}
    path.write_text(json.dumps({"Name": "X", "Policies": [{"Name": "changeWindow", "Settings": settings}]}))
    write(file, event("DTSTART;VALUE=DATE:20231114", "RRULE:FREQ=DAILY", "SUMMARY:ever"))
    live = LivePolicies(path, registry, settle_seconds=0, clock=clock, watch=watched.add)
    await live.load()
    assert watched == {file}
    daily = asyncio.create_task(live.run())
    book = live.book
    await clock.advance(A_DAY)
    while live.book is book:
        await asyncio.sleep(0.001)
    daily.cancel()
    (rule,) = live.book.get("X") or ()
    # Two years from that day on, not from the one before.
    last = clock.now_us() + (AHEAD - timedelta(hours=1)) // timedelta(microseconds=1)
    assert "ever" in rule.check_start(REQUEST, 0, Facts(Inventory({}, {}), last))[0].message
    # Of a broken one as well, the file is watched.
    watched.clear()
    file.write_text("")
    await live.reload()
    assert watched == {file}
    assert "no.ics:1: this is no calendar" in live.problem


_MINUTES = st.integers(0, 600)
_SPANS = st.lists(st.tuples(_MINUTES, st.integers(1, 90)), max_size=8)


@given(openings=_SPANS, freezes=_SPANS, at=_MINUTES)
def test_dated_times_are_those_of_every_span(
    openings: list[tuple[int, int]], freezes: list[tuple[int, int]], at: int
) -> None:
    def minute(number: int) -> datetime:
        return NOW + timedelta(minutes=number)

    calendar = Calendar(
        ZoneInfo("UTC"),
        [],
        [Freeze(minute(start), minute(start + length), str(length)) for start, length in freezes],
        [(minute(start), minute(start + length)) for start, length in openings],
    )

    def allowed(number: int) -> bool:
        inside = any(start <= number < start + length for start, length in openings)
        return inside and not any(start <= number < start + length for start, length in freezes)

    assert (calendar.in_window(minute(at)) and calendar.freeze_at(minute(at)) is None) is allowed(at)
    following = next((number for number in range(at, 800) if allowed(number)), None)
    assert calendar.next_allowed(minute(at)) == (None if following is None else minute(following))
