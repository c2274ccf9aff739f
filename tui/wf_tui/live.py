"""Streams that stay open: opened again with growing pauses after every break, until their owner ends them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet

from wf_tui.gateway import GatewayError, InvalidRequest, NotFound, Unreachable
from wf_tui.state.situation import Link
from wf_tui.state.workflow import Gap

T = TypeVar("T")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0
_GAPS_IN_A_ROW = 3


class Wait(Protocol):
    """Waits for an event, at most some seconds."""

    def __call__(self, event: asyncio.Event, seconds: float) -> Awaitable[None]: ...


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Waits until the event is set, or the seconds are over."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


class Follower(Generic[T]):
    """Follows one stream in one task. Owned by who calls `start`, and ended by `stop`.

    `take` gets every item; it may raise Gap to have the stream begin anew. `tell` gets the link's
    state whenever it changes. `failed` gets what retrying cannot mend: the task has ended then.
    """

    def __init__(
        self,
        name: str,
        open_stream: Callable[[], AsyncIterator[T]],
        take: Callable[[T], None],
        tell: Callable[[Link], None],
        failed: Callable[[Exception], None],
        *,
        now: Callable[[], datetime],
        endless: bool = True,
        wait: Wait = wait_at_most,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._open = open_stream
        self._take = take
        self._tell = tell
        self._failed = failed
        self._now = now
        self._endless = endless
        self._wait = wait
        self._jitter = jitter
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._breaks = 0
        self._gaps = 0

    def start(self) -> None:
        """Begins to follow; a second start of a running follower does nothing."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"follow {self.name}")

    def hurry(self) -> None:
        """Retries now rather than at the end of the pause."""
        self._hurry.set()

    async def rest(self, seconds: float) -> None:
        """Waits so long, or until told to hurry."""
        self._hurry.clear()
        await self._wait(self._hurry, seconds)

    async def stop(self) -> None:
        """Ends the stream and waits until it has."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait((task,))

    async def _run(self) -> None:
        try:
            while await self._follow_once():
                pass
        except Exception as error:  # noqa: BLE001 - the owner decides what a bug looks like
            self._failed(error)

    async def _follow_once(self) -> bool:
        """Follows until the stream ends or breaks; returns whether to open it again."""
        try:
            await self._read(self._open())
            if not self._endless:
                return False
            error: Exception = GatewayError("the server ended the stream")
        except Gap as gap:
            self._gaps += 1
            if self._gaps < _GAPS_IN_A_ROW:
                return True
            error = gap
        except (NotFound, InvalidRequest):
            raise
        except GatewayError as broken:
            error = broken
        await self._pause(error)
        return True

    async def _read(self, items: AsyncIterator[T]) -> None:
        try:
            async for item in items:
                self._take(item)
                self._alive()
        finally:
            # A generator ends now, not when the collector finds it.
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    def _alive(self) -> None:
        self._gaps = 0
        if self._breaks >= 0:
            # Told once per connection, not with every item.
            self._breaks = -1
            self._tell(Link(connected=True))

    async def _pause(self, error: Exception) -> None:
        self._breaks = max(0, self._breaks) + 1
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._breaks - 1))
        seconds = longest * (0.5 + 0.5 * self._jitter())
        self._tell(Link(False, str(error), self._now() + timedelta(seconds=seconds)))
        await self.rest(seconds)


class Links:
    """Makes followers and keeps how each of them stands, for whoever shows the connection."""

    def __init__(
        self,
        changed: Callable[[Mapping[str, Link]], None],
        now: Callable[[], datetime],
        *,
        wait: Wait = wait_at_most,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._changed = changed
        self._now = now
        self._wait = wait
        self._jitter = jitter
        self._links: dict[str, Link] = {}
        self._followers: WeakSet[Follower[Any]] = WeakSet()

    def follower(
        self,
        name: str,
        open_stream: Callable[[], AsyncIterator[T]],
        take: Callable[[T], None],
        failed: Callable[[Exception], None],
        *,
        endless: bool = True,
    ) -> Follower[T]:
        """Makes a follower; its owner starts it, stops it, and has it forgotten then."""

        def tell(link: Link) -> None:
            self._links = {**self._links, name: link}
            self._changed(self._links)

        return self._made(name, open_stream, take, tell, failed, endless)

    def poller(
        self,
        name: str,
        ask: Callable[[], Awaitable[T]],
        take: Callable[[T], None],
        refused: Callable[[GatewayError], None],
        failed: Callable[[Exception], None],
        *,
        every: float,
    ) -> Follower[T | GatewayError]:
        """Makes a follower that asks again and again, `every` seconds after each answer.

        `refused` gets what the server says in the answer's place; asking goes on. Only a broken
        connection is told: an answer does not show that any stream is open.
        """

        async def answers() -> AsyncIterator[T | GatewayError]:
            while True:
                yield await _answer(ask)
                await poller.rest(every)

        def sort(answer: T | GatewayError) -> None:
            if isinstance(answer, GatewayError):
                refused(answer)
            else:
                take(answer)

        def tell(link: Link) -> None:
            if link.connected:
                self.forget(name)
            else:
                self._links = {**self._links, name: link}
                self._changed(self._links)

        poller: Follower[T | GatewayError] = self._made(name, answers, sort, tell, failed, endless=True)
        return poller

    def _made(
        self,
        name: str,
        open_stream: Callable[[], AsyncIterator[T]],
        take: Callable[[T], None],
        tell: Callable[[Link], None],
        failed: Callable[[Exception], None],
        endless: bool,
    ) -> Follower[T]:
        follower = Follower(
            name,
            open_stream,
            take,
            tell,
            failed,
            now=self._now,
            endless=endless,
            wait=self._wait,
            jitter=self._jitter,
        )
        self._followers.add(follower)
        return follower

    def hurry(self) -> None:
        """Has every follower retry, or ask again, now."""
        for follower in list(self._followers):
            follower.hurry()

    def forget(self, name: str) -> None:
        """Takes a stream that has ended out of the picture."""
        if name in self._links:
            self._links = {known: link for known, link in self._links.items() if known != name}
            self._changed(self._links)


async def _answer(ask: Callable[[], Awaitable[T]]) -> T | GatewayError:
    """Returns the answer, or what the server says instead. Raises Unreachable."""
    try:
        return await ask()
    except Unreachable:
        raise
    except GatewayError as error:
        return error
