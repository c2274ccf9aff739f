"""What the wizard knows of the site that was chosen, as the server tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from wf_tui.diskerase import erase_request
from wf_tui.gateway import Gateway, GatewayError
from wf_tui.state.models import Status, WorkReq
from wf_tui.state.wizard import World, paces

#: Enough of an earlier run to know the usual times: its second block is the first that erases.
_SAMPLE_BLOCKS, _SAMPLE_JOBS = 2, 10


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything about the chosen site; frozen, so that what is confirmed is what was shown."""

    world: World
    request: WorkReq
    #: The usual seconds of a job type, where an earlier run tells.
    paces: Mapping[str, float]
    pause_seconds: int

    @property
    def site(self) -> str:
        """The site's name."""
        return self.world.site.name


async def load_draft(gateway: Gateway, site: str, pause_seconds: int, before: Draft | None) -> Draft:
    """Asks the server for what the pre-checks are about. Raises GatewayError, CannotErase."""
    (found, machines), board, book, buckets = await asyncio.gather(
        gateway.site(site), gateway.stops(), gateway.policies(), gateway.buckets()
    )
    request = erase_request(site, machines, pause_seconds=pause_seconds)
    known = before.paces if before is not None else await _paces(gateway, request.name)
    return Draft(World(found, machines, board, book, buckets), request, known, pause_seconds)


async def _paces(gateway: Gateway, name: str) -> dict[str, float]:
    """The usual times, from the last run that completed; none where the server does not say."""
    try:
        runs, _ = await gateway.list(statuses=(Status.COMPLETED,), name=name, limit=1)
        samples = range(_SAMPLE_BLOCKS if runs else 0)
        blocks = await asyncio.gather(*(gateway.list_jobs(runs[0].id, at, 0, _SAMPLE_JOBS) for at in samples))
    except GatewayError:
        return {}
    return paces([job for block in blocks for job in block])
