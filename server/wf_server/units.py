"""Durations, sizes and amounts as people write them: "30s", "64MiB", "20%"."""

from __future__ import annotations

import math
import re

from wf_server.wording import told

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]{1,12})(B|KiB|MiB|GiB)")
_UNIT_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_COUNT = re.compile(r"[0-9]{1,9}")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%")


def parse_duration(value: object) -> float:
    """Turns "30s", "1.5h", "250ms" into seconds. Raises ValueError."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{told(value)} is not a duration such as "30s", "5m" or "1h"')
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def parse_size(value: object) -> int:
    """Turns "64MiB", "512KiB" into bytes. Raises ValueError."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{told(value)} is not a size such as "512KiB" or "64MiB"')
    return int(match[1]) * _UNIT_BYTES[match[2]]


def parse_amount(value: str, whole: int) -> int:
    """Turns "3", or "20%" of `whole` rounded up, into a number of at least 1. Raises ValueError."""
    if _COUNT.fullmatch(value) and int(value) >= 1:
        return int(value)
    share = _SHARE.fullmatch(value)
    if share is None or not 0 < float(share[1]) <= 100:
        raise ValueError(f'{told(value)} is neither a count of at least 1, such as "3", nor a share as "20%"')
    # Rounded first: 7% of 100 is 7, and not a hair more.
    return max(1, math.ceil(round(float(share[1]) * whole / 100, 6)))
