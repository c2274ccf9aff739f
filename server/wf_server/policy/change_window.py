"""changeWindow: work begins within allowed times only, and never within frozen ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from wf_server.config import Section
from wf_server.jobs.registry import JobRegistry
from wf_server.model import ApprovalRule, Violation, WorkReq
from wf_server.policy.approval_settings import ApprovalSettings
from wf_server.policy.base import Facts, Policy, Text
from wf_server.policy.calendar import (
    DAYS,
    Calendar,
    Day,
    Freeze,
    Span,
    Window,
    instant,
    parse_clock,
    parse_moment,
    parse_zone,
)

MAX_WINDOWS = 100
MAX_FREEZES = 1_000
MAX_FILES = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    """Lets a text stay as it is written, if it can be parsed."""

    def check(written: str) -> str:
        parse(written)
        return written

    return AfterValidator(check)


_Zone = Annotated[Text, _checked(parse_zone)]
_Clock = Annotated[Text, _checked(parse_clock)]
_Moment = Annotated[Text, _checked(parse_moment)]
_File = Annotated[Text, Field(min_length=1, max_length=1_000)]


class AllowedTime(Section):
    """A window that opens on some days of every week."""

    days: tuple[Day, ...] = Field(default=DAYS, alias="Days", min_length=1)
    """The days on which it opens, `Mon` to `Sun`; without it, every day."""
    opens: _Clock = Field(alias="From")
    """The time of day at which it opens: `09:00`."""
    closes: _Clock = Field(alias="To")
    """The time of day at which it closes, on the next day if it is before From; `24:00` is the day's end."""

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.opens == "24:00":
            raise ValueError('From is "24:00"; write "00:00" and the day after')
        if self.opens == self.closes:
            raise ValueError('From and To are the same; a whole day is from "00:00" to "24:00"')
        return self

    def window(self) -> Window:
        """The same, to be asked."""
        days = frozenset(DAYS.index(day) for day in self.days)
        return Window(days, parse_clock(self.opens), parse_clock(self.closes))


class FrozenTime(Section):
    """A time in which nothing is allowed."""

    start: _Moment = Field(alias="From")
    """Its first day, or the time at which it begins: `2026-12-20` or `2026-12-20T18:00`."""
    end: _Moment = Field(alias="To")
    """Its last day, or the time at which it ends."""
    reason: Text = Field(default="", alias="Reason", max_length=200)
    """Why, for those who meet it."""

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if parse_moment(self.start) >= parse_moment(self.end, end=True):
            raise ValueError(f"To is {self.end}, which is not after From, {self.start}")
        return self


class ChangeWindowSettings(Section):
    """The settings of changeWindow."""

    time_zone: _Zone = Field(alias="TimeZone")
    """The time zone of all times, by its name in the IANA list: `Europe/Berlin`."""
    allowed: tuple[AllowedTime, ...] = Field(default=(), alias="Allowed", max_length=MAX_WINDOWS)
    """The windows; without any, every time is allowed that is not frozen."""
    frozen: tuple[FrozenTime, ...] = Field(default=(), alias="Frozen", max_length=MAX_FREEZES)
    """The freezes, which go before the windows."""
    allowed_calendars: tuple[_File, ...] = Field(default=(), alias="AllowedCalendars", max_length=MAX_FILES)
    """iCalendar files, beside policies.json, whose events are windows too."""
    frozen_calendars: tuple[_File, ...] = Field(default=(), alias="FrozenCalendars", max_length=MAX_FILES)
    """iCalendar files whose events are freezes too; an event's title is the reason."""

    override: ApprovalSettings | None = Field(default=None, alias="Override")
    """Whose approval, with a reason, lets a WorkReq run at other times that acknowledges changeWindow."""

    @model_validator(mode="after")
    def _some_rule(self) -> Self:
        if not (self.allowed or self.frozen or self.allowed_calendars or self.frozen_calendars):
            raise ValueError("there is no time; set Allowed, Frozen, AllowedCalendars or FrozenCalendars")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The iCalendar files' names."""
        return (*self.allowed_calendars, *self.frozen_calendars)

    def calendar(self, more_frozen: Iterable[Freeze] = (), more_allowed: Iterable[Span] = ()) -> Calendar:
        """The same, to be asked, with what the files say."""
        zone = parse_zone(self.time_zone)
        freezes = [
            Freeze(
                instant(parse_moment(frozen.start), zone),
                instant(parse_moment(frozen.end, end=True), zone, last=True),
                frozen.reason,
            )
            for frozen in self.frozen
        ]
        windows = [allowed.window() for allowed in self.allowed]
        openings = list(more_allowed) if self.allowed_calendars else None
        return Calendar(zone, windows, [*freezes, *more_frozen], openings)


