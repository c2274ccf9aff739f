"""One running workflow: which block and jobs are next, what it waits for, and how it ends.

The run is a task. It asks the recorder to write each step and waits for it before a job's code
starts; it hears from the runner what became of the jobs; it is given orders by stops and by operators.
All meet in one loop, so that no two of them ever decide at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from wf_server.clock import Clock
from wf_server.engine.block_run import BlockRun, JobEnd
from wf_server.engine.budget import FailureBudget
from wf_server.engine.orders import Halt, Order, Resolution, holds_before
from wf_server.engine.recorder import Recorder
from wf_server.engine.runner import JobStart, Outcome, Runner
from wf_server.errors import FailedPrecondition
from wf_server.events import Hub
from wf_server.model import (
    BLOCK_FINAL,
    FATAL,
    WORKFLOW_ENDING,
    JobId,
    Progress,
    Status,
    Workflow,
)

log = structlog.get_logger(__name__)

#: Jobs started in one go: larger rate limits are filled over several turns of the loop.
START_CHUNK = 500
#: Ends of jobs taken in before they are recorded: a stop of many jobs must not hold the event loop.
REPORT_CHUNK = 1_000
#: A wait looks at the clock again after this long, in case it was set. Seconds.
LONGEST_NAP = 60.0

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Report:
    block: int
    job: int
    outcome: Outcome
    error: str


class Run:
    """Drives one workflow from where it stands to its end. `RunnerEvents` of its jobs."""

    def __init__(
        self,
        workflow: Workflow,
        recorder: Recorder,
        runner: Runner,
        hub: Hub,
        clock: Clock,
        grace: float,
        parked: Callable[[], None] = lambda: None,
    ) -> None:
        self.workflow = workflow
        self._recorder = recorder
        self._runner = runner
        self._hub = hub
        self._clock = clock
        #: Seconds that a job which is told to end has to end.
        self._grace = grace
        #: Called whenever it begins or ends to wait for a person.
        self._parked = parked
        self._budget = FailureBudget(workflow)
        self._jobs: BlockRun | None = None
        #: On their way to the record as running; their code has not begun.
        self._starting: list[int] = []
        self._adopted: frozenset[JobId] = frozenset()
        self._reports: deque[_Report] = deque()
        self._wake = asyncio.Event()
        #: Set once it can be given orders.
        self.begun = asyncio.Event()
        #: The status of the workflow that was queued for the record last.
        self._status = workflow.status
        self._halt: Halt | None = None
        self._pause: Order | None = None
        #: The block before which it is held.
        self._held: int | None = None
        #: The block that was begun last, on the way to the record or there.
        self._begun_block = -1
        #: Who let it go on last, and why.
        self._go = Order("", "")
        #: Resolved by a person, on the way to the record.
        self._resolving: list[tuple[int, int, Resolution]] = []
        #: A job's outcome has turned out to be unknown, and that is not on record yet.
        self._in_doubt = False
        self._fatal = workflow.fatal
        self._suspended = False
        #: Its end is decided and on its way to the record.
        self._ending = False
        self._grace_over = False
        self._grace_timer: asyncio.TimerHandle | None = None

    # Orders. Each is valid or raises FailedPrecondition, and is queued for the record on return.

    @property
    def status(self) -> Status:
        """Where the workflow stands, orders that are on their way to the record included."""
        return self._status

    def halt(self, order: Halt) -> bool:
        """Starts nothing more, tells the running jobs to end. False: it was halted before."""
        if self._halt is not None or self._ending:
            return False
        self._halt = order
        if self._status not in WORKFLOW_ENDING:
            # On record at once, so that no restart forgets it while the jobs are ending.
            self._record(order.ending, order)
        self._cancel_jobs()
        self._tell("", self._clock.now_us() + round(self._grace * _MICROSECONDS))
        self._grace_timer = asyncio.get_running_loop().call_later(self._grace, self._end_grace)
        self._wake.set()
        return True

    @property
    def is_halted(self) -> bool:
        """Whether it was told to end."""
        return self._halt is not None

    def cancel(self, order: Order) -> None:
        """An operator ends it."""
        if not self.halt(Halt(Status.CANCELLED, order.operator, order.reason)):
            raise FailedPrecondition(f"it is {self._status.label} already")

    def pause(self, order: Order) -> None:
        """Starts nothing more until it is resumed; jobs in flight end by themselves."""
        if self._halt is not None or self._ending or self._fatal:
            raise FailedPrecondition(f"it is {self._status.label} and ending: there is nothing to pause")
        if self._pause is not None:
            raise FailedPrecondition(f"it is {self._status.label} already, by {self._pause.operator}")
        self._pause = order
        self._settle()
        self._wake.set()

    def resume(self, order: Order) -> None:
        """Lets a paused workflow go on."""
        if self._pause is None or self._halt is not None:
            raise FailedPrecondition(f"it is {self._status.label}, not paused")
        self._pause, self._go = None, order
        self._settle()
        self._wake.set()

    @property
    def held_before(self) -> int | None:
        """The block for which it waits for a go."""
        return self._held if self._status is Status.HELD else None

    def release(self, block: int, order: Order) -> None:
        """Gives the go for the block before which it is held."""
        if self.held_before != block:
            told = "it is paused: resume it first" if self._pause else f"it is {self._status.label}"
            where = f", before block {self.held_before}" if self.held_before is not None else ""
            raise FailedPrecondition(f"it is not held before block {block}: {told}{where}")
        self._held, self._go = None, order
        # Together, so that no restart ever asks for a go that was given.
        self._record(Status.RUNNING, order)
        self._begin_block(block, order)
        self._wake.set()

    def resolve(self, block: int, job: int, resolution: Resolution, order: Order) -> None:
        """A person says what became of a job whose outcome is unknown."""
        if self._halt is not None or self._ending:
            raise FailedPrecondition(f"it is {self._status.label}: its jobs' outcomes are final")
        status = Status(self.workflow.blocks[block].statuses[job])
        pending = any((b, j) == (block, job) for b, j, _ in self._resolving)
        if status is not Status.UNKNOWN or pending:
            told = "being resolved" if pending else status.label
            raise FailedPrecondition(f"the outcome of block {block} job {job} is not unknown: it is {told}")
        self._resolving.append((block, job, resolution))
        error = order.reason if resolution is Resolution.FAILED else ""
        self._recorder.job(self.workflow, block, job, resolution.status, error, order.reason, order.operator)
        self._go = Order(order.operator, "every unknown outcome is settled")
        self._wake.set()

    def suspend(self) -> None:
        """Starts nothing more and leaves the record as it is: the next server resumes from it.

        A run that was told to end ends all the same.
        """
        self._suspended = True
        self._wake.set()

    def adopt(self, jobs: Iterable[JobId]) -> None:
        """Takes over jobs that an earlier server started and the runner still runs."""
        self._adopted = frozenset(jobs)

    # RunnerEvents

    def ended(self, job: JobId, outcome: Outcome, error: str) -> None:
        """Takes a job's outcome in; it is recorded by the loop."""
        self._reports.append(_Report(job.block, job.job, outcome, error))
        self._wake.set()

    def progressed(self, job: JobId, fraction: float, message: str) -> None:
        """Passes a job's progress on to those who watch."""
        progress = self.workflow.progress.setdefault((job.block, job.job), Progress())
        progress.fraction, progress.message = fraction, message
        self._hub.progressed(self.workflow, (job.block, job.job), progress)

    def logged(self, job: JobId, line: str) -> None:
        """Keeps a line of a job's log."""
        self._recorder.log_line(self.workflow, job.block, job.job, line)

    # The loop

    async def run(self) -> None:
        """Runs block after block, then records the end."""
        self._status = self.workflow.status
        if self._status in (Status.PAUSING, Status.PAUSED) and self._pause is None:
            self._pause = Order("", self.workflow.standing.reason)
        self.begun.set()
        try:
            for block in range(len(self.workflow.blocks)):
                if not await self._advance(block):
                    break
            if not self._leaves:
                await self._finish()
        finally:
            # Should this task break off, a stop could no longer reach its jobs.
            self._cancel_jobs()
            if self._grace_timer is not None:
                self._grace_timer.cancel()

    @property
    def _over(self) -> bool:
        """Whether nothing more may ever start."""
        return self._halt is not None or bool(self._fatal or self._budget.spent)

    @property
    def _leaves(self) -> bool:
        """Whether it ends without an end on record."""
        return self._suspended and self._halt is None

    @property
    def _held_back(self) -> bool:
        """Whether no further job may start for now."""
        return self._over or self._suspended or self._pause is not None or self._unknown > 0

    @property
    def _unknown(self) -> int:
        return self.workflow.standing.counts[Status.UNKNOWN]

    async def _advance(self, block: int) -> bool:
        """Runs a block to its end, if it has not ended; False where no later one may begin."""
        status = self.workflow.blocks[block].status
        if status is Status.NOT_STARTED and not await self._may_begin(block):
            return False
        if status not in BLOCK_FINAL:
            await self._run_block(block)
        if not (self._leaves or self._fatal):
            # Asked of blocks that ended under an earlier server too: it may have been killed right then.
            self._fatal = self._ends_after(block)
        return not (self._leaves or self._over)

    def _ends_after(self, block: int) -> str:
        """Why nothing comes after this block, which has ended; empty: the next one does."""
        self._budget.enter(block)
        if self._budget.spent:
            return self._budget.spent
        if self.workflow.blocks[block].has_error and self.workflow.request.stops_after(block):
            return f"block {block} ended with errors, and its on_failure is stop"
        return ""

    async def _may_begin(self, block: int) -> bool:
        """Waits until the block may begin, and records that it does; False where it never may."""
        while not (self._over or self._suspended):
            self._wake.clear()
            if self.workflow.blocks[block].status is Status.RUNNING:
                return True
            if self._begun_block != block and self._held is None and holds_before(self.workflow, block):
                self._held = block
            self._settle()
            if self._status is Status.RUNNING and self._held is None and self._begun_block != block:
                self._begin_block(block, Order("", ""))
            await self._recorder.flush()
            if self.workflow.blocks[block].status is not Status.RUNNING:
                await self._wake.wait()
        return False

    def _begin_block(self, block: int, order: Order) -> None:
        self._begun_block = block
        self._recorder.workflow(
            self.workflow, Status.RUNNING, block=block, operator=order.operator, reason=order.reason
        )

    async def _run_block(self, block: int) -> None:
        adopted = [job.job for job in self._adopted if job.block == block]
        jobs = self._jobs = BlockRun(self.workflow, block, self._budget, adopted)
        while True:
            self._wake.clear()
            self._take_reports(jobs)
            self._call_time(jobs)
            await self._take_resolutions(jobs)
            self._settle()
            if not self._held_back and (starting := jobs.take(self._clock.now_us(), START_CHUNK)):
                await self._start(jobs, starting)
            elif not jobs.in_flight and await self._is_done(jobs):
                break
            elif not self._reports:
                self._tell_waves(jobs)
                await self._wait(jobs.next_us())
        if not self._leaves:
            self._recorder.workflow(self.workflow, self._block_end(), block=block)
            await self._recorder.flush()

    async def _is_done(self, jobs: BlockRun) -> bool:
        """Whether the block is over, now that nothing of it is in flight."""
        await self._recorder.flush()
        if self._reports or self._resolving:
            return False
        if self._leaves:
            return True
        if self._over:
            self._give_up_retries(jobs)
            return True
        return jobs.is_empty and not self._unknown

    async def _start(self, jobs: BlockRun, starting: list[int]) -> None:
        """Starts jobs; everything queued before is durable on return."""
        self._starting = starting
        self._recorder.jobs(self.workflow, jobs.block, starting, Status.RUNNING)
        await self._recorder.flush()
        self._starting = []
        if self._halt is not None:
            # The stop came while their start was being written: their code never begins.
            jobs.in_flight.difference_update(starting)
            error = f"{self._halt.status.label} before it began"
            self._recorder.jobs(self.workflow, jobs.block, starting, Status.INTERRUPTED, error)
        elif self._suspended:
            jobs.in_flight.difference_update(starting)
            self._recorder.jobs(
                self.workflow, jobs.block, starting, Status.NOT_STARTED, "the server ended before it began"
            )
        else:
            jobs.began(starting, self._clock.now_us())
            self._runner.start([self._start_of(jobs.block, job) for job in starting], self)

    def _start_of(self, block: int, job: int) -> JobStart:
        spec = self.workflow.request.blocks[block].jobs[job]
        return JobStart(self._job_id(block, job), spec.args.get("site", ""), spec.name, spec.args)

    def _job_id(self, block: int, job: int) -> JobId:
        return JobId(self.workflow.id, block, job)

    async def _wait(self, until_us: int | None) -> None:
        """Waits for news since this turn of the loop began: a report, an order, or the time."""
        if until_us is None:
            await self._wake.wait()
            return
        seconds = min(LONGEST_NAP, max(0.0, (until_us - self._clock.now_us()) / _MICROSECONDS))
        nap = asyncio.create_task(self._clock.sleep(seconds), name=f"nap of workflow {self.workflow.id}")
        nap.add_done_callback(lambda nap: None if nap.cancelled() else self._wake.set())
        try:
            await self._wake.wait()
        finally:
            nap.cancel()

    @property
    def _has_in_flight(self) -> bool:
        return self._jobs is not None and bool(self._jobs.in_flight)

    # What becomes of jobs

    def _take_reports(self, jobs: BlockRun) -> None:
        now = self._clock.now_us()
        for _ in range(min(len(self._reports), REPORT_CHUNK)):
            report = self._reports.popleft()
            if report.block != jobs.block:
                continue
            if self._leaves and report.outcome is Outcome.CANCELLED:
                jobs.in_flight.discard(report.job)
                continue
            error = report.error
            if report.outcome is Outcome.CANCELLED and not error:
                error = self._halt.told if self._halt else "cancelled"
            end = jobs.ended(report.job, report.outcome, error, now, again=not self._over)
            if end is not None:
                self._record_end(jobs, end)
        if self._grace_over and jobs.in_flight and not self._reports:
            error = f"did not end within {self._grace:g} s of being told to: its outcome is unknown"
            given_up = jobs.abandon()
            self._recorder.jobs(self.workflow, jobs.block, given_up, Status.UNKNOWN, error)
            log.error(error, workflow=self.workflow.id, block=jobs.block, jobs=given_up)

    def _record_end(self, jobs: BlockRun, end: JobEnd) -> None:
        if end.reason == FATAL:
            self._fatal = self._fatal or f"block {jobs.block} job {end.job}: {end.error}"
        if end.status is not Status.COMPLETED:
            self._in_doubt = self._in_doubt or end.status is Status.UNKNOWN
            self._recorder.job_progress(self.workflow, jobs.block, end.job)
        self._recorder.job(self.workflow, jobs.block, end.job, end.status, end.error, end.reason)

    def _call_time(self, jobs: BlockRun) -> None:
        """Tells jobs to end whose time is over, and gives up on those that do not."""
        now = self._clock.now_us()
        expired = jobs.expired(now, round(self._grace * _MICROSECONDS))
        if expired:
            self._runner.cancel([self._job_id(jobs.block, job) for job in expired])
        for end in jobs.given_up(now, self._grace):
            log.error(end.error, workflow=self.workflow.id, block=jobs.block, job=end.job)
            self._record_end(jobs, end)

    async def _take_resolutions(self, jobs: BlockRun) -> None:
        """Waits until it is on record that an outcome is unknown, or what a person says it is."""
        if not (self._resolving or self._in_doubt):
            return
        resolved, self._resolving, self._in_doubt = self._resolving, [], False
        await self._recorder.flush()
        for block, job, resolution in resolved:
            if resolution is Resolution.FAILED:
                jobs.failed_after_all()
            elif resolution is Resolution.RERUN and block == jobs.block:
                jobs.run_again(job)

    def _give_up_retries(self, jobs: BlockRun) -> None:
        given_up = jobs.give_up_retries()
        if self._halt is not None:
            error = f"{self._halt.status.label} before it was tried again"
            self._recorder.jobs(self.workflow, jobs.block, given_up, Status.INTERRUPTED, error)
            return
        for job in given_up:
            error = self.workflow.blocks[jobs.block].errors.get(job, "failed")
            jobs.failed_after_all()
            self._recorder.job(self.workflow, jobs.block, job, Status.FAILED, f"{error} (not tried again)")

    def _cancel_jobs(self) -> None:
        if self._jobs is not None:
            jobs = self._jobs
            self._runner.cancel([self._job_id(jobs.block, job) for job in jobs.in_flight])

    def _end_grace(self) -> None:
        self._grace_over = True
        self._wake.set()

    # Where the workflow stands

    def _settle(self) -> None:
        """Records the status that follows from the orders and from what is in flight."""
        if self._halt is not None or self._ending or self._suspended or not self.begun.is_set():
            return
        status, order = self._wanted()
        if status is not self._status:
            self._record(status, order)

    def _wanted(self) -> tuple[Status, Order]:
        busy = bool(self._starting) or self._has_in_flight
        if self._pause is not None:
            return (Status.PAUSING if busy else Status.PAUSED), self._pause
        if self._unknown and not busy:
            words = f"the outcome of {self._unknown} job{'s' * (self._unknown > 1)} is unknown"
            return Status.NEEDS_OPERATOR, Order("", words)
        if self._held is not None:
            return Status.HELD, Order("", _tell_hold(self.workflow, self._held))
        return Status.RUNNING, self._go

    def _record(self, status: Status, order: Order | Halt) -> None:
        self._status = status
        self._recorder.workflow(self.workflow, status, operator=order.operator, reason=order.reason)
        self._parked()

    def _tell_waves(self, jobs: BlockRun) -> None:
        """Says what it does while nothing seems to happen."""
        if self._halt is not None:
            return
        waves = jobs.waves
        if waves.soaks_until:
            self._tell(f"soaking after wave {waves.wave} of {waves.count}", waves.soaks_until)
        elif not jobs.in_flight and (again := len(jobs.retrying)):
            words = f"{again} job{'s' * (again > 1)} to be tried again"
            self._tell(words, jobs.next_attempt_us())
        else:
            self._tell(f"wave {waves.wave} of {waves.count}" if waves.count > 1 else "", 0)

    def _tell(self, activity: str, until_us: int) -> None:
        workflow = self.workflow
        if (workflow.activity, workflow.until_us) != (activity, until_us):
            workflow.activity, workflow.until_us = activity, until_us
            self._hub.noted(workflow)

    def _block_end(self) -> Status:
        """How the block ended; its last jobs' ends are durable and applied."""
        if self._halt is not None:
            return self._halt.status
        state = self.workflow.blocks[self._jobs.block if self._jobs else 0]
        incomplete = state.has_error or state.count(Status.NOT_STARTED)
        return Status.FAILED if incomplete else Status.COMPLETED

    async def _finish(self) -> None:
        await self._recorder.flush()
        self._ending = True
        self._tell("", 0)
        workflow = self.workflow
        if self._halt is not None:
            self._record(self._halt.status, self._halt)
        elif why := self._fatal or self._budget.spent:
            self._recorder.workflow(workflow, Status.FAILED, error=why)
        elif workflow.had_errors:
            self._recorder.workflow(workflow, Status.FAILED, error=_tell_errors(workflow))
        else:
            self._recorder.workflow(workflow, Status.COMPLETED)
        await self._recorder.flush()


def _tell_hold(workflow: Workflow, block: int) -> str:
    desc = workflow.request.blocks[block].desc
    return f"block {block}{f' ({desc})' if desc else ''} waits for a go"


def _tell_errors(workflow: Workflow) -> str:
    counts = workflow.standing.counts
    kinds: Iterable[Status] = (Status.FAILED, Status.INTERRUPTED, Status.UNKNOWN)
    told = [f"{counts[kind]} {kind.label}" for kind in kinds if counts[kind]]
    return f"of {workflow.request.job_count} jobs: {', '.join(told)}"
