"""Doubles for tests, this project's and others': a clock that is turned, jobs that are told what to do."""

from __future__ import annotations

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import count

from wf_server.jobs.base import Arg, ArgKind, JobContext, JobFailed, JobType, Recovery
from wf_server.model import JobId


class ManualClock:
    """A clock that stands still until it is advanced; sleepers wake in the order of their times."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = now_us
        #: By how much it was set forward or back.
        self._set_us = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._ties = count()

    def now_us(self) -> int:
        """Returns the time it was set to, in microseconds since 1970-01-01 UTC."""
        return self._now_us + self._set_us

    def steady_us(self) -> int:
        """Returns the time it was advanced to, as if it had never been set."""
        return self._now_us

    def set(self, seconds: float) -> None:
        """Sets the wall time so much forward, or back; no time goes by."""
        self._set_us += round(seconds * 1_000_000)

    async def sleep(self, seconds: float) -> None:
        """Waits until the clock has been advanced that far."""
        wake_us = self._now_us + round(seconds * 1_000_000)
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (wake_us, next(self._ties), future))
        await future

    @property
    def sleeping(self) -> int:
        """How many sleepers there are."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Turns the clock on, and lets everyone act who wakes on the way."""
        end_us = self._now_us + round(seconds * 1_000_000)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end_us:
            wake_us, _, future = heapq.heappop(self._sleepers)
            self._now_us = max(self._now_us, wake_us)
            if not future.done():
                future.set_result(None)
                await settle()
        self._now_us = end_us
        await settle()


class MemoryErasures:
    """A record of erased disks that is kept in memory."""

    def __init__(self) -> None:
        self.records: set[tuple[JobId, str, str]] = set()

    async def record_erasure(self, holder: JobId, site: str, machine: str, time_us: int) -> None:
        """Keeps that a job erased a machine's disks."""
        self.records.add((holder, site, machine))

    async def erased(self, holder: JobId, site: str, machine: str) -> bool:
        """Tells whether a job erased a machine's disks."""
        return (holder, site, machine) in self.records


async def settle(turns: int = 20) -> None:
    """Lets the tasks that are ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


class ScriptedJob(JobType):
    """A job type that does as its `do` argument says, and tells what happened.

    `ok` and empty: ends well. `fail:TEXT`, `fatal:TEXT`: fails. `bug`: raises what no job should.
    `wait`: runs until `release` or its cancellation. `stubborn`: runs until `release`, whatever is said.
    """

    name = "scripted"
    help = "Does as it is told."
    args = (Arg("do", ArgKind.TEXT, "What to do.", required=False),)
    recovery = Recovery.IDEMPOTENT

    def __init__(self, name: str = "scripted", recovery: Recovery = Recovery.IDEMPOTENT) -> None:
        self.name = name  # type: ignore[misc]
        self.recovery = recovery  # type: ignore[misc]
        #: How often each job's code began.
        self.begun: dict[JobId, int] = defaultdict(int)
        self.running: set[JobId] = set()
        self.most_at_once = 0
        #: What `verify` answers.
        self.verified = True
        #: Called whenever a job's code begins.
        self.on_begin: Callable[[JobId], None] = lambda job: None
        self._released = asyncio.Event()

    def release(self) -> None:
        """Lets every waiting job end."""
        self._released.set()

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Does what `do` says."""
        self.begun[ctx.holder] += 1
        self.on_begin(ctx.holder)
        self.running.add(ctx.holder)
        self.most_at_once = max(self.most_at_once, len(self.running))
        try:
            await self._act(ctx, *args.get("do", "").partition(":")[::2])
        finally:
            self.running.discard(ctx.holder)

    async def _act(self, ctx: JobContext, verb: str, text: str) -> None:
        if verb in ("fail", "fatal"):
            raise JobFailed(text, fatal=verb == "fatal")
        if verb == "bug":
            raise ZeroDivisionError("a bug")
        if verb == "sleep":
            await ctx.clock.sleep(float(text))
        if verb == "wait":
            await self._released.wait()
        while verb == "stubborn" and not self._released.is_set():
            try:
                await self._released.wait()
            except asyncio.CancelledError:
                continue

    async def verify(self, ctx: JobContext, args: Mapping[str, str]) -> bool:
        """Answers what `verified` says."""
        return self.verified
