"""How many jobs may fail before nothing more starts: the failure budgets of a WorkReq and its blocks."""

from __future__ import annotations

from dataclasses import dataclass

from wf_server.model import Status, Workflow
from wf_server.units import parse_amount


@dataclass(slots=True)
class _Budget:
    """One budget, and what of it is spent."""

    #: At the failure of this number nothing more starts; None: there is no budget.
    limit: int | None
    no_overshoot: bool
    failures: int = 0

    @property
    def is_spent(self) -> bool:
        return self.limit is not None and self.failures >= self.limit


class FailureBudget:
    """The budget of a workflow and that of the block that runs, counted as the outcomes come in."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        request = workflow.request
        failures = workflow.standing.counts[Status.FAILED]
        limit = _limit(request.max_failures, request.job_count)
        self._whole = _Budget(limit, request.no_overshoot, failures)
        self._block = _Budget(None, False)
        self._place = 0

    def enter(self, block: int) -> None:
        """From now on the failures of this block count for its own budget too."""
        spec, state = self._workflow.request.blocks[block], self._workflow.blocks[block]
        limit = _limit(spec.max_failures, len(spec.jobs))
        self._block = _Budget(limit, spec.no_overshoot, state.count(Status.FAILED))
        self._place = block

    def note_failure(self) -> None:
        """A job of the block has failed for good."""
        self._whole.failures += 1
        self._block.failures += 1

    @property
    def spent(self) -> str:
        """Why nothing more may start, in words; empty while there is budget left."""
        if self._block.is_spent:
            return f"block {self._place} stopped at failure #{self._block.limit} (its max_failures)"
        if self._whole.is_spent:
            return f"stopped at failure #{self._whole.limit} (max_failures)"
        return ""

    def room(self, at_risk: int) -> int | None:
        """How many more jobs may start while so many may still fail; None: as many as one likes."""
        rooms = [
            max(0, budget.limit - budget.failures - at_risk)
            for budget in (self._whole, self._block)
            if budget.no_overshoot and budget.limit is not None
        ]
        return min(rooms, default=None)


def _limit(written: str, jobs: int) -> int | None:
    return parse_amount(written, jobs) if written else None
