"""Jobs that need tokens of a quota, under random orders, crashes, restarts: no time has too many."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from structlog.testing import capture_logs

from tests.torture.lanes import LaneMachine
from tests.torture.tokens import expect_within, on_record, tokens_by_history

EXAMPLES, STEPS = 40, 30
LONGER = int(os.environ.get("WF_TORTURE_EXAMPLES", "0") or 0)
LIMIT, PER_US = 2, 10_000_000


class QuotaMachine(LaneMachine):
    """On each lane two jobs begin within ten seconds, and the record says who took which token."""

    POLICY: ClassVar[dict[str, Any]] = {
        "Name": "quota",
        "Settings": {"Label": "lane", "Limit": LIMIT, "Per": f"{PER_US // 1_000_000}s"},
    }

    @invariant()
    def no_instant_has_too_many(self) -> None:
        if not hasattr(self, "simulation"):
            return
        tokens = tokens_by_history(self.simulation.recorded, "lane", PER_US)
        expect_within(tokens, LIMIT, PER_US)
        assert on_record(self.simulation.parts.record) == sorted(tokens)


@pytest.mark.timeout(300 + 100 * LONGER)
def test_no_instant_has_too_many_whatever_happens() -> None:
    with capture_logs():
        run_state_machine_as_test(
            QuotaMachine,
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
