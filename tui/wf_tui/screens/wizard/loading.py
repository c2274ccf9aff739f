"""What a wizard knows of the sites that were chosen, as the server tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wf_tui.gateway import Gateway, GatewayError
from wf_tui.state.models import WORKFLOW_ACTIVE, Status, Violation
from wf_tui.state.wizard import Item, World, paces
from wf_tui.wizards import Options, Wizard

#: Enough of an earlier run to know the usual times: its first blocks and some of their jobs.
_SAMPLE_BLOCKS, _SAMPLE_JOBS = 2, 10


@dataclass(frozen=True, slots=True)
class Plans:
    """Everything about the chosen sites; frozen, so that what is confirmed is what was shown."""

    items: tuple[Item, ...]
    #: The usual seconds of a job type, where an earlier run tells.
    paces: Mapping[str, float]
    options: Options

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites' names."""
        return tuple(site for item in self.items for site in item.sites)


#: What the server says to each item.
Verdicts = tuple[tuple[Violation, ...], ...]


async def load_plans(
    gateway: Gateway, wizard: Wizard, sites: Sequence[str], options: Options, before: Plans | None
) -> Plans:
    """Asks the server for what the pre-checks are about. Raises GatewayError, Unfit."""
    board, book, buckets, (under_way, _) = await asyncio.gather(
        gateway.stops(),
        gateway.policies(),
        gateway.buckets(),
        gateway.list(statuses=sorted(WORKFLOW_ACTIVE), name=wizard.workflow),
    )
    found = [await gateway.site(name) for name in sites]
    worlds = [World(site, machines, board, book, buckets, under_way) for site, machines in found]
    items = wizard.items(worlds, options)
    known = before.paces if before is not None else await _paces(gateway, wizard.workflow)
    return Plans(items, known, options)


async def load_verdicts(gateway: Gateway, items: Sequence[Item]) -> Verdicts:
    """Asks what Submit would say to each. Raises GatewayError."""
    return tuple([await gateway.check(item.request) for item in items])


async def _paces(gateway: Gateway, name: str) -> dict[str, float]:
    """The usual times, from the last run that completed; none where the server does not say."""
    try:
        runs, _ = await gateway.list(statuses=(Status.COMPLETED,), name=name, limit=1)
        samples = range(min(_SAMPLE_BLOCKS, runs[0].blocks) if runs else 0)
        blocks = await asyncio.gather(*(gateway.list_jobs(runs[0].id, at, 0, _SAMPLE_JOBS) for at in samples))
    except GatewayError:
        return {}
    return paces([job for block in blocks for job in block])
