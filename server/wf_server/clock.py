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

    async def sleep(self, seconds: float) -> None:
        """Waits that long by this clock."""
        ...


class SystemClock:
    """The machine's clock. It never goes back within one process, even if the machine's does."""

    def __init__(self) -> None:
        self._last = 0

    def now_us(self) -> int:
        """Returns the wall time in microseconds since 1970-01-01 UTC."""
        now = time.time_ns() // 1000
        self._last = max(self._last, now)
        return self._last

    async def sleep(self, seconds: float) -> None:
        """Waits that long."""
        await asyncio.sleep(seconds)
