"""An emergency stop's entry and the record of who set it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

#: The entry that stands for every workflow type.
EVERYTHING = "*"


class StopStatus(Enum):
    """The values are those of es.json."""

    GO = "go"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class StopRecord:
    """One change of a stop: kept in the database, because es.json has no room for it."""

    name: str
    status: StopStatus
    operator: str
    reason: str
    time_us: int
