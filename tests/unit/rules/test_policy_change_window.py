"""changeWindow: windows and freezes by the clocks on the wall, when these are set too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.errors import ConfigError
from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Violation, WorkReq
from wf_server.policy import Facts
from wf_server.policy.calendar import instant
from wf_server.policy.change_window import ChangeWindow, ChangeWindowSettings

BERLIN = "Europe/Berlin"
REQUEST = WorkReq("X", "", (Block("", 1, ()),) * 3)
WORKDAYS = {"Days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "From": "09:00", "To": "17:00"}


def us(moment: str) -> int:
    """Microseconds of a time in UTC, or with its offset."""
    at = datetime.fromisoformat(moment)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1_000_000)


def policy(zone: str = BERLIN, **settings: Any) -> ChangeWindow:
    return ChangeWindow(ChangeWindowSettings.model_validate({"TimeZone": zone, **settings}))


async def judged(rule: ChangeWindow, moment: str) -> Violation | None:
    facts = Facts(Inventory({}, {}), us(moment))
    found = await rule.check(REQUEST, facts)
    # A block's start is judged alike, at its place.
    at_start = rule.check_start(REQUEST, 2, facts)
    assert [(v.message, v.found, v.expected) for v in at_start] == [
        (v.message, v.found, v.expected) for v in found
    ]
    assert [v.block for v in at_start] == [2] * len(found)
    assert len(found) <= 1
    # When it passes is the first moment that is allowed.
    for violation in found:
        if violation.until_us:
            later, before = (Facts(facts.inventory, violation.until_us - early) for early in (0, 1))
            assert not rule.check_start(REQUEST, 2, later)
            assert rule.check_start(REQUEST, 2, before)
        else:
            assert violation.expected == "no time any more"
    return found[0] if found else None


async def allowed(rule: ChangeWindow, moment: str) -> bool:
    return await judged(rule, moment) is None


async def test_work_days(registry: JobRegistry) -> None:
    rule = policy(Allowed=[WORKDAYS])
    assert await allowed(rule, "2026-03-02T09:00+01:00")
    assert await allowed(rule, "2026-03-02T16:59:59+01:00")
    assert not await allowed(rule, "2026-03-02T17:00+01:00")
    friday = await judged(rule, "2026-03-06T16:30")
    assert friday is not None
    assert friday.sentence() == (
        "changeWindow: now is outside the allowed times "
        "(found Fri 2026-03-06 17:30 CET, expected from Mon 2026-03-09 09:00 CET on)"
    )


async def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    rule = policy("UTC", Allowed=[{"Days": ["Fri"], "From": "22:00", "To": "06:00"}])
    assert await allowed(rule, "2026-03-06T22:00")
    assert await allowed(rule, "2026-03-07T05:59")
    assert not await allowed(rule, "2026-03-07T06:00")
    assert not await allowed(rule, "2026-03-06T05:00")
    assert not await allowed(rule, "2026-03-07T22:00")


async def test_a_day_ends_at_24_and_goes_over_into_the_next() -> None:
    rule = policy("UTC", Allowed=[{"Days": ["Sat", "Sun"], "From": "00:00", "To": "24:00"}])
    for moment in ("2026-03-07T00:00", "2026-03-07T23:59:59", "2026-03-08T00:00", "2026-03-08T23:59"):
        assert await allowed(rule, moment)
    assert not await allowed(rule, "2026-03-09T00:00")


async def test_a_freeze_goes_before_the_windows_and_tells_why_and_when_it_goes_on() -> None:
    freeze = {"From": "2026-12-19", "To": "2027-01-06", "Reason": "end of the year"}
    rule = policy(Allowed=[WORKDAYS], Frozen=[freeze])
    assert await allowed(rule, "2026-12-18T16:59+01:00")
    found = await judged(rule, "2026-12-21T10:00+01:00")
    assert found is not None
    assert found.message == "changes are frozen: end of the year"
    # The 6th is frozen to its end; the 7th opens at nine.
    assert found.expected == "from Thu 2027-01-07 09:00 CET on"
    assert not await allowed(rule, "2027-01-06T23:59+01:00")
    assert await allowed(rule, "2027-01-07T09:00+01:00")


async def test_without_windows_every_time_is_allowed_that_is_not_frozen() -> None:
    rule = policy("UTC", Frozen=[{"From": "2026-05-01T18:00", "To": "2026-05-02T06:00"}])
    assert await allowed(rule, "2026-05-01T17:59")
    found = await judged(rule, "2026-05-01T18:00")
    assert found is not None
    assert (found.message, found.expected) == ("changes are frozen", "from Sat 2026-05-02 06:00 UTC on")
    assert await allowed(rule, "2026-05-02T06:00")


async def test_of_freezes_that_overlap_the_last_end_counts() -> None:
    frozen = [
        {"From": "2026-05-01", "To": "2026-05-03", "Reason": "release"},
        {"From": "2026-05-02", "To": "2026-05-09", "Reason": "audit"},
        {"From": "2026-05-10", "To": "2026-05-10", "Reason": "fair"},
    ]
    found = await judged(policy("UTC", Frozen=frozen), "2026-05-02T12:00")
    assert found is not None
    assert (found.message, found.expected) == (
        "changes are frozen: audit",
        "from Mon 2026-05-11 00:00 UTC on",
    )


async def test_leap_days() -> None:
    rule = policy("UTC", Frozen=[{"From": "2028-02-29", "To": "2028-02-29"}])
    assert await allowed(rule, "2028-02-28T23:59")
    assert not await allowed(rule, "2028-02-29T00:00")
    assert not await allowed(rule, "2028-02-29T23:59")
    assert await allowed(rule, "2028-03-01T00:00")
    # The 29th of February 2028 is a Tuesday, and a window over its midnight ends in March.
    night = policy("UTC", Allowed=[{"Days": ["Tue"], "From": "23:00", "To": "01:00"}])
    assert await allowed(night, "2028-02-29T23:30")
    assert await allowed(night, "2028-03-01T00:30")
    assert not await allowed(night, "2028-03-01T01:00")


# In Berlin the clocks go from 02:00 to 03:00 on 2026-03-29, at 01:00 UTC,
# and from 03:00 back to 02:00 on 2026-10-25, at 01:00 UTC.


@pytest.mark.parametrize(
    ("opens", "closes", "begin", "end"),
    [
        # It is an hour shorter.
        ("01:00", "04:00", "2026-03-29T00:00", "2026-03-29T02:00"),
        # What is left out is the moment at which the clocks are set.
        ("01:00", "02:30", "2026-03-29T00:00", "2026-03-29T01:00"),
        ("02:30", "04:00", "2026-03-29T01:00", "2026-03-29T02:00"),
        # Unharmed.
        ("03:00", "04:00", "2026-03-29T01:00", "2026-03-29T02:00"),
        # An hour longer.
        ("01:00", "04:00", "2026-10-24T23:00", "2026-10-25T03:00"),
        # Opened and closed when the clocks show it for the first time.
        ("02:30", "04:00", "2026-10-25T00:30", "2026-10-25T03:00"),
        ("01:00", "02:30", "2026-10-24T23:00", "2026-10-25T00:30"),
        ("02:15", "02:45", "2026-10-25T00:15", "2026-10-25T00:45"),
        # From the evening before.
        ("22:00", "03:30", "2026-03-28T21:00", "2026-03-29T01:30"),
        ("22:00", "03:30", "2026-10-24T20:00", "2026-10-25T02:30"),
    ],
)
async def test_windows_when_the_clocks_are_set(opens: str, closes: str, begin: str, end: str) -> None:
    rule = policy(Allowed=[{"Days": ["Sat", "Sun"], "From": opens, "To": closes}])
    first, last = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    second = timedelta(seconds=1)
    assert not await allowed(rule, (first - second).isoformat())
    assert await allowed(rule, first.isoformat())
    assert await allowed(rule, (last - second).isoformat())
    assert not await allowed(rule, last.isoformat())


async def test_a_window_that_is_left_out_opens_a_week_later() -> None:
    rule = policy(Allowed=[{"Days": ["Sun"], "From": "02:15", "To": "02:45"}])
    found = await judged(rule, "2026-03-29T00:59")
    assert found is not None
    assert found.expected == "from Sun 2026-04-05 02:15 CEST on"
    for minute in range(0, 180, 5):
        assert not await allowed(rule, f"2026-03-29T{minute // 60:02}:{minute % 60:02}")


async def test_a_freeze_lasts_until_the_clocks_show_its_end_for_the_last_time() -> None:
    rule = policy(Frozen=[{"From": "2026-10-25T02:15", "To": "2026-10-25T02:30"}])
    assert await allowed(rule, "2026-10-25T00:14:59")
    for moment in ("2026-10-25T00:15", "2026-10-25T00:45", "2026-10-25T01:29:59"):
        assert not await allowed(rule, moment)
    assert await allowed(rule, "2026-10-25T01:30")


async def test_a_zone_may_leave_out_a_whole_day() -> None:
    # Samoa had no 30th of December 2011; the 29th was a Thursday.
    rule = policy("Pacific/Apia", Allowed=[{"Days": ["Thu", "Fri", "Sat"], "From": "00:00", "To": "24:00"}])
    assert await allowed(rule, "2011-12-30T09:59")
    assert await allowed(rule, "2011-12-30T10:01")
    friday = policy("Pacific/Apia", Allowed=[{"Days": ["Fri"], "From": "09:00", "To": "17:00"}])
    found = await judged(friday, "2011-12-30T09:00")
    assert found is not None
    assert found.expected == "from Fri 2012-01-06 09:00 +14 on"


_ZONES = st.sampled_from(
    [BERLIN, "UTC", "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut", "Pacific/Apia"]
)
_CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
_MOMENTS = st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1))


@st.composite
def rules(draw: st.DrawFn) -> ChangeWindow:
    days = st.lists(st.sampled_from(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]), min_size=1)
    times = st.tuples(_CLOCKS, _CLOCKS | st.just("24:00")).filter(lambda times: times[0] != times[1])
    windows = st.builds(lambda on, at: {"Days": on, "From": at[0], "To": at[1]}, days, times)
    spans = st.builds(
        lambda start, hours: {
            "From": start.isoformat(timespec="minutes"),
            "To": (start + timedelta(hours=hours)).isoformat(timespec="minutes"),
        },
        _MOMENTS,
        st.integers(1, 10_000),
    )
    allowed = draw(st.lists(windows, max_size=3))
    frozen = draw(st.lists(spans, min_size=not allowed, max_size=3))
    return policy(draw(_ZONES), Allowed=allowed, Frozen=frozen)


@given(rules(), _MOMENTS)
async def test_the_next_allowed_moment_is_allowed_and_the_first(rule: ChangeWindow, moment: datetime) -> None:
    calendar = rule._calendar
    now = moment.replace(tzinfo=UTC, second=0, microsecond=0)
    following = calendar.next_allowed(now)
    assert following is not None
    assert following >= now
    assert await allowed(rule, following.isoformat())
    assert (following == now) == await allowed(rule, now.isoformat())
    # Nothing in between is allowed, looked at from the end, where a mistake would show.
    minute = timedelta(minutes=1)
    for back in (1, 2, 15, 30, 60, 61, 1_440):
        earlier = following - back * minute
        assert earlier < now or not await allowed(rule, earlier.isoformat())


@given(rules(), _MOMENTS)
async def test_far_from_set_clocks_the_wall_decides(rule: ChangeWindow, moment: datetime) -> None:
    calendar = rule._calendar
    now = moment.replace(tzinfo=UTC)
    local = now.astimezone(calendar.zone)
    around = [now + timedelta(hours=hours) for hours in range(-49, 50)]
    if len({moment.astimezone(calendar.zone).utcoffset() for moment in around}) > 1:
        return
    minutes = timedelta(hours=local.hour, minutes=local.minute)
    opened = False
    for window in calendar._windows:
        today, before = local.weekday() in window.days, (local.weekday() - 1) % 7 in window.days
        if window.closes > window.opens:
            opened |= today and window.opens <= minutes < window.closes
        else:
            opened |= (today and minutes >= window.opens) or (before and minutes < window.closes)
    assert calendar.in_window(now) == (opened or not calendar._windows)


@given(_ZONES, st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)))
def test_an_instant_is_when_the_clocks_show_the_time_or_are_set_past_it(name: str, wall: datetime) -> None:
    wall, zone = wall.replace(second=0, microsecond=0), ZoneInfo(name)
    first, last = instant(wall, zone), instant(wall, zone, last=True)
    assert first <= last
    shown = first.astimezone(zone).replace(tzinfo=None)
    if shown == wall:
        assert last.astimezone(zone).replace(tzinfo=None) == wall
    else:
        # Left out: the clocks jump over it right then.
        before = (first - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        assert before < wall < shown
        assert first == last


async def test_what_others_may_allow_is_refused_until_it_is_acknowledged_and_by_no_go() -> None:
    freeze = [{"From": "2026-12-18", "To": "2027-01-06"}]
    override = {"Approvers": ["bob", "carl"], "Count": 2, "Validity": "2h"}
    rule = policy(Frozen=freeze, Override=override)
    found = await judged(rule, "2026-12-24T12:00")
    assert found is not None
    found = rule.at_level(found)
    assert found.refuses()
    assert not found.refuses(["changeWindow"])
    assert found.denies
    assert "which takes 2 approvals by bob or carl" in found.expected
    asked = rule.override_rule()
    assert asked is not None
    assert (asked.count, asked.validity_us, asked.needs_reason) == (2, 7_200_000_000, True)
    plain = policy(Frozen=freeze)
    refused = await judged(plain, "2026-12-24T12:00")
    assert refused is not None
    assert plain.at_level(refused).refuses(["changeWindow"])
    assert plain.override_rule() is None


def test_an_override_that_nobody_could_give_is_no_setting(registry: JobRegistry) -> None:
    settings = {"TimeZone": BERLIN, "Frozen": [{"From": "2026-12-18", "To": "2027-01-06"}]}
    with pytest.raises(ConfigError, match=r"Override: Count is 2, and Approvers names 1"):
        ChangeWindow.configure(settings | {"Override": {"Approvers": ["bob"], "Count": 2}}, registry)
