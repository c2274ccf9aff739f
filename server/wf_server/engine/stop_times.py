"""What time does to emergency stops: they end where they were meant to, and are brought to mind again."""

from __future__ import annotations

import structlog

from wf_server.clock import Clock
from wf_server.errors import FailedPrecondition, StoreError
from wf_server.estop import EmergencyStops
from wf_server.stop_entry import StopEntry

log = structlog.get_logger(__name__)

#: Seconds between two looks: how late an end or a reminder may be.
LOOK_SECONDS = 1.0
#: The operator of releases that nobody made.
BY_ITSELF = "wf-server"


class StopTimes:
    """Looks at the stops in force again and again: `run` until it is cancelled."""

    def __init__(self, stops: EmergencyStops, clock: Clock, remind_every: float) -> None:
        """`remind_every` holds for stops that say nothing else, in seconds; 0: never."""
        self._stops = stops
        self._clock = clock
        self._remind_us = round(remind_every * 1_000_000)
        #: How often each stop, by name and the time of its engagement, was to be brought to mind so far.
        self._rounds: dict[tuple[str, int], int] = {}
        #: The stops whose end was told, or tried: once each.
        self._ended: set[tuple[str, int]] = set()

    async def run(self) -> None:
        """Looks every second."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Ends what is to end, and reminds of what is to be brought to mind now."""
        for key in self._stops.drop_expired_keys():
            log.info("the time of a release's first key is over", name=key.name, operator=key.operator)
        engaged = {(entry.name, entry.time_us or 0): entry for entry in self._stops.engaged()}
        self._rounds = {known: n for known, n in self._rounds.items() if known in engaged}
        self._ended &= engaged.keys()
        for known, entry in engaged.items():
            if await self._end(known, entry):
                continue
            self._remind(known, entry)

    async def _end(self, known: tuple[str, int], entry: StopEntry) -> bool:
        """Releases a stop whose time is over; whether that was done."""
        now = self._clock.now_us()
        if not entry.expires_us or now < entry.expires_us or known in self._ended:
            return False
        self._ended.add(known)
        if self._stops.takes_two_keys:
            log.warning("a stop's time is over; releasing it takes two operators", name=entry.name)
            self._stops.remind(entry.name)
            return False
        try:
            await self._stops.release_expired(entry, BY_ITSELF, f"its time is over; {entry.operator} set it")
        except (FailedPrecondition, StoreError) as error:
            log.error("a stop's time is over but it cannot be released", name=entry.name, reason=str(error))
            self._stops.remind(entry.name)
            return False
        return True

    def _remind(self, known: tuple[str, int], entry: StopEntry) -> None:
        every = entry.remind_us or self._remind_us
        if not every:
            return
        n = (self._clock.now_us() - known[1]) // every
        # What was due before this server began, or before the clock was set, is not made up for.
        before = self._rounds.setdefault(known, n)
        if n > before:
            self._rounds[known] = n
            log.warning(
                "a stop is still in force", name=entry.name, operator=entry.operator, reason=entry.reason
            )
            self._stops.remind(entry.name)
