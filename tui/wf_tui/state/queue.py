"""A queue of WorkReqs, each begun when the one before has ended well. Frozen, and pure functions over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from wf_tui.state.format import count
from wf_tui.state.models import WORKFLOW_ACTIVE, Status, Summary, Violation, WorkReq
from wf_tui.state.verdict import to_acknowledge
from wf_tui.state.wizard import Item


class Stage(Enum):
    """Where an entry of a queue stands; the values are in the file."""

    WAITING = "waiting"
    TOKEN = "waiting for a token"  # noqa: S105 - a stage
    RUNNING = "running"
    DONE = "completed"
    TROUBLE = "in trouble"
    LEFT_OUT = "left out"


#: What is over in one of these is not looked at again.
OVER = frozenset({Stage.DONE, Stage.LEFT_OUT})


@dataclass(frozen=True, slots=True)
class Entry:
    """One WorkReq as it was confirmed."""

    sites: tuple[str, ...]
    request: WorkReq
    #: Under which it is submitted: however often that is, the server stores it once.
    key: str
    #: The policies whose warnings were accepted when it was confirmed.
    acknowledge: tuple[str, ...] = ()
    stage: Stage = Stage.WAITING
    workflow_id: str = ""
    #: How its workflow stands, as far as is known.
    status: Status = Status.UNSPECIFIED
    started: datetime | None = None
    ended: datetime | None = None
    #: What it waits for, or what went wrong.
    words: str = ""
    #: It is an emergency stop that refused or ended it.
    stopped: bool = False

    @property
    def title(self) -> str:
        """Its sites."""
        return ", ".join(self.sites)


@dataclass(frozen=True, slots=True)
class Queue:
    """Entries in their order, on one server."""

    address: str
    entries: tuple[Entry, ...] = ()
    #: The next entry is not begun before the operator says so.
    held: bool = False

    @property
    def current(self) -> int | None:
        """The entry that is worked on or comes next; None: all are over."""
        found = (at for at, entry in enumerate(self.entries) if entry.stage not in OVER)
        return next(found, None)

    @property
    def due(self) -> int | None:
        """The entry that something is to be done about now; None: there is none, or it waits for somebody."""
        at = self.current
        if at is None or self.entries[at].stage is Stage.TROUBLE:
            return None
        return None if self.held and self.entries[at].stage is not Stage.RUNNING else at

    @property
    def trouble(self) -> Entry | None:
        """The entry at which the queue stands still."""
        at = self.current
        if at is None or self.entries[at].stage is not Stage.TROUBLE:
            return None
        return self.entries[at]

    def changed(self, at: int, **fields: object) -> Queue:
        """Returns the queue with some fields of an entry changed."""
        entry = replace(self.entries[at], **fields)  # type: ignore[arg-type]
        return replace(self, entries=(*self.entries[:at], entry, *self.entries[at + 1 :]))

    def added(self, entries: Sequence[Entry]) -> Queue:
        """Returns the queue with more entries; one that is over begins anew with them."""
        kept = self.entries if self.current is not None else ()
        return replace(self, entries=(*kept, *entries), held=self.held and bool(kept))

    def left_out(self) -> Queue:
        """Returns the queue that goes on without the entry at which it stands still."""
        at = self.current
        return self if at is None else self.changed(at, stage=Stage.LEFT_OUT)

    def given_up(self) -> Queue:
        """Returns the queue without anything that has not begun; what runs goes on to its end."""
        kept = tuple(
            entry
            if entry.stage in OVER or entry.stage is Stage.RUNNING
            else replace(entry, stage=Stage.LEFT_OUT)
            for entry in self.entries
        )
        return replace(self, entries=kept, held=False)

    def again(self, key: str) -> Queue:
        """Returns the queue that tries the entry anew, under another key, at which it stands still."""
        at = self.current
        if at is None:
            return self
        fresh = Entry(self.entries[at].sites, self.entries[at].request, key, self.entries[at].acknowledge)
        return replace(self, entries=(*self.entries[:at], fresh, *self.entries[at + 1 :]))


def entries_of(items: Sequence[Item], key: str, verdicts: Sequence[Sequence[Violation]]) -> tuple[Entry, ...]:
    """Returns what is queued for a wizard's items, confirmed together with the verdict on each."""
    return tuple(
        Entry(item.sites, item.request, f"{key}-{at}", to_acknowledge(found))
        for at, (item, found) in enumerate(zip(items, verdicts, strict=True))
    )


def entries_for(
    plans: Sequence[tuple[str, WorkReq]], key: str, acknowledge: tuple[str, ...]
) -> tuple[Entry, ...]:
    """Returns what is queued for sites and their WorkReqs, confirmed together under a key of its own."""
    return tuple(
        Entry((site,), request, f"{key}-{at}", acknowledge) for at, (site, request) in enumerate(plans)
    )


def ended(queue: Queue, at: int, summary: Summary) -> Queue:
    """Returns the queue after a workflow has ended, well or not."""
    well = summary.status is Status.COMPLETED
    return queue.changed(
        at,
        stage=Stage.DONE if well else Stage.TROUBLE,
        status=summary.status,
        started=summary.started,
        ended=summary.ended,
        words="" if well else summary.reason,
        stopped=summary.status is Status.STOPPED,
    )


def same(entry: Entry, summaries: Sequence[Summary]) -> Summary | None:
    """Finds a workflow that does an entry's work just now, by its type and description, which names sites."""
    wanted = entry.request.name, entry.request.desc
    found = (one for one in summaries if (one.name, one.desc) == wanted and one.status in WORKFLOW_ACTIVE)
    return next(found, None)


def counts_words(queue: Queue) -> str:
    """Tells how many entries are done, running, waiting, in trouble and left out."""
    numbers = Counter(entry.stage for entry in queue.entries)
    waiting = numbers[Stage.WAITING] + numbers[Stage.TOKEN]
    parts = [
        (numbers[Stage.TROUBLE], "in trouble"),
        (numbers[Stage.RUNNING], "running"),
        (waiting, "waiting"),
        (numbers[Stage.DONE], "completed"),
        (numbers[Stage.LEFT_OUT], "left out"),
    ]
    return ", ".join(f"{number:,} {words}" for number, words in parts if number)


@dataclass(frozen=True, slots=True)
class Ways:
    """What an operator calls for to look at a workflow, to try an entry again, to go on without it."""

    look: str = "enter"
    again: str = "r"
    leave_out: str = "n"
    stops: str = "S"


def advice(queue: Queue, by: Ways = Ways()) -> str:
    """Tells what to do where a queue stands still, "" where it does not."""
    entry = queue.trouble
    if entry is None:
        return ""
    rest = sum(1 for one in queue.entries if one.stage is Stage.WAITING)
    waits = f" {count(rest, 'more entry', 'more entries')} wait{'s' if rest == 1 else ''}." if rest else ""
    ways = f"{by.again} tries {entry.title} again, {by.leave_out} goes on without it."
    if entry.stopped:
        return f"An emergency stop is engaged.{waits} Release it ({by.stops}) when that is safe; then {ways}"
    if not entry.workflow_id:
        return f"It was not submitted.{waits} Mend what the reason says; then {ways}"
    return f"{by.look} shows the workflow: see what failed, and mend it.{waits} Then {ways}"
