"""The quotas, what is taken of each as gauges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.format import bar
from wf_tui.state.models import PolicyLevel, Quota
from wf_tui.state.quotas import is_full, next_words, pace, sentence, share, taken_words, what
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.gauge_table import GaugeTable
from wf_tui.widgets.rows import Piece, fit

#: What a filter can ask for by name.
FIELDS = ("name", "level", "jobs")

_TAKEN, _PACE, _NEXT, _WAITING, _STATE = 11, 18, 13, 8, 2


def _widths(width: int) -> tuple[int, int, int]:
    """Divides the width between name, gauge and limit; where there is little, the limit is left out."""
    gauge, pace_width = 10 if width < 100 else 20, _PACE if width >= 74 else 0
    return (
        max(10, min(40, width - gauge - _TAKEN - pace_width - _NEXT - _WAITING - _STATE - 3)),
        gauge,
        pace_width,
    )


def _look(quota: Quota) -> str:
    if is_full(quota):
        return "bad"
    return "busy" if quota.taken else "good"


class QuotaTable(GaugeTable[Quota]):
    """Quotas, each value on a line of its own."""

    NOUN = "quota"

    def identity(self, gauge: Quota) -> tuple[str, ...]:
        """All but its level: the same value may be counted by several quotas."""
        per = str(gauge.per_seconds)
        return (gauge.label, gauge.value or "", gauge.written, per, gauge.level.name, *gauge.job_types)

    def fields(self, gauge: Quota) -> Mapping[str, str]:
        """What it counts, of which jobs, and whether there is a token."""
        level = "full" if is_full(gauge) else "taken" if gauge.taken else "free"
        return {
            "name": clean(what(gauge)),
            "level": level,
            "jobs": clean(", ".join(gauge.job_types) or "all"),
        }

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints what is taken for one value."""
        quota = self.line(line)
        name, gauge, pace_width = _widths(width)
        look = _look(quota)
        done, rest = bar(share(quota), gauge)
        yield Piece(fit("✗" if is_full(quota) else "✓", _STATE), look)
        yield Piece(fit(clean(what(quota)), name) + " ", "strong")
        yield Piece(done, look)
        yield Piece(rest, "dim")
        yield Piece(fit(clean(taken_words(quota)), _TAKEN - 1, right=True) + " ")
        yield Piece(" " + fit(clean(pace(quota)), pace_width), "dim")
        yield Piece(fit(next_words(quota, self._server_now()), _NEXT), look)
        yield Piece(fit(f"{quota.waiting:,}" if quota.waiting else "–", _WAITING, right=True))


def quota_facts(quota: Quota, server_now: datetime) -> Iterator[Fact]:
    """Tells all about what is taken for one value."""
    yield Fact("Counts", what(quota))
    yield Fact("Job types", ", ".join(quota.job_types) or "all")
    yield Fact("Allows", pace(quota))
    yield Fact("Taken", taken_words(quota))
    yield Fact("Next token", next_words(quota, server_now))
    yield Fact("In line", f"{quota.waiting:,}")
    yield Fact("Holds for", ", ".join(quota.workflow_types))
    if quota.level is not PolicyLevel.DENY:
        yield Fact("Level", quota.level.value)
    yield Fact("")
    yield Fact("", sentence(quota, server_now))


class QuotaHead(Widget):
    """The columns' names, in step with the table beneath."""

    def render(self) -> Content:
        """Paints the names."""
        width = self.content_size.width - 2
        name, gauge, pace_width = _widths(width)
        names = (
            " " + " " * _STATE,
            fit("QUOTA", name) + " ",
            fit("LEVEL", gauge),
            fit("TAKEN", _TAKEN - 1, right=True) + " ",
            " " + fit("LIMIT", pace_width),
            fit("NEXT TOKEN", _NEXT),
            fit("IN LINE", _WAITING, right=True),
        )
        return Content("".join(names)).truncate(max(1, width), ellipsis=True)
