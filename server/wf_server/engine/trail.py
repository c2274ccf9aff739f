"""What the audit says of refusals and of the server itself: whatever is no change of a workflow.

Refusals may come by the thousand, from a script that runs wild or from somebody who tries tokens. The first
of each kind in a minute are kept one by one; the others are counted, and one entry tells how many there were.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from wf_server.clock import Clock
from wf_server.engine.recorder import Recorder
from wf_server.model.audit import INSIDE, SERVER, Act, AuditEntry

#: Seconds for which refusals are counted together.
WINDOW = 60.0
#: Entries in such a time, of one kind and altogether; those beyond are counted.
EACH, ALL = 20, 600
#: Kinds that are counted apart from each other.
KINDS = 1_000


class _Kind(NamedTuple):
    who: str
    #: Without the port.
    source: str
    what: str
    outcome: str
    workflow_type: str


@dataclass(slots=True)
class _Seen:
    kept: int = 0
    counted: int = 0


class Trail:
    """`refused` and `note` say what happened; `close` writes what was counted."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._seen: dict[_Kind, _Seen] = {}
        self._kept = 0
        self._timer: asyncio.TimerHandle | None = None
        self._started = False

    def note(self, what: Act, told: str = "", target: str = "") -> None:
        """Puts on record what the server did."""
        self._started = self._started or what is Act.STARTED
        self._recorder.entry(AuditEntry(self._clock.now_us(), SERVER, INSIDE, what, target=target, told=told))

    def refused(self, entry: AuditEntry) -> None:
        """Puts on record what was refused, or counts it."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW, self._end_window)
        kind = _Kind(entry.who, _host(entry.source), entry.what, entry.outcome, entry.workflow_type)
        if kind not in self._seen and len(self._seen) >= KINDS:
            kind = _Kind("", "", entry.what, entry.outcome, "")
        seen = self._seen.setdefault(kind, _Seen())
        if seen.kept < EACH and self._kept < ALL:
            seen.kept += 1
            self._kept += 1
            self._recorder.entry(entry)
        else:
            seen.counted += 1

    def close(self) -> None:
        """Writes what was counted, and that the server ends, if it said that it started."""
        if self._timer is not None:
            self._timer.cancel()
            self._end_window()
        if self._started:
            self.note(Act.STOPPED)

    def _end_window(self) -> None:
        self._timer = None
        seen, self._seen, self._kept = self._seen, {}, 0
        for kind, n in seen.items():
            if n.counted:
                entry = AuditEntry(
                    self._clock.now_us(),
                    kind.who,
                    kind.source,
                    kind.what,
                    kind.workflow_type,
                    outcome=kind.outcome,
                    told=f"so many more within {WINDOW:.0f} s, which were only counted",
                    times=n.counted,
                )
                self._recorder.entry(entry)


def _host(source: str) -> str:
    """Where somebody calls from without the port, which is another one every time."""
    host, colon, port = source.rpartition(":")
    return host if colon and port.isdecimal() else source
