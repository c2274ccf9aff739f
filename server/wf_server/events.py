"""News of committed changes, for whoever watches: coalesced, bounded, never waiting for anyone.

A publisher tells the hub what was committed and goes on. At most about twenty times a second each
workflow's news is gathered into one batch, made once and shared by all its watchers. A watcher whose
queue is full loses it and is told to start again from a whole picture.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wf_server.errors import Overloaded
from wf_server.model import Change, Progress, Summary, Workflow

#: Seconds between two batches of one workflow.
BATCH_INTERVAL = 0.05
#: Seconds between two batches of the list of workflows, or of any other board.
LIST_INTERVAL = 0.2
#: How many batches a watcher may be behind.
QUEUE_LIMIT = 32

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """What happened to one workflow since the batch before."""

    changes: Sequence[Change]
    progress: dict[tuple[int, int], Progress]
    summary: Summary
    #: Room for an encoding that all watchers share; the publisher leaves it alone.
    encoded: Any = None


@dataclass(slots=True)
class ListBatch:
    """The workflows whose summary changed since the batch before."""

    summaries: Sequence[Summary]
    encoded: Any = None


class Lagging(Exception):
    """This watcher was too slow and has missed news: it has to begin anew."""


class Subscription(Generic[T]):
    """One watcher's bounded queue."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._queue: deque[T] = deque()
        self._wake = asyncio.Event()
        self._lagging = False
        self._ended = False

    def put(self, item: T) -> None:
        """Queues an item, or drops all that is queued where the watcher is too far behind."""
        if len(self._queue) >= self._limit:
            self._queue.clear()
            self._lagging = True
        if not self._lagging:
            self._queue.append(item)
        self._wake.set()

    def end(self) -> None:
        """Ends the iteration after what is queued."""
        self._ended = True
        self._wake.set()

    async def next(self) -> T | None:
        """Waits for the next item; None when there will be no more.

        Raises Lagging once where news was lost: what comes after it follows the present state.
        """
        while True:
            if self._lagging:
                self._lagging = False
                raise Lagging
            if self._queue:
                return self._queue.popleft()
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()


class _Pacer:
    """Calls `flush` soon after `touch`, but never twice within `interval` seconds."""

    def __init__(self, interval: float, flush: Callable[[], None]) -> None:
        self._interval = interval
        self._flush = flush
        self._last = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def touch(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            # A little patience even for the first: one commit is rarely alone.
            due = max(loop.time() + self._interval / 10, self._last + self._interval)
            self._timer = loop.call_at(due, self._fire)

    def fire_now(self) -> None:
        """Flushes what is gathered, so that a newcomer starts between two batches."""
        if self._timer is not None:
            self._timer.cancel()
            self._fire()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._last = asyncio.get_running_loop().time()
        self._flush()


class Feed:
    """The news of one workflow."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.subscribers: set[Subscription[Batch]] = set()
        self._changes: list[Change] = []
        self._progress: dict[tuple[int, int], Progress] = {}
        self._pacer = _Pacer(BATCH_INTERVAL, self._flush)

    def changed(self, changes: Sequence[Change]) -> None:
        self._changes.extend(changes)
        if self.workflow.is_final:
            self._pacer.cancel()
            self._flush()
        else:
            self._pacer.touch()

    def progressed(self, key: tuple[int, int], progress: Progress) -> None:
        self._progress[key] = progress
        self._pacer.touch()

    def noted(self) -> None:
        self._pacer.touch()

    def join(self) -> Subscription[Batch]:
        self._pacer.fire_now()
        subscription: Subscription[Batch] = Subscription()
        if self.workflow.is_final:
            subscription.end()
        else:
            self.subscribers.add(subscription)
        return subscription

    def close(self) -> None:
        self._pacer.cancel()
        for subscription in self.subscribers:
            subscription.end()
        self.subscribers.clear()

    def _flush(self) -> None:
        batch = Batch(self._changes, self._progress, self.workflow.summary())
        self._changes, self._progress = [], {}
        for subscription in self.subscribers:
            subscription.put(batch)
        if self.workflow.is_final:
            self.close()


class Hub:
    """Where the recorder publishes and the watchers subscribe."""

    def __init__(self, max_watchers: int = 1_000) -> None:
        self._max_watchers = max_watchers
        self._feeds: dict[str, Feed] = {}
        self._list_subscribers: set[Subscription[ListBatch]] = set()
        self._dirty: dict[str, Workflow] = {}
        self._list_pacer = _Pacer(LIST_INTERVAL, self._flush_list)

    def publish(self, workflow: Workflow, changes: Sequence[Change]) -> None:
        """Tells what was committed and applied to a workflow."""
        feed = self._feeds.get(workflow.id)
        if feed is not None:
            feed.changed(changes)
        self.touch(workflow)

    def touch(self, workflow: Workflow) -> None:
        """Tells that a workflow's summary is new or changed."""
        if self._list_subscribers:
            self._dirty[workflow.id] = workflow
            self._list_pacer.touch()

    def noted(self, workflow: Workflow) -> None:
        """Tells that a workflow says something else of itself, though nothing was committed."""
        feed = self._feeds.get(workflow.id)
        if feed is not None:
            feed.noted()
        self.touch(workflow)

    def progressed(self, workflow: Workflow, key: tuple[int, int], progress: Progress) -> None:
        """Tells what a running job says of itself."""
        feed = self._feeds.get(workflow.id)
        if feed is not None:
            feed.progressed(key, progress)

    def watch(self, workflow: Workflow) -> Subscription[Batch]:
        """Subscribes to what comes after the workflow's state at this moment."""
        feed = self._feeds.get(workflow.id)
        if feed is None:
            feed = self._feeds[workflow.id] = Feed(workflow)
        return feed.join()

    def unwatch(self, workflow: Workflow, subscription: Subscription[Batch]) -> None:
        """Ends a subscription; the last one takes the feed with it."""
        feed = self._feeds.get(workflow.id)
        if feed is not None:
            feed.subscribers.discard(subscription)
            if not feed.subscribers:
                feed.close()
                del self._feeds[workflow.id]

    def watch_list(self) -> Subscription[ListBatch]:
        """Subscribes to the summaries that change from this moment on."""
        self._list_pacer.fire_now()
        subscription: Subscription[ListBatch] = Subscription()
        self._list_subscribers.add(subscription)
        return subscription

    def unwatch_list(self, subscription: Subscription[ListBatch]) -> None:
        """Ends a subscription of the list."""
        self._list_subscribers.discard(subscription)
        if not self._list_subscribers:
            self._list_pacer.cancel()
            self._dirty.clear()

    def check_room(self) -> None:
        """Raises Overloaded where as many watch as may."""
        if self.watcher_count >= self._max_watchers:
            raise Overloaded(f"{self._max_watchers} watchers are connected already; try again later")

    @property
    def watcher_count(self) -> int:
        """How many subscriptions there are."""
        return len(self._list_subscribers) + sum(len(f.subscribers) for f in self._feeds.values())

    def close(self) -> None:
        """Ends every subscription."""
        for feed in list(self._feeds.values()):
            feed.close()
        self._feeds.clear()
        self._list_pacer.cancel()
        for subscription in self._list_subscribers:
            subscription.end()
        self._list_subscribers.clear()

    def _flush_list(self) -> None:
        batch = ListBatch([workflow.summary() for workflow in self._dirty.values()])
        self._dirty.clear()
        for subscription in self._list_subscribers:
            subscription.put(batch)
