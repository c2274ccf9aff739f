"""Streams that stay open: pauses, gaps, and what cannot be mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from wf_tui.gateway import NotFound, Overloaded, Unreachable
from wf_tui.live import Follower, wait_at_most
from wf_tui.state.samples import NOW
from wf_tui.state.situation import Link
from wf_tui.state.workflow import Gap
from wf_tui.testing import Feed


@dataclass
class Owner:
    """Owns a follower and notes what it is told; its pauses take no time but are noted."""

    feed: Feed[int]
    endless: bool = True
    taken: list[int] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    on_pause: Callable[[int], None] = lambda number: None
    on_item: Callable[[int], None] = lambda item: None

    def __post_init__(self) -> None:
        self.changed = asyncio.Event()
        self.follower: Follower[int] = Follower(
            "numbers",
            self.feed.stream,
            self._take,
            self._tell,
            self._failed,
            now=lambda: NOW,
            endless=self.endless,
            wait=self._wait,
            jitter=lambda: 1.0,
        )

    def _take(self, item: int) -> None:
        self.on_item(item)
        self.taken.append(item)
        self.changed.set()

    def _tell(self, link: Link) -> None:
        self.links.append(link)
        self.changed.set()

    def _failed(self, error: Exception) -> None:
        self.failures.append(error)
        self.changed.set()

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause(len(self.pauses))
        await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def test_it_takes_items_and_tells_once_that_it_is_connected() -> None:
    owner = Owner(Feed(1))
    owner.follower.start()
    await owner.until(lambda: owner.taken == [1])
    owner.feed.send(2)
    await owner.until(lambda: owner.taken == [1, 2])
    assert owner.links == [Link(connected=True)]
    await owner.follower.stop()
    assert owner.feed.listeners == 0


async def test_pauses_grow_to_a_limit_and_begin_anew_after_a_connection() -> None:
    owner = Owner(Feed(1))
    owner.feed.refusal = Unreachable("refused")

    def back_after_seven(number: int) -> None:
        if number == 7:
            owner.feed.refusal = None

    owner.on_pause = back_after_seven
    owner.follower.start()
    await owner.until(lambda: owner.taken == [1])
    assert owner.pauses == [0.5, 1, 2, 4, 8, 15, 15]
    assert owner.links[0].error == "refused"
    assert owner.links[0].retry_at is not None
    assert owner.links[-1] == Link(connected=True)
    owner.feed.fail(Overloaded("too many watchers"))
    await owner.until(lambda: owner.taken == [1, 1])
    assert owner.pauses[-1] == 0.5
    await owner.follower.stop()


async def test_an_endless_stream_that_ends_is_opened_again() -> None:
    owner = Owner(Feed(1))
    owner.follower.start()
    await owner.until(lambda: owner.taken == [1])
    owner.feed.end()
    await owner.until(lambda: owner.taken == [1, 1])
    assert "ended the stream" in next(link.error for link in owner.links if not link.connected)
    await owner.follower.stop()


async def test_a_stream_with_an_end_is_followed_to_it() -> None:
    owner = Owner(Feed(1), endless=False)
    owner.follower.start()
    await owner.until(lambda: owner.taken == [1])
    owner.feed.end()
    await asyncio.sleep(0)
    await owner.follower.stop()
    assert owner.feed.opened == 1
    assert owner.pauses == []


async def test_a_gap_opens_the_stream_at_once_but_not_for_ever() -> None:
    owner = Owner(Feed(1))

    def gap(item: int) -> None:
        if not owner.pauses:
            raise Gap("change 7 after 3")

    owner.on_item = gap
    owner.follower.start()
    await owner.until(lambda: owner.taken == [1])
    assert owner.feed.opened == 4
    assert len(owner.pauses) == 1
    await owner.follower.stop()


@pytest.mark.parametrize("error", [NotFound("there is none"), ValueError("a bug")])
async def test_what_no_retry_mends_is_handed_to_the_owner(error: Exception) -> None:
    owner = Owner(Feed(1))

    def fail(item: int) -> None:
        raise error

    owner.on_item = fail
    owner.follower.start()
    await owner.until(lambda: bool(owner.failures))
    assert owner.failures == [error]
    assert owner.pauses == []
    await owner.follower.stop()
    await owner.follower.stop()


async def test_waiting_ends_with_the_event_or_the_time() -> None:
    event = asyncio.Event()
    await wait_at_most(event, 0)
    event.set()
    await wait_at_most(event, 3600)
    assert event.is_set()


async def test_hurrying_ends_a_pause() -> None:
    feed: Feed[int] = Feed(1)
    feed.refusal = Unreachable("refused")
    connected = asyncio.Event()
    broken = asyncio.Event()

    def tell(link: Link) -> None:
        (connected if link.connected else broken).set()

    follower: Follower[int] = Follower(
        "numbers", feed.stream, lambda _: None, tell, lambda _: None, now=lambda: NOW, jitter=lambda: 1.0
    )
    follower.start()
    async with asyncio.timeout(5):
        await broken.wait()
        feed.refusal = None
        follower.hurry()
        await connected.wait()
    await follower.stop()
