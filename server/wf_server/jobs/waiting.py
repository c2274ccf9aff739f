"""Waiting by the job's clock while telling how far it is."""

from __future__ import annotations

from wf_server.jobs.base import JobContext

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
