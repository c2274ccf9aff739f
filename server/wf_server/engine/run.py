"""One running workflow: which block and jobs are next, and how it ends.

The run is a task. It asks the recorder to write each step and waits for it before a job's code
starts; it hears from the runner what became of the jobs; it is told to halt by a stop. All three meet
in one loop, so that no two of them ever decide at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from wf_server.engine.recorder import Recorder
from wf_server.engine.runner import JobStart, Outcome, Runner
from wf_server.events import Hub
from wf_server.model import FATAL, JobId, Progress, Status, Workflow

log = structlog.get_logger(__name__)

#: Jobs started in one go: larger rate limits are filled over several turns of the loop.
START_CHUNK = 500
#: Ends of jobs taken in before they are recorded: a stop of many jobs must not hold the event loop.
REPORT_CHUNK = 1_000
#: Log lines kept of a running job.
LOG_LINES = 100
#: Characters kept of one line.
LOG_LINE_LIMIT = 2000

_ENDED = {
    Outcome.DONE: Status.COMPLETED,
    Outcome.FAILED: Status.FAILED,
    Outcome.FATAL: Status.FAILED,
    Outcome.CANCELLED: Status.INTERRUPTED,
    Outcome.IN_DOUBT: Status.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Halt:
    """An order that ends a workflow: an emergency stop's, say."""

    status: Status
    operator: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Report:
    job: int
    outcome: Outcome
    error: str


