"""Works a queue off: each WorkReq is submitted and executed when the one before has ended well.

Every entry has a submit key, the queue is kept in a file after every step, and the server is looked at before
anything is submitted. So neither a lost answer, nor a crash, nor a colleague has a site's work done twice.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from wf_tui.drafts import Kept, Shelf
from wf_tui.gateway import (
    AlreadyExecuted,
    EmergencyStopped,
    Gateway,
    GatewayError,
    Overloaded,
    Unreachable,
)
from wf_tui.live import Wait, wait_at_most
from wf_tui.state.format import clock, duration
from wf_tui.state.models import WORKFLOW_ACTIVE, WORKFLOW_FINAL, Status, Summary
from wf_tui.state.queue import Entry, Queue, Stage, ended, same
from wf_tui.state.wizard import buckets_of

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
#: Somebody else may take the token, or a setting may change: the buckets are looked at again after this.
_LONGEST_NAP = 30.0
_PAGE = 100

Follow = Callable[[str], Awaitable[Summary]]


class QueueRunner:
    """Owns a queue and the task that works it off, between `start` and `stop`.

    `follow` watches a workflow to its end; `told` are called after every change of `queue` or `summary`.
    After `patience` seconds of an unreachable server in one go the work ends, and `done` raises the error.
    """

    def __init__(
        self,
        gateway: Gateway,
        now: Callable[[], datetime],
        report: Callable[[BaseException], None],
        *,
        shelf: Shelf[Kept[Queue]] | None = None,
        wait: Wait = wait_at_most,
        follow: Follow | None = None,
        patience: float = math.inf,
    ) -> None:
        self.queue = Queue(gateway.address)
        #: How the workflow that runs stands.
        self.summary: Summary | None = None
        self.told: list[Callable[[], None]] = []
        #: Why the queue stands still, where it is the server that said no.
        self.refusal: GatewayError | None = None
        self._gateway = gateway
        self._now = now
        self._report = report
        self._shelf = shelf
        self._wait = wait
        self._follow = follow or self._watch
        self._kept: Kept[Queue] | None = None
        self._saving = asyncio.Lock()
        self._writing = threading.Lock()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pauses = 0
        self._patience = patience
        self._away = 0.0
        self._lost: GatewayError | None = None

    # -- its owner's

    def start(self) -> None:
        """Begins, or goes on, to work off what is due."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="work the queue off")

    async def stop(self) -> None:
        """Ends the task and lets go of the file; workflows go on on their server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        await self._save()
        if self._kept is not None:
            await asyncio.to_thread(self._kept.close)
            self._kept = None

    async def done(self) -> None:
        """Waits until nothing is due any more. Raises GatewayError when patience is at its end."""
        if self._task is not None:
            await self._task
        if self._lost is not None:
            raise self._lost

    def hurry(self) -> None:
        """Looks again now rather than at the end of a pause."""
        self._hurry.set()

    # -- the operator's

    async def add(self, entries: Sequence[Entry]) -> None:
        """Queues what was confirmed, on disk before anything is done about it."""
        self._set(self.queue.added(entries))
        await self._save()
        self.start()

    async def left_behind(self) -> Queue | None:
        """Looks for a queue of this server that nobody works off, and holds it until `adopt` or `let_go`."""
        if self._shelf is None or self.queue.current is not None:
            return None
        kept = await asyncio.to_thread(self._shelf.left_behind, self._is_mine)
        queue = await asyncio.to_thread(kept.load) if kept is not None else None
        if kept is None or queue is None:
            return None
        if self._kept is not None:
            await asyncio.to_thread(self._kept.close)
        self._kept = kept
        return queue

    def _is_mine(self, kept: Kept[Queue]) -> bool:
        queue = kept.load()
        return queue is not None and queue.address == self._gateway.address and queue.current is not None

    def adopt(self, queue: Queue) -> None:
        """Goes on with what `left_behind` returned."""
        self._set(queue)
        self.start()

    async def let_go(self) -> None:
        """Leaves what `left_behind` returned to others, or to later."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await asyncio.to_thread(kept.close)

    async def hold(self, held: bool) -> None:
        """Begins nothing more, or goes on; what runs goes on anyway."""
        await self._turn(replace(self.queue, held=held))

    async def again(self) -> None:
        """Tries the entry anew at which the queue stands still."""
        if self.queue.trouble is not None:
            await self._turn(self.queue.again(new_key()))

    async def leave_out(self) -> None:
        """Goes on without the entry at which the queue stands still."""
        if self.queue.trouble is not None:
            await self._turn(self.queue.left_out())

    async def give_up(self) -> None:
        """Leaves out all that has not begun."""
        await self._turn(self.queue.given_up())

    async def _turn(self, queue: Queue) -> None:
        self._set(queue)
        await self._save()
        self.hurry()
        self.start()

    # -- the work

    async def _run(self) -> None:
        try:
            while (at := self.queue.due) is not None:
                await self._step(at)
        except GatewayError as error:
            self._lost = error
        except Exception as error:  # noqa: BLE001 - a bug is told, and the queue stands still
            _log.error("the queue stands still", exc_info=error)
            self._report(error)
            if (at := self.queue.due) is not None:
                words = f"the console met an unexpected error ({type(error).__name__}); its log has the rest"
                self._change(at, stage=Stage.TROUBLE, words=words)
        finally:
            self.summary = None

    async def _step(self, at: int) -> None:
        try:
            await self._advance(at)
            self._pauses, self._away = 0, 0.0
        except (Unreachable, Overloaded) as error:
            await self._bear(at, error)
        except GatewayError as error:
            self.refusal = error
            stopped = isinstance(error, EmergencyStopped)
            self._change(at, stage=Stage.TROUBLE, words=str(error), stopped=stopped)
            await self._save()

    async def _bear(self, at: int, error: GatewayError) -> None:
        """Pauses before the next try; raises the error when it has been too long."""
        self._change(at, words=f"{error}; trying again")
        if self._away >= self._patience:
            raise error
        seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._pauses)
        self._pauses += 1
        self._away += seconds
        await self._pause(seconds)

    async def _advance(self, at: int) -> None:
        entry = self.queue.entries[at]
        workflow_id = entry.workflow_id or await self._submitted(at)
        if not workflow_id:
            return
        self._change(at, workflow_id=workflow_id, words="")
        await self._save()
        _, summary = await self._gateway.get(workflow_id)
        if summary.status is Status.NOT_STARTED:
            if not await self._token(at):
                return
            with suppress(AlreadyExecuted):
                await self._gateway.execute(workflow_id)
        self._change(at, stage=Stage.RUNNING, words="", started=summary.started)
        await self._save()
        summary = await self._follow(workflow_id)
        self._set(ended(self.queue, at, summary))
        self.summary = None
        await self._save()

    async def _submitted(self, at: int) -> str:
        """Returns the id of an entry's workflow; "": it has to wait, look again."""
        entry = self.queue.entries[at]
        found = await find_under_way(self._gateway, entry)
        if found is not None:
            return found.id
        if not await self._token(at):
            return ""
        return await self._gateway.submit(entry.request, key=entry.key, acknowledge=entry.acknowledge)

    async def _token(self, at: int) -> bool:
        """Whether there are tokens for an entry now; naps, and says until when, where there are none."""
        wanted = buckets_of(self.queue.entries[at].request)
        if not wanted:
            return True
        buckets = {bucket.name: bucket for bucket in await self._gateway.buckets()}
        empty = [buckets[name] for name in wanted if name in buckets and not buckets[name].tokens]
        if not empty:
            self._change(at, stage=Stage.WAITING, words="")
            return True
        dues = [bucket.next_refill for bucket in empty if bucket.next_refill is not None]
        info = await self._gateway.server_info()
        left = max(0.0, (max(dues) - info.now).total_seconds()) if dues else _LONGEST_NAP
        when = f"the next is due at {clock(self._now(), timedelta(seconds=left))}, in {duration(left)}"
        self._change(
            at,
            stage=Stage.TOKEN,
            words=f"no token in {empty[0].name}; {when if dues else 'nobody knows when'}",
        )
        await self._pause(max(1.0, min(_LONGEST_NAP, left)))
        return False

    async def _watch(self, workflow_id: str) -> Summary:
        """Follows a workflow to its end. Raises GatewayError where the stream breaks."""
        stream = self._gateway.watch(workflow_id)
        self.summary = None
        try:
            async for event in stream:
                self.summary = event.summary
                self._tell()
                if event.summary.status in WORKFLOW_FINAL:
                    break
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        if self.summary is None or self.summary.status not in WORKFLOW_FINAL:
            raise Unreachable(f"{self._gateway.address} ended the watch")
        return self.summary

    async def _pause(self, seconds: float) -> None:
        self._hurry.clear()
        await self._wait(self._hurry, seconds)

    # -- keeping and telling

    def _change(self, at: int, **fields: object) -> None:
        self._set(self.queue.changed(at, **fields))

    def _set(self, queue: Queue) -> None:
        if queue != self.queue:
            self.queue = queue
            self._tell()

    def _tell(self) -> None:
        for told in list(self.told):
            told()

    async def _save(self) -> None:
        """Keeps the queue; what cannot be kept is told, and is found on the server all the same."""
        if self._shelf is None:
            return
        async with self._saving:
            try:
                await self._write(self._shelf)
            except OSError as error:
                self._report(Unkept(f"The queue cannot be kept in a file ({error.strerror or error})"))

    async def _write(self, shelf: Shelf[Kept[Queue]]) -> None:
        if self.queue.current is None:
            if self._kept is not None and self.queue.entries:
                await asyncio.to_thread(self._kept.discard)
            return
        if self._kept is None:
            self._kept = await asyncio.to_thread(shelf.new)
        await asyncio.to_thread(self._save_in_turn, self._kept, self.queue)

    def _save_in_turn(self, kept: Kept[Queue], queue: Queue) -> None:
        """A thread outlives the call that was cancelled: what is older must not be written last."""
        with self._writing:
            kept.save(queue)


def new_key() -> str:
    """Returns a submit key that nobody else uses."""
    return uuid.uuid4().hex


async def find_under_way(gateway: Gateway, entry: Entry) -> Summary | None:
    """Looks whether somebody began the same work already: see `same`. Raises GatewayError."""
    token, more = "", True
    while more:
        page, token = await gateway.list(
            statuses=sorted(WORKFLOW_ACTIVE), name=entry.request.name, limit=_PAGE, page_token=token
        )
        if found := same(entry, page):
            return found
        more = bool(token)
    return None


class Unkept(GatewayError):
    """A crash would lose the queue."""
