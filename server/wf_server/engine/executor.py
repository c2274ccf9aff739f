"""The owner of every running workflow's task, and of the queue of those that wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import structlog

from wf_server.clock import Clock
from wf_server.engine.orders import Halt, Order
from wf_server.engine.quotas import Quotas
from wf_server.engine.recorder import Recorder
from wf_server.engine.recovery import Recoverer
from wf_server.engine.run import Run
from wf_server.engine.runner import Runner
from wf_server.engine.start_problem import StartProblem
from wf_server.errors import FailedPrecondition, ShuttingDown
from wf_server.estop import EmergencyStops
from wf_server.events import Hub
from wf_server.model import WORKFLOW_ENDING, WORKFLOW_PARKED, Status, Workflow

log = structlog.get_logger(__name__)

#: How long an order waits for a run that is being recovered. Seconds.
BEGIN_SECONDS = 3.0


class Executor:
    """Starts, queues, halts, resumes and suspends the runs of workflows."""

    def __init__(
        self,
        recorder: Recorder,
        runner: Runner,
        recoverer: Recoverer,
        stops: EmergencyStops,
        hub: Hub,
        clock: Clock,
        *,
        grace: float,
        max_running: int = 1_000_000,
        start_problem: Callable[[Workflow, int], StartProblem | None] = lambda workflow, block: None,
        quotas: Quotas | None = None,
    ) -> None:
        self._recorder = recorder
        self._runner = runner
        self._recoverer = recoverer
        self._stops = stops
        self._hub = hub
        self._clock = clock
        self._grace = grace
        self._max_running = max_running
        #: Why a block must not begin right now; None: it may.
        self._start_problem = start_problem
        self._quotas = quotas
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: Those that wait for their turn, the next one first.
        self._queue: dict[str, Workflow] = {}
        #: Whose run broke off by a bug: nothing drives them until a restart.
        self._broken: dict[str, Workflow] = {}
        self._closing = False
        self._unsubscribe = stops.subscribe(self._apply_stops)

    @property
    def is_draining(self) -> bool:
        """Whether it takes no new work, because the server is about to end."""
        return self._closing

    def active(self) -> Iterator[Workflow]:
        """Yields the workflows that run now or wait for their turn."""
        for run in self._runs.values():
            yield run.workflow
        yield from self._queue.values()

    def executed(self) -> Iterator[Workflow]:
        """Yields the workflows that were executed and whose end is not on record."""
        for workflow in (*self.active(), *self._broken.values()):
            if not workflow.is_final:
                yield workflow

    def find(self, workflow_id: str) -> Workflow | None:
        """Returns a workflow that runs now or waits for its turn."""
        run = self._runs.get(workflow_id)
        return run.workflow if run else self._queue.get(workflow_id)

    async def run_of(self, workflow: Workflow, *, to_end: bool = False) -> Run:
        """Returns the run of a workflow, ready for orders. Raises FailedPrecondition where there is none.

        While the server drains it raises ShuttingDown, unless the order is `to_end` a workflow that still
        runs: any other would be lost. Such an order need not wait for a recovery to end either.
        """
        run = self._runs.get(workflow.id)
        if not (run and to_end):
            self._check_orders()
        if run is None:
            told = "it waits for its turn and has not begun" if workflow.id in self._queue else ""
            raise FailedPrecondition(f"workflow {workflow.id} does not run: {told or _tell(workflow)}")
        if not to_end:
            await self._begun(run)
            self._check_orders()
        return run

    async def _begun(self, run: Run) -> None:
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await run.begun.wait()
        except TimeoutError:
            told = "its jobs are being verified after a restart; try again later, or cancel it"
            raise FailedPrecondition(f"workflow {run.workflow.id} takes no orders yet: {told}") from None

    def start(self, workflow: Workflow, operator: str) -> Awaitable[None]:
        """Runs a workflow, at once or when its turn comes; what it returns waits until that is on record.

        The run goes on whatever becomes of the caller. Raises ShuttingDown.
        """
        self.check_open()
        if self._queue or self._is_full:
            self._recorder.workflow(workflow, Status.QUEUED, operator=operator)
            self._queue[workflow.id] = workflow
            self._number_queue()
        else:
            self._recorder.workflow(workflow, Status.RUNNING, operator=operator)
            self._spawn(workflow)
        return self._recorder.flush()

    def check_open(self) -> None:
        """Raises ShuttingDown where no new work is taken."""
        if self._closing:
            raise ShuttingDown("the server is shutting down and takes no new work; try again when it is back")

    def _check_orders(self) -> None:
        if self._closing:
            raise ShuttingDown("the server is shutting down; give the order again when it is back")

    def cancel_queued(self, workflow: Workflow, order: Order) -> bool:
        """Cancels a workflow that waits for its turn; False where it does not wait."""
        return self._end_queued(workflow, Halt(Status.CANCELLED, order.operator, order.reason))

    def resume(self, workflows: Iterable[Workflow]) -> None:
        """Goes on with workflows that an earlier server left unfinished."""
        queued: list[Workflow] = []
        for workflow in workflows:
            if workflow.status is Status.QUEUED:
                queued.append(workflow)
            else:
                self._spawn(workflow, recover=True)
        # In the order in which they were executed.
        for workflow in sorted(queued, key=lambda waiting: waiting.standing.since_us):
            self._queue[workflow.id] = workflow
        self._apply_stops()
        self._advance_queue()

    # The queue

    @property
    def _is_full(self) -> bool:
        # One that waits for a person needs no room; should it go on meanwhile, one more runs for a while.
        running = sum(run.status not in WORKFLOW_PARKED for run in self._runs.values())
        return running >= self._max_running

    def _advance_queue(self) -> None:
        if not self._queue or self._closing:
            return
        while self._queue and not self._is_full:
            workflow = self._queue.pop(next(iter(self._queue)))
            workflow.activity = ""
            self._recorder.workflow(workflow, Status.RUNNING, reason="its turn in the queue has come")
            self._spawn(workflow)
        self._number_queue()

    def _number_queue(self) -> None:
        for place, workflow in enumerate(self._queue.values(), 1):
            activity = f"place {place} in the queue"
            if workflow.activity != activity:
                workflow.activity = activity
                self._hub.noted(workflow)

    def _end_queued(self, workflow: Workflow, halt: Halt) -> bool:
        if self._queue.pop(workflow.id, None) is None:
            return False
        workflow.activity = ""
        self._recorder.workflow(workflow, halt.status, operator=halt.operator, reason=halt.reason)
        self._number_queue()
        return True

    # The runs

    def _spawn(self, workflow: Workflow, *, recover: bool = False) -> None:
        if workflow.id in self._runs:
            raise AssertionError(f"workflow {workflow.id} runs already")
        run = Run(
            workflow,
            self._recorder,
            self._runner,
            self._hub,
            self._clock,
            self._grace,
            self._advance_queue,
            self._start_problem,
            self._quotas,
        )
        self._runs[workflow.id] = run
        if workflow.status in WORKFLOW_ENDING:
            # It was told to end, and the server ended first. Before a stop can come that orders otherwise.
            ends = Status.CANCELLED if workflow.status is Status.CANCELLING else Status.STOPPED
            operator = workflow.order.operator if workflow.order else "wf-server"
            run.halt(Halt(ends, operator, workflow.standing.reason))
        name = f"workflow {workflow.id}"
        task = asyncio.create_task(self._drive(run, recover=recover), name=name)
        self._tasks[workflow.id] = task
        task.add_done_callback(lambda task: self._ended(run, task))

    async def _drive(self, run: Run, *, recover: bool) -> None:
        await self._recorder.flush()
        if run.workflow.is_final:
            # It was cancelled while its start was on the way to the record.
            return
        if recover:
            await self._recover(run)
        # A stop that was engaged while the start was being written, or while no server ran.
        self._halt_if_stopped(run)
        await run.run()

    async def _recover(self, run: Run) -> None:
        workflow = run.workflow
        rerun = not (run.is_halted or self._stops.is_stopped(workflow.name))
        run.adopt(await self._recoverer.settle(workflow, run, rerun=rerun))

    def _ended(self, run: Run, task: asyncio.Task[None]) -> None:
        workflow = run.workflow
        del self._runs[workflow.id], self._tasks[workflow.id]
        self._recorder.logs.forget(workflow.key)
        # Whoever waits to give it an order finds that there is nothing to order.
        run.begun.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken[workflow.id] = workflow
            log.critical("a bug: a run broke off; a restart resumes it", workflow=workflow.id, exc_info=error)
        elif workflow.is_final:
            log.info("workflow ended", id=workflow.id, name=workflow.name, status=workflow.status.label)
        self._advance_queue()

    # The emergency stops

    def _apply_stops(self) -> None:
        for run in list(self._runs.values()):
            self._halt_if_stopped(run)
        for workflow in list(self._queue.values()):
            if self._stops.is_stopped(workflow.name):
                self._end_queued(workflow, self._stop_order(workflow.name))

    def _halt_if_stopped(self, run: Run) -> None:
        name = run.workflow.name
        if self._stops.is_stopped(name):
            order = self._stop_order(name)
            if run.halt(order):
                log.warning("workflow stopped", id=run.workflow.id, name=name, reason=order.reason)

    def _stop_order(self, name: str) -> Halt:
        return Halt(Status.STOPPED, self._stops.who(name), self._stops.why(name))

    # The end of the server

    def close_doors(self) -> None:
        """Takes no new work from now on."""
        self._closing = True

    async def drain(self, timeout: float) -> None:
        """Takes no new work and starts no further job; waits that many seconds for the running ones."""
        self.close_doors()
        for run in self._runs.values():
            run.suspend()
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)

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


def _tell(workflow: Workflow) -> str:
    return f"it is {workflow.status.label}"
