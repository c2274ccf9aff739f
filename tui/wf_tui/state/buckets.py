"""Token buckets in words: how full, how they fill, and when the next token comes."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from wf_tui.state.format import count, duration
from wf_tui.state.models import Bucket


def share(bucket: Bucket) -> float:
    """Returns how full it is, from 0 to 1; a bucket for nothing is empty."""
    return bucket.tokens / bucket.size if bucket.size > 0 else 0.0


def pace(bucket: Bucket) -> str:
    """Tells how it fills: `1 every 30 m 00 s`."""
    return f"{bucket.refill:,} every {duration(bucket.every_seconds)}"


def next_words(bucket: Bucket, server_now: datetime) -> str:
    """Tells when tokens come; `server_now` is the server's clock, by which it says so."""
    if bucket.tokens >= bucket.size:
        return "full"
    if bucket.next_refill is None:
        return "–"
    seconds = ceil((bucket.next_refill - server_now).total_seconds())
    return f"in {duration(seconds)}" if seconds > 0 else "any moment"


def sentence(bucket: Bucket, server_now: datetime) -> str:
    """Tells what a tokenBucket job would meet."""
    if bucket.tokens > 0:
        return f"{count(bucket.tokens, 'token')} left: the next job that asks for one gets it."
    return (
        f"Empty, the next token comes {next_words(bucket, server_now)}. Until then a job with fatal=true "
        "ends its workflow, one with fatal=false waits."
    )