class Run:
    """Drives one workflow from where it stands to its end. `RunnerEvents` of its jobs."""

    def __init__(
        self, workflow: Workflow, recorder: Recorder, runner: Runner, hub: Hub, grace: float
    ) -> None:
        self.workflow = workflow
        self._recorder = recorder
        self._runner = runner
        self._hub = hub
        #: Seconds that halted jobs have to end.
        self._grace = grace
        self._block = 0
        self._in_flight: set[int] = set()
        self._adopted: frozenset[JobId] = frozenset()
        self._reports: deque[_Report] = deque()
        self._wake = asyncio.Event()
        self._halt: Halt | None = None
        self._fatal = workflow.fatal
        self._suspended = False
        #: Its end is decided and on its way to the record.
        self._ending = False
        self._grace_over = False
        self._grace_timer: asyncio.TimerHandle | None = None

    # Orders

    def halt(self, order: Halt) -> bool:
        """Starts nothing more, tells the running jobs to end. False: it was halted before."""
        if self._halt is not None or self._ending:
            return False
        self._halt = order
        if self.workflow.status is not Status.STOPPING:
            # On record at once, so that no restart forgets it while the jobs are ending.
            self._recorder.workflow(
                self.workflow, Status.STOPPING, operator=order.operator, reason=order.reason
            )
        self._cancel_jobs()
        self._grace_timer = asyncio.get_running_loop().call_later(self._grace, self._end_grace)
        self._wake.set()
        return True

    @property
    def is_halted(self) -> bool:
        """Whether it was told to end."""
        return self._halt is not None

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
        self._reports.append(_Report(job.job, outcome, error))
        self._wake.set()

    def progressed(self, job: JobId, fraction: float, message: str) -> None:
        """Passes a job's progress on to those who watch."""
        progress = self._progress_of(job)
        progress.fraction, progress.message = fraction, message
        self._hub.progressed(self.workflow, (job.block, job.job), progress)

    def logged(self, job: JobId, line: str) -> None:
        """Keeps a line of a job's log while it runs."""
        lines = self._progress_of(job).log
        lines.append(line[:LOG_LINE_LIMIT])
        del lines[:-LOG_LINES]

    def _progress_of(self, job: JobId) -> Progress:
        return self.workflow.progress.setdefault((job.block, job.job), Progress())

    # The loop

    async def run(self) -> None:
        """Runs block after block, then records the end."""
        try:
            await self._wait_for_operator()
            for block, state in enumerate(self.workflow.blocks):
                if self._leaves or (self._over and state.status is Status.NOT_STARTED):
                    break
                if state.status in (Status.NOT_STARTED, Status.RUNNING):
                    await self._run_block(block)
            if not self._leaves:
                await self._finish()
        finally:
            # Should this task break off, a stop could no longer reach its jobs.
            self._cancel_jobs()
            if self._grace_timer is not None:
                self._grace_timer.cancel()

    @property
    def _over(self) -> bool:
        return self._halt is not None or bool(self._fatal)

    async def _wait_for_operator(self) -> None:
        """After a restart: where a job's outcome is unknown, nothing goes on by itself."""
        unknown = self.workflow.standing.counts[Status.UNKNOWN]
        if not unknown or self._over:
            return
        reason = f"the outcome of {unknown} job{'s' * (unknown > 1)} is unknown"
        if self.workflow.status is not Status.NEEDS_OPERATOR:
            self._recorder.workflow(self.workflow, Status.NEEDS_OPERATOR, reason=reason)
            await self._recorder.flush()
        while not (self._over or self._suspended):
            self._wake.clear()
            await self._wake.wait()

    async def _run_block(self, block: int) -> None:
        self._block = block
        self._in_flight = {job.job for job in self._adopted if job.block == block}
        state = self.workflow.blocks[block]
        if state.status is Status.NOT_STARTED:
            self._recorder.workflow(self.workflow, Status.RUNNING, block=block)
        waiting = deque(job for job, status in enumerate(state.statuses) if status == Status.NOT_STARTED)
        rate_limit = max(1, self.workflow.request.blocks[block].rate_limit)
        while True:
            await self._start_some(waiting, rate_limit)
            if not self._in_flight and (self._held or not waiting):
                break
            if not self._can_start(waiting, rate_limit):
                await self._next_reports()
            self._take_reports()
        if not self._leaves:
            self._recorder.workflow(self.workflow, await self._block_end(), block=block)

    @property
    def _leaves(self) -> bool:
        """Whether it ends without an end on record."""
        return self._suspended and self._halt is None

    @property
    def _held(self) -> bool:
        """Whether no further job may start."""
        return self._over or self._suspended

    def _can_start(self, waiting: deque[int], rate_limit: int) -> bool:
        return bool(waiting) and not self._held and len(self._in_flight) < rate_limit

    async def _start_some(self, waiting: deque[int], rate_limit: int) -> None:
        """Starts as many jobs as may run; everything queued before is durable on return."""
        starting: list[int] = []
        if not self._held:
            room = min(rate_limit - len(self._in_flight), len(waiting), START_CHUNK)
            starting = [waiting.popleft() for _ in range(room)]
            self._recorder.jobs(self.workflow, self._block, starting, Status.RUNNING)
        await self._recorder.flush()
        if not starting:
            return
        if self._halt is not None:
            # The stop came while their start was being written: their code never begins.
            error = "stopped before it began"
            self._recorder.jobs(self.workflow, self._block, starting, Status.INTERRUPTED, error)
        elif not self._suspended:
            self._in_flight.update(starting)
            self._runner.start([self._order(job) for job in starting], self)

    def _order(self, job: int) -> JobStart:
        spec = self.workflow.request.blocks[self._block].jobs[job]
        return JobStart(self._job_id(job), spec.args.get("site", ""), spec.name, spec.args)

    def _job_id(self, job: int) -> JobId:
        return JobId(self.workflow.id, self._block, job)

    async def _next_reports(self) -> None:
        while self._in_flight and not (self._reports or self._grace_over):
            self._wake.clear()
            await self._wake.wait()

    def _take_reports(self) -> None:
        for _ in range(min(len(self._reports), REPORT_CHUNK)):
            report = self._reports.popleft()
            if report.job not in self._in_flight:
                continue
            self._in_flight.discard(report.job)
            if not (self._leaves and report.outcome is Outcome.CANCELLED):
                self._record_end(report)
        if self._grace_over and self._in_flight and not self._reports:
            error = f"did not end within {self._grace:g} s of being told to: its outcome is unknown"
            self._recorder.jobs(self.workflow, self._block, sorted(self._in_flight), Status.UNKNOWN, error)
            log.error(error, workflow=self.workflow.id, block=self._block, jobs=sorted(self._in_flight))
            self._in_flight.clear()

    def _record_end(self, report: _Report) -> None:
        error, reason = report.error, ""
        if report.outcome is Outcome.CANCELLED and not error:
            # Why stands on the workflow, once.
            error = "interrupted by the emergency stop" if self._halt else "cancelled"
        if report.outcome is Outcome.FATAL:
            reason = FATAL
            self._fatal = self._fatal or f"block {self._block} job {report.job}: {error}"
        self._recorder.job(self.workflow, self._block, report.job, _ENDED[report.outcome], error, reason)

    def _cancel_jobs(self) -> None:
        self._runner.cancel([self._job_id(job) for job in self._in_flight])

    def _end_grace(self) -> None:
        self._grace_over = True
        self._wake.set()

    async def _block_end(self) -> Status:
        """How the block ended; its last jobs' ends are durable and applied first."""
        await self._recorder.flush()
        state = self.workflow.blocks[self._block]
        if self._halt is not None:
            return self._halt.status
        return Status.FAILED if state.has_error else Status.COMPLETED

    async def _finish(self) -> None:
        await self._recorder.flush()
        self._ending = True
        workflow = self.workflow
        if self._halt is not None:
            status, reason = self._halt.status, self._halt.reason
            self._recorder.workflow(workflow, status, operator=self._halt.operator, reason=reason)
        elif self._fatal:
            self._recorder.workflow(workflow, Status.FAILED, error=self._fatal)
        elif workflow.had_errors:
            self._recorder.workflow(workflow, Status.FAILED, error=_tell_errors(workflow))
        else:
            self._recorder.workflow(workflow, Status.COMPLETED)
        await self._recorder.flush()


def _tell_errors(workflow: Workflow) -> str:
    counts = workflow.standing.counts
    kinds: Iterable[Status] = (Status.FAILED, Status.INTERRUPTED, Status.UNKNOWN)
    told = [f"{counts[kind]} {kind.label}" for kind in kinds if counts[kind]]
    return f"of {workflow.request.job_count} jobs: {', '.join(told)}"
