"""Is everything all right? What the server says, weighed and put into words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import IntEnum

from wf_tui.state.buckets import next_words
from wf_tui.state.format import count, duration, moment, short_id
from wf_tui.state.health import Health, other_problems
from wf_tui.state.marks import WORKFLOW_ORDER
from wf_tui.state.models import EVERYTHING, WORKFLOW_ACTIVE, Bucket, Status, StopBoard, Summary
from wf_tui.state.situation import Situation
from wf_tui.state.standing import NEEDS_SOMEBODY, waits_for
from wf_tui.state.stops import alarm, board_lines

#: An answer that took longer is worth a word. Seconds.
_SLOW = 1.0
#: What goes on, or waits for a person.
ACTIVE = (*sorted(WORKFLOW_ACTIVE), Status.AWAITING_APPROVAL)
_GOES_ON = (Status.RUNNING, Status.PAUSING, Status.STOPPING, Status.CANCELLING)
#: What a workflow that goes no further needs.
_WAITS = {
    Status.NEEDS_OPERATOR: "needs an operator",
    Status.HELD: "waits for a go",
    Status.AWAITING_APPROVAL: "waits for approvals",
}
#: What ended otherwise than it should.
ENDED_BADLY = (Status.FAILED, Status.STOPPED, Status.CANCELLED)


class Level(IntEnum):
    """How bad it is."""

    WELL = 0
    LOOK = 1
    WRONG = 2


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that is not as it should be, in a sentence."""

    level: Level
    words: str


