"""Calls in tasks of their own.

grpclib ends a call that broke or ran out of time by cancelling the task that waits for it, and
leaves that task's count of cancellations raised; a task group or a timeout around it then mistakes a
lost connection for a cancellation. So every call runs in a task that nobody else uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def in_own_task(call: Coroutine[Any, Any, T], name: str) -> T:
    """Awaits `call` in a new task. A cancellation of the caller is never lost to the call's end."""
    caller = asyncio.current_task()
    assert caller is not None
    before = caller.cancelling()
    task = asyncio.create_task(call, name=name)
    try:
        return await task
    finally:
        if caller.cancelling() > before:
            raise asyncio.CancelledError


class MessagePump(Generic[T]):
    """Reads a stream of messages in a task of its own, one ahead of whoever takes them."""

    def __init__(self, messages: AsyncGenerator[T, None], name: str) -> None:
        self._slot: asyncio.Queue[T | _End] = asyncio.Queue(maxsize=1)
        self._task = asyncio.create_task(self._run(messages), name=name)

    async def next(self) -> T | None:
        """Returns the next message, None at the stream's end. Raises what broke the stream."""
        item = await self._slot.get()
        if not isinstance(item, _End):
            return item
        self._slot.put_nowait(item)
        if item.error is not None:
            raise item.error
        return None

    async def close(self) -> None:
        """Ends the stream, and returns when it has ended."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self, messages: AsyncGenerator[T, None]) -> None:
        error: Exception | None = None
        try:
            async with aclosing(messages):
                async for message in messages:
                    await self._slot.put(message)
        except Exception as broke:  # noqa: BLE001 - whoever takes the messages raises it
            error = broke
        await self._slot.put(_End(error))


class _End:
    """What follows the last message."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
