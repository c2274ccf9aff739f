"""Which workflows have ended since one last looked, each told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from wf_tui.state.format import count, short_id
from wf_tui.state.marks import WORKFLOW_ORDER, mark
from wf_tui.state.models import WORKFLOW_FINAL, Status, Summary
from wf_tui.state.text import clean

#: More at once are told together.
_APART = 3


class Endings:
    """Follows the list's stream. What had ended before the first message is never told."""

    def __init__(self) -> None:
        self._begun = False
        self._ended: dict[str, bool] = {}
        self._newest: datetime | None = None

    def take(self, summaries: Sequence[Summary]) -> tuple[Summary, ...]:
        """Takes a message of the stream; returns the workflows that have ended since the one before.

        A workflow that is met for the first time, and has ended already, counts if it is newer than
        all that were known: it came and went in between.
        """
        begun, newest = self._begun, self._newest
        self._begun = True
        ended = []
        for summary in summaries:
            over = summary.status in WORKFLOW_FINAL
            before = self._ended.get(summary.id)
            came_and_went = before is None and begun and (newest is None or summary.created > newest)
            if over and (before is False or came_and_went):
                ended.append(summary)
            self._ended[summary.id] = over
            if self._newest is None or summary.created > self._newest:
                self._newest = summary.created
        return tuple(ended)


class EndedNews:
    """What a toast says: lines, and whether any of it is bad."""

    def __init__(self, ended: Sequence[Summary]) -> None:
        self.bad = any(summary.status is not Status.COMPLETED for summary in ended)
        self.lines = [_line(summary) for summary in ended] if len(ended) <= _APART else [_together(ended)]


def _line(summary: Summary) -> str:
    name = f"{clean(summary.name)} {short_id(clean(summary.id))}"
    why = f": {clean(summary.reason)}" if summary.reason else ""
    return f"{mark(summary.status)}  {name}{why}"


def _together(ended: Sequence[Summary]) -> str:
    numbers = Counter(summary.status for summary in ended)
    parts = [f"{numbers[status]:,} {mark(status)}" for status in WORKFLOW_ORDER if numbers[status]]
    return f"{count(len(ended), 'workflow')} ended: {', '.join(parts)}"
