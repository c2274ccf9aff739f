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
from weakref import WeakMethod

import structlog

from wf_server.clock import Clock, SteadyTime
from wf_server.engine.block_run import BlockRun, JobEnd
from wf_server.engine.budget import FailureBudget
from wf_server.engine.orders import Halt, Order, Resolution
from wf_server.engine.quotas import Quotas
from wf_server.engine.recorder import Recorder
from wf_server.engine.runner import JobStart, Outcome, Runner
from wf_server.engine.stance import Stance
from wf_server.engine.start_problem import StartProblem
from wf_server.errors import FailedPrecondition
from wf_server.events import Hub
from wf_server.model import BLOCK_FINAL, FATAL, JobId, Progress, Status, Workflow

log = structlog.get_logger(__name__)

#: Jobs started in one go: larger rate limits are filled over several turns of the loop.
START_CHUNK = 500
#: Ends of jobs taken in before they are recorded: a stop of many jobs must not hold the event loop.
REPORT_CHUNK = 1_000

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
        start_problem: Callable[[Workflow, int], StartProblem | None] = lambda workflow, block: None,
        quotas: Quotas | None = None,
    ) -> None:
        self.workflow = workflow
        self._recorder = recorder
        self._runner = runner
        self._hub = hub
        #: A machine's clock that is set must not end a job by its timeout, nor a pause.
        self._time = SteadyTime(clock)
        #: Seconds that a job which is told to end has to end.
        self._grace = grace
        # Weakly: a run that has ended is gone at once, and lets go of its workflow.
        busy = WeakMethod(self._is_busy)
        self._stance = Stance(
            workflow,
            recorder,
            hub,
            is_busy=lambda: (found := busy()) is not None and found(),
            parked=parked,
            start_problem=start_problem,
        )
        self._budget = FailureBudget(workflow)
        self._jobs: BlockRun | None = None
        #: On their way to the record as running; their code has not begun.
        self._starting: list[int] = []
        self._adopted: frozenset[JobId] = frozenset()
        self._reports: deque[_Report] = deque()
        self._wake = asyncio.Event()
        #: By which its jobs come to the quotas' tokens.
        self._turnstile = quotas.turnstile(workflow, self._wake.set) if quotas else None
        #: Set once it can be given orders.
        self.begun = asyncio.Event()
        #: A job's outcome has turned out to be unknown, and that is not on record yet.
        self._in_doubt = False
        #: Why nothing more may start, whatever anyone orders; empty: it may.
        self._fatal = workflow.fatal
        self._suspended = False
        #: Its task is over; a job that was given up may still talk.
        self._gone = False
        self._grace_over = False
        self._grace_timer: asyncio.TimerHandle | None = None

    # Orders: see Stance

    @property
    def status(self) -> Status:
        """Where the workflow stands, orders that are on their way to the record included."""
        return self._stance.status

    @property
    def is_halted(self) -> bool:
        """Whether it was told to end."""
        return self._stance.halted is not None

    @property
    def held_before(self) -> int | None:
        """The block before which it is held."""
        return self._stance.held_before

    def halt(self, order: Halt) -> bool:
        """Starts nothing more, tells the running jobs to end. False: it was halted before."""
        if not self._stance.halt(order):
            return False
        self._cancel_jobs()
        self._stance.tell("", self._time.now_us() + round(self._grace * _MICROSECONDS))
        self._grace_timer = asyncio.get_running_loop().call_later(self._grace, self._end_grace)
        self._wake.set()
        return True

    def cancel(self, order: Order) -> None:
        """An operator ends it."""
        if not self.halt(Halt(Status.CANCELLED, order.operator, order.reason)):
            raise FailedPrecondition(f"it is {self.status.label} already")

    def pause(self, order: Order) -> None:
        """Starts nothing more until it is resumed; jobs in flight end by themselves."""
        if self._fatal:
            raise FailedPrecondition(f"it is ending, because {self._fatal}: there is nothing to pause")
        self._stance.pause(order)
        self._wake.set()

    def resume(self, order: Order) -> None:
        """Lets a paused workflow go on."""
        self._stance.resume(order)
        self._wake.set()

    def release(self, block: int, order: Order) -> None:
        """Gives the go for the block before which it is held."""
        self._stance.release(block, order)
        self._wake.set()

    def resolve(self, block: int, job: int, resolution: Resolution, order: Order) -> None:
        """A person says what became of a job whose outcome is unknown."""
        if resolution is Resolution.RERUN and self._jobs is not None and self._jobs.is_lost(job):
            raise FailedPrecondition(
                f"block {block} job {job} still runs and does not listen: it can be run again once it has "
                "ended, or after a restart of the server; say done or failed if you know"
            )
        self._stance.resolve(block, job, resolution, order)
        self._wake.set()

    def suspend(self) -> None:
        """Starts nothing more and leaves the record as it is: the next server resumes from it.

        A run that was told to end ends all the same.
        """
        self._suspended = True
        self._stance.leave()
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
        """Passes a job's progress on to those who watch; that of a job that was given up is of no use."""
        if self.workflow.blocks[job.block].statuses[job.job] != Status.RUNNING:
            return
        progress = self.workflow.progress.setdefault((job.block, job.job), Progress())
        progress.fraction, progress.message = fraction, message
        self._hub.progressed(self.workflow, (job.block, job.job), progress)

    def logged(self, job: JobId, line: str) -> None:
        """Keeps a line of a job's log; none once the run is over, and its place in the log forgotten."""
        if self._gone:
            return
        self._recorder.log_line(self.workflow, job.block, job.job, line)

    # The loop: block after block

    async def run(self) -> None:
        """Runs block after block, then records the end."""
        if not self._suspended:
            self._stance.begin()
        self.begun.set()
        try:
            for block in range(len(self.workflow.blocks)):
                if not await self._advance(block):
                    break
            if not self._leaves:
                await self._finish()
        finally:
            self._gone = True
            self._leave_line()
            # Should this task break off, a stop could no longer reach its jobs.
            self._cancel_jobs()
            if self._grace_timer is not None:
                self._grace_timer.cancel()

    @property
    def _over(self) -> bool:
        """Whether nothing more may ever start."""
        return self.is_halted or bool(self._fatal or self._budget.spent)

    @property
    def _leaves(self) -> bool:
        """Whether it ends without an end on record."""
        return self._suspended and not self.is_halted

    @property
    def _held_back(self) -> bool:
        """Whether no further job may start for now."""
        return self._over or self._suspended or self._stance.paused is not None or self._stance.unknown > 0

    def _is_busy(self) -> bool:
        return bool(self._starting) or (self._jobs is not None and bool(self._jobs.in_flight))

    async def _advance(self, block: int) -> bool:
        """Runs a block to its end, if it has not ended; False where none after it has begun or may."""
        status = self.workflow.blocks[block].status
        if status is Status.NOT_STARTED and not await self._may_begin(block):
            return False
        if status not in BLOCK_FINAL:
            await self._run_block(block)
        if not (self._leaves or self._fatal):
            # Asked of blocks that ended under an earlier server too: it may have been killed right then.
            self._fatal = self._ends_after(block)
        # Whatever forbids a later block to begin: one that runs already has to be brought to its end.
        return not self._leaves

    def _ends_after(self, block: int) -> str:
        """Why nothing comes after this block, which has ended; empty: the next one does."""
        self._budget.enter(block)
        if self._budget.spent:
            return self._budget.spent
        if self.workflow.blocks[block].has_error and self.workflow.request.stops_after(block):
            return f"block {block} ended with errors, and its on_failure is stop"
        return ""

    async def _may_begin(self, block: int) -> bool:
        """Waits until the block's begin is on record; False where it never may begin."""
        while not (self._over or self._suspended):
            self._wake.clear()
            self._stance.may_begin(block)
            await self._recorder.flush()
            if self.workflow.blocks[block].status is Status.RUNNING:
                return True
            problem = self._stance.waits_out
            await self._wait(problem.ask_again_us(self._time.now_us()) if problem else None)
        # A go may have come with the halt: a block that has begun has to end.
        await self._recorder.flush()
        return self.workflow.blocks[block].status is Status.RUNNING

    async def _finish(self) -> None:
        await self._recorder.flush()
        self._stance.tell("", 0)
        failure = self._fatal or self._budget.spent
        if not failure and self.workflow.had_errors:
            failure = _tell_errors(self.workflow)
        self._stance.end(failure)
        await self._recorder.flush()

    # The loop within a block

    async def _run_block(self, block: int) -> None:
        adopted = [job.job for job in self._adopted if job.block == block]
        jobs = self._jobs = BlockRun(self.workflow, block, self._budget, self._time.now_us(), adopted)
        while True:
            self._wake.clear()
            self._take_reports(jobs)
            self._call_time(jobs)
            await self._take_resolutions(jobs)
            self._stance.settle()
            if starting := self._take(jobs):
                await self._start(jobs, starting)
            elif not jobs.in_flight and await self._is_done(jobs):
                break
            elif not self._reports:
                self._tell_waits(jobs)
                await self._wait(self._next_us(jobs))
            else:
                await asyncio.sleep(0)
        self._leave_line()
        if not self._leaves:
            self._recorder.workflow(self.workflow, self._block_end(block), block=block)
            await self._recorder.flush()
            if not self.is_halted:
                self._stance.tell("", 0)

    async def _is_done(self, jobs: BlockRun) -> bool:
        """Whether the block is over, now that nothing of it is in flight."""
        await self._recorder.flush()
        if self._reports or self._stance.is_resolving:
            return False
        if self._leaves:
            return True
        if self._over:
            self._give_up_retries(jobs)
            # What failed for good still waits for a person to say what nobody knows: its end is final.
            return self.is_halted or not self._stance.unknown
        return jobs.is_empty and not self._stance.unknown

    def _take(self, jobs: BlockRun) -> list[int]:
        """Takes the jobs that may begin now, with the tokens that they need."""
        if self._held_back:
            self._leave_line()
            return []
        turnstile = self._turnstile
        if turnstile is None or not turnstile.open(jobs.block):
            return jobs.take(self._time.now_us(), START_CHUNK)
        taken = jobs.take(self._time.now_us(), START_CHUNK, turnstile.admit)
        turnstile.close()
        return taken

    def _leave_line(self) -> None:
        """Lets others have the tokens that come back."""
        if self._turnstile is not None:
            self._turnstile.leave()

    async def _start(self, jobs: BlockRun, starting: list[int]) -> None:
        """Starts jobs; everything queued before is durable on return."""
        self._starting = starting
        if self._turnstile is not None and (tokens := self._turnstile.claim()):
            self._recorder.begin_with(self.workflow, jobs.block, starting, tokens)
        else:
            self._recorder.jobs(self.workflow, jobs.block, starting, Status.RUNNING)
        await self._recorder.flush()
        self._starting = []
        if self._stance.halted is not None:
            # The stop came while their start was being written: their code never begins.
            jobs.in_flight.difference_update(starting)
            error = f"{self._stance.halted.status.label} before it began"
            self._recorder.jobs(self.workflow, jobs.block, starting, Status.INTERRUPTED, error)
        elif self._suspended:
            jobs.in_flight.difference_update(starting)
            error = "the server ended before it began"
            self._recorder.jobs(self.workflow, jobs.block, starting, Status.NOT_STARTED, error)
        else:
            jobs.began(starting, self._time.now_us())
            self._runner.start([self._start_of(jobs.block, job) for job in starting], self)

    def _start_of(self, block: int, job: int) -> JobStart:
        spec = self.workflow.request.blocks[block].jobs[job]
        return JobStart(self._job_id(block, job), spec.args.get("site", ""), spec.name, spec.args)

    def _job_id(self, block: int, job: int) -> JobId:
        return JobId(self.workflow.id, block, job)

    def _next_us(self, jobs: BlockRun) -> int | None:
        """When something is due by itself; None: nothing is."""
        due = jobs.next_us(may_start=not self._held_back)
        if self._turnstile is None or self._turnstile.waits is None:
            return due
        token = self._time.now_us() + self._turnstile.nap_us()
        return token if due is None else min(due, token)

    async def _wait(self, until_us: int | None) -> None:
        """Waits for news since this turn of the loop began: a report, an order, or the time."""
        if until_us is None:
            await self._wake.wait()
            return
        seconds = max(0.0, (until_us - self._time.now_us()) / _MICROSECONDS)
        nap = asyncio.create_task(self._time.sleep(seconds), name=f"nap of workflow {self.workflow.id}")
        nap.add_done_callback(lambda nap: None if nap.cancelled() else self._wake.set())
        try:
            await self._wake.wait()
        finally:
            nap.cancel()

    # What becomes of jobs

    def _take_reports(self, jobs: BlockRun) -> None:
        now, halted = self._time.now_us(), self._stance.halted
        for _ in range(min(len(self._reports), REPORT_CHUNK)):
            report = self._reports.popleft()
            if report.block != jobs.block:
                continue
            if self._leaves and report.outcome is Outcome.CANCELLED:
                jobs.in_flight.discard(report.job)
                continue
            error = report.error
            if report.outcome is Outcome.CANCELLED and not error:
                error = halted.told if halted else "cancelled"
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
        now = self._time.now_us()
        expired = jobs.expired(now, round(self._grace * _MICROSECONDS))
        if expired:
            self._runner.cancel([self._job_id(jobs.block, job) for job in expired])
        for end in jobs.given_up(now, self._grace):
            log.error(end.error, workflow=self.workflow.id, block=jobs.block, job=end.job)
            self._record_end(jobs, end)

    async def _take_resolutions(self, jobs: BlockRun) -> None:
        """Waits until it is on record that an outcome is unknown, or what a person says it is."""
        if not (self._stance.is_resolving or self._in_doubt):
            return
        resolved, self._in_doubt = self._stance.take_resolutions(), False
        await self._recorder.flush()
        for block, job, resolution in resolved:
            if resolution is Resolution.FAILED:
                jobs.failed_after_all()
            elif resolution is Resolution.RERUN and block == jobs.block:
                jobs.run_again(job)

    def _give_up_retries(self, jobs: BlockRun) -> None:
        given_up, halted = jobs.give_up_retries(), self._stance.halted
        if halted is not None:
            error = f"{halted.status.label} before it was tried again"
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

    # What it says

    def _tell_waits(self, jobs: BlockRun) -> None:
        """Says what it does while nothing seems to happen."""
        if self.is_halted:
            return
        waves = jobs.waves
        if waves.soaks_until:
            self._stance.tell(f"soaking after wave {waves.wave} of {waves.count}", waves.soaks_until)
        elif self._turnstile is not None and (wait := self._turnstile.waits):
            self._stance.tell(wait.words, wait.until_us)
        elif not jobs.in_flight and (again := len(jobs.retrying)):
            words = f"{again} job{'s' * (again > 1)} to be tried again"
            self._stance.tell(words, jobs.next_attempt_us())
        else:
            self._stance.tell(f"wave {waves.wave} of {waves.count}" if waves.count > 1 else "", 0)

    def _block_end(self, block: int) -> Status:
        """How the block ended; its last jobs' ends are durable and applied."""
        if self._stance.halted is not None:
            return self._stance.halted.status
        state = self.workflow.blocks[block]
        incomplete = state.has_error or state.count(Status.NOT_STARTED)
        return Status.FAILED if incomplete else Status.COMPLETED


def _tell_errors(workflow: Workflow) -> str:
    counts = workflow.standing.counts
    kinds: Iterable[Status] = (Status.FAILED, Status.INTERRUPTED, Status.UNKNOWN)
    told = [f"{counts[kind]} {kind.label}" for kind in kinds if counts[kind]]
    return f"of {workflow.request.job_count} jobs: {', '.join(told)}"
