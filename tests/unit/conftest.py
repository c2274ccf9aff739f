"""An engine with real parts: a real database file, the real recorder, runner and stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from wf_server.engine.executor import Executor
from wf_server.engine.recorder import Recorder
from wf_server.engine.recovery import Recoverer
from wf_server.engine.runner import LocalRunner
from wf_server.engine.start_problem import StartProblem
from wf_server.estop import EmergencyStops
from wf_server.events import Hub
from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.jobs.arguments import ArgumentChecker
from wf_server.jobs.base import Recovery
from wf_server.model import Block, Job, Retry, Status, Workflow, WorkReq
from wf_server.store import Store
from wf_server.testing import ManualClock, ScriptedJob, settle

#: Seconds; only a failing test waits so long.
PATIENCE = 30


@dataclass
class Engine:
    """The engine's parts, put together as the server does."""

    store: Store
    hub: Hub
    clock: ManualClock
    recorder: Recorder
    stops: EmergencyStops
    executor: Executor
    jobs: ScriptedJob
    verifiable: ScriptedJob
    irreversible: ScriptedJob
    #: Why blocks must not begin right now, by position.
    forbidden: dict[int, StartProblem]

    async def submit(self, *blocks: Iterable[str], rate_limit: int = 1, name: str = "T") -> Workflow:
        """Stores a workflow; each block is a list of what its jobs do (`type=do` for another type)."""
        made = tuple(
            Block(f"block {b}", rate_limit, tuple(map(job, block))) for b, block in enumerate(blocks)
        )
        return await self.submit_request(WorkReq(name, "", made))

    async def submit_request(self, request: WorkReq) -> Workflow:
        """Stores a workflow."""
        workflow = Workflow(f"w{self.clock.now_us()}-{len(self.seen)}", request, "tester", 1)
        self.seen.append(workflow)
        await self.recorder.insert(workflow)
        return workflow

    def __post_init__(self) -> None:
        self.seen: list[Workflow] = []

    async def run(self, *blocks: Iterable[str], rate_limit: int = 1) -> Workflow:
        """Runs a workflow to its end."""
        workflow = await self.submit(*blocks, rate_limit=rate_limit)
        await self.executor.start(workflow, "tester")
        await self.until(lambda: workflow.is_final)
        return workflow

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for something that the engine is about to do."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await settle()
                await asyncio.sleep(0.0005)


def job(do: str, timeout: str = "", retry: Retry | None = None) -> Job:
    """A job that does as it is told (`type=do` for another type)."""
    kind, equals, rest = do.rpartition("=")
    return Job(kind if equals else "scripted", "", MappingProxyType({"do": rest}), timeout, retry)


def statuses(workflow: Workflow) -> list[list[str]]:
    """Every job's status in words, block by block."""
    return [[Status(s).label for s in block.statuses] for block in workflow.blocks]


MakeEngine = Callable[[], Awaitable[Engine]]


@pytest.fixture
def es_json(tmp_path: Path) -> Path:
    """An es.json that lets `T` go."""
    path = tmp_path / "es.json"
    path.write_text('{"Name": "T", "Status": "go"}\n')
    return path


@pytest.fixture
async def make_engine(tmp_path: Path, es_json: Path) -> AsyncIterator[MakeEngine]:
    """Makes engines on one database file; each replaces the one before, as a restart does."""
    made: list[Engine] = []

    async def close() -> None:
        for engine in made:
            for scripted in (engine.jobs, engine.verifiable, engine.irreversible):
                scripted.release()
            await engine.executor.close(1)
            await engine.recorder.close()
            engine.hub.close()
            await engine.store.close()
        made.clear()

    async def make() -> Engine:
        await close()
        engine = await _build(tmp_path / "wf.db", es_json)
        made.append(engine)
        return engine

    yield make
    await close()


@pytest.fixture
async def engine(make_engine: MakeEngine) -> Engine:
    """One engine."""
    return await make_engine()


async def _build(database: Path, es_json: Path) -> Engine:
    clock = ManualClock()
    store = await Store.open(database)
    hub = Hub()
    recorder = Recorder(store, hub, clock)
    recorder.start()
    stops = EmergencyStops(es_json, store, clock)
    await stops.load()
    jobs = ScriptedJob()
    verifiable = ScriptedJob("verifiable", Recovery.VERIFIABLE)
    irreversible = ScriptedJob("irreversible", Recovery.IRREVERSIBLE)
    nowhere = Inventory({}, {})
    registry = JobRegistry([jobs, verifiable, irreversible], ArgumentChecker(lambda: nowhere, ()))
    runner = LocalRunner(registry, clock)
    recoverer = Recoverer(registry, runner, recorder, store, clock)
    forbidden: dict[int, StartProblem] = {}
    executor = Executor(
        recorder,
        runner,
        recoverer,
        stops,
        hub,
        clock,
        grace=0.05,
        start_problem=lambda workflow, block: forbidden.get(block),
    )
    return Engine(store, hub, clock, recorder, stops, executor, jobs, verifiable, irreversible, forbidden)
