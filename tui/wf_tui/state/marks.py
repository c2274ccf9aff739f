"""The glyph, the tone and the weight of every status. A glyph always stands beside its word."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from wf_tui.state.models import JobCounts, Status

S = Status


class Tone(Enum):
    """What a status means to the eye; each theme gives every tone one colour."""

    IDLE = "idle"
    BUSY = "busy"
    GOOD = "good"
    BAD = "bad"
    HELD = "held"
    HALTED = "halted"


GLYPHS: Mapping[Status, str] = {
    S.UNSPECIFIED: "·",
    S.NOT_STARTED: "○",
    S.RUNNING: "●",
    S.FAILED: "✗",
    S.COMPLETED: "✓",
    S.AWAITING_APPROVAL: "◇",
    S.PAUSING: "◐",
    S.PAUSED: "‖",
    S.NEEDS_OPERATOR: "!",
    S.CANCELLED: "⊘",
    S.STOPPED: "■",
    S.INTERRUPTED: "↯",
    S.UNKNOWN: "?",
    S.SKIPPED: "–",
    S.STOPPING: "◧",
    S.CANCELLING: "◨",
    S.RETRYING: "↻",
    S.HELD: "◆",
    S.QUEUED: "…",
}

_TONES: Mapping[Status, Tone] = {
    S.RUNNING: Tone.BUSY,
    S.COMPLETED: Tone.GOOD,
    S.FAILED: Tone.BAD,
    S.UNKNOWN: Tone.BAD,
    S.NEEDS_OPERATOR: Tone.BAD,
    S.AWAITING_APPROVAL: Tone.HELD,
    S.PAUSING: Tone.HELD,
    S.PAUSED: Tone.HELD,
    S.STOPPED: Tone.HALTED,
    S.STOPPING: Tone.HALTED,
    S.CANCELLING: Tone.HALTED,
    S.RETRYING: Tone.HELD,
    S.HELD: Tone.HELD,
    S.INTERRUPTED: Tone.HALTED,
    S.CANCELLED: Tone.HALTED,
}

#: The order in which an operator wants to see jobs: trouble first, what is done last.
JOB_ORDER = (
    S.FAILED,
    S.UNKNOWN,
    S.INTERRUPTED,
    S.RETRYING,
    S.RUNNING,
    S.NOT_STARTED,
    S.SKIPPED,
    S.COMPLETED,
    S.UNSPECIFIED,
)

#: The same for workflows.
WORKFLOW_ORDER = (
    S.NEEDS_OPERATOR,
    S.STOPPING,
    S.CANCELLING,
    S.HELD,
    S.AWAITING_APPROVAL,
    S.RUNNING,
    S.PAUSING,
    S.PAUSED,
    S.QUEUED,
    S.FAILED,
    S.STOPPED,
    S.CANCELLED,
    S.NOT_STARTED,
    S.COMPLETED,
)


def tone(status: Status) -> Tone:
    """Returns the tone of a status."""
    return _TONES.get(status, Tone.IDLE)


def mark(status: Status) -> str:
    """Returns glyph and word: `✗ failed`."""
    return f"{GLYPHS[status]} {status.label}"


def counts_line(counts: JobCounts) -> list[tuple[Status, int]]:
    """Returns the statuses that have jobs, in the operator's order, with their number."""
    numbers = {
        S.FAILED: counts.failed,
        S.UNKNOWN: counts.unknown,
        S.INTERRUPTED: counts.interrupted,
        S.RETRYING: counts.retrying,
        S.RUNNING: counts.running,
        S.NOT_STARTED: counts.not_started,
        S.SKIPPED: counts.skipped,
        S.COMPLETED: counts.completed,
    }
    return [(status, numbers[status]) for status in JOB_ORDER if numbers.get(status)]
