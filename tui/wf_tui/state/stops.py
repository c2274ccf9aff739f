"""The stop board as the console shows it: `*` on top, and what concerns everybody in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from wf_tui.state.format import count, duration, moment
from wf_tui.state.models import EVERYTHING, ReleasePlan, Stop, StopBoard

_BROKEN = "es.json cannot be read"

#: Workflow types that are named of many.
_MOST_NAMED = 6
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


def key_words(stop: Stop, now: datetime) -> str:
    """Returns who turned the first key of a stop's release, and for how long that counts; "" without one."""
    key = stop.key
    if key is None:
        return ""
    who = (
        "an edit of es.json counts as the first key"
        if key.by_hand
        else f"{key.operator} turned the first key"
    )
    left = duration((key.expires - now).total_seconds())
    why = "" if key.by_hand or not key.reason else f": {key.reason}"
    return f"{who} {moment(now, key.turned)}, good for {left}{why}"


def stop_outlook(stop: Stop, now: datetime) -> Iterator[str]:
    """Returns what will become of an entry, as far as that is known, a line at a time."""
    if stop.key is not None:
        yield key_words(stop, now)
    if stop.expires is not None:
        over = stop.expires <= now
        when = moment(now, stop.expires)
        yield f"its time has been over since {when}" if over else f"until {when}"


def stop_notes(stop: Stop, now: datetime) -> Iterator[str]:
    """Returns why an entry is as it is, and what will become of it, a piece at a time."""
    if not stop.listed:
        yield "no entry in es.json, which means stop"
    elif stop.reason:
        yield stop.reason
    if stop.first_operator:
        yield f"first key by {stop.first_operator}"
    yield from stop_outlook(stop, now)


def reminders(before: StopBoard | None, after: StopBoard | None) -> tuple[Stop, ...]:
    """Returns the stops that the server has brought to mind between two boards."""
    if before is None or after is None:
        return ()
    known = {stop.name: stop.reminded for stop in before.stops}
    return tuple(
        stop for stop in after.stops if stop.reminded is not None and stop.reminded != known.get(stop.name)
    )


def reminder_words(stop: Stop, now: datetime) -> str:
    """Returns what a reminder says."""
    who = f" by {stop.operator}" if stop.operator else ""
    since = f" since {moment(now, stop.changed)}" if stop.changed is not None else ""
    why = f": {stop.reason}" if stop.reason else ""
    over = ". Its time is over." if stop.expires is not None and stop.expires <= now else ""
    return f"■ {title(stop)} is still stopped{since}{who}{why}{over}"


def plan_lines(plan: ReleasePlan, now: datetime) -> Iterator[str]:
    """Returns what a release would do, in sentences."""
    stop = plan.stop
    if not stop.engaged and stop.listed:
        yield f"{stop.name} is not stopped."
        return
    if plan.types:
        more = len(plan.types) - _MOST_NAMED
        named = ", ".join(plan.types[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        yield f"Lets go again: {named}."
    elif stop.name == EVERYTHING:
        yield "Lets go nothing: every type is stopped by its own entry."
    else:
        yield f"Lets go nothing yet: {EVERYTHING} stops everything."
    if plan.workflows:
        least = "at least " if plan.more else ""
        waiting = f"{least}{count(plan.workflows, 'workflow')} with {count(plan.jobs, 'job')}"
        yield f"{waiting} could be executed again; none begins by itself."
    elif plan.types:
        yield "No workflow waits to be executed; new ones would be accepted."
    if plan.two_keys:
        yield (
            key_words(stop, now)
            or "It takes two operators: the stop stays until a second one releases it too."
        )
