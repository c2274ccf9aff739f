"""What can be asked of workflows: check, submit, find, list, report. The rules' meeting point."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from wf_server.clock import Clock
from wf_server.engine.approvals import Approvals
from wf_server.engine.cache import WorkflowCache
from wf_server.engine.checker import RequestChecker
from wf_server.engine.executor import Executor
from wf_server.engine.recorder import Recorder
from wf_server.engine.rerun import rerun_of
from wf_server.errors import (
    EmergencyStopped,
    FailedPrecondition,
    KeyReused,
    NotFound,
    Refused,
    ShuttingDown,
    StoreConflict,
    StoreError,
)
from wf_server.estop import EmergencyStops
from wf_server.events import Hub
from wf_server.jobs import JobRegistry
from wf_server.model import (
    WORKFLOW_ACTIVE,
    Attempt,
    Change,
    Level,
    Lineage,
    LineageKind,
    LogLine,
    Progress,
    Receipt,
    Rejection,
    RejectionSummary,
    Status,
    Summary,
    Violation,
    Workflow,
    WorkReq,
    attempts_in,
    receipt_of,
)
from wf_server.store import Page, Store

log = structlog.get_logger(__name__)

#: Log lines told with one job of a page, and with a whole page: as many as a message should carry.
JOB_LINES = 100
PAGE_LINES = 2_000


@dataclass(frozen=True, slots=True)
class JobStory:
    """A job's attempts, the kept lines of its log, and how far it was if it ended without completing."""

    attempts: tuple[Attempt, ...]
    log: tuple[LogLine, ...]
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class BlockNotes:
    """What is kept of what jobs of a block said of themselves, by job."""

    logs: Mapping[int, Sequence[str]]
    progress: Mapping[int, Progress]


