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
    #: Of a stop: when it ends by itself, or is to be looked at again; 0: it has no end.
    expires_us: int = 0
    #: Of a stop: how often it is to be reminded of; 0: as often as server.toml says.
    remind_us: int = 0
    #: Of a release that took two keys: who turned the first one.
    first_operator: str = ""
    #: From where it was set, where that is known; not kept with it, but in the audit.
    source: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseKey:
    """The first key of a stop's release: what someone asked for, until somebody else does too."""

    name: str
    operator: str
    reason: str
    time_us: int
    #: It counts until then.
    expires_us: int
    #: Whether it is an edit of es.json: nobody knows whose.
    by_hand: bool = False
