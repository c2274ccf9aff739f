"""Where violations stand in a WorkReq, and which of them have a safe fix."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wf_tui.state.composition import TOP, Place, Version, job_at, settled
from wf_tui.state.edits import remove, with_arg
from wf_tui.state.known import Known
from wf_tui.state.models import Violation, WorkReq

#: One value in quotes, and nothing else: no choice, no cut.
_ONE_VALUE = re.compile(r'"([^"]*)"')


def place_of(violation: Violation) -> Place:
    """Returns the place that a violation names."""
    if violation.block is None:
        return TOP
    return Place(violation.block, violation.job if violation.job is not None else -1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The violations of one request, top to bottom, and how many each place and block has."""

    all: tuple[Violation, ...] = ()
    at: Mapping[Place, tuple[Violation, ...]] = field(default_factory=dict)
    per_block: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.all)


def placed(violations: Sequence[Violation], request: WorkReq) -> Verdict:
    """Puts violations in their places; one that names a place which is not there stands at the nearest."""
    at: dict[Place, list[Violation]] = {}
    per_block: dict[int, int] = {}
    for violation in violations:
        place = settled(request, place_of(violation))
        at.setdefault(place, []).append(violation)
        per_block[place.block] = per_block.get(place.block, 0) + 1
    ordered = tuple(violation for place in sorted(at) for violation in at[place])
    return Verdict(ordered, {place: tuple(here) for place, here in at.items()}, per_block)


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a violation, in words, and the request mended."""

    words: str
    mended: Version


def fix_of(violation: Violation, request: WorkReq, known: Known) -> Fix | None:
    """Returns the one safe fix of a violation, if there is one."""
    place = place_of(violation)
    if place.is_request or settled(request, place) != place:
        return None
    if not place.is_job:
        empty = not request.blocks[place.block].jobs and violation.found == "no jobs"
        return Fix(f"remove the empty block {place.block}", remove(request, place)) if empty else None
    return _fix_of_arg(violation.arg, violation, request, known) if violation.arg else None


def _fix_of_arg(name: str, violation: Violation, request: WorkReq, known: Known) -> Fix | None:
    place = place_of(violation)
    job = job_at(request, place)
    kind = known.job_type(job.name)
    if kind is not None and name in job.args and all(arg.name != name for arg in kind.args):
        return Fix(f"remove {name}", Version(with_arg(request, place, name, None), place))
    value = _ONE_VALUE.fullmatch(violation.expected)
    if value is None or job.args.get(name) == value[1]:
        return None
    before = f" from {job.args[name]}" if name in job.args else ""
    return Fix(f"set {name}{before} to {value[1]}", Version(with_arg(request, place, name, value[1]), place))
