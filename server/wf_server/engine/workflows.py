"""What can be asked of workflows: check, submit, execute, find, list. The rules' meeting point."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import structlog

from wf_server.clock import Clock
from wf_server.engine.cache import WorkflowCache
from wf_server.engine.checker import RequestChecker
from wf_server.engine.executor import Executor
from wf_server.engine.recorder import Recorder
from wf_server.errors import (
    AlreadyExecuted,
    EmergencyStopped,
    InvalidRequest,
    NotFound,
    Refused,
    StoreError,
    TooLate,
)
from wf_server.estop import EmergencyStops
from wf_server.events import Hub
from wf_server.model import (
    WORKFLOW_ACTIVE,
    Change,
    Rejection,
    RejectionSummary,
    Status,
    Summary,
    Violation,
    Workflow,
    WorkReq,
)
from wf_server.store import Page, Store

log = structlog.get_logger(__name__)

MICROSECONDS = 1_000_000


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
        *,
        exec_within: float,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._executor = executor
        self._checker = checker
        self._stops = stops
        self._hub = hub
        self._clock = clock
        #: Seconds from submission in which a workflow may be executed.
        self._exec_within = exec_within
        self._starting: set[str] = set()
        self._cache = WorkflowCache()

    async def check(self, request: WorkReq) -> list[Violation]:
        """Finds everything for which submit would refuse the request now; stores nothing."""
        return self._stop_violations(request.name) + await self._checker.violations(request)

    async def submit(self, request: WorkReq, operator: str, mends: str = "") -> str:
        """Stores a request that breaks no rule; returns its id.

        `mends` names the rejection that the request mends. Raises EmergencyStopped or Refused, with every
        violation; the refused request is kept. Raises NotFound where there is no such rejection.
        """
        if mends:
            await self.rejection(mends)
        violations = await self.check(request)
        if violations:
            await self._refuse(request, violations, operator)
        workflow = Workflow(
            id=str(uuid.uuid4()),
            request=request,
            operator=operator,
            created_us=self._clock.now_us(),
            mends=mends,
        )
        await self._recorder.insert(workflow)
        self._cache.put(workflow)
        self._hub.touch(workflow)
        return workflow.id

    async def execute(self, workflow_id: str, operator: str) -> None:
        """Starts a stored workflow.

        Raises InvalidRequest, NotFound, AlreadyExecuted, TooLate, and what submit raises.
        """
        _expect_id(workflow_id)
        workflow = await self.find(workflow_id)
        begun = workflow.status is not Status.NOT_STARTED or self._executor.find(workflow_id)
        if begun or workflow_id in self._starting:
            label = workflow.status.label
            raise AlreadyExecuted(f"workflow {workflow_id} was executed before: it is {label}")
        age = (self._clock.now_us() - workflow.created_us) / MICROSECONDS
        if age > self._exec_within:
            raise TooLate(
                f"workflow {workflow_id} was submitted {age:.0f} s ago; it can be executed only within "
                f"{self._exec_within:.0f} s: submit it again"
            )
        self._starting.add(workflow_id)
        try:
            violations = await self._checker.violations(workflow.request)
            # Last, and with nothing to wait for before the start: a stop may come at any time.
            violations = self._stop_violations(workflow.name) + violations
            if violations:
                raise _refusal(violations)
            started = self._executor.start(workflow, operator)
        finally:
            # From here on the executor knows it.
            self._starting.discard(workflow_id)
        await started

    async def find(self, workflow_id: str) -> Workflow:
        """Returns a workflow with its state: live where it runs. Raises NotFound."""
        workflow = self._cache.get(workflow_id)
        if workflow is None:
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
        limit: int = 100,
        before: int = 0,
    ) -> Page[Summary]:
        """Lists workflows, newest first, as they stand now."""
        page = await self._store.list_workflows(
            statuses=statuses, name=name, text=text, limit=limit, before=before
        )
        return Page(tuple(self._current(s) for s in page.summaries), page.next_before)

    async def history(self, workflow_id: str, after_seq: int, limit: int) -> tuple[Workflow, list[Change]]:
        """Returns a stretch of a workflow's committed changes. Raises NotFound."""
        workflow = await self.find(workflow_id)
        return workflow, await self._store.load_history(workflow.key, after_seq, limit)

    async def rejections(
        self, *, name: str = "", text: str = "", limit: int = 100, before: int = 0
    ) -> Page[RejectionSummary]:
        """Lists the refused requests, newest first."""
        return await self._store.list_rejections(name=name, text=text, limit=limit, before=before)

    async def rejection(self, rejection_id: str) -> Rejection:
        """Returns a refused request with its violations. Raises NotFound."""
        found = await self._store.load_rejection(rejection_id)
        if found is None:
            raise NotFound(f"there is no rejection with the id {rejection_id[:80]!r}")
        return found

    def running(self, name: str) -> int:
        """How many workflows of a type run now (`*`: of any type)."""
        return sum(name in ("*", workflow.name) for workflow in self._executor.active())

    def active(self) -> list[Summary]:
        """The workflows that run now."""
        return [workflow.summary() for workflow in self._executor.active()]

    async def recover(self) -> int:
        """Resumes every workflow that an earlier server left unfinished; returns how many."""
        unfinished = await self._store.load_workflows(WORKFLOW_ACTIVE)
        for workflow in unfinished:
            self._executor.resume(self._cache.put(workflow))
        return len(unfinished)

    def _current(self, summary: Summary) -> Summary:
        workflow = self._executor.find(summary.id)
        return workflow.summary() if workflow else summary

    def _stop_violations(self, name: str) -> list[Violation]:
        if not self._stops.is_stopped(name):
            return []
        return [Violation("emergencyStop", self._stops.why(name), found="stop", expected="go")]

    async def _refuse(self, request: WorkReq, violations: list[Violation], operator: str) -> None:
        rejection_id = str(uuid.uuid4())
        try:
            now = self._clock.now_us()
            kept = Rejection.of(rejection_id, request, tuple(violations), operator, now)
            await self._store.insert_rejection(kept)
        except StoreError as error:
            log.error("a refused WorkReq could not be kept", reason=str(error))
            rejection_id = ""
        log.info("refused", name=request.name, operator=operator, violations=len(violations))
        raise _refusal(violations, rejection_id)


def _expect_id(workflow_id: str) -> None:
    """The published contract tells a malformed id of Exec from an unknown one."""
    try:
        uuid.UUID(workflow_id)
    except ValueError:
        told = f"{workflow_id[:80]!r} is no workflow id: expected one that Submit returned (a UUID)"
        raise InvalidRequest(told) from None


def _refusal(violations: Sequence[Violation], rejection_id: str = "") -> Refused:
    stopped = any(v.policy == "emergencyStop" for v in violations)
    return (EmergencyStopped if stopped else Refused)(violations, rejection_id)
