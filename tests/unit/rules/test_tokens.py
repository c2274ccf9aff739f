"""Taking tokens: once a job, durable, in order, by the clock."""

from __future__ import annotations

import asyncio

import pytest

from wf_server.config import BucketSpec
from wf_server.errors import NotFound, StoreError
from wf_server.model import BucketLevel, JobId
from wf_server.testing import ManualClock, settle
from wf_server.tokens import BucketView, Tokens

HALF_HOUR = 1_800.0
SPECS = {"erase": BucketSpec(1, 1, HALF_HOUR)}


class KeptTokens:
    """What survives a restart."""

    def __init__(self) -> None:
        self.levels: dict[str, BucketLevel] = {}
        self.taken: dict[JobId, str] = {}
        self.writes = asyncio.Event()
        self.writes.set()
        self.broken = False

    async def load_buckets(self) -> dict[str, BucketLevel]:
        return dict(self.levels)

    async def token_taken(self, holder: JobId) -> bool:
        return holder in self.taken

    async def take_token(self, bucket: str, level: BucketLevel, holder: JobId, taken_us: int) -> None:
        await self.writes.wait()
        if self.broken:
            raise StoreError("disk full")
        assert holder not in self.taken
        self.levels[bucket], self.taken[holder] = level, bucket


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store() -> KeptTokens:
    return KeptTokens()


async def started(store: KeptTokens, clock: ManualClock, spec: BucketSpec | None = None) -> Tokens:
    tokens = Tokens({"erase": spec} if spec else SPECS, store, clock)
    await tokens.load()
    return tokens


def job(number: int) -> JobId:
    return JobId("workflow", 0, number)


async def test_the_second_job_finds_no_token(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock)
    assert await tokens.take("erase", job(1))
    assert not await tokens.take("erase", job(2))
    assert store.taken == {job(1): "erase"}


async def test_a_job_has_one_token_however_often_it_asks(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock, BucketSpec(2, 1, HALF_HOUR))
    assert await tokens.take("erase", job(1))
    assert await tokens.take("erase", job(1))
    await tokens.wait("erase", job(1))
    assert tokens.level("erase").tokens == 1


async def test_a_taken_token_stays_taken_over_a_restart(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock)
    assert await tokens.take("erase", job(1))
    await clock.advance(HALF_HOUR - 1)
    again = await started(store, clock)
    assert not await again.take("erase", job(2))
    assert await again.take("erase", job(1))
    await clock.advance(1)
    assert await again.take("erase", job(2))


async def test_refills_count_from_the_taking_not_from_the_start(
    store: KeptTokens, clock: ManualClock
) -> None:
    tokens = await started(store, clock)
    await clock.advance(10 * HALF_HOUR + 600)
    assert tokens.level("erase").next_refill_us is None
    assert await tokens.take("erase", job(1))
    assert tokens.levels() == [
        BucketView("erase", 1, 0, 1, HALF_HOUR, clock.now_us() + round(HALF_HOUR * 10**6))
    ]


async def test_a_waiting_job_gets_the_next_token(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock)
    await tokens.wait("erase", job(1))
    told: list[tuple[int | None, int]] = []
    due = clock.now_us() + round(HALF_HOUR * 10**6)
    waiter = asyncio.create_task(
        tokens.wait("erase", job(2), lambda view, ahead: told.append((view.next_refill_us, ahead)))
    )
    await clock.advance(HALF_HOUR - 0.001)
    assert not waiter.done()
    assert set(told) == {(due, 0)}
    await clock.advance(0.001)
    await waiter
    assert store.taken == {job(1): "erase", job(2): "erase"}


async def test_first_come_first_served(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock)
    await tokens.take("erase", job(0))
    order: list[int] = []

    async def wait(number: int) -> None:
        await tokens.wait("erase", job(number))
        order.append(number)

    waiters = []
    for number in (3, 1, 2):
        waiters.append(asyncio.create_task(wait(number)))
        await settle()
    for _ in range(3):
        await clock.advance(HALF_HOUR)
        # Nobody overtakes those who wait.
        assert not await tokens.take("erase", job(9))
    await asyncio.gather(*waiters)
    assert order == [3, 1, 2]
    assert job(9) not in store.taken


async def test_who_waits_hears_how_many_are_before(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock)
    await tokens.take("erase", job(0))
    ahead: list[int] = []
    first = asyncio.create_task(tokens.wait("erase", job(1)))
    await settle()
    second = asyncio.create_task(tokens.wait("erase", job(2), lambda view, before: ahead.append(before)))
    await settle()
    assert ahead == [1]
    await clock.advance(HALF_HOUR)
    await first
    assert ahead[-1] == 0
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def test_a_cancelled_waiter_makes_room(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock)
    await tokens.take("erase", job(0))
    first = asyncio.create_task(tokens.wait("erase", job(1)))
    await settle()
    second = asyncio.create_task(tokens.wait("erase", job(2)))
    await settle()
    first.cancel()
    await clock.advance(HALF_HOUR)
    await second
    assert set(store.taken) == {job(0), job(2)}
    await clock.advance(HALF_HOUR)
    assert await tokens.take("erase", job(3))


async def test_a_job_cancelled_while_its_token_is_written_has_it(
    store: KeptTokens, clock: ManualClock
) -> None:
    tokens = await started(store, clock)
    store.writes.clear()
    taking = asyncio.create_task(tokens.take("erase", job(1)))
    await settle()
    taking.cancel()
    other = asyncio.create_task(tokens.take("erase", job(2)))
    await settle()
    store.writes.set()
    assert not await other
    await tokens.wait_idle()
    assert store.taken == {job(1): "erase"}
    assert tokens.level("erase").tokens == store.levels["erase"].tokens == 0


async def test_a_token_that_could_not_be_recorded_is_not_taken(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock)
    store.broken = True
    with pytest.raises(StoreError):
        await tokens.take("erase", job(1))
    assert tokens.level("erase").tokens == 1
    store.broken = False
    assert await tokens.take("erase", job(2))


async def test_many_at_once_share_what_there_is(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock, BucketSpec(7, 1, HALF_HOUR))
    got = await asyncio.gather(*(tokens.take("erase", job(number)) for number in range(50)))
    assert sum(got) == len(store.taken) == 7


async def test_a_clock_that_went_back_over_a_restart_gives_a_token_after_a_whole_period(
    store: KeptTokens, clock: ManualClock
) -> None:
    await (await started(store, clock)).take("erase", job(1))
    past = ManualClock(clock.now_us() - 10**12)
    tokens = await started(store, past)
    await past.advance(HALF_HOUR - 1)
    assert not await tokens.take("erase", job(2))
    await past.advance(1)
    assert await tokens.take("erase", job(2))
    assert not await tokens.take("erase", job(3))
    await past.advance((clock.now_us() - past.now_us()) / 10**6 + HALF_HOUR)
    assert await tokens.take("erase", job(2))


async def test_a_bucket_made_smaller_holds_less(store: KeptTokens, clock: ManualClock) -> None:
    store.levels["erase"] = BucketLevel(5, clock.now_us())
    tokens = await started(store, clock, BucketSpec(2, 1, HALF_HOUR))
    assert tokens.level("erase").tokens == 2


async def test_an_unknown_bucket_is_named(store: KeptTokens, clock: ManualClock) -> None:
    tokens = await started(store, clock)
    with pytest.raises(NotFound, match=r'no token bucket "nope"; server\.toml has erase'):
        await tokens.take("nope", job(1))
    assert tokens.names == ("erase",)