class ChangeWindow(Policy[ChangeWindowSettings]):
    """Work begins at allowed times."""

    name = "changeWindow"
    help = (
        "A WorkReq is submitted and executed, and each of its blocks begins, within the windows of Allowed "
        "and outside the times of Frozen, by the clocks of TimeZone; AllowedCalendars and FrozenCalendars "
        "are iCalendar files with more of them. A block whose turn comes at another time waits for the next "
        "allowed one. Where there is an Override, a WorkReq that acknowledges the policy may run at any time "
        "once others have approved it, with a reason."
    )
    settings_type = ChangeWindowSettings

    def __init__(self, settings: ChangeWindowSettings) -> None:
        super().__init__(settings)
        self._calendar = settings.calendar()
        self._is_read = not settings.files

    def files(self, directory: Path) -> list[Path]:
        """The iCalendar files."""
        return [directory / name for name in self.settings.files]

    def read_files(self, directory: Path, now_us: int) -> None:
        """Reads the iCalendar files. Blocks. Raises ConfigError."""
        if self._is_read:
            return
        # Only where there are such files: the libraries take time at the start.
        from wf_server.policy.calendar_file import read_times

        settings, now = self.settings, _EPOCH + timedelta(microseconds=now_us)
        zone = parse_zone(settings.time_zone)
        frozen = [
            Freeze(covered.start, covered.end, covered.summary)
            for name in settings.frozen_calendars
            for covered in read_times(directory / name, zone, now, until_last=True)
        ]
        allowed = [
            (covered.start, covered.end)
            for name in settings.allowed_calendars
            for covered in read_times(directory / name, zone, now)
        ]
        self._calendar = settings.calendar(frozen, allowed)
        self._is_read = True

    def check_settings(self, registry: JobRegistry) -> None:
        """Takes any: they name no job types."""

    def override_rule(self) -> ApprovalRule | None:
        """Who may allow other times."""
        override = self.settings.override
        return override.rule(self.name, needs_reason=True) if override is not None else None

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds that now is not the time."""
        return self._judge(facts, None)

    def check_start(self, request: WorkReq, block: int, facts: Facts) -> list[Violation]:
        """Finds that now is not the time for a block to begin."""
        return self._judge(facts, block)

    def _judge(self, facts: Facts, block: int | None) -> list[Violation]:
        now = _EPOCH + timedelta(microseconds=facts.now_us)
        if not self._is_read:
            return [Violation(self.name, "the times have not been read", block)]
        freeze = self._calendar.freeze_at(now)
        if freeze is not None:
            message = f"changes are frozen: {freeze.reason}" if freeze.reason else "changes are frozen"
        elif not self._calendar.in_window(now):
            message = "now is outside the allowed times"
        else:
            return []
        following = self._calendar.next_allowed(now)
        found = self._calendar.told(now)
        never = "no time in the next two years" if self.settings.allowed_calendars else "no time any more"
        expected = f"from {self._calendar.told(following)} on" if following else never
        if (override := self.override_rule()) is not None:
            takes = f"{override.approvals} by {override.whose}"
            expected += f", or that changeWindow is acknowledged, which takes {takes}"
        until_us = (following - _EPOCH) // timedelta(microseconds=1) if following else 0
        return [Violation(self.name, message, block, found=found, expected=expected, until_us=until_us)]
