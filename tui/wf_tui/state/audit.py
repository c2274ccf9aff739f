"""The audit as the console and `wf` know it: entries, what is asked for, and lines of an export."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, from where, why, and what became of it."""

    seq: int
    time: datetime
    who: str
    source: str
    what: str
    workflow_type: str
    #: The id or the name of what it was about.
    target: str
    why: str
    #: `done`, `refused`, `failed`, or how a workflow ended.
    outcome: str
    told: str
    digest: str
    #: How many such acts it stands for.
    times: int
    #: What the server made the hash of.
    text: str
    #: In hexadecimal digits, as is `previous`: that of the entry before.
    hash: str
    previous: str

    @property
    def line(self) -> str:
        """The entry as a line of an export: a JSON object, in which the hashed text stands unchanged."""
        return f'{{"hash":"{self.hash}","previous":"{self.previous}",{self.text[1:]}'


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries are asked for; what is empty or None asks for all."""

    text: str = ""
    who: str = ""
    what: str = ""
    outcome: str = ""
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries, and where to go on (0: that was all)."""

    entries: tuple[AuditEntry, ...] = ()
    next: int = 0
    #: The newest entry there is, listed or not.
    head_seq: int = 0
    head_hash: str = ""


def read_entry(text: str, hash_: bytes, previous: bytes) -> AuditEntry:
    """Reads an entry as the server told it. Raises ValueError where it is none."""
    try:
        told = json.loads(text)
        words = ("who", "source", "what", "workflow_type", "target", "why", "outcome", "told", "digest")
        who, source, what, workflow_type, target, why, outcome, said, digest = (str(told[w]) for w in words)
        time = datetime.fromtimestamp(told["time_us"] / 1_000_000, UTC)
        seq, times = int(told["seq"]), int(told["times"])
    except (TypeError, LookupError, OverflowError) as error:
        raise ValueError(f"not an entry of the audit: {error}") from error
    return AuditEntry(
        seq,
        time,
        who,
        source,
        what,
        workflow_type,
        target,
        why,
        outcome,
        said,
        digest,
        times,
        text,
        hash_.hex(),
        previous.hex(),
    )
