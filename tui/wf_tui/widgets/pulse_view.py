"""The pulse as text: verdict, work, stops, buckets, server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap

from textual.content import Content

from wf_tui.state.activity import Activity, rate, sparkline
from wf_tui.state.buckets import next_words, share
from wf_tui.state.format import between, count, duration
from wf_tui.state.marks import GLYPHS
from wf_tui.state.models import EVERYTHING, Status
from wf_tui.state.pulse import (
    Concern,
    Figure,
    Level,
    Vitals,
    clock_words,
    concerns,
    figures,
    trip_words,
    verdict,
)
from wf_tui.state.situation import Situation
from wf_tui.state.stops import board_lines
from wf_tui.state.text import clean
from wf_tui.widgets.detail import bar_content, status_style
from wf_tui.widgets.rows import fit
from wf_tui.widgets.theme import MUTED

_MARKS: Mapping[Level, tuple[str, str]] = {
    Level.WELL: ("✓", "$text-success"),
    Level.LOOK: ("!", "$text-warning"),
    Level.WRONG: ("✗", "$text-error"),
}
_LABEL, _GAUGE = 12, 10
#: Seconds in a column of the sparkline, and how many columns at most.
_COLUMN, _COLUMNS = 5, 60
_MOST_CONCERNS = 8


def pulse_content(
    situation: Situation,
    vitals: Vitals | None,
    activity: Activity,
    now: datetime,
    width: int,
    *,
    refusal: str = "",
) -> Content:
    """Paints everything in lines of so many cells."""
    found = concerns(situation, vitals, now, refusal=refusal)
    lines = [
        *_verdict(found, vitals is not None, width),
        Content(""),
        *_work(vitals, now),
        *_throughput(activity, now, width),
        *_stops(situation),
        Content(""),
        *_buckets(situation, vitals, now, width),
        Content(""),
        *_server(situation, now),
    ]
    return Content("\n").join(line.truncate(max(1, width), ellipsis=True) for line in lines)


def _verdict(found: Sequence[Concern], asked: bool, width: int) -> Iterator[Content]:
    if not asked and not found:
        yield Content.styled("… Asking the server how it does", MUTED)
        return
    level, words = verdict(found, complete=asked)
    glyph, style = _MARKS[level]
    yield Content.styled(f"{glyph} {words}", f"bold {style}")
    for concern in found[:_MOST_CONCERNS]:
        glyph, style = _MARKS[concern.level]
        first, *more = wrap(clean(concern.words), max(20, width - 4)) or [""]
        yield Content.assemble((f"  {glyph} ", style), first)
        yield from (Content(f"    {line}") for line in more[:2])
    if len(found) > _MOST_CONCERNS:
        yield Content.styled(f"    and {len(found) - _MOST_CONCERNS:,} more", MUTED)


def _row(label: str, *parts: Content | str) -> Content:
    return Content.assemble((fit(label, _LABEL), MUTED), *parts)


def _work(vitals: Vitals | None, now: datetime) -> Iterator[Content]:
    if vitals is None:
        yield _row("Workflows", "…")
        return
    told = figures(vitals, now)
    yield _figures(
        "Workflows",
        (Status.RUNNING, told.running, "running"),
        (Status.NEEDS_OPERATOR, told.waiting, "waiting for somebody"),
        (Status.NOT_STARTED, told.not_started, "not started"),
    )
    yield _figures(
        "Today", (Status.FAILED, told.failed_today, "failed"), (Status.STOPPED, told.stopped_today, "stopped")
    )


def _figures(label: str, *shown: tuple[Status, Figure, str]) -> Content:
    told = [
        Content.styled(f"{GLYPHS[status]} {figure} {words}", status_style(status) if figure.number else MUTED)
        for status, figure, words in shown
    ]
    return _row(label, Content("   ").join(told))


def _throughput(activity: Activity, now: datetime, width: int) -> Iterator[Content]:
    if activity.since is None:
        yield _row("Jobs ended", "…")
        return
    columns = max(10, min(_COLUMNS, width - _LABEL - 44))
    values = activity.rates(now, columns, _COLUMN)
    most = f"{rate(max(values))} at most" if max(values) else "none"
    span = duration(min(columns * _COLUMN, (now - activity.since).total_seconds()))
    current = f"{rate(values[-1])} now, " if max(values) else ""
    words = f"  {current}{most}, last {span}"
    yield _row("Jobs ended", Content.styled(sparkline(values), "$text-primary"), words)


def _stops(situation: Situation) -> Iterator[Content]:
    if situation.board is None:
        yield _row("Stops", "…")
        return
    lines = board_lines(situation.board)
    types = [stop for stop in lines if stop.name != EVERYTHING]
    stopped = [stop for stop in types if stop.engaged or not stop.listed]
    if lines[0].engaged:
        yield _row("Stops", Content.styled("■ everything is stopped", "bold $text-error"))
    elif stopped:
        words = f"■ {count(len(stopped), 'workflow type')} of {len(types):,} stopped"
        yield _row("Stops", Content.styled(words, "$text-warning"), ("  S shows them"))
    else:
        yield _row("Stops", Content.styled("▶ none is engaged", "$text-success"))


def _buckets(situation: Situation, vitals: Vitals | None, now: datetime, width: int) -> Iterator[Content]:
    if vitals is None or not vitals.buckets:
        yield _row("Buckets", "…" if vitals is None else "none")
        return
    server_now = situation.health.server_time(now) if situation.health is not None else now
    longest = max(len(clean(bucket.name)) for bucket in vitals.buckets)
    name_width = min(longest, max(12, width - _LABEL - _GAUGE - 36))
    for at, bucket in enumerate(vitals.buckets):
        style = "$text-success" if bucket.tokens else "$text-error"
        coming = next_words(bucket, server_now)
        yield _row(
            "" if at else "Buckets",
            fit(clean(bucket.name), name_width) + "  ",
            bar_content(share(bucket), _GAUGE, style),
            f" {bucket.tokens:,} of {bucket.size:,}  ",
            Content.styled(coming if coming == "full" else f"next {coming}", MUTED),
        )


def _server(situation: Situation, now: datetime) -> Iterator[Content]:
    health = situation.health
    if health is None:
        yield _row("Server", Content.styled("no word of itself", MUTED))
        return
    up = between(health.info.started, None, health.server_time(now))
    yield _row("Server", f"version {clean(health.info.version)}, up {up}")
    agree = "" if health.clocks_agree else "$text-warning"
    yield _row("Clock", Content.styled(clock_words(health), agree))
    ago = duration((now - health.heard).total_seconds())
    yield _row("Round trip", f"{trip_words(health)}, measured {ago} ago")
