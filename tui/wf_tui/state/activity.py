"""How many jobs ended in each of the last seconds, as the list of workflows tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wf_tui.state.models import Summary

#: How far back it remembers, in seconds.
SPAN = 300
_STEPS = "▁▂▃▄▅▆▇█"


class Activity:
    """Counts by second what the stream of workflows brings."""

    def __init__(self) -> None:
        #: Since when it has been counting without a gap; None: not yet.
        self.since: datetime | None = None
        self._over: dict[str, int] = {}
        self._ended: dict[int, int] = {}

    def take(self, reset: bool, summaries: Sequence[Summary], now: datetime) -> None:
        """Takes a message of the stream.

        A first page says how things stand, not when they came to; what ended while the connection was
        lost must not look like a burst.
        """
        if reset or self.since is None:
            self._over = {summary.id: summary.jobs.over for summary in summaries}
            self._ended.clear()
            self.since = now
            return
        ended = sum(self._news(summary, self.since) for summary in summaries)
        second = int(now.timestamp())
        if ended > 0:
            self._ended[second] = self._ended.get(second, 0) + ended
        for old in [known for known in self._ended if known <= second - SPAN]:
            del self._ended[old]

    def _news(self, summary: Summary, since: datetime) -> int:
        before = self._over.get(summary.id)
        self._over[summary.id] = summary.jobs.over
        if before is None:
            # One older than the first page and not on it: nobody knows when its jobs ended.
            return summary.jobs.over if summary.created >= since else 0
        return max(0, summary.jobs.over - before)

    def rates(self, now: datetime, columns: int, seconds: int) -> list[float]:
        """Returns jobs a second in so many columns of so many seconds each, the newest last.

        The column that is going on is left out: it would look like a drop. Columns begin at whole
        multiples of their seconds, so that a bar stays as it is while it moves left.
        """
        end = int(now.timestamp()) // seconds * seconds
        return [
            sum(self._ended.get(second, 0) for second in range(start, start + seconds)) / seconds
            for start in range(end - columns * seconds, end, seconds)
        ]


def sparkline(values: Sequence[float]) -> str:
    """Draws values as bars of eighths, the highest full; nothing at all is a low line."""
    most = max(values, default=0.0)
    if most <= 0:
        return _STEPS[0] * len(values)
    top = len(_STEPS) - 1
    # Something is never drawn as nothing.
    return "".join(_STEPS[max(1, round(value / most * top)) if value > 0 else 0] for value in values)


def rate(per_second: float) -> str:
    """Writes a rate: `0/s`, `0.4/s`, `12/s`, `1,250/s`."""
    if 0 < per_second < 10:
        return f"{per_second:.1f}/s"
    return f"{per_second:,.0f}/s"
