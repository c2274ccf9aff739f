"""What is kept, and for how long: whole workflows that have ended go into the archive, then are deleted."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from wf_server.clock import Clock
from wf_server.config import RetentionSettings
from wf_server.engine.cache import WorkflowCache
from wf_server.errors import StoreError
from wf_server.model import WORKFLOW_FINAL
from wf_server.store import Store
from wf_server.store.failures import DATABASE_ERRORS
from wf_server.store.queries import load_queries
from wf_server.store.snapshot import open_snapshot
from wf_server.threads import aside
from wf_server.upkeep.archive import Archive

log = structlog.get_logger(__name__)

#: Seconds between two looks.
INTERVAL = 3600.0
#: Seconds for which one that has ended stays in any case: whoever ran it asks how it ended.
REST = 60.0
#: What is archived and deleted in one go: so many at most, with so many changes; more only if it is one.
BATCH, BATCH_CHANGES = 100, 5_000
#: Seconds between two batches, in which others write.
PAUSE = 0.2

_MICROSECONDS = 1_000_000


class Due(NamedTuple):
    """A workflow that has to go."""

    key: int
    id: str
    changes: int
    ended_us: int


@dataclass(slots=True)
class Removed:
    """What one look did."""

    workflows: int = 0
    rejections: int = 0
    #: Those that somebody looks at just now: they go the next time.
    held: int = 0


class Retention:
    """Keeps the database small. `run_once`, or `run` for as long as the server runs."""

    def __init__(
        self,
        store: Store,
        settings: RetentionSettings,
        clock: Clock,
        cache: WorkflowCache | None = None,
        *,
        rest: float = REST,
        pause: float = PAUSE,
        outdated_us: Callable[[], int] | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._cache = cache or WorkflowCache()
        self._rest = rest
        self._pause = pause
        #: Until when quotas' tokens were taken that count nowhere any more.
        self._outdated_us = outdated_us
        directory = settings.directory(store.path)
        #: None: what has to go is deleted, and not kept anywhere.
        self.archive = Archive(directory, store.path) if directory else None
        #: Why nothing can be archived at present; empty when all is well.
        self.problem = ""

    async def run(self) -> None:
        """Looks at once, and then every hour, until it is cancelled."""
        while True:
            try:
                await self.run_once()
                self.problem = ""
            except StoreError as error:
                self.problem = f"nothing is archived, and the database grows: {error}"
                log.error("cannot archive: nothing is deleted until this is mended", reason=str(error))
            except Exception:
                self.problem = (
                    "nothing is archived, and the database grows: a bug; the server's log says more"
                )
                log.exception("a bug in the retention")
            await self._clock.sleep(INTERVAL)

    async def run_once(self) -> Removed:
        """Archives and deletes what has to go, in small batches. Raises StoreError; nothing is lost then."""
        removed = Removed()
        path, settings, now = self._store.path, self._settings, self._clock.now_us()
        rested = now - round(self._rest * _MICROSECONDS)
        for batch in _batches(await aside(lambda: due(path, settings, now, rested))):
            await self._remove(batch, removed)
            await asyncio.sleep(self._pause)
        rejections = await aside(lambda: due_rejections(path, settings))
        for start in range(0, len(rejections), BATCH):
            await self._remove_rejections(rejections[start : start + BATCH], removed)
            await asyncio.sleep(self._pause)
        if self._outdated_us is not None:
            await self._store.delete_quota_tokens(self._outdated_us())
        if removed.workflows or removed.rejections:
            log.info(
                "archived" if self.archive else "deleted",
                workflows=removed.workflows,
                rejections=removed.rejections,
            )
        return removed

    async def _remove(self, batch: Sequence[Due], removed: Removed) -> None:
        # From here on nobody finds them: what is deleted must not be served from memory.
        with self._cache.parting(one.id for one in batch) as free:
            going = [one for one in batch if one.id in free]
            removed.held += len(batch) - len(going)
            keys = [one.key for one in going]
            if keys:
                await self._archive(lambda archive, now: archive.add_workflows(keys, now))
                await self._store.delete_workflows(keys, self._clock.now_us())
        removed.workflows += len(going)

    async def _remove_rejections(self, keys: Sequence[int], removed: Removed) -> None:
        await self._archive(lambda archive, now: archive.add_rejections(keys, now))
        await self._store.delete_rejections(keys, self._clock.now_us())
        removed.rejections += len(keys)

    async def _archive(self, add: Callable[[Archive, int], None]) -> None:
        archive, now = self.archive, self._clock.now_us()
        if archive is not None:
            await aside(lambda: add(archive, now))


def due(path: Path, settings: RetentionSettings, now_us: int, rested_us: int | None = None) -> list[Due]:
    """The workflows that have to go, those that ended first before the others. Blocks.

    None that ended after `rested_us`. Raises StoreError.
    """
    values = {
        "final": json.dumps(sorted(WORKFLOW_FINAL)),
        "keep": settings.workflows,
        "before": 0 if math.isinf(settings.age) else now_us - round(settings.age * _MICROSECONDS),
        "rested": now_us if rested_us is None else rested_us,
    }
    return [Due(*row) for row in _read(path, "select_due", values)]


def due_rejections(path: Path, settings: RetentionSettings) -> list[int]:
    """The keys of the refused WorkReqs that have to go. Blocks. Raises StoreError."""
    return [key for (key,) in _read(path, "select_due_rejections", {"keep": settings.rejections})]


def _read(path: Path, query: str, values: dict[str, Any]) -> list[Any]:
    with open_snapshot(path) as connection:
        try:
            return connection.execute(load_queries("upkeep")[query], values).fetchall()
        except DATABASE_ERRORS as error:
            raise StoreError(f"{path}: {error}; run `wf-server verify`") from error


def _batches(ended: Iterable[Due]) -> Iterator[list[Due]]:
    batch: list[Due] = []
    changes = 0
    for one in ended:
        if batch and (len(batch) >= BATCH or changes + one.changes > BATCH_CHANGES):
            yield batch
            batch, changes = [], 0
        batch.append(one)
        changes += one.changes
    if batch:
        yield batch
