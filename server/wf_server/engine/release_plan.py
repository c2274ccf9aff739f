"""What releasing an emergency stop would let go again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from wf_server.clock import Clock
from wf_server.engine.workflows import Workflows
from wf_server.estop import EmergencyStops
from wf_server.model import Status, Summary

#: Workflows that are counted at most, and named.
COUNTED, NAMED = 2_000, 20
_PAGE = 200
_WAITING = (Status.NOT_STARTED, Status.AWAITING_APPROVAL)


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """The work that waits for a stop's release: nothing of it begins by itself, all of it could again."""

    #: Whose work would be taken again.
    types: tuple[str, ...]
    #: Workflows of these types that are stored and can still be executed.
    workflows: int = 0
    jobs: int = 0
    #: The newest of them.
    newest: tuple[Summary, ...] = ()
    #: Whether there are more than were counted.
    more: bool = False


class ReleasePlanner:
    """Finds what a release would let go. Looks only."""

    def __init__(self, stops: EmergencyStops, workflows: Workflows, clock: Clock, exec_within: float) -> None:
        """A workflow can be executed for `exec_within` seconds."""
        self._stops = stops
        self._workflows = workflows
        self._clock = clock
        self._within_us = round(exec_within * 1_000_000)

    async def __call__(self, name: str, visible: Collection[str] | None) -> ReleasePlan:
        """What releasing the entry of `name` lets go; `visible` are the types to tell of, None: all."""
        types = tuple(t for t in self._stops.released_by(name) if visible is None or t in visible)
        if not types:
            return ReleasePlan(())
        oldest_us = self._clock.now_us() - self._within_us
        found: list[Summary] = []
        before = 0
        while len(found) < COUNTED:
            page = await self._workflows.listing(statuses=_WAITING, names=types, limit=_PAGE, before=before)
            # Newest first.
            found += [summary for summary in page.summaries if summary.created_us > oldest_us]
            before = page.next_before
            if not before or page.summaries[-1].created_us <= oldest_us:
                return _plan(types, found, more=False)
        return _plan(types, found, more=True)


def _plan(types: tuple[str, ...], found: list[Summary], *, more: bool) -> ReleasePlan:
    jobs = sum(sum(summary.counts.values()) for summary in found)
    return ReleasePlan(types, len(found), jobs, tuple(found[:NAMED]), more)
