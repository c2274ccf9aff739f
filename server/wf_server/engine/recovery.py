"""After a restart: what becomes of the jobs that were running when the server ended.

Each job type declares it (`Recovery`): an idempotent job is run again, a verifiable one tells whether
it was done, and of an irreversible one nobody knows until a person says. Jobs that had ended stay
ended; jobs that had not started simply wait their turn.
"""

from __future__ import annotations

import asyncio

import structlog

from wf_server.clock import Clock
from wf_server.engine.recorder import Recorder
from wf_server.engine.runner import ERROR_LIMIT, Adopted, Runner, RunnerEvents
from wf_server.errors import StoreError
from wf_server.jobs.base import Recovery
from wf_server.jobs.registry import JobRegistry
from wf_server.jobs.secrets import NO_MASK
from wf_server.model import Job, JobId, Status, Workflow
from wf_server.store import Store

log = structlog.get_logger(__name__)

#: Seconds that a verification may take.
VERIFY_SECONDS = 60.0
#: Jobs of one workflow that are verified at once.
VERIFIERS = 50

_LOST = "the server ended while it ran"


class _VerifyContext:
    """The JobContext of a verification: it reports to nobody."""

    def __init__(self, holder: JobId, clock: Clock) -> None:
        self.holder = holder
        self.clock = clock

    def progress(self, fraction: float, message: str = "") -> None:
        """A verification's progress is of no interest."""

    def log(self, line: str) -> None:
        """A verification's log goes to the server's."""
        log.info(line, job=self.holder)


class Recoverer:
    """Settles the jobs of interrupted workflows, so that a run can go on from there."""

    def __init__(
        self, registry: JobRegistry, runner: Runner, recorder: Recorder, store: Store, clock: Clock
    ) -> None:
        self._registry = registry
        self._runner = runner
        self._recorder = recorder
        self._store = store
        self._clock = clock

    async def settle(self, workflow: Workflow, events: RunnerEvents, *, rerun: bool) -> set[JobId]:
        """Records what became of each job that was running; durable on return.

        Without `rerun` (a stop is engaged) nothing is put back to be run again. Returns the jobs that
        the runner has taken over: they still run.
        """
        running = [
            JobId(workflow.id, b, j)
            for b, block in enumerate(workflow.blocks)
            if block.status is Status.RUNNING
            for j, status in enumerate(block.statuses)
            if status == Status.RUNNING
        ]
        try:
            self._recorder.logs.adopt(workflow.key, await self._store.load_log_sizes(workflow.key))
        except StoreError as error:
            # What jobs have said is no reason to leave their workflow without a run.
            log.error("kept logs cannot be read", workflow=workflow.id, reason=str(error))
        known = await self._runner.adopt(running, events) if running else {}
        gone = iter([job for job in running if known.get(job) is not Adopted.RUNNING])

        async def settle_some() -> None:
            for job in gone:
                await self._settle_job(workflow, job, known.get(job, Adopted.LOST), rerun=rerun)

        async with asyncio.TaskGroup() as verifiers:
            for _ in range(min(VERIFIERS, len(running))):
                verifiers.create_task(settle_some(), name=f"recovery of workflow {workflow.id}")
        await self._recorder.flush()
        return {job for job in running if known.get(job) is Adopted.RUNNING}

    async def _settle_job(self, workflow: Workflow, job: JobId, state: Adopted, *, rerun: bool) -> None:
        spec = workflow.request.blocks[job.block].jobs[job.job]
        status, error = Status.NOT_STARTED, ""
        if state is Adopted.LOST:
            status, error = await self._outcome(spec, job)
        if status is Status.NOT_STARTED and not rerun:
            status, error = Status.INTERRUPTED, f"{_LOST}, and a stop forbids to run it again"
        self._recorder.job(workflow, job.block, job.job, status, error)
        log.info("recovered a job", job=job, type=spec.name, status=status.label)

    async def _outcome(self, spec: Job, job: JobId) -> tuple[Status, str]:
        job_type = self._registry.get(spec.name)
        if job_type is None:
            return Status.UNKNOWN, f"{_LOST}, and its job type is no longer registered"
        if job_type.recovery is Recovery.IDEMPOTENT:
            return Status.NOT_STARTED, ""
        if job_type.recovery is Recovery.IRREVERSIBLE:
            return Status.UNKNOWN, f"{_LOST}, and it cannot be run again safely"
        mask = NO_MASK
        try:
            async with asyncio.timeout(VERIFY_SECONDS):
                args, mask = await self._registry.secrets.open(job_type, spec.args)
                done = await job_type.verify(_VerifyContext(job, self._clock), args)
        except TimeoutError:
            log.warning("a verification did not answer", job=job, seconds=VERIFY_SECONDS)
            told = f"{_LOST}, and its verification did not answer within {VERIFY_SECONDS:g} s"
            return Status.UNKNOWN, told
        except Exception as error:  # noqa: BLE001 - a job type's code may raise anything
            log.warning("a job could not be verified", job=job, reason=mask(str(error)))
            return Status.UNKNOWN, f"{_LOST}, and its verification failed: {mask(str(error))[:ERROR_LIMIT]}"
        return (Status.COMPLETED, "") if done else (Status.NOT_STARTED, "")
