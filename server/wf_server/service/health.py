"""grpc.health.v1.Health: what load balancers and probes ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable

from wf_proto import health
from wf_server.errors import NotFound, Overloaded
from wf_server.events import Lagging, Subscription

_Status = health.ServingStatus
#: A watcher that is behind needs the newest status only.
_QUEUE = 2


class HealthService(health.HealthBase):
    """Tells whether the server takes work: all its services do, or none does."""

    def __init__(self, services: Iterable[str], is_serving: Callable[[], bool], max_watchers: int) -> None:
        #: The empty name is the server as a whole.
        self._services = {"", *services}
        self._is_serving = is_serving
        self._max_watchers = max_watchers
        self._watchers: set[Subscription[None]] = set()

    def refresh(self) -> None:
        """Tells the watchers that it may have changed."""
        for watcher in self._watchers:
            watcher.put(None)

    async def check(self, health_check_request: health.HealthCheckRequest) -> health.HealthCheckResponse:
        """Tells the status now. Raises NotFound where there is no such service."""
        if health_check_request.service not in self._services:
            known = ", ".join(sorted(self._services - {""}))
            raise NotFound(f"there is no service {health_check_request.service[:80]!r}; there are {known}")
        return health.HealthCheckResponse(status=self._status())

    async def watch(
        self, health_check_request: health.HealthCheckRequest
    ) -> AsyncIterator[health.HealthCheckResponse]:
        """Streams the status at once, and again whenever it has changed."""
        if len(self._watchers) >= self._max_watchers:
            raise Overloaded(f"{self._max_watchers} watch the health already; try again later")
        known = health_check_request.service in self._services
        watcher: Subscription[None] = Subscription(_QUEUE)
        self._watchers.add(watcher)
        try:
            sent = None
            while True:
                status = self._status() if known else _Status(_Status.SERVICE_UNKNOWN)
                if status != sent:
                    yield health.HealthCheckResponse(status=status)
                    sent = status
                await _woken(watcher)
        finally:
            self._watchers.discard(watcher)

    def _status(self) -> health.ServingStatus:
        # betterproto types an enum's members as plain numbers.
        return _Status(_Status.SERVING if self._is_serving() else _Status.NOT_SERVING)


async def _woken(watcher: Subscription[None]) -> None:
    try:
        await watcher.next()
    except Lagging:
        return
