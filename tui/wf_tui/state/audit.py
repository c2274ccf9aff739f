"""The audit as the console and `wf` know it: entries, what is asked for, and lines of an export."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.text import clean

#: What a filter can ask for by name.
FIELDS = ("outcome", "what", "who", "from", "type", "about", "why", "told", "seq")


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


class Trail:
    """Entries by number, newest first. `loaded` is false until the first page has come."""

    def __init__(self) -> None:
        self.loaded = False
        self.filter = NO_FILTER
        #: Where the page after the oldest known begins; 0: there is none.
        self.older = 0
        #: The newest entry there is, and its hash.
        self.head_seq = 0
        self.head_hash = ""
        self._known: dict[int, AuditEntry] = {}
        self._shown: list[AuditEntry] = []

    def __len__(self) -> int:
        return len(self._shown)

    def __getitem__(self, place: int) -> AuditEntry:
        return self._shown[place]

    @property
    def total(self) -> int:
        """How many are known, shown or not."""
        return len(self._known)

    @property
    def refused(self) -> int:
        """How many of the known were refused, or failed."""
        return sum(entry.times for entry in self._known.values() if entry.outcome in TROUBLE)

    def find(self, seq: int) -> int | None:
        """Returns the line of an entry, None if it is not shown."""
        return next((at for at, shown in enumerate(self._shown) if shown.seq == seq), None)

    def take_newest(self, page: AuditPage) -> None:
        """Takes the first page, again. One without anything known begins the list anew."""
        if not any(new.seq in self._known for new in page.entries):
            self._known.clear()
            self.older = page.next
        self.loaded = True
        self.head_seq, self.head_hash = page.head_seq, page.head_hash
        self._known |= {new.seq: new for new in page.entries}
        self._arrange()

    def take_older(self, page: AuditPage) -> None:
        """Takes the page that `older` asked for."""
        self.older = page.next
        self._known |= {found.seq: found for found in page.entries}
        self._arrange()

    def narrow(self, chosen: Filter) -> None:
        """Shows only those that the filter lets through."""
        self.filter = chosen
        self._arrange()

    def _arrange(self) -> None:
        found = [known for known in self._known.values() if self.filter.lets_through(fields(known))]
        self._shown = sorted(found, key=lambda known: -known.seq)


#: Outcomes of what was not done.
TROUBLE = frozenset({"refused", "failed"})


def fields(entry: AuditEntry) -> Mapping[str, str]:
    """Returns what the filter looks at; see `FIELDS`."""
    values = (
        entry.outcome,
        entry.what,
        entry.who,
        entry.source,
        entry.workflow_type,
        entry.target,
        entry.why,
        entry.told,
        str(entry.seq),
    )
    return dict(zip(FIELDS, map(clean, values), strict=True))
