"""An emergency stop as the board shows it, and what may be asked of one."""

from __future__ import annotations

from dataclasses import dataclass, field

from wf_server.errors import InvalidRequest
from wf_server.model import EVERYTHING, ReleaseKey, StopStatus

#: In characters.
MAX_NAME = 200
MAX_REASON = 1_000
#: In seconds: ten years, and as often as anybody wants to hear of it.
MAX_LASTS = 10 * 365 * 86_400
MIN_REMIND = 1


@dataclass(frozen=True, slots=True)
class StopTerms:
    """For how long a stop is meant, and how often it is to be brought to mind."""

    #: Seconds; 0: it has no end.
    lasts: float = 0
    #: Seconds; 0: as often as server.toml says.
    remind_every: float = 0


NO_TERMS = StopTerms()


@dataclass(frozen=True, slots=True)
class StopEntry:
    """One line of the stop board."""

    name: str
    status: StopStatus
    #: False: there is no entry in es.json, which means stop.
    listed: bool
    #: Who set it and why, where that is known.
    operator: str = ""
    reason: str = ""
    #: Microseconds since 1970-01-01 UTC.
    time_us: int | None = None
    #: When it ends by itself, or is to be looked at again; 0: it has no end.
    expires_us: int = 0
    #: How often it is to be brought to mind, in microseconds; 0: as server.toml says.
    remind_us: int = 0
    #: When it was last; 0: it was not. No change of the stop.
    reminded_us: int = field(default=0, compare=False)
    #: Who turned the first of two keys with which it was released.
    first_operator: str = ""
    #: The first key of its release, while it waits for the second.
    key: ReleaseKey | None = None


def check_terms(status: StopStatus, terms: StopTerms) -> None:
    """Raises InvalidRequest where a stop cannot be meant for that long, or be brought to mind so often."""
    if status is StopStatus.GO and terms != NO_TERMS:
        raise InvalidRequest("a release has no end and needs no reminder; leave them out")
    if not 0 <= terms.lasts <= MAX_LASTS:
        raise InvalidRequest(f"a stop can be for at most {MAX_LASTS} seconds, and for no less than none")
    if terms.remind_every and not MIN_REMIND <= terms.remind_every <= MAX_LASTS:
        raise InvalidRequest(f"a stop can be brought to mind every {MIN_REMIND} to {MAX_LASTS} seconds")


def check_change(name: str, status: StopStatus, reason: str) -> None:
    """Raises InvalidRequest for a bad name or reason, or a release without one."""
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > MAX_NAME:
        found = ascii(name[: MAX_NAME + 1])
        raise InvalidRequest(
            f"{found} is not the name of a stop; a workflow type of at most {MAX_NAME} printable characters "
            f"is one, or {EVERYTHING} for everything"
        )
    if status is StopStatus.GO and not reason:
        raise InvalidRequest("releasing a stop takes a reason; say why it is safe to go on")
    if len(reason) > MAX_REASON:
        raise InvalidRequest(f"the reason is longer than {MAX_REASON} characters; shorten it")
