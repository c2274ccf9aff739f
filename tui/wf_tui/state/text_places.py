"""Which place of a WorkReq stands where in its text, and the other way round."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wf_tui.state.composition import TOP, Place
from wf_tui.state.models import Violation

#: Line and column, from 1, of the parts of a text: `blocks[0].jobs[1].args.site`.
Positions = Mapping[str, tuple[int, int]]

_PLACE = re.compile(r"blocks\[(\d+)\](?:\.jobs\[(\d+)\])?")


def part_of(place: Place, arg: str = "") -> str:
    """Returns what the text calls a place, or an argument of it."""
    if place.is_request:
        return ""
    block = f"blocks[{place.block}]"
    if not place.is_job:
        return block
    job = f"{block}.jobs[{place.job}]"
    return f"{job}.args.{arg}" if arg else job


def position_of(place: Place, positions: Positions, arg: str = "") -> tuple[int, int] | None:
    """Returns where a place stands, or the argument where it is there."""
    return positions.get(part_of(place, arg)) or positions.get(part_of(place))


def position_of_violation(violation: Violation, positions: Positions) -> tuple[int, int] | None:
    """Returns where what a violation names stands, or what is nearest around it."""
    block, job = violation.block, violation.job
    if block is None:
        return positions.get("name")
    at = position_of(Place(block, job if job is not None else -1), positions, violation.arg)
    return at or positions.get(part_of(Place(block))) or positions.get("blocks")


def place_at(line: int, positions: Positions) -> Place:
    """Returns the place that a line belongs to: the last one that begins on it or before."""
    best, at = TOP, 0
    for part, (start, _) in positions.items():
        found = _PLACE.fullmatch(part)
        if found and at <= start <= line:
            place = Place(int(found[1]), int(found[2]) if found[2] else -1)
            if start > at or place > best:
                best, at = place, start
    return best
