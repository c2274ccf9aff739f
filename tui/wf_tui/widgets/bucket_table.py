"""The token buckets, their levels as gauges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.buckets import next_words, pace, sentence, share
from wf_tui.state.format import bar
from wf_tui.state.models import Bucket
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.gauge_table import GaugeTable
from wf_tui.widgets.rows import Piece, fit

#: What a filter can ask for by name.
FIELDS = ("name", "level")

_LEVEL, _PACE, _NEXT, _STATE = 12, 20, 14, 2


def _widths(width: int) -> tuple[int, int]:
    """Divides what the fixed columns leave between name and gauge."""
    gauge = 10 if width < 100 else 20
    return max(12, min(40, width - gauge - _LEVEL - _PACE - _NEXT - _STATE - 2)), gauge


class BucketTable(GaugeTable[Bucket]):
    """Buckets, one a line."""

    NOUN = "bucket"

    def identity(self, gauge: Bucket) -> str:
        """Its name."""
        return gauge.name

    def fields(self, gauge: Bucket) -> Mapping[str, str]:
        """Its name, and whether there is a token."""
        level = "full" if gauge.tokens >= gauge.size else "filling" if gauge.tokens else "empty"
        return {"name": clean(gauge.name), "level": level}

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a bucket."""
        bucket = self.line(line)
        name, gauge = _widths(width)
        look = "good" if bucket.tokens >= bucket.size else "busy" if bucket.tokens else "bad"
        done, rest = bar(share(bucket), gauge)
        yield Piece(fit("✓" if bucket.tokens else "✗", _STATE), look)
        yield Piece(fit(clean(bucket.name), name) + " ", "strong")
        yield Piece(done, look)
        yield Piece(rest, "dim")
        yield Piece(fit(f"{bucket.tokens:,} of {bucket.size:,}", _LEVEL - 1, right=True) + " ")
        yield Piece(" " + fit(pace(bucket), _PACE), "dim")
        yield Piece(fit(next_words(bucket, self._server_now()), _NEXT), look)


def bucket_facts(bucket: Bucket, server_now: datetime) -> Iterator[Fact]:
    """Tells all about a bucket."""
    yield Fact("Tokens", f"{bucket.tokens:,} of {bucket.size:,}")
    yield Fact("Refill", pace(bucket))
    yield Fact("Next token", next_words(bucket, server_now))
    yield Fact("")
    yield Fact("", sentence(bucket, server_now))


class BucketHead(Widget):
    """The columns' names, in step with the table beneath."""

    def render(self) -> Content:
        """Paints the names."""
        width = self.content_size.width - 2
        name, gauge = _widths(width)
        names = (
            " " + " " * _STATE,
            fit("BUCKET", name) + " ",
            fit("LEVEL", gauge),
            fit("TOKENS", _LEVEL - 1, right=True) + " ",
            " " + fit("REFILL", _PACE),
            "NEXT TOKEN",
        )
        return Content("".join(names)).truncate(max(1, width), ellipsis=True)
