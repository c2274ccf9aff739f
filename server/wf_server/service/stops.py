"""workflow.v1.StopsService."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import wf_proto as pb
from wf_server.engine.workflows import Workflows
from wf_server.errors import InvalidRequest
from wf_server.estop import EmergencyStops, StopEntry
from wf_server.events import Hub, Lagging, ListBatch
from wf_server.model import StopStatus
from wf_server.service.guard import caller
from wf_server.service.translate import time_or_none

_STATUS = {
    pb.StopStatus.GO: StopStatus.GO,
    pb.StopStatus.STOP: StopStatus.STOP,
}
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
    ) -> None:
        self._stops = stops
        self._workflows = workflows
        self._hub = hub
        #: The workflow types with policies: one without an entry is stopped, and the board says so.
        self._known_names = known_names

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
        entry = await self._stops.set(name, status, caller().name, set_stop_request.reason)
        told = running if status is StopStatus.STOP else []
        return pb.SetStopResponse(stop=self._stop(entry), stopped_workflows=len(told), workflow_ids=told)

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
        return pb.StopBoard(stops=[self._stop(entry) for entry in entries], problem=self._stops.problem)

    def _stop(self, entry: StopEntry) -> pb.Stop:
        return pb.Stop(
            name=entry.name,
            status=pb.StopStatus[entry.status.name],
            operator=entry.operator,
            reason=entry.reason,
            changed=time_or_none(entry.time_us or 0),
            listed=entry.listed,
            running=len(self._workflows.running(entry.name)),
        )
