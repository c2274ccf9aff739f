"""The policy workbench: drafts of policies.json tried on what is stored, and what those in force say.

It reads, and changes nothing. A test goes through the requests one by one and lets other work go on between
them; only one is under way at a time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from wf_server.clock import Clock
from wf_server.errors import ConfigError, InvalidRequest, NotFound, TooFast
from wf_server.jobs import JobRegistry
from wf_server.model import (
    Level,
    Rejection,
    RejectionSummary,
    Summary,
    Verdict,
    Violation,
    WorkReq,
    verdict_of,
)
from wf_server.policy import Facts, Policy, PolicyBook, evaluate, evaluate_each, judge, parse_policies
from wf_server.policy.structure import validate_in_portions
from wf_server.store import Page, Store

S = TypeVar("S")

#: Characters of a draft.
MAX_DRAFT = 2**20
#: Requests of each kind that a test looks at, unless asked otherwise, and at most.
TESTED, MOST_TESTED = 1_000, 5_000
#: Jobs of a request that a test still looks at: reading a larger one would hold up everything else.
LARGEST = 20_000
#: Seconds from one test's end to the next one's begin: a test takes what the processor has.
PAUSE = 0.5
_PAGE = 200
_DRAFT = "the draft"
#: What stopped a submission, and is no policy.
_STOP = "emergencyStop"


@dataclass(frozen=True, slots=True)
class Tested:
    """A stored or refused request, and what became and would become of it."""

    summary: Summary | RejectionSummary
    before: Verdict
    after: Verdict
    violations: Sequence[Violation]

    @property
    def is_worth_telling(self) -> bool:
        """Whether the draft finds anything, or would no longer refuse it."""
        return bool(self.violations) or (self.before is Verdict.REFUSED and self.after is not Verdict.REFUSED)


@dataclass(slots=True)
class Tally:
    """What a test has come to so far."""

    total: int = 0
    tested: int = 0
    skipped: int = 0
    refused: int = 0
    warned: int = 0
    dry_run: int = 0
    newly_refused: int = 0
    newly_passing: int = 0
    #: Requests that break a policy at a level.
    policies: Counter[tuple[str, Level]] = field(default_factory=Counter)

    def add(self, tested: Tested) -> None:
        """Counts a request."""
        self.tested += 1
        self.refused += tested.after is Verdict.REFUSED
        self.warned += tested.after is Verdict.WARNS
        self.dry_run += tested.after is Verdict.PASSES and bool(tested.violations)
        self.newly_refused += tested.before is not Verdict.REFUSED and tested.after is Verdict.REFUSED
        self.newly_passing += tested.before is Verdict.REFUSED and tested.after is not Verdict.REFUSED
        self.policies.update({(violation.policy, violation.level) for violation in tested.violations})

    @property
    def done(self) -> int:
        """Requests that are behind it."""
        return self.tested + self.skipped


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is said of a request now: by each policy, and by what is no policy."""

    id: str
    name: str
    verdict: Verdict
    policies: Sequence[tuple[Policy[Any], Sequence[Violation]]]
    others: Sequence[Violation]