@dataclass(frozen=True, slots=True)
class Page:
    """The newest workflows of some statuses, and whether there are more."""

    summaries: tuple[Summary, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is asked of the server for its pulse."""

    active: Page
    not_started: Page
    ended_badly: Page
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """How many workflows; `least` means: that many or more."""

    number: int
    least: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.least else ''}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the pulse counts; days are those of the operator's clock."""

    running: Figure
    waiting: Figure
    not_started: Figure
    failed_today: Figure
    stopped_today: Figure


def figures(vitals: Vitals, now: datetime, zone: tzinfo | None = None) -> Figures:
    """Counts; workflows wait where they need a person, not where nobody has executed them yet."""
    active, bad = vitals.active, vitals.ended_badly
    running = sum(s.status in _GOES_ON for s in active.summaries)
    waiting = sum(s.status in NEEDS_SOMEBODY or s.status is Status.PAUSED for s in active.summaries)
    failed = _today(bad, Status.FAILED, now, zone)
    stopped = _today(bad, Status.STOPPED, now, zone)
    return Figures(
        Figure(running, active.more),
        Figure(waiting, active.more),
        Figure(len(vitals.not_started.summaries), vitals.not_started.more),
        Figure(len(failed), bad.more and bool(failed)),
        Figure(len(stopped), bad.more and bool(stopped)),
    )


def _today(page: Page, status: Status, now: datetime, zone: tzinfo | None) -> list[Summary]:
    today = now.astimezone(zone).date()
    return [
        summary
        for summary in page.summaries
        if summary.status is status and (summary.ended or summary.created).astimezone(zone).date() == today
    ]


def concerns(
    situation: Situation,
    vitals: Vitals | None,
    now: datetime,
    *,
    refusal: str = "",
    zone: tzinfo | None = None,
) -> tuple[Concern, ...]:
    """Returns all that is not as it should be, the worst first.

    `refusal` is what the server said when it was asked for its vitals last, if it did not tell them.
    """
    health, board = situation.health, situation.board
    found = [*_lost(situation, now, zone), *_stops(board)]
    found += [
        Concern(Level.WRONG, f"The server has a problem: {problem}")
        for problem in other_problems(health, board)
    ]
    if refusal:
        found.append(Concern(Level.WRONG, f"The server does not tell how its work goes: {refusal}"))
    if vitals is not None:
        found += _work(vitals, now, zone)
        found += _empty(vitals.buckets, health.server_time(now) if health is not None else now)
    found += _health(health)
    return tuple(sorted(found, key=lambda concern: -concern.level))


def _lost(situation: Situation, now: datetime, zone: tzinfo | None) -> Iterator[Concern]:
    if situation.connected is False:
        heard = situation.health.heard if situation.health is not None else None
        since = f"; what stands here is from {moment(now, heard, zone)}" if heard is not None else ""
        yield Concern(Level.WRONG, f"The connection to the server is lost{since}")


def _stops(board: StopBoard | None) -> Iterator[Concern]:
    if board is None:
        return
    if words := alarm(board):
        yield Concern(Level.WRONG, words)
        return
    for stop in board_lines(board):
        if stop.name == EVERYTHING:
            continue
        if not stop.listed:
            yield Concern(Level.LOOK, f"{stop.name} has no entry in es.json, which means stop")
        elif stop.engaged:
            who = f" by {stop.operator}" if stop.operator else ""
            why = f": {stop.reason}" if stop.reason else ""
            yield Concern(Level.LOOK, f"{stop.name} is stopped{who}{why}")


def _work(vitals: Vitals, now: datetime, zone: tzinfo | None) -> Iterator[Concern]:
    for summary in sorted(vitals.active.summaries, key=_urgency):
        if summary.status in NEEDS_SOMEBODY:
            stuck = summary.status is Status.NEEDS_OPERATOR
            since = f" since {moment(now, summary.since, zone)}" if summary.since is not None else ""
            told = f"{_named(summary)} {_waits(summary)}{since}{_why(waits_for(summary))}"
            yield Concern(Level.WRONG if stuck else Level.LOOK, told)
    failed = _today(vitals.ended_badly, Status.FAILED, now, zone)
    if failed:
        last = max(failed, key=lambda summary: summary.ended or summary.created)
        told = f"{count(len(failed), 'workflow')} failed today; the last: {_told(last)}"
        yield Concern(Level.LOOK, told)


def _waits(summary: Summary) -> str:
    # Where the server says what a held one waits for, that is no person.
    passes = summary.status is Status.HELD and summary.activity
    return "waits for its time" if passes else _WAITS[summary.status]


def _urgency(summary: Summary) -> int:
    """What needs a person most comes first."""
    return WORKFLOW_ORDER.index(summary.status) if summary.status in WORKFLOW_ORDER else len(WORKFLOW_ORDER)


def _told(summary: Summary) -> str:
    return f"{_named(summary)}{_why(summary.reason)}"


def _named(summary: Summary) -> str:
    return f"{summary.name} {short_id(summary.id)}"


def _why(words: str) -> str:
    return f": {words}" if words else ""


def _empty(buckets: Sequence[Bucket], server_now: datetime) -> Iterator[Concern]:
    for bucket in buckets:
        if bucket.tokens <= 0:
            when = next_words(bucket, server_now)
            yield Concern(Level.LOOK, f"Bucket {bucket.name} is empty; the next token comes {when}")


def _health(health: Health | None) -> Iterator[Concern]:
    if health is None:
        return
    if not health.clocks_agree:
        yield Concern(Level.LOOK, f"The clocks differ: {clock_words(health)}; ages are off by as much")
    if health.round_trip > _SLOW:
        yield Concern(Level.LOOK, f"The server answers slowly: it took {health.round_trip:.1f} s")


def clock_words(health: Health) -> str:
    """Tells how the server's clock goes."""
    if health.clocks_agree:
        return "as ours"
    seconds = health.ahead.total_seconds()
    return f"{duration(abs(seconds))} {'ahead of' if seconds > 0 else 'behind'} ours"


def trip_words(health: Health) -> str:
    """Tells how long the last answer took, in milliseconds."""
    milliseconds = 1000 * health.round_trip
    return f"{milliseconds:,.0f} ms" if milliseconds >= 1 else "under 1 ms"


def verdict(found: Sequence[Concern], *, complete: bool = True) -> tuple[Level, str]:
    """Returns the worst level and the whole in a few words; `complete`: the server has told everything."""
    wrong = sum(concern.level is Level.WRONG for concern in found)
    look = len(found) - wrong
    looks = f"{count(look, 'thing')} {'needs' if look == 1 else 'need'} a look"
    if wrong:
        words = f"{count(wrong, 'thing')} {'is' if wrong == 1 else 'are'} wrong"
        return Level.WRONG, f"{words}, {looks}" if look else words
    if look and not complete:
        return Level.LOOK, f"{looks}; the rest is not known yet"
    if look:
        return Level.LOOK, f"Nothing is broken, but {looks}"
    return Level.WELL, "All is well"
