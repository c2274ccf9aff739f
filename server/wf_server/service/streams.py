"""Streams that are open, and their end when whoever opened them is let in no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wf_server.errors import ShuttingDown, Unauthenticated, WfError
from wf_server.model.caller import Caller


@dataclass(eq=False, slots=True)
class _Open:
    task: asyncio.Task[object]
    who: Caller
    identify: Callable[[], Caller]
    ended_by: WfError | None = None


class OpenStreams:
    """`serve` runs a stream's handler; `sweep` ends those whose callers are let in no longer."""

    def __init__(self) -> None:
        self._open: set[_Open] = set()

    async def serve(self, who: Caller, identify: Callable[[], Caller], handle: Awaitable[None]) -> None:
        """Awaits the handler. Raises what a sweep ended it by."""
        task = asyncio.current_task()
        assert task is not None
        entry = _Open(task, who, identify)
        self._open.add(entry)
        try:
            await handle
        except asyncio.CancelledError:
            if entry.ended_by is None:
                raise
            task.uncancel()
            raise entry.ended_by from None
        finally:
            self._open.discard(entry)

    def sweep(self) -> None:
        """Ends the streams of callers who are unknown by now, or have other grants."""
        for entry in list(self._open):
            if entry.ended_by is None and (error := _why_not(entry)) is not None:
                entry.ended_by = error
                entry.task.cancel()


def _why_not(entry: _Open) -> WfError | None:
    try:
        now = entry.identify()
    except Unauthenticated as error:
        return error
    if (now.name, now.grants) != (entry.who.name, entry.who.grants):
        # Asked again, it is let in by the new grants or not at all.
        return ShuttingDown("what you may do has changed; call again")
    return None
