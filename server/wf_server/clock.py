"""Time as the server sees it, so that tests can turn it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where every time in the server comes from."""

    def now_us(self) -> int:
        """Returns the wall time in microseconds since 1970-01-01 UTC."""
        ...

    def steady_us(self) -> int:
        """Returns microseconds since some moment, which go by whatever is done to the machine's clock."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits that long, whatever is done to the machine's clock."""
        ...


#: Microseconds that the machine's clock may go back before it is believed.
_SMALL_STEP_US = 2_000_000


class SystemClock:
    """The machine's clock, which stands still where the machine's goes back by less than two seconds.

    A larger step back mends a clock that was wrong, and is followed.
    """

    def __init__(self) -> None:
        self._last = 0

    def now_us(self) -> int:
        """Returns the wall time in microseconds since 1970-01-01 UTC."""
        now = time.time_ns() // 1000
        if not self._last - _SMALL_STEP_US < now < self._last:
            self._last = now
        return self._last

    def steady_us(self) -> int:
        """Returns microseconds since some moment."""
        return time.monotonic_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        """Waits that long."""
        await asyncio.sleep(seconds)


class SteadyTime:
    """Begins with a clock's wall time, and goes on whatever is done to that."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_us = clock.now_us() - clock.steady_us()

    def now_us(self) -> int:
        """Returns the time in microseconds since 1970-01-01 UTC, by the wall clock of the beginning."""
        return self._clock.steady_us() + self._offset_us

    async def sleep(self, seconds: float) -> None:
        """Waits that long."""
        await self._clock.sleep(seconds)
