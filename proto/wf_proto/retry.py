"""How long to wait before asking again: exponential backoff with full jitter."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass


def _random_fraction() -> float:
    return random.random()  # noqa: S311 - it spreads load, it keeps no secret


@dataclass(frozen=True, slots=True)
class Backoff:
    """At most `tries` in all, the pauses between them growing from `first` to `most` seconds."""

    tries: int = 4
    first: float = 0.1
    most: float = 2.0
    #: From 0 to 1; every pause is that part of its bound.
    fraction: Callable[[], float] = _random_fraction

    def pauses(self) -> Iterator[float]:
        """Yields the seconds to wait after each failed try but the last."""
        for failed in range(self.tries - 1):
            yield self.fraction() * min(self.most, self.first * 2**failed)
