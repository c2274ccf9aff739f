"""The owner of every running workflow's task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator

import structlog

from wf_server.engine.recorder import Recorder
from wf_server.engine.recovery import Recoverer
from wf_server.engine.run import Halt, Run
from wf_server.engine.runner import Runner
from wf_server.errors import ShuttingDown
from wf_server.estop import EmergencyStops
from wf_server.events import Hub
from wf_server.model import Status, Workflow

log = structlog.get_logger(__name__)


class Executor:
    """Starts, halts, resumes and suspends the runs of workflows."""

    def __init__(
        self,
        recorder: Recorder,
        runner: Runner,
        recoverer: Recoverer,
        stops: EmergencyStops,
        hub: Hub,
        *,
        grace: float,
    ) -> None:
        self._recorder = recorder
        self._runner = runner
        self._recoverer = recoverer
        self._stops = stops
        self._hub = hub
        self._grace = grace
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closing = False
        self._unsubscribe = stops.subscribe(self._apply_stops)

    def active(self) -> Iterator[Workflow]:
        """Yields the workflows that run now."""
        for run in self._runs.values():
            yield run.workflow

    def find(self, workflow_id: str) -> Workflow | None:
        """Returns a workflow that runs now."""
        run = self._runs.get(workflow_id)
        return run.workflow if run else None

    def start(self, workflow: Workflow, operator: str) -> Awaitable[None]:
        """Runs a workflow; what it returns waits until that is durably on record.

        The run goes on whatever becomes of the caller. Raises ShuttingDown.
        """
        if self._closing:
            raise ShuttingDown("the server is shutting down and starts nothing")
        self._recorder.workflow(workflow, Status.RUNNING, operator=operator)
        self._spawn(workflow)
        return self._recorder.flush()

    def resume(self, workflow: Workflow) -> None:
        """Goes on with a workflow that an earlier server left unfinished."""
        self._spawn(workflow, recover=True)

    def _spawn(self, workflow: Workflow, *, recover: bool = False) -> None:
        if workflow.id in self._runs:
            raise AssertionError(f"workflow {workflow.id} runs already")
        run = Run(workflow, self._recorder, self._runner, self._hub, self._grace)
        self._runs[workflow.id] = run
        name = f"workflow {workflow.id}"
        task = asyncio.create_task(self._drive(run, recover=recover), name=name)
        self._tasks[workflow.id] = task
        task.add_done_callback(lambda task: self._ended(workflow, task))

    async def _drive(self, run: Run, *, recover: bool) -> None:
        await self._recorder.flush()
        if recover:
            if run.workflow.status is Status.STOPPING:
                # It was told to end, and the server ended first.
                run.halt(Halt(Status.STOPPED, "wf-server", run.workflow.standing.reason))
            rerun = not (run.is_halted or self._stops.is_stopped(run.workflow.name))
            run.adopt(await self._recoverer.settle(run.workflow, run, rerun=rerun))
        # A stop that was engaged while the start was being written, or while no server ran.
        self._halt_if_stopped(run)
        await run.run()

    def _ended(self, workflow: Workflow, task: asyncio.Task[None]) -> None:
        del self._runs[workflow.id], self._tasks[workflow.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a bug: a run broke off; a restart resumes it", workflow=workflow.id, exc_info=error)
        elif workflow.is_final:
            log.info("workflow ended", id=workflow.id, name=workflow.name, status=workflow.status.label)

    def _apply_stops(self) -> None:
        for run in self._runs.values():
            self._halt_if_stopped(run)

    def _halt_if_stopped(self, run: Run) -> None:
        name = run.workflow.name
        if self._stops.is_stopped(name):
            order = Halt(Status.STOPPED, self._stops.who(name), self._stops.why(name))
            if run.halt(order):
                log.warning("workflow stopped", id=run.workflow.id, name=name, reason=order.reason)

    async def close(self, timeout: float) -> None:
        """Suspends every run and ends the jobs; what is unfinished is resumed by the next server."""
        self._closing = True
        self._unsubscribe()
        for run in self._runs.values():
            run.suspend()
        tasks = list(self._tasks.values())
        await self._runner.close(timeout)
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=timeout)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
