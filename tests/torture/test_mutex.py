"""Workflows that share values of an argument, under random orders, crashes, restarts: one runs at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from structlog.testing import capture_logs

from tests.torture import records
from tests.torture.lanes import LaneMachine
from tests.torture.simulation import Parts
from tests.torture.test_state_machine import is_active
from wf_server.errors import Refused
from wf_server.model import WorkReq

EXAMPLES, STEPS = 25, 30
LONGER = int(os.environ.get("WF_TORTURE_EXAMPLES", "0") or 0)


class MutexMachine(LaneMachine):
    """A lane has one workflow that was executed and has not ended."""

    POLICY: ClassVar[dict[str, Any]] = {"Name": "mutex", "Settings": {"Args": ["lane"]}}

    async def _order(self, parts: Parts, after: float, what: str, which: int, how: int) -> None:
        try:
            await super()._order(parts, after, what, which, how)
        except Refused as error:
            if any(violation.policy == "mutex" for violation in error.violations):
                await self._expect_taken(parts, self.ids[which % len(self.ids)])
            raise

    async def _expect_taken(self, parts: Parts, workflow_id: str) -> None:
        """Nobody is refused for the sake of a lane that is free; nothing happened since the refusal."""
        wanted = _lanes((await parts.workflows.find(workflow_id)).request)
        taken = {lane for other in parts.executor.executed() for lane in _lanes(other.request)}
        assert wanted & taken, "it was refused, and its lanes are free"

    @invariant()
    def a_lane_has_one_workflow(self) -> None:
        if not hasattr(self, "simulation"):
            return
        taken = [lane for record in self.simulation.recorded if is_active(record) for lane in _of(record)]
        assert len(taken) == len(set(taken)), taken


def _of(record: records.Record) -> Iterator[str]:
    yield from sorted(_lanes(record.request))


def _lanes(request: WorkReq) -> set[str]:
    return {job.args["lane"] for _, _, job in request.jobs() if "lane" in job.args}


@pytest.mark.timeout(300 + 100 * LONGER)
def test_one_workflow_at_a_time_whatever_happens() -> None:
    with capture_logs():
        run_state_machine_as_test(
            MutexMachine,
            settings=settings(
                max_examples=max(EXAMPLES, LONGER // 3),
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=not LONGER,
                database=None,
                print_blob=True,
                suppress_health_check=[*HealthCheck],
                phases=[Phase.generate, Phase.shrink] if LONGER else [Phase.generate],
            ),
        )
