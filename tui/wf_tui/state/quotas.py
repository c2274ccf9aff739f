"""Quotas in words: what is counted, how much is taken, and when a token comes back."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from wf_tui.state.format import count, duration
from wf_tui.state.models import PolicyLevel, Quota


def what(quota: Quota) -> str:
    """Names what it counts: `site=aap`; `every site` where nothing is taken; `all jobs`."""
    if not quota.label:
        return "all jobs"
    return f"every {quota.label}" if quota.value is None else f"{quota.label}={quota.value}"


def is_full(quota: Quota) -> bool:
    """Whether the next job has to wait."""
    return quota.value is not None and quota.taken >= quota.limit


def share(quota: Quota) -> float:
    """Returns how much of it is taken, from 0 to 1."""
    if quota.value is None:
        return 0.0
    return min(1.0, quota.taken / quota.limit) if quota.limit > 0 else 1.0


def taken_words(quota: Quota) -> str:
    """Tells how much is taken: `5 of 5`; `0 of 5%` where nothing is."""
    return f"{quota.taken:,} of {quota.written if quota.value is None else f'{quota.limit:,}'}"


def pace(quota: Quota) -> str:
    """Tells what it allows: `5% per 1 h 00 m`."""
    return f"{quota.written} per {duration(quota.per_seconds)}"


def next_words(quota: Quota, server_now: datetime) -> str:
    """Tells when a token comes back, by the server's clock."""
    if quota.next_token is None:
        return "–"
    seconds = ceil((quota.next_token - server_now).total_seconds())
    return f"in {duration(seconds)}" if seconds > 0 else "any moment"


def sentence(quota: Quota, server_now: datetime) -> str:
    """Tells what the next job would meet."""
    if quota.value is None:
        return "Nothing is taken: the next job begins at once."
    if not is_full(quota):
        return f"{count(quota.limit - quota.taken, 'token')} left: the next job begins at once."
    if quota.level is PolicyLevel.DRY_RUN:
        return "All taken; this quota only counts, and nobody waits for it."
    if quota.next_token is None:
        return "It has no token at all: no job begins until the limit is changed."
    held = f", {count(quota.waiting, 'workflow')} in line" if quota.waiting else ""
    return f"All taken: jobs wait; a token comes back {next_words(quota, server_now)}{held}."
