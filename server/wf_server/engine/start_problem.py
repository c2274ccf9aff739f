"""What keeps a block from beginning when its turn has come, and when to ask whether it still does."""

from __future__ import annotations

from dataclasses import dataclass

#: What forbids a block to begin is asked again at least so often: policies change, clocks are set. Seconds.
ASK_AGAIN = 10
#: And at most so often. Seconds.
ASK_SOON = 1
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class StartProblem:
    """Why a block must not begin right now. Times are microseconds since 1970-01-01 UTC."""

    reason: str
    #: When that passes by itself; 0: nobody knows.
    until_us: int = 0

    def ask_again_us(self, now_us: int) -> int:
        """When to ask whether it has passed."""
        latest_us = now_us + ASK_AGAIN * _MICROSECONDS
        if not self.until_us:
            return latest_us
        return min(latest_us, max(self.until_us, now_us + ASK_SOON * _MICROSECONDS))
