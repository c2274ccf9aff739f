"""The level of a token bucket, as it is stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BucketLevel:
    """How many tokens a bucket held at a moment from which its refills count."""

    tokens: int
    #: Microseconds since 1970-01-01 UTC. A full bucket has none to come: its count starts anew
    #: when a token is taken.
    since_us: int
