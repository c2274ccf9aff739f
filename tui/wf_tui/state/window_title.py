"""The terminal's title: what one wants to know of a window that is not looked at."""

from __future__ import annotations

from collections.abc import Mapping

from wf_tui.state.models import Status, StopBoard
from wf_tui.state.situation import Situation
from wf_tui.state.stops import board_lines, title
from wf_tui.state.text import clean

_LONGEST = 120


def window_title(situation: Situation, counts: Mapping[Status, int]) -> str:
    """Returns the title: stops first, then what runs and what failed among the listed workflows."""
    parts = [*_stops(situation.board), *_lost(situation)]
    parts += [
        f"{counts[status]:,} {words}"
        for status, words in ((Status.RUNNING, "running"), (Status.FAILED, "failed"))
        if counts.get(status)
    ]
    whole = " · ".join([*parts, f"wf {clean(situation.profile or situation.address)}"])
    return whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 1]}…"


def _stops(board: StopBoard | None) -> list[str]:
    engaged = [stop for stop in board_lines(board) if stop.engaged] if board is not None else []
    if not engaged:
        return []
    more = f" +{len(engaged) - 1}" if len(engaged) > 1 else ""
    return [f"■ STOP {clean(title(engaged[0]))}{more}"]


def _lost(situation: Situation) -> list[str]:
    return ["✗ lost"] if situation.connected is False else []
