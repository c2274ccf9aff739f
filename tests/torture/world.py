"""What jobs really did, kept outside of the server, and the job types that do it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wf_server.jobs.base import Arg, ArgKind, JobContext, JobFailed, JobType, Recovery
from wf_server.model import JobId


@dataclass
class World:
    """Every beginning and every effect, in order; a crash takes none of them back."""

    #: (what, job): `begin`, `effect`, `end`.
    facts: list[tuple[str, JobId]] = field(default_factory=list)
    #: Called when a job's code begins: it may object.
    on_begin: Callable[[JobId], None] = lambda job: None
    #: What `on_begin` objected to.
    objections: list[str] = field(default_factory=list)
    #: The process is gone: what its tasks do while they are taken down did not happen.
    is_gone: bool = False
    running: set[JobId] = field(default_factory=set)

    def note(self, what: str, job: JobId) -> None:
        """Something happened."""
        if self.is_gone:
            return
        self.facts.append((what, job))
        if what == "begin":
            if job in self.running:
                self.objections.append(f"{job} began while it ran")
            self.running.add(job)
            try:
                self.on_begin(job)
            except AssertionError as error:
                self.objections.append(f"{job} began: {error}")
        elif what == "end":
            self.running.discard(job)

    def counted(self, what: str) -> Counter[JobId]:
        """How often that happened to each job."""
        return Counter(job for fact, job in self.facts if fact == what)

    def successor(self, facts: int) -> World:
        """The world after a crash that came when so many facts had happened."""
        return World(self.facts[:facts], self.on_begin, self.objections)


class SimulatedJob(JobType):
    """A job that does as its `do` says: VERB or VERB:SECONDS.

    ok, fail, fatal, bug: ends so after that long. flaky: fails the first two times. hang: until it is told to
    end. slow: takes that long to end when it is told to. late: told to end, it finishes its work instead.
    deaf: never listens and never ends.
    """

    help = "Does as it is told."
    args = (
        Arg("do", ArgKind.TEXT, "What to do.", required=False),
        Arg("lane", ArgKind.TEXT, "What policies may count.", required=False),
    )

    def __init__(self, name: str, recovery: Recovery, world: World, *, mute: bool = False) -> None:
        self.name = name  # type: ignore[misc]
        self.recovery = recovery  # type: ignore[misc]
        self._world = world
        #: Its verification fails.
        self._mute = mute

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Does what `do` says."""
        verb, _, seconds = args.get("do", "").partition(":")
        self._world.note("begin", ctx.holder)
        try:
            ctx.log(f"begins to {verb or 'ok'}")
            await self._act(ctx, verb or "ok", float(seconds or 0))
        finally:
            self._world.note("end", ctx.holder)

    async def _act(self, ctx: JobContext, verb: str, seconds: float) -> None:
        if verb in ("hang", "slow", "late", "deaf"):
            await self._resist(ctx, verb, seconds)
        elif seconds:
            await ctx.clock.sleep(seconds)
        if verb == "flaky" and self._world.counted("begin")[ctx.holder] <= 2:
            raise JobFailed("flaky")
        if verb in ("fail", "fatal"):
            raise JobFailed(verb, fatal=verb == "fatal")
        if verb == "bug":
            raise ZeroDivisionError("a bug")
        self._world.note("effect", ctx.holder)

    async def _resist(self, ctx: JobContext, verb: str, seconds: float) -> None:
        while True:
            try:
                await ctx.clock.sleep(3_600)
            except asyncio.CancelledError:
                if verb == "hang" or self._world.is_gone:
                    raise
                if verb == "deaf":
                    continue
                await self._linger(ctx, seconds)
                if verb == "slow" or self._world.is_gone:
                    raise
                return

    async def _linger(self, ctx: JobContext, seconds: float) -> None:
        until = ctx.clock.now_us() + seconds * 1e6
        while ctx.clock.now_us() < until and not self._world.is_gone:
            try:
                await ctx.clock.sleep(max(0.0, (until - ctx.clock.now_us()) / 1e6))
            except asyncio.CancelledError:
                continue

    async def verify(self, ctx: JobContext, args: Mapping[str, str]) -> bool:
        """Looks whether the effect is there."""
        await ctx.clock.sleep(0.05)
        if self._mute:
            raise JobFailed("no answer")
        return ("effect", ctx.holder) in self._world.facts


def simulated_jobs(world: World) -> list[JobType]:
    """One type of each recovery class, and one whose verification fails."""
    return [
        SimulatedJob("idempotent", Recovery.IDEMPOTENT, world),
        SimulatedJob("verifiable", Recovery.VERIFIABLE, world),
        SimulatedJob("irreversible", Recovery.IRREVERSIBLE, world),
        SimulatedJob("mute", Recovery.VERIFIABLE, world, mute=True),
    ]
