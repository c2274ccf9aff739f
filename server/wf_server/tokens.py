"""Token buckets: levels that survive a restart, and the taking of tokens, once per job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from wf_server.clock import Clock
from wf_server.config import BucketSpec
from wf_server.errors import NotFound
from wf_server.model import BucketLevel, JobId

log = structlog.get_logger(__name__)

#: A waiter looks at the clock again after this long, in case it was set. Seconds.
_LONGEST_NAP = 60.0


class TokenStore(Protocol):
    """Where levels and taken tokens are kept."""

    async def load_buckets(self) -> dict[str, BucketLevel]:
        """Returns the levels by bucket name."""
        ...

    async def token_taken(self, holder: JobId) -> bool:
        """Tells whether this job has its token."""
        ...

    async def take_token(self, bucket: str, level: BucketLevel, holder: JobId, taken_us: int) -> None:
        """Keeps the bucket's new level and who took the token; durable when it returns."""
        ...


@dataclass(frozen=True, slots=True)
class BucketView:
    """A bucket as of now."""

    name: str
    size: int
    tokens: int
    refill: int
    every_seconds: float
    #: When tokens come back next, in microseconds since 1970-01-01 UTC; None when it is full.
    next_refill_us: int | None


def refilled(level: BucketLevel, spec: BucketSpec, now_us: int) -> BucketLevel:
    """The level as of `now_us`: whole refills counted from `since_us`, never above the bucket's size.

    A clock that went back gives nothing and takes nothing. Looking often or seldom gives the same.
    """
    periods = max(0, (now_us - level.since_us) // spec.every_us)
    tokens = min(spec.size, level.tokens + periods * spec.refill)
    return BucketLevel(tokens, level.since_us + periods * spec.every_us)


def after_take(level: BucketLevel, spec: BucketSpec, now_us: int) -> BucketLevel:
    """A refilled level less one token; a full bucket's refills count from this moment."""
    full = level.tokens >= spec.size
    return BucketLevel(level.tokens - 1, max(now_us, level.since_us) if full else level.since_us)


@dataclass(slots=True)
class _Bucket:
    name: str
    spec: BucketSpec
    level: BucketLevel
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: Held by the first in the queue of those who wait; a Lock hands itself on in order.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0

    def view(self, now_us: int) -> BucketView:
        level, spec = refilled(self.level, self.spec, now_us), self.spec
        due = None if level.tokens >= spec.size else level.since_us + spec.every_us
        return BucketView(self.name, spec.size, level.tokens, spec.refill, spec.every_seconds, due)


class Tokens:
    """All token buckets. What is taken stays taken, over restarts too."""

    def __init__(self, specs: Mapping[str, BucketSpec], store: TokenStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._buckets = {
            name: _Bucket(name, spec, BucketLevel(spec.size, 0)) for name, spec in sorted(specs.items())
        }
        self._takes: set[asyncio.Task[bool]] = set()

    async def load(self) -> None:
        """Takes up the stored levels; a bucket never seen before is full."""
        stored, now = await self._store.load_buckets(), self._clock.now_us()
        for bucket in self._buckets.values():
            bucket.level = stored.get(bucket.name, BucketLevel(bucket.spec.size, now))
            if bucket.level.since_us > now:
                # Nothing is given by this: the next token comes one period from now.
                log.warning("bucket counted from a time to come: it counts from now", bucket=bucket.name)
                bucket.level = BucketLevel(bucket.level.tokens, now)

    async def wait_idle(self) -> None:
        """Waits until no token is being taken: before the store closes."""
        await asyncio.gather(*self._takes, return_exceptions=True)

    @property
    def names(self) -> tuple[str, ...]:
        """The buckets, in name order."""
        return tuple(self._buckets)

    def levels(self) -> list[BucketView]:
        """Every bucket as of now, in name order."""
        now = self._clock.now_us()
        return [bucket.view(now) for bucket in self._buckets.values()]

    def level(self, bucket: str) -> BucketView:
        """One bucket as of now. Raises NotFound."""
        return self._bucket(bucket).view(self._clock.now_us())

    async def take(self, bucket: str, holder: JobId) -> bool:
        """Takes a token for a job if one is free and nobody waits for it; True also if it has its token.

        Raises NotFound for a bucket, and what the store raises.
        """
        found = self._bucket(bucket)
        if found.waiting:
            return await self._store.token_taken(holder)
        return await self._take_whole(found, holder)

    async def wait(
        self, bucket: str, holder: JobId, told: Callable[[BucketView, int], None] | None = None
    ) -> None:
        """Takes a token for a job as soon as it is this job's turn; first come, first served.

        `told` hears the bucket's level and how many jobs are before this one, whenever it has to wait on.
        """
        found = self._bucket(bucket)
        if not found.waiting and await self._take_whole(found, holder):
            return
        found.waiting += 1
        try:
            if told is not None:
                told(self.level(bucket), found.waiting - 1)
            async with found.turn:
                await self._await_token(found, holder, told)
        finally:
            found.waiting -= 1

    async def _await_token(
        self, bucket: _Bucket, holder: JobId, told: Callable[[BucketView, int], None] | None
    ) -> None:
        while not await self._take_whole(bucket, holder):
            now = self._clock.now_us()
            view = bucket.view(now)
            if told is not None:
                told(view, 0)
            due = view.next_refill_us if view.next_refill_us is not None else now
            await self._clock.sleep(min(_LONGEST_NAP, max(0.0, (due - now) / 1_000_000)))

    async def _take_whole(self, bucket: _Bucket, holder: JobId) -> bool:
        """Takes in a task of its own: a caller that is cancelled must not leave half a taking behind."""
        task = asyncio.create_task(self._take(bucket, holder), name=f"take token {bucket.name}")
        self._takes.add(task)
        task.add_done_callback(self._taken)
        return await asyncio.shield(task)

    def _taken(self, task: asyncio.Task[bool]) -> None:
        self._takes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("taking a token failed", task=task.get_name(), reason=str(error))

    async def _take(self, bucket: _Bucket, holder: JobId) -> bool:
        async with bucket.taking:
            if await self._store.token_taken(holder):
                return True
            now = self._clock.now_us()
            level = refilled(bucket.level, bucket.spec, now)
            if level.tokens < 1:
                return False
            level = after_take(level, bucket.spec, now)
            await self._store.take_token(bucket.name, level, holder, now)
            bucket.level = level
            return True

    def _bucket(self, name: str) -> _Bucket:
        found = self._buckets.get(name)
        if found is None:
            known = ", ".join(self._buckets) or "none"
            raise NotFound(f'there is no token bucket "{name}"; server.toml has {known}')
        return found
