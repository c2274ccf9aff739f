"""The token buckets: how full each is, and when the next token comes."""

from __future__ import annotations

from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen, document
from wf_tui.state.buckets import sentence
from wf_tui.state.filters import Filter
from wf_tui.state.health import Health
from wf_tui.state.models import Bucket
from wf_tui.state.situation import Situation
from wf_tui.state.text import clean
from wf_tui.widgets.bucket_table import FIELDS, BucketHead, BucketTable, bucket_facts
from wf_tui.widgets.rows import Piece, RowsView

_EVERY_SECONDS = 1.0


class BucketsScreen(InspectingScreen, FilteredScreen):
    """Levels are asked for every second while they are shown; in between the countdown goes on."""

    AUTO_FOCUS = "#buckets"
    FILTERED = "buckets"
    FILTER_FIELDS = FIELDS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._health: Health | None = None
        self._loaded = False

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", "Buckets"

    def body(self) -> ComposeResult:
        """The levels, and a line about the one under the cursor."""
        yield self.filter_line()
        yield BucketHead()
        yield BucketTable(self._server_now)
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Begins to ask."""
        self._table.placeholder = [[Piece("Asking the server for its buckets…", "dim")]]
        super().on_mount()
        self.poll("buckets", self.context.gateway.buckets, self._take, every=_EVERY_SECONDS)
        self.set_interval(1.0, self._tick, name="countdown")

    @property
    def _table(self) -> BucketTable:
        return self.query_one(BucketTable)

    def _server_now(self) -> datetime:
        now = self.context.now()
        return self._health.server_time(now) if self._health is not None else now

    def situation_changed(self, situation: Situation) -> None:
        """Countdowns go by the server's clock."""
        super().situation_changed(situation)
        self._health = situation.health

    def _take(self, buckets: tuple[Bucket, ...]) -> None:
        if not self.is_mounted:
            return
        self._loaded = True
        self._table.placeholder = [
            [Piece("The server has no buckets", "strong")],
            [],
            [Piece("They are named in its server.toml; tokenBucket jobs take from them.", "dim")],
        ]
        self._table.show_buckets(buckets)

    def refused(self, error: GatewayError) -> None:
        """Says it in the table's place; levels that were read stay."""
        if self._loaded:
            super().refused(error)
            return
        self._table.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("ctrl+r asks again", "dim")]]
        self._table.lines_changed()

    def inspected(self) -> Inspected | None:
        """The bucket under the cursor."""
        bucket = self._table.current
        if bucket is None:
            return None
        facts = bucket_facts(bucket, self._server_now())
        return Inspected(f"Bucket {bucket.name}", facts, document(bucket))

    @on(RowsView.Opened)
    def _opened(self) -> None:
        self.action_describe()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self._table.choose(chosen)

    def _tick(self) -> None:
        self._table.refresh()
        self._peek()

    @on(RowsView.Moved)
    def _peek(self) -> None:
        bucket = self._table.current
        if bucket is None:
            self.query_one("#peek", Static).update("")
            return
        words = sentence(bucket, self._server_now())
        self.query_one("#peek", Static).update(Content.assemble((clean(bucket.name), "bold"), f"\n{words}"))
