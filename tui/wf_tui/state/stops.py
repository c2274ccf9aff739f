"""The stop board as the console shows it: `*` on top, and what concerns everybody in one line."""

from __future__ import annotations

from dataclasses import replace

from wf_tui.state.models import EVERYTHING, Stop, StopBoard

_BROKEN = "es.json cannot be read"

#: What `*` is when es.json has no entry for it: nothing stops everything.
_NOTHING_STOPS_ALL = Stop(EVERYTHING, engaged=False, listed=True)


def board_lines(board: StopBoard) -> tuple[Stop, ...]:
    """Returns the entries in the board's order, with that of everything always first."""
    everything = next((stop for stop in board.stops if stop.name == EVERYTHING), _NOTHING_STOPS_ALL)
    others = tuple(stop for stop in board.stops if stop.name != EVERYTHING)
    if board.problem:
        # What the file said before it broke is no longer in force.
        return tuple(
            replace(stop, engaged=True, listed=True, operator="", reason=_BROKEN, changed=None)
            for stop in (everything, *others)
        )
    running = max(everything.running, sum(stop.running for stop in others))
    return replace(everything, running=running), *others


def stop_for(board: StopBoard, name: str) -> Stop | None:
    """Returns what stops a workflow type: its own entry if engaged, else `*` if engaged, else None."""
    by_name = {stop.name: stop for stop in board.stops}
    own = by_name.get(name)
    if own is None:
        return Stop(name, engaged=True, listed=False)
    if own.engaged:
        return own
    everything = by_name.get(EVERYTHING)
    return everything if everything is not None and everything.engaged else None


def title(stop: Stop) -> str:
    """Returns an entry's name in words: `* (everything)`."""
    return f"{stop.name} (everything)" if stop.name == EVERYTHING else stop.name


def alarm(board: StopBoard | None) -> str:
    """Returns what every screen has to say: es.json is broken, everything is stopped, or ""."""
    if board is None:
        return ""
    if board.problem:
        return f"es.json cannot be read, so everything is stopped: {board.problem}"
    everything = board_lines(board)[0]
    if not everything.engaged:
        return ""
    who = f" by {everything.operator}" if everything.operator else ""
    why = f": {everything.reason}" if everything.reason else ""
    return f"EVERYTHING IS STOPPED{who}{why}"