class Workbench:
    """Tries drafts, and explains."""

    def __init__(
        self,
        store: Store,
        registry: JobRegistry,
        max_jobs: int,
        clock: Clock,
        facts: Callable[[], Facts],
        book: Callable[[], PolicyBook],
        refusals: Callable[[str], list[Violation]],
        directory: Path,
    ) -> None:
        """`refusals` tells what refuses a workflow type now that is neither policy nor structure.

        `directory` is where policies.json is, and the files that a draft names.
        """
        self._store = store
        self._registry = registry
        self._max_jobs = max_jobs
        self._clock = clock
        self._facts = facts
        self._book = book
        self._refusals = refusals
        self._directory = directory
        self._testing = False
        self._free_at_us = 0
        #: The draft that was read last: cases come one after another with the same.
        self._last_draft: tuple[str, PolicyBook] | None = None

    async def test_stored(
        self, draft: str, names: Collection[str] | None, limit: int, name: str = ""
    ) -> AsyncGenerator[tuple[Tally, Tested | None], None]:
        """Judges what is stored by a draft; yields after each request how it stands, and what was found.

        `names` are the workflow types to tell of; None: all. Raises InvalidRequest, TooFast.
        """
        if not 0 <= limit <= MOST_TESTED:
            raise InvalidRequest(f"limit: {limit}; at most {MOST_TESTED} are tested at once")
        if self._testing:
            raise TooFast("another test of policies is under way; try again", PAUSE)
        self._testing = True
        try:
            book = await self._parsed(draft)
            if (wait_us := self._free_at_us - self._clock.steady_us()) > 0:
                await self._clock.sleep(wait_us / 1e6)
            async with aclosing(self._tested(book, names, limit or TESTED, name)) as found:
                async for item in found:
                    self._free_at_us = self._clock.steady_us() + round(PAUSE * 1e6)
                    yield item
        finally:
            self._testing = False

    async def _tested(
        self, book: PolicyBook, names: Collection[str] | None, limit: int, name: str
    ) -> AsyncGenerator[tuple[Tally, Tested | None], None]:
        stored = await _newest(partial(self._store.list_workflows, names=names, name=name), limit)
        refused = await _newest(partial(self._store.list_rejections, names=names, name=name), limit)
        tally = Tally(total=len(stored) + len(refused))
        everything: list[Summary | RejectionSummary] = [*stored, *refused]
        for summary in everything:
            tested = await self._test(summary, book)
            if tested is None:
                tally.skipped += 1
            else:
                tally.add(tested)
            yield tally, tested if tested is not None and tested.is_worth_telling else None
            await asyncio.sleep(0)

    async def test_case(
        self, draft: str, request: WorkReq, at_us: int, acknowledged: Sequence[str]
    ) -> tuple[Verdict, list[Violation]]:
        """Judges one request by a draft, as of a time; 0: now. Raises InvalidRequest."""
        book = await self._parsed(draft)
        found = await self._judged(self._registry.without_plain_secrets(request), book, at_us)
        return verdict_of(found, acknowledged), found

    async def explain(self, workflow_id: str) -> Explanation:
        """What each policy says of a stored request now. Raises NotFound."""
        found = await self._store.load_request(workflow_id)
        if found is None:
            raise NotFound(f"there is no workflow with the id {workflow_id[:80]!r}")
        return await self._explained(workflow_id, *found)

    async def explain_rejection(self, rejection_id: str) -> Explanation:
        """What each policy says of a refused request now. Raises NotFound."""
        found = await self._store.load_rejection(rejection_id)
        if found is None:
            raise NotFound(f"there is no rejection with the id {rejection_id[:80]!r}")
        return await self._explained(rejection_id, found.request, ())

    async def _explained(self, of: str, request: WorkReq, acknowledged: Sequence[str]) -> Explanation:
        stops = self._refusals(request.name)
        book, facts = self._book(), self._facts()
        structure = await validate_in_portions(request, self._registry, self._max_jobs)
        if book.get(request.name) is None:
            # Nothing passes that policies.json does not know.
            structure += await evaluate(request, book, facts)
        each = await evaluate_each(request, book, facts)
        found = [*structure, *(violation for _, violations in each for violation in violations)]
        verdict = verdict_of(found, acknowledged)
        return Explanation(of, request.name, verdict, each, [*stops, *structure])

    async def _parsed(self, draft: str) -> PolicyBook:
        if len(draft) > MAX_DRAFT:
            raise InvalidRequest(f"the draft has {len(draft):,} characters; at most {MAX_DRAFT:,} are read")
        if self._last_draft is not None and self._last_draft[0] == draft:
            return self._last_draft[1]
        try:
            now_us = self._clock.now_us()
            book = await asyncio.to_thread(
                parse_policies, draft, _DRAFT, self._registry, self._directory, now_us
            )
        except ConfigError as error:
            raise InvalidRequest(str(error)) from None
        self._last_draft = draft, book
        return book

    async def _test(self, summary: Summary | RejectionSummary, book: PolicyBook) -> Tested | None:
        """None where it is too large, or gone meanwhile."""
        if isinstance(summary, Summary):
            if sum(summary.counts.values()) > LARGEST:
                return None
            stored = await self._store.load_request(summary.id)
            if stored is None:
                return None
            request, acknowledged = stored
            before = Verdict.WARNS if acknowledged else Verdict.PASSES
            found = await self._judged(request, book, summary.created_us)
            return Tested(summary, before, verdict_of(found), found)
        rejection = await self._rejection(summary)
        if rejection is None:
            return None
        told = [violation for violation in rejection.violations if violation.policy != _STOP]
        found = await self._judged(rejection.request, book, summary.time_us)
        return Tested(summary, verdict_of(told), verdict_of(found), found)

    async def _rejection(self, summary: RejectionSummary) -> Rejection | None:
        return None if summary.jobs > LARGEST else await self._store.load_rejection(summary.id)

    async def _judged(self, request: WorkReq, book: PolicyBook, at_us: int) -> list[Violation]:
        # Beside nothing that runs: what ran at the time is not known any more.
        facts = replace(self._facts(), now_us=at_us or self._clock.now_us(), executed=tuple)
        return await judge(request, book, facts, self._registry, self._max_jobs)


class _Listing(Protocol[S]):
    def __call__(self, *, limit: int, before: int) -> Awaitable[Page[S]]: ...


async def _newest(listing: _Listing[S], limit: int) -> list[S]:
    """The newest of a listing, page by page."""
    found: list[S] = []
    before = 0
    while len(found) < limit:
        page = await listing(limit=min(_PAGE, limit - len(found)), before=before)
        found += page.summaries
        before = page.next_before
        if not before:
            break
    return found
