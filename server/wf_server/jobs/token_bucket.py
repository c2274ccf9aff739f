"""tokenBucket: goes on only with a token, so that risky work is done seldom enough."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from wf_server.jobs.base import Arg, ArgKind, JobContext, JobFailed, JobType, Recovery
from wf_server.jobs.waiting import until_recorded
from wf_server.tokens import BucketView, Tokens

#: How long a fatal job tries. Seconds.
_PATIENCE = 1.0


class TokenBucket(JobType):
    """Takes a token from a named bucket."""

    name = "tokenBucket"
    help = (
        "Takes one token from a bucket. With fatal=true, no token within a second ends the workflow as "
        "failed; with fatal=false the job waits for its turn. A token taken stays taken."
    )
    args = (
        Arg("bucket", ArgKind.BUCKET, "The bucket's name in server.toml.", example="diskEraseSatellite"),
        Arg(
            "fatal",
            ArgKind.BOOLEAN,
            "Whether to end the workflow when there is no token, rather than wait for one.",
            choices=("true", "false"),
            example="true",
        ),
    )
    # A job has one token at most, however often it runs.
    recovery = Recovery.IDEMPOTENT
    precondition = True

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Takes a token. Raises a fatal JobFailed where there is none and fatal is true."""
        bucket = args["bucket"]
        if args["fatal"] == "true":
            await self._take_or_fail(ctx, bucket)
        else:
            await until_recorded(ctx, 0.0, lambda: self._wait(ctx, bucket))
        ctx.log(f"took a token from {bucket}")

    async def _wait(self, ctx: JobContext, bucket: str) -> None:
        await self._tokens.wait(
            bucket, ctx.holder, lambda view, ahead: ctx.progress(0.0, _waiting(view, ahead))
        )

    async def _take(self, ctx: JobContext, bucket: str) -> bool:
        return await until_recorded(ctx, 0.0, lambda: self._tokens.take(bucket, ctx.holder))

    async def _take_or_fail(self, ctx: JobContext, bucket: str) -> None:
        if await self._take(ctx, bucket):
            return
        ctx.progress(0.0, f"no token in {bucket}; trying for {_PATIENCE:g} s")
        await ctx.clock.sleep(_PATIENCE)
        if not await self._take(ctx, bucket):
            raise JobFailed(f"no token in bucket {bucket}{_next(self._tokens.level(bucket))}", fatal=True)


def _waiting(view: BucketView, ahead: int) -> str:
    before = f", {ahead} job{'s' * (ahead > 1)} before this one" if ahead else ""
    return f"waiting for a token from {view.name}{before}{_next(view)}"


def _next(view: BucketView) -> str:
    if view.next_refill_us is None:
        return ""
    due = datetime.fromtimestamp(view.next_refill_us // 1_000_000, UTC)
    return f"; the next comes at {due:%Y-%m-%d %H:%M:%S} UTC"
