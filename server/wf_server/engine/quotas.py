"""The quotas' tokens: taken by jobs as they begin, across all workflows, and waited for in line.

A token counts from the time at which its job is on record as running until `Per` later: at the time t there
count those with taken > t - Per. It is taken in memory before that is written and never given back, and
written in one transaction with the change; so what is on record never exceeds a limit, whatever crashes.

Who finds none left stands in line for the value; the first in line takes first. All of it happens in single
steps of the event loop.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wf_server.clock import Clock
from wf_server.inventory import Inventory
from wf_server.model import JobId, Level, QuotaToken, Workflow
from wf_server.policy import Meter, PolicyBook, Quota
from wf_server.store import Store

#: Tokens are kept at least this long, in case a quota that was taken out of the file comes back.
KEPT_US = 86_400 * 1_000_000
#: Tokens looked at in one go as they are read.
_PORTION = 5_000
#: Microseconds between two looks for what can be forgotten.
_PRUNE_US = 1_000_000
#: A run asks again after this long, in case the machine's clock was set.
_LONGEST_NAP_US = 60_000_000


@dataclass(slots=True)
class _Tally:
    """The tokens of one value, and who waits for one."""

    #: When each was taken, in order.
    times: list[int] = field(default_factory=list)
    #: How to wake those who wait, the first one first.
    line: dict[Turnstile, Callable[[], None]] = field(default_factory=dict)

    def taken(self, now_us: int, per_us: int) -> int:
        """How many count now."""
        return len(self.times) - bisect_right(self.times, now_us - per_us)

    def free_us(self, limit: int, per_us: int) -> int:
        """When one of so many that are all taken counts no more; 0: there are none to come back."""
        return self.times[-limit] + per_us if 0 < limit <= len(self.times) else 0

    def prune(self, before_us: int) -> None:
        """Forgets what counts nowhere any more."""
        del self.times[: bisect_right(self.times, before_us)]


@dataclass(slots=True)
class _Count:
    """All tokens of a meter that may still count."""

    shortest_us: int
    longest_us: int
    tallies: dict[str, _Tally] = field(default_factory=dict)
    #: When each job took its newest token, about in that order.
    held: dict[JobId, int] = field(default_factory=dict)

    def tally(self, value: str) -> _Tally:
        """The tokens of a value."""
        found = self.tallies.get(value)
        if found is None:
            found = self.tallies[value] = _Tally()
        return found

    def has(self, job: JobId, now_us: int) -> bool:
        """Whether a job has a token that every quota still counts: it takes no other."""
        taken_us = self.held.get(job)
        return taken_us is not None and taken_us > now_us - self.shortest_us

    def take(self, job: JobId, value: str, now_us: int) -> None:
        """Counts a token from now on."""
        insort(self.tally(value).times, now_us)
        self.held.pop(job, None)
        self.held[job] = now_us

    def prune(self, now_us: int) -> None:
        """Forgets what counts nowhere any more."""
        before_us = now_us - self.longest_us
        while self.held and next(iter(self.held.values())) <= before_us:
            del self.held[next(iter(self.held))]
        for value, tally in list(self.tallies.items()):
            tally.prune(before_us)
            if not (tally.times or tally.line):
                del self.tallies[value]


@dataclass(frozen=True, slots=True)
class Wait:
    """What a block waits for."""

    #: `site="aap"`.
    what: str
    taken: int
    limit: int
    #: When the next token comes back, in microseconds; 0: nobody knows.
    until_us: int

    @property
    def words(self) -> str:
        """It in words: `waiting: quota site="aap" 5 of 5 until 2026-01-01 03:20:00 UTC`."""
        words = f"waiting: quota {self.what} {self.taken} of {self.limit}"
        if self.taken < self.limit:
            return f"{words}, others were first"
        if not self.until_us:
            return words
        # Not a moment earlier than it is.
        until = datetime.fromtimestamp(-(-self.until_us // 1_000_000), UTC)
        return f"{words} until {until:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class Gauge:
    """How much of a quota is taken for one value."""

    value: str
    limit: int
    taken: int
    #: When the next token comes back; 0: none is taken.
    next_us: int
    #: Workflows that wait for one.
    waiting: int


@dataclass(frozen=True, slots=True)
class QuotaView:
    """A quota as of now, with the values that have tokens taken or somebody waiting."""

    quota: Quota
    #: The workflow types that it holds for.
    workflow_types: tuple[str, ...]
    gauges: tuple[Gauge, ...]


class Quotas:
    """Every quota of policies.json. `load` before anything runs."""

    def __init__(
        self,
        policies: Callable[[], PolicyBook],
        inventory: Callable[[], Inventory],
        store: Store,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._inventory = inventory
        self._store = store
        self._clock = clock
        self._book: PolicyBook | None = None
        self._pruned_us = 0
        self._counts: dict[Meter, _Count] = {}
        #: By workflow type.
        self._quotas: Mapping[str, Sequence[Quota]] = {}

    async def load(self) -> None:
        """Counts the tokens that were taken under earlier servers. Raises StoreError."""
        self._follow_policies()
        counts = {meter.key: count for meter, count in self._counts.items()}
        if not counts:
            return
        now = self._clock.now_us()
        longest = max(count.longest_us for count in counts.values())
        async for tokens in self._store.load_quota_tokens(now - longest, _PORTION):
            for token in tokens:
                if (count := counts.get(token.meter)) is not None:
                    job = JobId(token.workflow, token.block, token.job)
                    count.take(job, token.value, token.taken_us)
        for count in counts.values():
            count.prune(now)

    def outdated_us(self) -> int:
        """Tokens taken at this time or before count nowhere, and need not be kept."""
        self._follow_policies()
        return self._clock.now_us() - max([KEPT_US, *(c.longest_us for c in self._counts.values())])

    @property
    def is_idle(self) -> bool:
        """Whether there is no quota at all."""
        if self._policies() is not self._book:
            self._follow_policies()
        return not self._counts

    def looking_again(self, reload: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """The same reload, after which everyone in line asks again: limits may have changed."""

        async def reload_and_look() -> None:
            await reload()
            self._look_again()

        return reload_and_look

    def _look_again(self) -> None:
        self._follow_policies()
        for count in self._counts.values():
            for tally in count.tallies.values():
                _wake(tally.line.values())

    def views(self) -> list[QuotaView]:
        """Every quota as of now, each once, with the workflow types that it holds for."""
        self._follow_policies()
        now, inventory = self._clock.now_us(), self._inventory()
        found: dict[tuple[Meter, str, int, Level], tuple[Quota, list[str]]] = {}
        for name, quotas in self._quotas.items():
            for quota in quotas:
                key = (quota.meter, quota.limit_words, quota.per_us, quota.level)
                found.setdefault(key, (quota, []))[1].append(name)
        return [
            QuotaView(quota, tuple(dict.fromkeys(names)), tuple(self._gauges(quota, now, inventory)))
            for quota, names in found.values()
        ]

    def turnstile(self, workflow: Workflow, wake: Callable[[], None]) -> Turnstile:
        """The way by which a run's jobs come to their tokens; `wake` is called when it should ask again."""
        return Turnstile(self, workflow, wake)

    def _gauges(self, quota: Quota, now: int, inventory: Inventory) -> Iterator[Gauge]:
        for value, tally in sorted(self._counts[quota.meter].tallies.items()):
            taken = tally.taken(now, quota.per_us)
            if taken or tally.line:
                limit = quota.limit_of(value, inventory)
                next_us = tally.times[-taken] + quota.per_us if taken else 0
                yield Gauge(value, limit, taken, next_us, len(tally.line))

    def _follow_policies(self) -> None:
        book = self._policies()
        if book is self._book:
            return
        self._book = book
        self._quotas = {
            name: quotas
            for name, policies in book.workflow_types.items()
            if (quotas := [policy for policy in policies if isinstance(policy, Quota)])
        }
        before, self._counts = self._counts, {}
        for quota in (quota for quotas in self._quotas.values() for quota in quotas):
            count = self._counts.get(quota.meter)
            if count is None:
                known = before.pop(quota.meter, None) or _Count(0, 0)
                count = self._counts[quota.meter] = _Count(0, 0, known.tallies, known.held)
                count.shortest_us = quota.per_us
            count.shortest_us = min(count.shortest_us, quota.per_us)
            count.longest_us = max(count.longest_us, quota.per_us)
        for gone in before.values():
            # Whoever waits for what there is no more goes on.
            for tally in gone.tallies.values():
                _wake(tally.line.values())

    # What turnstiles ask

    def take(self, turnstile: Turnstile, job: JobId, now_us: int) -> Wait | None:
        """Takes every token that a job needs; or none, and stands in line for the one that is missing."""
        spec = turnstile.workflow.request.blocks[job.block].jobs[job.job]
        needed: list[tuple[Meter, _Count, str]] = []
        for meter, count in self._counts.items():
            value = meter.value_of(spec)
            if value is None or count.has(job, now_us):
                continue
            tally = count.tally(value)
            wait = self._wait(turnstile, meter, tally, value, now_us)
            if wait is not None:
                turnstile.stand_in(tally)
                return wait
            needed.append((meter, count, value))
        turnstile.leave()
        for meter, count, value in needed:
            count.take(job, value, now_us)
            turnstile.tokens.append(QuotaToken(now_us, *job, meter.key, value))
        return None

    def now_us(self) -> int:
        """The time by which tokens are taken. Forgets now and then what counts nowhere any more."""
        now = self._clock.now_us()
        if not 0 <= now - self._pruned_us < _PRUNE_US:
            self._pruned_us = now
            for count in self._counts.values():
                count.prune(now)
        return now

    def _wait(
        self, turnstile: Turnstile, meter: Meter, tally: _Tally, value: str, now_us: int
    ) -> Wait | None:
        """Why a job must wait for a token of a value; None: it need not."""
        waits: list[Wait] = []
        workflow = turnstile.workflow
        behind = bool(tally.line) and next(iter(tally.line)) is not turnstile
        for quota in self._quotas.get(workflow.name, ()):
            if quota.meter != meter or not _binds(quota, workflow):
                continue
            limit, taken = quota.limit_of(value, self._inventory()), tally.taken(now_us, quota.per_us)
            if taken >= limit or behind:
                free_us = tally.free_us(limit, quota.per_us) if taken >= limit else 0
                waits.append(Wait(meter.told(value), taken, limit, free_us))
        # The longest, which is that for a token of none.
        return max(waits, key=lambda wait: math.inf if wait.limit == 0 else wait.until_us, default=None)


