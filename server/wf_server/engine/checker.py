"""Everything that a WorkReq is checked against, apart from the emergency stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import structlog

from wf_server.clock import Clock
from wf_server.engine.start_problem import StartProblem
from wf_server.expressions.judge import ExpressionJudge
from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.model import Level, Violation, Workflow, WorkReq
from wf_server.policy import (
    Executed,
    Facts,
    LivePolicies,
    evaluate_exec,
    evaluate_start,
    judge,
)

log = structlog.get_logger(__name__)


class RequestChecker:
    """Structure first; policies too, even where the structure is wrong, so that one look shows all."""

    def __init__(
        self,
        policies: LivePolicies,
        registry: JobRegistry,
        inventory: Callable[[], Inventory],
        max_jobs: int,
        clock: Clock,
        executed: Callable[[], Iterable[Workflow]],
        expressions: ExpressionJudge | None = None,
    ) -> None:
        self._policies = policies
        self._registry = registry
        self._inventory = inventory
        self._max_jobs = max_jobs
        self._clock = clock
        #: Tells of the workflows that were executed and have not ended.
        self._executed = executed
        self._expressions = expressions
        #: The same as policies see them, by id, with what was looked up of them.
        self._seen: dict[str, Executed] = {}
        #: How often policies were broken: by workflow type and policy.
        self.breaches: Counter[tuple[str, str]] = Counter()

    async def violations(self, request: WorkReq) -> list[Violation]:
        """Finds every violation, in the order of the places; none: the request may pass."""
        found = self._policies.refusal()
        found += await judge(request, self._policies.book, self.facts(), self._registry, self._max_jobs)
        return sorted(found, key=Violation.place)

    async def refusing(self, request: WorkReq, acknowledged: Sequence[str]) -> list[Violation]:
        """Finds what refuses the request, whose submission acknowledges these policies; counts breaches."""
        found = await self.violations(request)
        self._count(request.name, found, acknowledged)
        return [violation for violation in found if violation.refuses(acknowledged)]

    def refusing_exec(self, workflow: Workflow) -> list[Violation]:
        """Finds what refuses to execute a workflow beside those that run now; counts breaches."""
        found = evaluate_exec(workflow.request, self._policies.book, self.facts())
        self._count(workflow.name, found, workflow.acknowledged)
        return [violation for violation in found if violation.refuses(workflow.acknowledged)]

    def refusing_start(self, workflow: Workflow, block: int) -> list[Violation]:
        """Finds what forbids a block of a running workflow to begin right now."""
        found = evaluate_start(workflow.request, block, self._policies.book, self.facts())
        self._tell_passed(workflow.name, found, workflow.acknowledged)
        return [violation for violation in found if violation.refuses(workflow.acknowledged)]

    def start_problem(self, workflow: Workflow, block: int) -> StartProblem | None:
        """Tells in a line what forbids a block to begin right now, and until when; None: nothing does."""
        found = self.refusing_start(workflow, block)
        if not found:
            return None
        ends = [violation.until_us for violation in found]
        return StartProblem(
            "; ".join(violation.sentence() for violation in found), max(ends) if all(ends) else 0
        )

    def facts(self) -> Facts:
        """What policies may know now."""
        return Facts(self._inventory(), self._clock.now_us(), self._executed_now, self._expressions)

    def _executed_now(self) -> list[Executed]:
        before = self._seen
        self._seen = {
            workflow.id: before.get(workflow.id) or Executed(workflow) for workflow in self._executed()
        }
        return list(self._seen.values())

    def _count(self, name: str, found: Sequence[Violation], acknowledged: Sequence[str]) -> None:
        configured = {policy.name for policy in self._policies.book.get(name) or ()}
        self.breaches.update((name, policy) for policy in {v.policy for v in found} & configured)
        self._tell_passed(name, found, acknowledged)

    def _tell_passed(self, name: str, found: Sequence[Violation], acknowledged: Sequence[str]) -> None:
        for level, event in ((Level.WARN, "acknowledged"), (Level.DRY_RUN, "broken in a dry run")):
            passed = [v for v in found if v.level is level and not v.refuses(acknowledged)]
            if passed:
                policies = sorted({violation.policy for violation in passed})
                first = passed[0].sentence()
                log.info(event, name=name, policies=policies, violations=len(passed), first=first)
