"""A whole engine in virtual time: orders from outside, crashes at any statement, restarts, a full disk."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from tests.torture import records
from tests.torture.virtual import Disk, InlineConnection, VirtualClock, VirtualLoop
from tests.torture.world import World, simulated_jobs
from wf_server.engine.approvals import Approvals
from wf_server.engine.checker import RequestChecker
from wf_server.engine.control import Control
from wf_server.engine.deciding import Deciding
from wf_server.engine.executor import Executor
from wf_server.engine.quotas import Quotas
from wf_server.engine.recorder import Recorder
from wf_server.engine.recovery import Recoverer
from wf_server.engine.runner import LocalRunner
from wf_server.engine.workflows import Workflows
from wf_server.errors import WfError
from wf_server.estop import EmergencyStops
from wf_server.events import Hub
from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.jobs.arguments import ArgumentChecker
from wf_server.model import JobId
from wf_server.policy import LivePolicies
from wf_server.store import Store

GRACE = 3.0
TYPES = ("A", "B")
_JOBS = ["idempotent", "verifiable", "irreversible", "mute"]


@dataclass
class Parts:
    """What a server has in memory."""

    store: Store
    hub: Hub
    recorder: Recorder
    stops: EmergencyStops
    executor: Executor
    workflows: Workflows
    control: Control
    world: World
    #: For questions to the record, beside the server's own connections.
    record: sqlite3.Connection


class Simulation:
    """One server after another on the same files."""

    def __init__(self, directory: Path, seed: int, max_running: int, *more_policies: object) -> None:
        self.random = Random(seed)
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop)
        self.disk = Disk(self.random)
        self.directory = directory
        self.max_running = max_running
        self._lives = 0
        self._connections: list[InlineConnection] = []
        self._replaced = ExitStack()
        self._replaced.enter_context(mock.patch("aiosqlite.connect", self._connect))
        # What a jitter is drawn from has to be the same every time too.
        self._replaced.enter_context(mock.patch("uuid.uuid4", self._draw_id))
        self.es_json = directory / "es.json"
        self.es_json.write_text("".join(f'{{"Name": "{name}", "Status": "go"}}\n' for name in TYPES))
        restrict = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": _JOBS}}
        policies = [restrict, *more_policies]
        self._policies = directory / "policies.json"
        entries = [json.dumps({"Name": name, "Policies": policies}) for name in TYPES]
        self._policies.write_text("\n".join(entries))
        #: What went wrong where nobody listens: in a task, in a callback.
        self.complaints: list[str] = []
        self.loop.set_exception_handler(lambda loop, context: self.complaints.append(str(context)))
        #: Taken at the moment of a crash: the files, how much had happened, who had been answered.
        self._death: tuple[Path, int] | None = None
        self._fuse = 0
        self.disk.probe = self._burn
        self.parts = self.do(self._start(self._path(), World()))

    # What tests do with it

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine to its end, in virtual time."""
        asyncio.set_event_loop(self.loop)
        try:
            return self.loop.run_until_complete(coroutine)
        finally:
            asyncio.set_event_loop(None)

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.do(asyncio.sleep(seconds))

    def order(self, act: Callable[[Parts], Awaitable[Any]]) -> bool:
        """Orders something and waits for the answer; False where it was refused, or nobody lived to."""

        async def attempt() -> bool:
            try:
                async with asyncio.timeout(30):
                    await act(self.parts)
            except (WfError, TimeoutError):
                return False
            return self.is_alive

        return bool(self.do(attempt()))

    @property
    def is_alive(self) -> bool:
        """Whether the server has not died; what it answers after that nobody hears."""
        return self._death is None

    def light_fuse(self, statements: int) -> None:
        """The server dies when it asks the database for the time of that number from now on."""
        self._fuse = statements

    def crash(self) -> None:
        """Kills the server, unless it has died already, and starts the next one."""
        if self._death is None:
            self._die()
        assert self._death is not None
        path, facts = self._death
        self._death, self._fuse = None, 0
        world = self.parts.world.successor(facts)
        self.do(self._take_down())
        self.disk.full = False
        self.parts = self.do(self._start(path, world))

    def restart(self) -> None:
        """Ends the server in order and starts the next one on its files."""
        parts = self.parts

        async def close() -> None:
            await parts.executor.drain(1.0)
            parts.world.is_gone = True
            await parts.executor.close(1.0)
            await parts.stops.wait_idle()
            await parts.recorder.close()
            parts.hub.close()

        self.disk.full = False
        self.do(close())
        world = parts.world.successor(len(parts.world.facts))
        path = parts.store.path
        self.do(self._take_down())
        self.parts = self.do(self._start(path, world))

    def close(self) -> None:
        """Ends it all."""
        try:
            self.do(self._take_down())
        finally:
            self._replaced.close()
            self.loop.close()

    @property
    def recorded(self) -> list[records.Record]:
        """The whole record as it is in the database."""
        return records.read_from(self.parts.record)

    # How it lives and dies

    def _draw_id(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def _path(self) -> Path:
        self._lives += 1
        return self.directory / f"life-{self._lives}.db"

    def _connect(self, path: Path, **options: Any) -> InlineConnection:
        connection = InlineConnection(path, self.disk, **options)
        self._connections.append(connection)
        return connection

    def _burn(self) -> None:
        if self._fuse:
            self._fuse -= 1
            if not self._fuse and self._death is None:
                self._die()

    def _die(self) -> None:
        """What is in the files now is what the next server finds."""
        path, old = self._path(), self.parts.store.path
        for end in ("", "-wal"):
            if (found := old.with_name(old.name + end)).exists():
                shutil.copyfile(found, path.with_name(path.name + end))
        self._death = (path, len(self.parts.world.facts))

    async def _start(self, path: Path, world: World) -> Parts:
        store = await Store.open(path)
        record = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        hub = Hub()
        recorder = Recorder(store, hub, self.clock)
        recorder.start()
        stops = EmergencyStops(self.es_json, store, self.clock)
        await stops.load()
        nowhere = Inventory({}, {})
        registry = JobRegistry(simulated_jobs(world), ArgumentChecker(lambda: nowhere, ()))
        policies = LivePolicies(self._policies, registry)
        await policies.load()
        runner = LocalRunner(registry, self.clock)
        recoverer = Recoverer(registry, runner, recorder, store, self.clock)
        quotas = Quotas(lambda: policies.book, lambda: nowhere, store, self.clock)
        await quotas.load()
        executor = Executor(
            recorder,
            runner,
            recoverer,
            stops,
            hub,
            self.clock,
            grace=GRACE,
            max_running=self.max_running,
            quotas=quotas,
        )
        checker = RequestChecker(policies, registry, lambda: nowhere, 1_000, self.clock, executor.executed)
        deciding = Deciding()
        approvals = Approvals(store, recorder, hub, self.clock, deciding, book=lambda: policies.book)
        workflows = Workflows(store, recorder, executor, checker, stops, hub, self.clock, registry, approvals)
        control = Control(workflows, recorder, executor, self.clock, approvals, deciding, exec_within=1e9)
        parts = Parts(store, hub, recorder, stops, executor, workflows, control, world, record)
        world.on_begin = lambda job: self._expect_may_begin(parts, job)
        await workflows.recover()
        return parts

    async def _take_down(self) -> None:
        """The process is gone: nothing that its tasks still do counts."""
        parts = self.parts
        parts.world.is_gone = True
        parts.hub.close()
        parts.executor._closing = True
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0)
        for connection in self._connections:
            connection.drop()
        self._connections.clear()
        parts.record.close()
        parts.store._lock_file.close()

    def _expect_may_begin(self, parts: Parts, job: JobId) -> None:
        """A job's code begins: all that wf promises has to hold at this moment."""
        name, status, seq = parts.record.execute(
            "SELECT name, status, (SELECT max(seq) FROM change WHERE workflow = key AND block = -1) "
            "FROM workflow WHERE id = ?",
            (job.workflow,),
        ).fetchone()
        assert not parts.stops.is_stopped(name), "a stop is engaged"
        told = records.NAMES[status]
        own, began = parts.record.execute(
            "SELECT status, seq FROM change WHERE workflow = (SELECT key FROM workflow WHERE id = ?) "
            "AND block = ? AND job = ? ORDER BY seq DESC LIMIT 1",
            (job.workflow, job.block, job.job),
        ).fetchone()
        assert records.NAMES[own] == "running", f"on record it is {records.NAMES[own]}"
        # On its way when the pause was ordered: it counts as in flight.
        in_flight = told == "pausing" and began < seq
        assert told == "running" or in_flight, f"its workflow is {told}"
