"""The seam behind which a job's code runs, and the local runner, which runs it in this process.

Nothing above this seam may assume that a job shares the server's process, clock or memory: orders go
down as batches, news come up as events, in any order, late, or never.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Protocol

import structlog

from wf_server.clock import Clock
from wf_server.jobs.base import JobFailed
from wf_server.jobs.registry import JobRegistry
from wf_server.jobs.secrets import NO_MASK, Mask
from wf_server.model import JobId
from wf_server.wording import storable

log = structlog.get_logger(__name__)

#: A job's error is shown and stored: longer ones are cut.
ERROR_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class JobStart:
    """An order to run one job."""

    id: JobId
    #: Where it acts, so that a runner may choose a place near it; empty: anywhere.
    site: str
    type: str
    args: Mapping[str, str]


class Outcome(Enum):
    """How a job ended."""

    DONE = auto()
    FAILED = auto()
    #: It failed, and its workflow may start nothing more.
    FATAL = auto()
    CANCELLED = auto()
    #: The runner lost sight of it.
    IN_DOUBT = auto()


class Adopted(Enum):
    """What a runner knows of a job that was running before the server started."""

    RUNNING = auto()
    NEVER_STARTED = auto()
    #: It was started, and this runner cannot tell more.
    LOST = auto()


class RunnerEvents(Protocol):
    """Who listens to one workflow's jobs."""

    def ended(self, job: JobId, outcome: Outcome, error: str) -> None:
        """The job's code is over."""
        ...

    def progressed(self, job: JobId, fraction: float, message: str) -> None:
        """The job says how far it is, from 0 to 1."""
        ...

    def logged(self, job: JobId, line: str) -> None:
        """The job adds a line to its log."""
        ...


class Runner(Protocol):
    """Runs jobs somewhere."""

    def start(self, batch: Sequence[JobStart], events: RunnerEvents) -> None:
        """Starts jobs whose start is on record. Returns at once."""
        ...

    def cancel(self, jobs: Iterable[JobId]) -> None:
        """Tells jobs to end; each answers by an event, or never."""
        ...

    async def adopt(self, jobs: Collection[JobId], events: RunnerEvents) -> Mapping[JobId, Adopted]:
        """After a restart: takes jobs over that may still run."""
        ...

    async def close(self, timeout: float) -> None:
        """Ends everything, within so many seconds."""
        ...


class _LocalContext:
    """A JobContext of a job in this process."""

    __slots__ = ("_events", "_mask", "clock", "holder")

    def __init__(self, job: JobId, clock: Clock, events: RunnerEvents, mask: Mask) -> None:
        self._mask = mask
        self.holder = job
        self.clock = clock
        self._events = events

    def progress(self, fraction: float, message: str = "") -> None:
        # In this order what is not a number counts as nothing done.
        self._events.progressed(self.holder, min(max(0.0, fraction), 1.0), storable(self._mask(message)))

    def log(self, line: str) -> None:
        self._events.logged(self.holder, storable(self._mask(line)))


class _SecretBug(Exception):
    """An unexpected error of a job that has secrets, in words without them."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace


def _masked(error: Exception, mask: Mask) -> Exception:
    """The error without secrets: its text and all that it came from may quote them."""
    if isinstance(error, JobFailed):
        return JobFailed(mask(str(error)), fatal=error.fatal)
    trace = mask("".join(traceback.format_exception(error)))
    return _SecretBug(mask(f"{type(error).__name__}: {error}"), trace)


class LocalRunner:
    """Runs each job as a task of this process."""

    def __init__(self, registry: JobRegistry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._tasks: dict[JobId, asyncio.Task[None]] = {}

    def start(self, batch: Sequence[JobStart], events: RunnerEvents) -> None:
        """Starts a task for each job of the batch."""
        for job in batch:
            if job.id in self._tasks:
                raise AssertionError(f"job {job.id} runs already")
            task = asyncio.create_task(self._run(job, events), name=f"job {'/'.join(map(str, job.id))}")
            self._tasks[job.id] = task
            task.add_done_callback(partial(self._ended, job.id, events))

    def cancel(self, jobs: Iterable[JobId]) -> None:
        """Cancels the jobs' tasks."""
        for job in jobs:
            task = self._tasks.get(job)
            if task is not None:
                task.cancel()

    async def adopt(self, jobs: Collection[JobId], events: RunnerEvents) -> Mapping[JobId, Adopted]:
        """Nothing of this process outlives it: every such job is lost."""
        return dict.fromkeys(jobs, Adopted.LOST)

    async def close(self, timeout: float) -> None:
        """Cancels what still runs and waits for it, at most so many seconds."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=timeout)
            if pending:
                log.warning("jobs ignore their cancellation", jobs=[t.get_name() for t in pending])

    async def _run(self, job: JobStart, events: RunnerEvents) -> None:
        job_type = self._registry.get(job.type)
        if job_type is None:
            raise JobFailed(f"the job type {job.type!r} is no longer registered", fatal=True)
        args, mask = await self._registry.secrets.open(job_type, job.args)
        try:
            await job_type.run(_LocalContext(job.id, self._clock, events, mask), args)
        except SystemExit as error:
            # asyncio would let it end the server.
            raise RuntimeError(mask(f"it asked for an exit of the process: {error.code!r}")) from (
                error if mask is NO_MASK else None
            )
        except Exception as error:
            if mask is NO_MASK:
                raise
            raise _masked(error, mask) from None

    def _ended(self, job: JobId, events: RunnerEvents, task: asyncio.Task[None]) -> None:
        del self._tasks[job]
        if task.cancelled():
            events.ended(job, Outcome.CANCELLED, "")
            return
        error = task.exception()
        if error is None:
            events.ended(job, Outcome.DONE, "")
        elif isinstance(error, JobFailed):
            outcome = Outcome.FATAL if error.fatal else Outcome.FAILED
            events.ended(job, outcome, str(error)[:ERROR_LIMIT])
        elif isinstance(error, _SecretBug):
            log.error("a bug in a job", job=job, exception=error.trace)
            events.ended(job, Outcome.FATAL, f"internal error in the job: {error}"[:ERROR_LIMIT])
        else:
            # Nobody knows what it did not do: what comes after it may count on that.
            log.error("a bug in a job", job=job, exc_info=error)
            told = f"internal error in the job: {type(error).__name__}: {error}"
            events.ended(job, Outcome.FATAL, told[:ERROR_LIMIT])
