"""Which workflows need approvals, and how they stand: what keeps their status true as time goes by.

A workflow awaits approval until every rule of its policies is kept, and does so again when an approval
expires, is withdrawn, or does not count any more. All those that may change by themselves are held in
memory; one task looks at them when the first is due, and when policies or operators have changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from wf_server.clock import Clock
from wf_server.engine.deciding import Deciding, Decision
from wf_server.engine.recorder import Recorder
from wf_server.errors import AwaitingApproval
from wf_server.events import Hub
from wf_server.model import (
    WHOLE,
    Approval,
    ApprovalRule,
    Change,
    Grant,
    Level,
    Role,
    Scope,
    Status,
    Tally,
    Workflow,
    WorkReq,
)
from wf_server.model.approval import Case, listed
from wf_server.model.audit import AuditEntry
from wf_server.model.caller import may
from wf_server.policy import Policy, PolicyBook
from wf_server.store import Store
from wf_server.store.encoding import canonical
from wf_server.wording import utc

log = structlog.get_logger(__name__)

#: Seconds between two looks at most, whatever the machine's clock is set to.
LONGEST = 30.0
#: Seconds until a look at those that somebody was deciding on.
AGAIN = 0.05
#: How many are looked at before other work gets its turn.
PORTION = 200
_MICROSECONDS = 1_000_000
#: A workflow in one of these has not begun, and its approvals matter.
OPEN = frozenset({Status.NOT_STARTED, Status.AWAITING_APPROVAL})


@dataclass(slots=True)
class Held:
    """A workflow whose approvals matter."""

    workflow: Workflow
    request_digest: str
    #: All that it was ever given, oldest first.
    given: list[Approval] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ballot:
    """How a workflow stands with its rules at one moment."""

    case: Case
    tallies: tuple[Tally, ...]

    @property
    def is_met(self) -> bool:
        """Whether every rule is kept; so it is where there is none."""
        return all(tally.is_met for tally in self.tallies)

    @property
    def rules(self) -> tuple[ApprovalRule, ...]:
        """What is asked for."""
        return tuple(tally.rule for tally in self.tallies)

    @property
    def patience_us(self) -> int:
        """For how long a workflow waits."""
        return max((rule.validity_us for rule in self.rules), default=0)

    def words(self) -> str:
        """What is missing."""
        return "; ".join(tally.words() for tally in self.tallies if not tally.is_met)

    def approved_by(self) -> str:
        """Whose approvals count."""
        names = dict.fromkeys(a.operator for tally in self.tallies for a in tally.counted)
        return listed(list(names), "and")


class Approvals:
    """`recover`, then `run` for as long as the server runs."""

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        hub: Hub,
        clock: Clock,
        deciding: Deciding,
        *,
        book: Callable[[], PolicyBook] = PolicyBook,
        grants_of: Callable[[str], frozenset[Grant]] = lambda name: frozenset(),
        has_begun: Callable[[str], bool] = lambda workflow_id: False,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._hub = hub
        self._clock = clock
        self._deciding = deciding
        #: The policies in force.
        self._book = book
        #: What an operator may do now; nothing where nobody proves who they are.
        self._grants_of = grants_of
        #: Whether a workflow runs or waits for its turn, though its record may not say so yet.
        self._has_begun = has_begun
        self._held: dict[str, Held] = {}
        #: When the task looks again; until it has said so: any moment.
        self._looks_us = math.inf
        #: The hashes of these policies, by workflow type.
        self._digests: tuple[PolicyBook, dict[str, str]] = (PolicyBook(), {})
        self._wake = asyncio.Event()

    # What is asked for, and how it stands

    def rules(self, name: str, acknowledged: tuple[str, ...]) -> tuple[ApprovalRule, ...]:
        """The rules in force for a workflow type, but for those whose absence the submission accepts.

        A policy that the submission means to break asks for those by which it may.
        """
        return tuple(
            rule
            for policy in self._book().get(name) or ()
            if policy.level is not Level.DRY_RUN
            for rule in _rules_of(policy, acknowledges=policy.name in acknowledged)
        )

    def _policies_digest(self, name: str) -> str:
        book = self._book()
        if self._digests[0] is not book:
            self._digests = (book, {})
        digests = self._digests[1]
        if name not in digests:
            digests[name] = book.digest(name)
        return digests[name]

    def may_approve(self, operator: str, workflow_type: str) -> bool:
        """Whether an operator has the role for it now."""
        return may(self._grants_of(operator), Role.APPROVER, workflow_type)

    def ballot(self, held: Held) -> Ballot:
        """How it stands now."""
        workflow = held.workflow
        case = Case(
            workflow.operator if workflow.proven else None,
            Scope(held.request_digest, self._policies_digest(workflow.name)),
            self._clock.now_us(),
            lambda operator: self.may_approve(operator, workflow.name),
        )
        rules = self.rules(workflow.name, workflow.acknowledged)
        return Ballot(case, tuple(case.tally(rule, held.given) for rule in rules))

    def ends_us(self, held: Held, ballot: Ballot) -> int:
        """When it stops to stand as it does, if nobody does anything; 0: never."""
        if held.workflow.status is Status.AWAITING_APPROVAL:
            return held.workflow.standing.since_us + ballot.patience_us
        if not ballot.is_met:
            # It is about to wait.
            return ballot.case.now_us + ballot.patience_us
        return min((tally.met_until_us for tally in ballot.tallies), default=0)

    def held(self) -> Iterator[Held]:
        """Yields those whose approvals matter, that came first before the others."""
        yield from list(self._held.values())

    async def look_up(self, workflow: Workflow) -> Held:
        """Returns a workflow with its approvals, whether or not they matter still."""
        found = self._held.get(workflow.id)
        if found is not None:
            return found
        digest = await digest_of(workflow.request)
        return Held(workflow, digest, await self._store.load_approvals(workflow.key))

    def has_begun(self, workflow: Workflow) -> bool:
        """Whether it runs or waits for its turn, though its record may not say so yet."""
        return self._has_begun(workflow.id)

    async def store(self, workflow: Workflow, approval: Approval, entry: AuditEntry) -> Approval:
        """Puts an approval on record, and what the audit says of it. Raises StoreError."""
        return await self._store.insert_approval(workflow.key, approval, entry)

    async def take_back(self, approvals: Sequence[Approval], entry: AuditEntry) -> None:
        """Puts on record that approvals were withdrawn. Raises StoreError."""
        await self._store.withdraw_approvals(approvals, entry)

    # From the submission to the start

    async def hold(self, workflow: Workflow) -> tuple[Held, Change]:
        """Makes a workflow wait that is about to be stored; returns the change that says so."""
        held = Held(workflow, await digest_of(workflow.request))
        reason = self.ballot(held).words()
        now_us = workflow.created_us
        change = Change(1, WHOLE, WHOLE, Status.AWAITING_APPROVAL, now_us, reason=reason)
        workflow.apply(change)
        return held, change

    def keep(self, held: Held) -> None:
        """Looks after a workflow from now on."""
        self._held.setdefault(held.workflow.id, held)
        self.told(held)

    def release(self, workflow_id: str) -> None:
        """Looks no more after a workflow that is about to begin or to end."""
        held = self._held.pop(workflow_id, None)
        if held is not None:
            held.workflow.activity, held.workflow.until_us = "", 0

    async def prepare(self, workflow: Workflow) -> Held | None:
        """Measures a workflow that is about to start, whatever was known of it; None: it needs none."""
        if workflow.id not in self._held and not self.rules(workflow.name, workflow.acknowledged):
            return None
        held = await self.look_up(workflow)
        held.request_digest = await digest_of(workflow.request)
        return held

    def objection(self, workflow: Workflow, held: Held | None) -> AwaitingApproval | None:
        """What speaks against its start at this moment; it then awaits approval, as the record will say."""
        if held is None:
            if not self.rules(workflow.name, workflow.acknowledged):
                return None
            # The policies have changed since it was measured.
            return AwaitingApproval(f"workflow {workflow.id} needs approvals, as of just now: try again")
        ballot = self.ballot(held)
        if ballot.is_met:
            return None
        self._held.setdefault(workflow.id, held)
        self.settle(held, ballot)
        self._wake.set()
        return self._missing(held, ballot)

    def missing(self, workflow: Workflow) -> AwaitingApproval:
        """Why a workflow that awaits approval cannot be executed."""
        held = self._held.get(workflow.id)
        if held is None:
            return AwaitingApproval(f"workflow {workflow.id} awaits approval: `wf approvals {workflow.id}`")
        return self._missing(held, self.ballot(held))

    def _missing(self, held: Held, ballot: Ballot) -> AwaitingApproval:
        left = f"; it waits until {utc(self.ends_us(held, ballot))}" if held.workflow.proven else ""
        if not held.workflow.proven:
            left = "; nobody knows who submitted it, so no approval counts: submit it anew"
        told = ballot.words() or "its approvals are being counted"
        return AwaitingApproval(f"workflow {held.workflow.id} awaits approval: {told}{left}")

    def settle(self, held: Held, ballot: Ballot, operator: str = "") -> bool:
        """Queues the change that makes a workflow's status true; False: it is. It must be decided on."""
        workflow, status = held.workflow, held.workflow.status
        if status is Status.NOT_STARTED and not ballot.is_met:
            self._recorder.workflow(workflow, Status.AWAITING_APPROVAL, reason=_why(held, ballot))
        elif status is Status.AWAITING_APPROVAL and ballot.is_met:
            names = ballot.approved_by()
            reason = f"approved by {names}" if names else "no policy asks for approval any more"
            self._recorder.workflow(workflow, Status.NOT_STARTED, operator=operator, reason=reason)
        elif status is Status.AWAITING_APPROVAL and ballot.case.now_us >= self.ends_us(held, ballot):
            error = f"not approved in time: {ballot.words()}"
            self.release(workflow.id)
            self._recorder.workflow(workflow, Status.FAILED, error=error)
        else:
            return False
        return True

    def told(self, held: Held) -> None:
        """Says of a workflow how its approvals stand, after a change is on record."""
        if held.workflow.status not in OPEN:
            self.release(held.workflow.id)
            return
        ballot = self.ballot(held)
        self._tell(held, ballot)
        if self.ends_us(held, ballot) < self._looks_us:
            self._wake.set()

    def _tell(self, held: Held, ballot: Ballot) -> None:
        workflow = held.workflow
        activity, until_us = "", 0
        if workflow.status is Status.AWAITING_APPROVAL:
            activity, until_us = ballot.words(), self.ends_us(held, ballot)
        if (workflow.activity, workflow.until_us) != (activity, until_us):
            workflow.activity, workflow.until_us = activity, until_us
            self._hub.noted(workflow)

    # What happens by itself

    async def recover(self, keep: Callable[[Workflow], Workflow]) -> None:
        """Looks after those that an earlier server left; `keep` gives a workflow's one object."""
        found = await self._store.load_workflows([Status.AWAITING_APPROVAL])
        for workflow in [*found, *await self._store.load_approved()]:
            self.keep(await self.look_up(keep(workflow)))

    def stale(self) -> None:
        """Policies or operators have changed: looks at all of them again."""
        self._wake.set()

    async def run(self) -> None:
        """Looks whenever something is due or has changed, until it is cancelled."""
        while True:
            self._wake.clear()
            self._looks_us = math.inf
            try:
                seconds = await self.review()
            except Exception:
                log.exception("a bug in the approvals: they are looked at again later")
                seconds = LONGEST
            if seconds is not None:
                self._looks_us = self._clock.now_us() + seconds * _MICROSECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    async def review(self) -> float | None:
        """Makes every status true; returns in how many seconds to look again, None: there is nothing to."""
        due = LONGEST
        for portion in batched(self._held.values(), PORTION):
            due = min(due, *await self._review(portion))
            await asyncio.sleep(0)
        return max(AGAIN, due) if self._held else None

    async def _review(self, some: Iterable[Held]) -> list[float]:
        """Makes their statuses true; returns in how many seconds each has to be looked at again."""
        due: list[float] = [LONGEST]
        with ExitStack() as decided:
            changed = [held for held in some if self._judge(held, decided, due)]
            if changed:
                await self._recorder.flush()
        for held in changed:
            log.info("approvals", workflow=held.workflow.id, status=held.workflow.status.label)
            self.told(held)
        return due

    def _judge(self, held: Held, decided: ExitStack, due: list[float]) -> bool:
        workflow = held.workflow
        if self._deciding.of(workflow.id):
            due.append(AGAIN)
            return False
        if workflow.status not in OPEN or self.has_begun(workflow):
            self.release(workflow.id)
            return False
        ballot = self.ballot(held)
        if self.settle(held, ballot):
            decided.enter_context(self._deciding.on(workflow.id, Decision.APPROVAL))
            return True
        if workflow.status is Status.NOT_STARTED and not ballot.tallies:
            self.release(workflow.id)
            return False
        self._tell(held, ballot)
        ends_us = self.ends_us(held, ballot)
        due.append((ends_us - ballot.case.now_us) / _MICROSECONDS)
        return False


def _why(held: Held, ballot: Ballot) -> str:
    """Why approvals that were enough are not any more."""
    ruled = [(a, ballot.case.void_because(a, ballot.rules)) for a in held.given]
    void = [f"{a.operator}'s approval: {why}" for a, why in ruled if why]
    return "; ".join([ballot.words(), *void[-3:]])


def batched(items: Iterable[Held], size: int) -> list[list[Held]]:
    """All of them as they are now, so many at a time."""
    every = list(items)
    return [every[start : start + size] for start in range(0, len(every), size)]


async def digest_of(request: WorkReq) -> str:
    """The SHA-256 of a WorkReq in its canonical form; other work gets its turn meanwhile."""
    found = hashlib.sha256()
    for n, portion in enumerate(canonical(request)):
        found.update(portion.encode())
        if n % 50 == 49 or len(portion) > 10_000:
            await asyncio.sleep(0)
    return found.hexdigest()


def _rules_of(policy: Policy[Any], *, acknowledges: bool) -> Iterator[ApprovalRule]:
    always = policy.approval_rule()
    if always is not None and (policy.level is Level.DENY or not acknowledges):
        yield always
    override = policy.override_rule()
    if override is not None and acknowledges:
        yield override