class Turnstile:
    """One run's way to its tokens. `open`, `admit` for each job, `close`; then `claim` what was taken."""

    def __init__(self, quotas: Quotas, workflow: Workflow, wake: Callable[[], None]) -> None:
        self._quotas = quotas
        self.workflow = workflow
        self._wake = wake
        self._block = 0
        self._now_us = 0
        self._asked = False
        #: Taken since they were claimed last.
        self.tokens: list[QuotaToken] = []
        #: What it waits for; None: nothing.
        self.waits: Wait | None = None
        self._place: _Tally | None = None

    def open(self, block: int) -> bool:
        """Begins to let jobs of a block in; False: none of them needs a token."""
        if self._quotas.is_idle:
            self.leave()
            return False
        self._block, self._now_us, self._asked = block, self._quotas.now_us(), False
        return True

    def admit(self, job: int) -> bool:
        """Takes a job's tokens; False: it has to wait."""
        self._asked = True
        self.waits = self._quotas.take(self, JobId(self.workflow.id, self._block, job), self._now_us)
        return self.waits is None

    def close(self) -> None:
        """No more jobs for now: who has not asked does not wait."""
        if not self._asked:
            self.leave()

    def claim(self) -> list[QuotaToken]:
        """The tokens of the jobs that were let in, to be written with their begin."""
        taken, self.tokens = self.tokens, []
        return taken

    def nap_us(self) -> int:
        """After how many microseconds to ask again; sooner where it is woken."""
        until_us = self.waits.until_us if self.waits is not None else 0
        return max(0, min(_LONGEST_NAP_US, until_us - self._quotas.now_us())) if until_us else _LONGEST_NAP_US

    def stand_in(self, tally: _Tally) -> None:
        """Waits in the line of a value, at its place or at the end."""
        if self._place is not tally:
            self.leave()
            tally.line[self] = self._wake
            self._place = tally

    def leave(self) -> None:
        """Waits no more; the next in line may ask."""
        self.waits = None
        if self._place is not None:
            line, self._place = self._place.line, None
            was_first = next(iter(line)) is self
            del line[self]
            if was_first and line:
                next(iter(line.values()))()


def _wake(everyone: Iterable[Callable[[], None]]) -> None:
    for wake in list(everyone):
        wake()


def _binds(quota: Quota, workflow: Workflow) -> bool:
    """Whether a workflow's jobs wait for the quota's tokens; what only warns or runs dry is counted only."""
    if quota.level is Level.WARN:
        return quota.name not in workflow.acknowledged
    return quota.level is Level.DENY
