"""The policy workbench: one test at a time, at its pace, and of what fits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from wf_server.engine.workbench import LARGEST, PAUSE, Workbench
from wf_server.errors import InvalidRequest, TooFast
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Job, Verdict, Workflow, WorkReq
from wf_server.policy import Facts, PolicyBook
from wf_server.store import Store
from wf_server.testing import ManualClock

DRAFT = '{"Name": "T", "Policies": [{"Name": "maxJobs", "Settings": {"WorkReq": 1}}]}'
NAP = Job("sleep", "", {"seconds": "1"})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "wf.db")
    yield store
    await store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bench(store: Store, registry: JobRegistry, facts: Facts, clock: ManualClock, tmp_path: Path) -> Workbench:
    return Workbench(store, registry, 100_000, clock, lambda: facts, PolicyBook, lambda name: [], tmp_path)


async def stored(store: Store, *jobs: int) -> None:
    for number in jobs:
        request = WorkReq("T", "", (Block("", 1, (NAP,) * number),))
        workflow = Workflow(f"w{number}", request, "ann", 7)
        workflow.key = store.new_key()
        await store.commit([workflow], {}, {})


async def done(bench: Workbench) -> list[int]:
    return [item[0].done async for item in bench.test_stored(DRAFT, None, 0)]


async def test_one_at_a_time_and_not_one_after_another(
    store: Store, bench: Workbench, clock: ManualClock
) -> None:
    await stored(store, 1, 2)
    first = bench.test_stored(DRAFT, None, 0)
    tally, tested = await anext(first)
    assert (tally.done, tally.total) == (1, 2)
    assert tested is not None
    assert (tested.before, tested.after) == (Verdict.PASSES, Verdict.REFUSED)
    with pytest.raises(TooFast, match="another test"):
        await anext(bench.test_stored(DRAFT, None, 0))
    # Whoever leaves makes room, after a moment.
    await first.aclose()
    second = asyncio.create_task(done(bench))
    async with asyncio.timeout(20):
        while not clock.sleeping:
            await asyncio.sleep(0.001)
    assert not second.done()
    await clock.advance(PAUSE)
    assert await second == [1, 2]


async def test_a_draft_that_is_none_makes_room_at_once(bench: Workbench) -> None:
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="not JSON"):
            await anext(bench.test_stored("{", None, 0))


async def test_what_is_too_large_is_counted_and_not_read(store: Store, bench: Workbench) -> None:
    await stored(store, 1, LARGEST + 1)
    tallies = [replace(item[0]) async for item in bench.test_stored(DRAFT, None, 0)]
    assert (tallies[-1].tested, tallies[-1].skipped, tallies[-1].refused) == (1, 1, 0)


async def test_only_so_many_the_newest_and_of_the_types_that_may_be_told(
    store: Store, bench: Workbench, clock: ManualClock
) -> None:
    await stored(store, 2, 3, 4)
    found = [item[1] async for item in bench.test_stored(DRAFT, {"T"}, 2)]
    assert [tested.summary.id for tested in found if tested is not None] == ["w4", "w3"]
    await clock.advance(PAUSE)
    assert [item async for item in bench.test_stored(DRAFT, {"U"}, 2)] == []
    with pytest.raises(InvalidRequest, match="at most 5000"):
        await anext(bench.test_stored(DRAFT, None, 5_001))
