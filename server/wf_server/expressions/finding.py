"""What is wrong with a WorkReq by a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """A part that is not true, with the place in the WorkReq that it is about."""

    part: str
    #: Where the part is in the rule: `line 1 column 5`.
    position: str
    #: `is false`, or why it has no value.
    problem: str
    #: What led to it: `size(b.jobs) is 14`.
    values: tuple[str, ...] = ()
    block: int | None = None
    job: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The same, to be written as JSON."""
        return asdict(self)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Finding:
        """Reads what `as_json` made."""
        return cls(**{**found, "values": tuple(found["values"])})
