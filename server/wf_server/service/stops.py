"""workflow.v1.StopsService."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

import wf_proto as pb
from wf_server.engine.release_plan import ReleasePlan
from wf_server.engine.workflows import Workflows
from wf_server.errors import InvalidRequest
from wf_server.estop import EmergencyStops
from wf_server.events import Hub, Lagging, ListBatch
from wf_server.model import ReleaseKey, StopStatus
from wf_server.model.caller import Role
from wf_server.service.guard import caller
from wf_server.service.translate import summary_message, time_of, time_or_none
from wf_server.stop_entry import StopEntry, StopTerms

_STATUS = {
    pb.StopStatus.GO: StopStatus.GO,
    pb.StopStatus.STOP: StopStatus.STOP,
}
#: Finds what releasing an entry lets go of the types that may be told of; None: all.
PlanRelease = Callable[[str, Collection[str] | None], Awaitable[ReleasePlan]]
#: Wakes a board's stream without news of workflows.
_STOPS_CHANGED = ListBatch(())


class StopsService(pb.StopsServiceBase):
    """Lists, sets and streams the emergency stops."""

    def __init__(
        self,
        stops: EmergencyStops,
        workflows: Workflows,
        hub: Hub,
        known_names: Callable[[], Sequence[str]],
        plan_release: PlanRelease,
    ) -> None:
        self._stops = stops
        self._workflows = workflows
        self._hub = hub
        #: The workflow types with policies: one without an entry is stopped, and the board says so.
        self._known_names = known_names
        self._plan_release = plan_release

    async def list(self, list_stops_request: pb.ListStopsRequest) -> pb.ListStopsResponse:
        """Lists the entries in the order of es.json."""
        return pb.ListStopsResponse(board=self._board())

    async def set(self, set_stop_request: pb.SetStopRequest) -> pb.SetStopResponse:
        """Engages or releases a stop."""
        status = _STATUS.get(set_stop_request.status)
        if status is None:
            raise InvalidRequest("status: expected STOP_STATUS_GO or STOP_STATUS_STOP")
        name = set_stop_request.name
        running = self._workflows.running(name)
        terms = StopTerms(set_stop_request.lasts_ms / 1000, set_stop_request.remind_every_ms / 1000)
        who = caller()
        entry = await self._stops.set(
            name,
            status,
            who.name,
            set_stop_request.reason,
            proven=who.proven,
            terms=terms,
            source=who.source,
        )
        told = running if status is StopStatus.STOP else []
        return pb.SetStopResponse(stop=self._stop(entry), stopped_workflows=len(told), workflow_ids=told)

    async def plan_release(self, plan_release_request: pb.PlanReleaseRequest) -> pb.PlanReleaseResponse:
        """Tells what releasing a stop would let go again."""
        name = plan_release_request.name
        plan = await self._plan_release(name, caller().types(Role.VIEWER))
        return pb.PlanReleaseResponse(
            types=list(plan.types),
            workflows=plan.workflows,
            jobs=plan.jobs,
            newest=[summary_message(summary) for summary in plan.newest],
            more=plan.more,
            stop=self._stop(self._stops.entry(name)),
            two_keys=self._stops.takes_two_keys,
        )

    async def withdraw(
        self, withdraw_stop_key_request: pb.WithdrawStopKeyRequest
    ) -> pb.WithdrawStopKeyResponse:
        """Takes back the first key of a release."""
        who = caller()
        entry = await self._stops.withdraw(withdraw_stop_key_request.name, who.name, who.source)
        return pb.WithdrawStopKeyResponse(stop=self._stop(entry))

    async def watch(self, watch_stops_request: pb.WatchStopsRequest) -> AsyncIterator[pb.WatchStopsResponse]:
        """Streams the board at once, and again after every change of it."""
        self._hub.check_room()
        # Workflows that start and end change the board too: it says how many run.
        subscription = self._hub.watch_list()
        unsubscribe = self._stops.subscribe(lambda: subscription.put(_STOPS_CHANGED))
        try:
            sent = None
            while True:
                board = self._board()
                if board != sent:
                    yield pb.WatchStopsResponse(board=board)
                    sent = board
                try:
                    if await subscription.next() is None:
                        return
                except Lagging:
                    continue
        finally:
            unsubscribe()
            self._hub.unwatch_list(subscription)

    def _board(self) -> pb.StopBoard:
        entries = self._stops.board(self._known_names())
        return pb.StopBoard(
            stops=[self._stop(entry) for entry in entries],
            problem=self._stops.problem,
            two_keys=self._stops.takes_two_keys,
        )

    def _stop(self, entry: StopEntry) -> pb.Stop:
        return pb.Stop(
            name=entry.name,
            status=pb.StopStatus[entry.status.name],
            operator=entry.operator,
            reason=entry.reason,
            changed=time_or_none(entry.time_us or 0),
            listed=entry.listed,
            running=len(self._workflows.running(entry.name)),
            expires=time_or_none(entry.expires_us),
            remind_every_ms=entry.remind_us // 1000,
            reminded=time_or_none(entry.reminded_us),
            key=_key(entry.key) if entry.key is not None else None,
            first_operator=entry.first_operator,
        )


def _key(key: ReleaseKey) -> pb.ReleaseKey:
    return pb.ReleaseKey(
        operator=key.operator,
        reason=key.reason,
        turned=time_of(key.time_us),
        expires=time_of(key.expires_us),
        by_hand=key.by_hand,
    )
