"""A world in which time passes only when there is nothing left to do, and a run can be had again.

The event loop's clock is virtual: where a loop would sleep, it turns its clock on. The database's calls run
in the loop's own thread, each taking a virtual while drawn from a seed. Nothing else decides what comes
first, so one seed always gives the same run; and a crash can be had at any statement.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path
from random import Random
from typing import Any

import aiosqlite

EPOCH_US = 1_700_000_000_000_000
#: Turns of the loop in a row in which no time passes: more is a busy wait.
SPINS = 50_000


class BusyWait(AssertionError):
    """Somebody polls without ever sleeping."""


class _Selector(selectors.DefaultSelector):
    """Waits by turning the clock on; nothing comes from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._spins = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("nothing will ever happen again")
        self._spins = 0 if timeout > 0 else self._spins + 1
        if self._spins > SPINS:
            self._spins = 0
            raise BusyWait("the loop turns without end, and no time passes")
        # Whole microseconds, so that no sleeper wakes a hair too early.
        self.now = math.ceil((self.now + max(0.0, timeout)) * 1e6 - 1e-3) / 1e6
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop of virtual time, without threads."""

    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self.selector.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Runs it at once, in this thread."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:  # noqa: BLE001 - as a thread would hand it over
            future.set_exception(error)
        return future


class VirtualClock:
    """The server's clock, which follows the loop's."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return EPOCH_US + round(self._loop.time() * 1_000_000)

    def steady_us(self) -> int:
        """The same: nobody sets this clock."""
        return self.now_us()

    async def sleep(self, seconds: float) -> None:
        """Waits that long by this clock."""
        await asyncio.sleep(seconds)


class Disk:
    """What happens when the database is asked: how long it takes, whether it refuses, who is told before."""

    def __init__(self, random: Random) -> None:
        self.random = random
        #: Writing statements are refused, as on a full disk.
        self.full = False
        #: Called before every statement.
        self.probe: Callable[[], None] = lambda: None

    async def call(self, function: Callable[[], Any], sql: str) -> Any:
        """Carries out a statement, then lets a while pass until its caller hears of it."""
        self.probe()
        if self.full and sql.startswith(("INSERT", "UPDATE", "DELETE", "BEGIN")):
            await asyncio.sleep(self._latency())
            raise sqlite3.OperationalError("database or disk is full")
        result = function()
        await asyncio.sleep(self._latency())
        return result

    def _latency(self) -> float:
        draw = self.random.random()
        return 0.0 if draw < 0.5 else draw * 0.004


class InlineConnection(aiosqlite.Connection):
    """An aiosqlite connection without its thread."""

    def __init__(self, path: Path, disk: Disk, **options: Any) -> None:
        super().__init__(lambda: sqlite3.connect(path, **options), 64)
        self._disk = disk

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        self._connection = self._connector()
        yield from ()
        return self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        sql = args[0].lstrip() if args and isinstance(args[0], str) else ""
        return await self._disk.call(lambda: fn(*args, **kwargs), sql)

    async def close(self) -> None:
        """Closes it at once."""
        self.drop()

    def drop(self) -> None:
        """Closes it, as the end of a process does."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