class Workflows:
    """The workflows of this server, running and stored."""

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        executor: Executor,
        checker: RequestChecker,
        stops: EmergencyStops,
        hub: Hub,
        clock: Clock,
        registry: JobRegistry,
        approvals: Approvals,
        cache: WorkflowCache | None = None,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._executor = executor
        self._checker = checker
        self._stops = stops
        self._hub = hub
        self._clock = clock
        self._registry = registry
        self._approvals = approvals
        self._submitting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._cache = cache or WorkflowCache()

    async def check(self, request: WorkReq, *, proven: bool = False) -> list[Violation]:
        """Finds everything for which submit would refuse the request now; stores nothing."""
        request = self._registry.without_plain_secrets(request)
        found = self.stop_violations(request.name) + await self._checker.violations(request)
        return found if proven else found + self._unknown_submitter(request, ())

    async def submit(
        self,
        request: WorkReq,
        operator: str,
        mends: str = "",
        key: str = "",
        lineage: Lineage | None = None,
        acknowledged: tuple[str, ...] = (),
        source: str = "",
        *,
        proven: bool = False,
    ) -> str:
        """Stores a request that breaks no rule; returns its id.

        `mends` names the rejection that the request mends, `lineage` the workflow that it was made from,
        `acknowledged` the policies whose warnings the operator accepts, `source` is from where they call;
        `proven`: the name is theirs.
        The same request under the same `key` gives the same id. Raises EmergencyStopped or Refused, with
        every violation; the refused request is kept. Raises NotFound where there is no such rejection or
        workflow, KeyReused for another request under a key, ShuttingDown.
        """
        # Before anything looks at it: what is refused is kept, and told.
        request = self._registry.without_plain_secrets(request)
        if not key:
            return await self._submit(request, operator, mends, key, lineage, acknowledged, source, proven)
        async with self._submitting.setdefault(key, asyncio.Lock()):
            try:
                return await self._submit(
                    request, operator, mends, key, lineage, acknowledged, source, proven
                )
            except (Refused, StoreConflict, ShuttingDown) as error:
                # What was accepted before stays accepted, whatever has changed since.
                found = await self._store.submitted_under(key)
                if found is None:
                    raise
                workflow_id, earlier = found
                if earlier != request:
                    told = f"the submit key {key!r} was used for another request: workflow {workflow_id}"
                    raise KeyReused(told) from error
                return workflow_id

    async def _submit(
        self,
        request: WorkReq,
        operator: str,
        mends: str,
        key: str,
        lineage: Lineage | None,
        acknowledged: tuple[str, ...],
        source: str,
        proven: bool,
    ) -> str:
        self._executor.check_open()
        if mends:
            await self.rejection(mends)
        if lineage is not None:
            await self.find(lineage.workflow_id)
        violations = self.stop_violations(request.name)
        violations += await self._checker.refusing(request, acknowledged)
        if not proven:
            violations += self._unknown_submitter(request, acknowledged)
        if violations:
            await self._refuse(request, violations, operator, key, source)
        workflow = Workflow(
            id=str(uuid.uuid4()),
            request=request,
            operator=operator,
            created_us=self._clock.now_us(),
            mends=mends,
            lineage=lineage,
            submit_key=key,
            acknowledged=acknowledged,
            proven=proven,
        )
        if not self._approvals.rules(request.name, acknowledged):
            await self._recorder.insert(workflow, source)
            self._cache.put(workflow)
        else:
            held, waits = await self._approvals.hold(workflow)
            await self._recorder.insert(workflow, source, [waits])
            self._cache.put(workflow)
            self._approvals.keep(held)
        self._hub.touch(workflow)
        return workflow.id

    def _unknown_submitter(self, request: WorkReq, acknowledged: tuple[str, ...]) -> list[Violation]:
        """What refuses requests that need approvals where a name is only claimed: nobody's could count."""
        message = "it needs approvals, and they cannot count while anyone may call himself as he likes"
        expected = "[access] required = true in server.toml, and operators (`wf-server operator add`)"
        return [
            Violation(rule.policy, message, found="a name that is only claimed", expected=expected)
            for rule in self._approvals.rules(request.name, acknowledged)
        ]

    async def check_again(self, workflow: Workflow, *, with_warnings: bool = True) -> None:
        """Raises what submit would: policies and stops may have changed since.

        Without warnings, only what refuses whatever is acknowledged counts.
        The stops are asked last, with nothing to wait for after their answer: one may come at any time.
        """
        violations = await self._checker.refusing(workflow.request, workflow.acknowledged)
        if not with_warnings:
            violations = [violation for violation in violations if violation.denies]
        violations = self.stop_violations(workflow.name) + violations
        if violations:
            raise _refusal(violations)

    def check_exec(self, workflow: Workflow) -> None:
        """Raises Refused where a workflow must not be executed beside those that run now.

        It does not wait: nobody else can be executed between its answer and the start.
        """
        violations = self._checker.refusing_exec(workflow)
        if violations:
            raise _refusal(violations)

    def check_start(self, workflow: Workflow, block: int) -> None:
        """Raises Refused where a block must not begin right now, whoever gives the go for it."""
        violations = self._checker.refusing_start(workflow, block)
        denied = [violation for violation in violations if violation.denies]
        if denied:
            raise _refusal(denied)

    async def receipt(self, workflow_id: str) -> tuple[Workflow, Receipt]:
        """Tells what a stop or a cancel did. Raises NotFound; FailedPrecondition where there was none."""
        workflow = await self.find(workflow_id)
        receipt = receipt_of(workflow)
        if receipt is None:
            told = f"nobody stopped or cancelled workflow {workflow_id}: it is {workflow.status.label}"
            raise FailedPrecondition(told)
        return workflow, receipt

    async def as_of(self, workflow_id: str, seq: int) -> Workflow:
        """Returns a workflow as it stood after a change of its history, or now where that is to come."""
        workflow = await self.find(workflow_id)
        return workflow if seq >= workflow.seq else await self._store.load_as_of(workflow, seq)

    async def plan_rerun(self, workflow_id: str, *, failed_only: bool) -> tuple[WorkReq, Lineage]:
        """Makes the request that would run a workflow, or what failed of it, again."""
        workflow = await self.find(workflow_id)
        request = rerun_of(workflow, self._registry, failed_only=failed_only)
        return request, Lineage(LineageKind.RERUN, workflow.id)

    async def job(self, workflow_id: str, block: int, job: int) -> tuple[Workflow, JobStory]:
        """Returns a job's attempts and log. Raises NotFound."""
        workflow = await self.find(workflow_id)
        self.expect_job(workflow, block, job)
        changes = await self._store.load_job_history(workflow.key, block, job)
        log_lines = await self._store.load_log(workflow.key, block, job)
        log_lines += self._recorder.logs.pending(workflow.key, block, job)
        notes = await self.notes(workflow, block, job, job + 1)
        return workflow, JobStory(tuple(attempts_in(changes)), tuple(log_lines), notes.progress.get(job))

    async def notes(self, workflow: Workflow, block: int, first: int, end: int) -> BlockNotes:
        """What is kept of what some jobs of a block said of themselves."""
        lines = max(1, min(JOB_LINES, PAGE_LINES // max(1, end - first)))
        logs = await self._store.load_logs(workflow.key, block, first, end, lines)
        progress = await self._store.load_progress(workflow.key, block, first, end)
        return BlockNotes(logs, progress)

    def expect_job(self, workflow: Workflow, block: int, job: int) -> None:
        """Raises NotFound where a workflow has no such job."""
        if not 0 <= block < len(workflow.blocks):
            raise NotFound(f"workflow {workflow.id} has no block {block}: it has {len(workflow.blocks)}")
        jobs = len(workflow.blocks[block].statuses)
        if not 0 <= job < jobs:
            raise NotFound(f"block {block} of workflow {workflow.id} has no job {job}: it has {jobs}")

    async def find(self, workflow_id: str) -> Workflow:
        """Returns a workflow with its state: live where it runs. Raises NotFound."""
        workflow = self._cache.get(workflow_id)
        if workflow is None and not self._cache.is_leaving(workflow_id):
            with self._cache.reading(workflow_id):
                workflow = await self._store.load_workflow(workflow_id)
        if workflow is None:
            raise NotFound(f"there is no workflow with the id {workflow_id[:80]!r}")
        return self._cache.put(workflow)

    async def listing(
        self,
        *,
        statuses: Sequence[Status] = (),
        name: str = "",
        text: str = "",
        names: Collection[str] | None = None,
        limit: int = 100,
        before: int = 0,
    ) -> Page[Summary]:
        """Lists workflows, newest first, as they stand now; `names` are the types to tell of, None: all."""
        page = await self._store.list_workflows(
            statuses=statuses, name=name, text=text, names=names, limit=limit, before=before
        )
        return Page(tuple(self._current(s) for s in page.summaries), page.next_before)

    async def history(self, workflow_id: str, after_seq: int, limit: int) -> tuple[Workflow, list[Change]]:
        """Returns a stretch of a workflow's committed changes. Raises NotFound."""
        workflow = await self.find(workflow_id)
        return workflow, await self._store.load_history(workflow.key, after_seq, limit)

    async def rejections(
        self,
        *,
        name: str = "",
        text: str = "",
        names: Collection[str] | None = None,
        limit: int = 100,
        before: int = 0,
    ) -> Page[RejectionSummary]:
        """Lists the refused requests, newest first; `names` are the types to tell of, None: all."""
        return await self._store.list_rejections(
            name=name, text=text, names=names, limit=limit, before=before
        )

    async def rejection(self, rejection_id: str) -> Rejection:
        """Returns a refused request with its violations. Raises NotFound."""
        found = await self._store.load_rejection(rejection_id)
        if found is None:
            raise NotFound(f"there is no rejection with the id {rejection_id[:80]!r}")
        return found

    async def type_of(self, workflow_id: str) -> str:
        """The workflow type of an id. Raises NotFound."""
        return (await self.find(workflow_id)).name

    async def type_of_rejection(self, rejection_id: str) -> str:
        """The workflow type of a refused request. Raises NotFound."""
        return (await self.rejection(rejection_id)).summary.name

    def running(self, name: str) -> list[str]:
        """The ids of the workflows of a type that run now or wait for their turn (`*`: of any type)."""
        return [found.id for found in self._executor.active() if name in ("*", found.name)]

    def active(self) -> list[Summary]:
        """The workflows that run now."""
        return [workflow.summary() for workflow in self._executor.active()]

    async def recover(self) -> int:
        """Resumes every workflow that an earlier server left unfinished; returns how many."""
        unfinished = await self._store.load_workflows(WORKFLOW_ACTIVE)
        self._executor.resume([self._cache.put(workflow) for workflow in unfinished])
        await self._approvals.recover(self._cache.put)
        return len(unfinished)

    def _current(self, summary: Summary) -> Summary:
        workflow = self._executor.find(summary.id)
        return workflow.summary() if workflow else summary

    def stop_violations(self, name: str) -> list[Violation]:
        """What an emergency stop says against a workflow type; nothing where it is not stopped."""
        if not self._stops.is_stopped(name):
            return []
        return [Violation("emergencyStop", self._stops.why(name), found="stop", expected="go")]

    async def _refuse(
        self, request: WorkReq, violations: list[Violation], operator: str, key: str, source: str
    ) -> None:
        if key and await self._store.submitted_under(key) is not None:
            # It was accepted before, so it is none to be kept as refused; see submit.
            raise _refusal(violations)
        rejection_id = str(uuid.uuid4())
        try:
            now = self._clock.now_us()
            kept = Rejection.of(rejection_id, request, tuple(violations), operator, now)
            await self._store.insert_rejection(kept, source)
        except StoreError as error:
            log.error("a refused WorkReq could not be kept", reason=str(error))
            rejection_id = ""
        log.info("refused", name=request.name, operator=operator, violations=len(violations))
        raise _refusal(violations, rejection_id)


def _refusal(violations: Sequence[Violation], rejection_id: str = "") -> Refused:
    stopped = any(v.policy == "emergencyStop" for v in violations)
    advice = ""
    if all(violation.level is Level.WARN for violation in violations):
        names = ", ".join(sorted({violation.policy for violation in violations}))
        advice = f"to submit it all the same, acknowledge {names}"
    return (EmergencyStopped if stopped else Refused)(violations, rejection_id, advice)
