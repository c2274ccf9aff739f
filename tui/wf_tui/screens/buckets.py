"""The token buckets: how full each is, and when the next token comes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from wf_tui.screens.gauges import GaugesScreen
from wf_tui.screens.inspecting import Inspected, document
from wf_tui.state.buckets import sentence
from wf_tui.state.models import Bucket
from wf_tui.widgets.bucket_table import FIELDS, BucketHead, BucketTable, bucket_facts


class BucketsScreen(GaugesScreen[Bucket]):
    """The levels of the buckets."""

    FILTERED = "buckets"
    FILTER_FIELDS = FIELDS
    NOUNS = "buckets"
    WHERE = "They are named in its server.toml; tokenBucket jobs take from them."

    def table(self, server_now: Callable[[], datetime]) -> BucketTable:
        """Makes the table."""
        return BucketTable(server_now)

    def head(self) -> BucketHead:
        """Makes the names of its columns."""
        return BucketHead()

    def fetch(self) -> Coroutine[Any, Any, tuple[Bucket, ...]]:
        """Asks for the levels."""
        return self.context.gateway.buckets()

    def name_of(self, gauge: Bucket) -> str:
        """Its name."""
        return gauge.name

    def sentence_of(self, gauge: Bucket) -> str:
        """Tells what a tokenBucket job would meet."""
        return sentence(gauge, self.server_now())

    def inspected(self) -> Inspected | None:
        """The bucket under the cursor."""
        bucket = self.current
        if bucket is None:
            return None
        facts = bucket_facts(bucket, self.server_now())
        return Inspected(f"Bucket {bucket.name}", facts, document(bucket))
