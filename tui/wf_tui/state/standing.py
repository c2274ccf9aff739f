"""What a workflow waits for, in words, and what may be ordered of it as it stands."""

from __future__ import annotations

from datetime import datetime, tzinfo

from wf_tui.state.format import count, duration, moment
from wf_tui.state.marks import mark
from wf_tui.state.models import WORKFLOW_FINAL, Status, Summary

S = Status

#: Told to end, and not at its end.
ENDING = frozenset({S.STOPPING, S.CANCELLING})
#: Ended by somebody, or about to be: there is a receipt.
WITH_RECEIPT = ENDING | {S.STOPPED, S.CANCELLED}
#: Somebody ordered it, and the record says who.
ORDERED = WITH_RECEIPT | {S.PAUSING, S.PAUSED}
#: Goes no further before a person acts.
NEEDS_SOMEBODY = frozenset({S.NEEDS_OPERATOR, S.HELD, S.AWAITING_APPROVAL})

_PAUSABLE = frozenset({S.RUNNING, S.HELD, S.NEEDS_OPERATOR})
_PAUSED = frozenset({S.PAUSING, S.PAUSED})


def can_pause(status: Status) -> bool:
    """Whether it can be told to start nothing more."""
    return status in _PAUSABLE


def can_resume(status: Status) -> bool:
    """Whether it was paused."""
    return status in _PAUSED


def can_cancel(status: Status) -> bool:
    """Whether it has neither ended nor been told to."""
    return status not in WORKFLOW_FINAL and status not in ENDING


def can_resolve(status: Status) -> bool:
    """Whether its jobs' outcomes can still be settled by a person."""
    return status not in WORKFLOW_FINAL and status not in ENDING


def left_words(until: datetime | None, now: datetime) -> str:
    """Tells how long something still takes at the most: `20 s`; "": nobody knows, or it is due."""
    if until is None or until <= now:
        return ""
    # Of a part of a second something is left as well.
    return duration((until - now).total_seconds() + 0.999)


def standing_words(
    summary: Summary, now: datetime, *, may_act: bool = True, zone: tzinfo | None = None
) -> str:
    """Tells in a line what goes on, since when and until when, and which key acts; "": nothing special."""
    told = _waits(summary, now)
    if not told:
        return ""
    if summary.status is S.RUNNING:
        return f"… {told}"
    since = f" since {moment(now, summary.since, zone)}" if summary.since is not None else ""
    # The key before the rest, which may be cut off.
    key = _key(summary.status, may_act=may_act)
    return f"{mark(summary.status)}{since}{f' ({key})' if key else ''}: {told}"


def _waits(summary: Summary, now: datetime) -> str:
    """What it waits for."""
    running, until = summary.jobs.running, left_words(summary.until, now)
    match summary.status:
        case S.PAUSING:
            return f"{count(running, 'job')} in flight, then it is paused"
        case S.PAUSED:
            return "nothing starts until it is resumed"
        case S.STOPPING | S.CANCELLING:
            return f"{running:,} in flight{f', quiet in about {until}' if until else ', the last ends now'}"
        case S.STOPPED | S.CANCELLED:
            return "the receipt tells what became of each job"
        case S.AWAITING_APPROVAL:
            return summary.activity or "approvals are missing"
        case S.HELD if summary.activity:
            # The time first: the rest may be cut off.
            return f"{f'{until} left: ' if until else ''}{summary.activity}"
        case S.HELD | S.NEEDS_OPERATOR:
            return summary.reason or "somebody has to decide"
        case S.RUNNING | S.QUEUED if summary.activity:
            return f"{summary.activity}{f', {until} left' if until else ''}"
    return ""


def _key(status: Status, *, may_act: bool) -> str:
    if status in WITH_RECEIPT:
        return "E: receipt"
    if not may_act:
        return ""
    if status in _PAUSED:
        return "p: resume"
    return {
        S.HELD: "o: go",
        S.NEEDS_OPERATOR: "u: resolve",
        S.QUEUED: "X: cancel",
        S.AWAITING_APPROVAL: "A: inbox",
    }.get(status, "")


def waits_for(summary: Summary) -> str:
    """Tells in short what a workflow in a list waits for; "": for nobody."""
    if summary.status in NEEDS_SOMEBODY or summary.status is S.QUEUED:
        return summary.activity or summary.reason
    return ""


def why_words(summary: Summary, ordered_by: str) -> str:
    """Tells why it stands as it does, and who said so; "": there is nothing to tell beyond the standing."""
    if summary.status in (S.HELD, S.NEEDS_OPERATOR):
        return ""
    who = f", by {ordered_by}" if ordered_by and summary.status in ORDERED else ""
    if not summary.reason:
        return f"No reason given{who}" if who else ""
    return f"Why: {summary.reason}{who}"
