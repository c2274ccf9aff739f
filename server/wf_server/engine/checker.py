"""Everything that a WorkReq is checked against, apart from the emergency stops."""

from __future__ import annotations

from collections.abc import Callable

from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.model import Violation, WorkReq
from wf_server.policy import Facts, LivePolicies, evaluate, validate_in_portions


class RequestChecker:
    """Structure first; policies too, even where the structure is wrong, so that one look shows all."""

    def __init__(
        self,
        policies: LivePolicies,
        registry: JobRegistry,
        inventory: Callable[[], Inventory],
        max_jobs: int,
    ) -> None:
        self._policies = policies
        self._registry = registry
        self._inventory = inventory
        self._max_jobs = max_jobs

    async def violations(self, request: WorkReq) -> list[Violation]:
        """Finds every violation, in the order of the places; none: the request may pass."""
        found = self._policies.refusal()
        found += await validate_in_portions(request, self._registry, self._max_jobs)
        if request.job_count <= self._max_jobs:
            found += await evaluate(request, self._policies.book, Facts(inventory=self._inventory()))
        return sorted(found, key=Violation.place)
