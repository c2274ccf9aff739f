"""Where violations stand in a WorkReq."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from wf_tui.state.composition import TOP, Place, settled
from wf_tui.state.models import PolicyLevel, Violation, WorkReq

_Key = TypeVar("_Key")


def place_of(violation: Violation) -> Place:
    """Returns the place that a violation names."""
    if violation.block is None:
        return TOP
    return Place(violation.block, violation.job if violation.job is not None else -1)


def refusals(violations: Iterable[Violation]) -> int:
    """Returns how many refuse the request, whatever is acknowledged."""
    return sum(violation.level is PolicyLevel.DENY for violation in violations)


def to_acknowledge(violations: Iterable[Violation]) -> tuple[str, ...]:
    """Returns the policies that a submission has to acknowledge, by name and in order."""
    return tuple(sorted({found.policy for found in violations if found.level is PolicyLevel.WARN}))


def gravest_mark(violations: Sequence[Violation]) -> str:
    """Returns the mark of the gravest; there is at least one."""
    levels = list(PolicyLevel)
    return min(violations, key=lambda violation: levels.index(violation.level)).mark


@dataclass(frozen=True, slots=True)
class Verdict:
    """The violations of one request, top to bottom, and which each place and block has."""

    all: tuple[Violation, ...] = ()
    at: Mapping[Place, tuple[Violation, ...]] = field(default_factory=dict)
    per_block: Mapping[int, tuple[Violation, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.all)


def placed(violations: Sequence[Violation], request: WorkReq) -> Verdict:
    """Puts violations in their places; one that names a place which is not there stands at the nearest."""
    at: dict[Place, list[Violation]] = {}
    per_block: dict[int, list[Violation]] = {}
    for violation in violations:
        place = settled(request, place_of(violation))
        at.setdefault(place, []).append(violation)
        per_block.setdefault(place.block, []).append(violation)
    ordered = tuple(violation for place in sorted(at) for violation in at[place])
    return Verdict(ordered, _frozen(at), _frozen(per_block))


def _frozen(found: Mapping[_Key, list[Violation]]) -> dict[_Key, tuple[Violation, ...]]:
    return {key: tuple(here) for key, here in found.items()}
