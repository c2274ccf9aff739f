"""A token of a quota."""

from __future__ import annotations

from typing import NamedTuple


class QuotaToken(NamedTuple):
    """What a job took as it began: it counts against `value` of a meter for as long as quotas say."""

    #: The time at which the job is on record as running; microseconds since 1970-01-01 UTC.
    taken_us: int
    workflow: str
    block: int
    job: int
    #: `policy.quota.Meter.key`.
    meter: str
    value: str
