"""Following a workflow to its end, over breaks of the connection."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from wf_tui.gateway import Gateway, Unreachable
from wf_tui.state.models import WORKFLOW_FINAL, ChangeBatch, Job, Snapshot, Summary
from wf_tui.state.workflow import Gap, LiveWorkflow

T = TypeVar("T")

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0


@dataclass(slots=True)
class Watched:
    """A workflow as it is watched: where it stands and what its jobs are called."""

    live: LiveWorkflow
    jobs: dict[tuple[int, int], Job] = field(default_factory=dict)

    def label(self, block: int, job: int) -> str:
        """What a job is called: its description, else its type, else its place."""
        known = self.jobs.get((block, job))
        if known is None:
            return f"job {job} of block {block}"
        return known.desc or known.name


class Reporter(Protocol):
    """Shows a watched workflow to somebody."""

    def began(self, watched: Watched, *, again: bool) -> None:
        """There is a whole picture; `again` after a break or a gap."""

    def changed(self, watched: Watched, batch: ChangeBatch) -> None:
        """These changes have been applied."""

    def lost(self, error: Unreachable, seconds: float) -> None:
        """The connection broke and is tried again after that pause."""

    def ended(self, watched: Watched) -> None:
        """The workflow has reached its final status."""


@dataclass(slots=True)
class Watch:
    """Follows one workflow. `patience` is how many seconds a server may be away."""

    gateway: Gateway
    workflow_id: str
    reporter: Reporter
    patience: float = 60.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    #: None before the first snapshot.
    watched: Watched | None = None
    _away: float = 0.0
    _tries: int = 0

    async def until_it_ends(self) -> Summary:
        """Returns how it ended. Raises GatewayError; Unreachable when patience is at its end."""
        while True:
            try:
                await self._follow()
            except Gap:
                continue
            except Unreachable as error:
                await self._pause(error)
                continue
            watched = self.watched
            if watched is not None and watched.live.summary.status in WORKFLOW_FINAL:
                self.reporter.ended(watched)
                return watched.live.summary
            await self._pause(Unreachable(f"{self.gateway.address} ended the watch"))

    async def _follow(self) -> None:
        async with closing(self.gateway.watch(self.workflow_id)) as events:
            async for event in events:
                if isinstance(event, Snapshot):
                    await self._begin(event)
                elif self.watched is not None:
                    self.watched.live.apply(event)
                    self.reporter.changed(self.watched, event)
                self._away, self._tries = 0.0, 0

    async def _begin(self, snapshot: Snapshot) -> None:
        again = self.watched is not None
        if self.watched is None:
            request, _ = await self.gateway.get(self.workflow_id)
            jobs = {(b, j): job for b, block in enumerate(request.blocks) for j, job in enumerate(block.jobs)}
            self.watched = Watched(LiveWorkflow(snapshot), jobs)
        else:
            self.watched.live = LiveWorkflow(snapshot)
        self.reporter.began(self.watched, again=again)

    async def _pause(self, error: Unreachable) -> None:
        """Waits before the next try; raises the error where it has been too long, or never worked."""
        if self.watched is None or self._away >= self.patience:
            raise error
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._tries)
        seconds = min(longest * (0.5 + 0.5 * self.jitter()), self.patience - self._away)
        self.reporter.lost(error, seconds)
        self._tries += 1
        self._away += seconds
        await self.sleep(seconds)


@contextlib.asynccontextmanager
async def closing(stream: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Ends a stream where its reader leaves it, not when the collector finds it."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
