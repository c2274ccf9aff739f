"""The token buckets, their levels as gauges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.buckets import next_words, pace, sentence, share
from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.format import bar
from wf_tui.state.models import Bucket
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit

#: What a filter can ask for by name.
FIELDS = ("name", "level")

_LEVEL, _PACE, _NEXT, _STATE = 12, 20, 14, 2


def _widths(width: int) -> tuple[int, int]:
    """Divides what the fixed columns leave between name and gauge."""
    gauge = 10 if width < 100 else 20
    return max(12, min(40, width - gauge - _LEVEL - _PACE - _NEXT - _STATE - 2)), gauge


class BucketTable(RowsView):
    """Buckets, one a line; `server_now` is the server's clock."""

    def __init__(self, server_now: Callable[[], datetime]) -> None:
        super().__init__(id="buckets")
        self._server_now = server_now
        self._known: tuple[Bucket, ...] = ()
        self._buckets: tuple[Bucket, ...] = ()
        self._filter = NO_FILTER

    def line_count(self) -> int:
        """One line a bucket."""
        return len(self._buckets)

    @property
    def current(self) -> Bucket | None:
        """The bucket under the cursor."""
        return self._buckets[self.cursor] if self.cursor < len(self._buckets) else None

    def show_buckets(self, buckets: Sequence[Bucket]) -> None:
        """Shows new levels; the cursor stays with its bucket."""
        self._known = tuple(buckets)
        self.choose(self._filter)

    def choose(self, chosen: Filter) -> None:
        """Shows only buckets that the filter lets through."""
        before, self._filter = self.current, chosen
        self._buckets = tuple(bucket for bucket in self._known if chosen.lets_through(_fields(bucket)))
        if self._known:
            self.placeholder = [[Piece("No bucket matches "), Piece(clean(chosen.text), "strong")]]
        self.lines_changed()
        names = [bucket.name for bucket in self._buckets]
        self.cursor = names.index(before.name) if before is not None and before.name in names else self.cursor
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a bucket."""
        bucket = self._buckets[line]
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


def _fields(bucket: Bucket) -> Mapping[str, str]:
    level = "full" if bucket.tokens >= bucket.size else "filling" if bucket.tokens else "empty"
    return {"name": clean(bucket.name), "level": level}


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
