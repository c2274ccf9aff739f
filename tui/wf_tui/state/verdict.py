"""Where violations stand in a WorkReq."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wf_tui.state.composition import TOP, Place, settled
from wf_tui.state.models import Violation, WorkReq


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
