"""News reach whoever watches: coalesced, in order, and never waiting for a slow one."""

import asyncio

import pytest

from wf_server.events import BATCH_INTERVAL, QUEUE_LIMIT, Hub, Lagging, Subscription
from wf_server.model import WHOLE, Block, Change, Job, Progress, Status, Workflow, WorkReq

RUNNING, COMPLETED = Status.RUNNING, Status.COMPLETED


@pytest.fixture
def workflow() -> Workflow:
    return Workflow("w", WorkReq("T", "", (Block("", 1, tuple(Job("sleep") for _ in range(500))),)), "me", 1)


def commit(hub: Hub, workflow: Workflow, *steps: tuple[int, int, Status]) -> None:
    changes = [Change(workflow.seq + i, *step, time_us=i) for i, step in enumerate(steps, 1)]
    workflow.apply_all(changes)
    hub.publish(workflow, changes)


async def test_many_commits_become_few_batches(workflow: Workflow) -> None:
    hub = Hub()
    watcher = hub.watch(workflow)
    for job in range(100):
        commit(hub, workflow, (0, job, RUNNING))
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        seen = 0
        batches = 0
        while seen < 100:
            batch = await watcher.next()
            assert batch is not None
            assert batch.changes[0].seq == seen + 1
            seen += len(batch.changes)
            batches += 1
    assert batches <= 3
    hub.close()


async def test_watchers_share_a_batch_and_start_where_they_joined(workflow: Workflow) -> None:
    hub = Hub()
    early = hub.watch(workflow)
    commit(hub, workflow, (0, 0, RUNNING))
    late = hub.watch(workflow)
    commit(hub, workflow, (0, 1, RUNNING))
    first, second = await early.next(), await early.next()
    assert first is not None
    assert [c.job for c in first.changes] == [0]
    assert await late.next() is second
    hub.close()


async def test_the_end_is_told_at_once_and_ends_the_stream(workflow: Workflow) -> None:
    hub = Hub()
    watcher = hub.watch(workflow)
    commit(hub, workflow, (WHOLE, WHOLE, RUNNING), (WHOLE, WHOLE, Status.STOPPED))
    batch = await watcher.next()
    assert batch is not None
    assert batch.summary.status is Status.STOPPED
    assert await watcher.next() is None
    assert await hub.watch(workflow).next() is None


async def test_a_slow_watcher_is_told_to_begin_anew_and_holds_up_nobody() -> None:
    slow: Subscription[int] = Subscription()
    for item in range(QUEUE_LIMIT + 5):
        slow.put(item)
    with pytest.raises(Lagging):
        await slow.next()
    slow.put(99)
    assert await slow.next() == 99


async def test_only_the_newest_progress_is_told(workflow: Workflow) -> None:
    hub = Hub()
    watcher = hub.watch(workflow)
    progress = Progress()
    for n in range(10):
        progress.fraction = n / 10
        hub.progressed(workflow, (0, 3), progress)
    batch = await watcher.next()
    assert batch is not None
    assert batch.progress == {(0, 3): Progress(0.9)}
    assert list(batch.changes) == []
    hub.close()


async def test_the_list_tells_each_workflow_once_a_batch(workflow: Workflow) -> None:
    hub = Hub()
    watcher = hub.watch_list()
    for job in range(5):
        commit(hub, workflow, (0, job, RUNNING))
    batch = await watcher.next()
    assert batch is not None
    assert [s.seq for s in batch.summaries] == [5]
    hub.close()
    assert await watcher.next() is None


async def test_the_last_to_leave_takes_the_feed_along(workflow: Workflow) -> None:
    hub = Hub()
    one, two = hub.watch(workflow), hub.watch(workflow)
    assert hub.watcher_count == 2
    hub.unwatch(workflow, one)
    hub.unwatch(workflow, two)
    assert hub.watcher_count == 0
    commit(hub, workflow, (0, 0, RUNNING))
    await asyncio.sleep(BATCH_INTERVAL / 10)
    hub.close()
