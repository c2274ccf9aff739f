"""sleep: waits."""

from __future__ import annotations

from collections.abc import Mapping

from wf_server.jobs.base import Arg, ArgKind, JobContext, JobType, Recovery
from wf_server.jobs.waiting import wait_with_progress


class Sleep(JobType):
    """Waits for a number of seconds: a pause between risky steps."""

    name = "sleep"
    help = "Waits for a number of seconds, to leave time between risky steps. Never fails."
    args = (Arg("seconds", ArgKind.INTEGER, "How long to wait, in whole seconds.", example="60", minimum=1),)
    recovery = Recovery.IDEMPOTENT

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Waits."""
        seconds = int(args["seconds"])
        await wait_with_progress(ctx, seconds, f"sleeping {seconds} s")
