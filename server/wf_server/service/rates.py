"""How often each operator may call, and how much of all requests is held at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from wf_server.config import RateSettings
from wf_server.errors import TooFast

#: Operators that are remembered; the one that called longest ago is forgotten first.
OPERATORS = 10_000
#: These make things safer: an operator whose script has gone wild can still stop it.
NEVER_LIMITED = frozenset(
    {
        "/workflow.v1.StopsService/Set",
        "/workflow.v1.WorkflowService/Pause",
        "/workflow.v1.WorkflowService/Cancel",
    }
)
#: The first word of a method that only reads.
_READS = ("Get", "List", "Watch", "Status", "History", "Plan", "Explain")
#: Seconds after which a request may be sent again for which there was no room.
ROOM_SECONDS = 1.0


def is_read(path: str) -> bool:
    """Whether a method, by its full name, only reads; health checks do too."""
    service, _, method = path.rpartition("/")
    return method.startswith(_READS) or service == "/grpc.health.v1.Health"


class _Budget:
    """Calls that one operator has left, of one kind."""

    __slots__ = ("at", "left")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at


class Rates:
    """Counts each operator's calls: orders and reads apart, so that neither starves the other."""

    def __init__(self, settings: RateSettings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._budgets: OrderedDict[tuple[str, bool], _Budget] = OrderedDict()

    def count(self, path: str, operator: str) -> None:
        """Counts a call. Raises TooFast, which says when the next one may come."""
        if path in NEVER_LIMITED:
            return
        reads = is_read(path)
        rate, now = self._settings.reads if reads else self._settings.orders, self._now()
        budget = self._budgets.get((operator, reads))
        if budget is None:
            budget = self._budgets[operator, reads] = _Budget(self._settings.burst, now)
            if len(self._budgets) > OPERATORS:
                self._budgets.popitem(last=False)
        else:
            self._budgets.move_to_end((operator, reads))
        budget.left = min(float(self._settings.burst), budget.left + (now - budget.at) * rate)
        budget.at = now
        if budget.left < 1:
            kind = "reads" if reads else "orders"
            told = f"too many calls: at most {rate} {kind} a second for one operator; try again later"
            raise TooFast(told, (1 - budget.left) / rate)
        budget.left -= 1


class Room:
    """Bytes of all requests that are being received and handled."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0

    def take(self, size: int) -> None:
        """Takes room. Raises TooFast where there is none."""
        if self.taken + size > self._limit:
            raise TooFast("the server is busy with too many large requests; try again", ROOM_SECONDS)
        self.taken += size

    def give_back(self, size: int) -> None:
        """Gives room back."""
        self.taken -= size
