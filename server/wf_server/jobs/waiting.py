"""Waiting by the job's clock while telling how far it is, or what for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from wf_server.errors import StoreConflict, StoreError
from wf_server.jobs.base import JobContext

T = TypeVar("T")

#: Between two tries to write while the database refuses. Seconds.
_RETRY_SECONDS = 0.5

#: Many jobs run at once and nobody looks at one more often. Seconds.
_SHORTEST_STEP = 0.25
_MOST_STEPS = 100


async def wait_with_progress(ctx: JobContext, seconds: float, message: str) -> None:
    """Waits, reporting progress at most four times a second and in steps of at least one percent."""
    steps = max(1, min(_MOST_STEPS, int(seconds / _SHORTEST_STEP)))
    ctx.progress(0.0, message)
    for step in range(1, steps + 1):
        # Never by the difference of two wall times: a clock that is set must not cut a pause short.
        await ctx.clock.sleep(seconds / steps)
        ctx.progress(step / steps, message)


async def until_recorded(ctx: JobContext, fraction: float, act: Callable[[], Awaitable[T]]) -> T:
    """Acts again while the database refuses: a full disk is no reason for a job to fail.

    Raises StoreConflict, which no waiting mends, and what else `act` raises.
    """
    while True:
        try:
            return await act()
        except StoreConflict:
            raise
        except StoreError as error:
            ctx.progress(fraction, f"waiting for the database: {error}")
        await ctx.clock.sleep(_RETRY_SECONDS)
