"""The quotas: how much of each is taken, when a token comes back, and who waits."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from wf_tui.screens.gauges import GaugesScreen
from wf_tui.screens.inspecting import Inspected, document
from wf_tui.state.models import Quota
from wf_tui.state.quotas import sentence, what
from wf_tui.widgets.quota_table import FIELDS, QuotaHead, QuotaTable, quota_facts


class QuotasScreen(GaugesScreen[Quota]):
    """What is taken of the quotas, value by value."""

    FILTERED = "quotas"
    FILTER_FIELDS = FIELDS
    NOUNS = "quotas"
    WHERE = "They are policies of its policies.json; jobs wait where one is taken up."

    def table(self, server_now: Callable[[], datetime]) -> QuotaTable:
        """Makes the table."""
        return QuotaTable(server_now)

    def head(self) -> QuotaHead:
        """Makes the names of its columns."""
        return QuotaHead()

    def fetch(self) -> Coroutine[Any, Any, tuple[Quota, ...]]:
        """Asks for the levels."""
        return self.context.gateway.quotas()

    def name_of(self, gauge: Quota) -> str:
        """What it counts."""
        return what(gauge)

    def sentence_of(self, gauge: Quota) -> str:
        """Tells what the next job would meet."""
        return sentence(gauge, self.server_now())

    def inspected(self) -> Inspected | None:
        """The quota under the cursor."""
        quota = self.current
        if quota is None:
            return None
        facts = quota_facts(quota, self.server_now())
        return Inspected(f"Quota {what(quota)}", facts, document(quota))
