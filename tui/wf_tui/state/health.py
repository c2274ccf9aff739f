"""How the server does, by its own word and by the clock: version, uptime, problems, round trip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from wf_tui.state.models import ServerInfo, StopBoard

#: Clocks closer than this are called equal: no countdown shows the difference.
_NEAR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Health:
    """An answer of the server about itself, how long it took (seconds), and when it came by our clock."""

    info: ServerInfo
    round_trip: float
    heard: datetime

    @property
    def ahead(self) -> timedelta:
        """How far the server's clock is before ours; the answer was made half a round trip ago."""
        return self.info.now - (self.heard - timedelta(seconds=self.round_trip / 2))

    def server_time(self, now: datetime) -> datetime:
        """Returns what the server's clock shows when ours shows `now`."""
        return now + self.ahead

    @property
    def clocks_agree(self) -> bool:
        """Whether the difference is too small to matter."""
        return abs(self.ahead) < _NEAR


def other_problems(health: Health | None, board: StopBoard | None) -> tuple[str, ...]:
    """Returns the server's problems but that of es.json, which the stop board tells with its effect."""
    if health is None:
        return ()
    told = board.problem if board is not None else ""
    return tuple(problem for problem in health.info.problems if problem != told)


def trouble(health: Health | None, board: StopBoard | None) -> str:
    """Returns the server's problems in a line, "" where it has none."""
    problems = other_problems(health, board)
    if not problems:
        return ""
    more = f" (and {len(problems) - 1} more: P shows all)" if len(problems) > 1 else ""
    return f"The server has a problem{more}: {problems[0]}"
