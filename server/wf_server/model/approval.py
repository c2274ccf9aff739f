"""Approvals: what a policy asks for, what somebody gave, and whether that counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """The approvals that one policy asks for before a workflow may start."""

    #: The policy's name.
    policy: str
    #: Who may give one, by name; empty: whoever has the role.
    approvers: tuple[str, ...]
    #: How many different people have to.
    count: int
    #: Microseconds for which one counts, and for which a workflow waits for them.
    validity_us: int
    #: What approvers should know.
    message: str = ""
    #: Whether whoever approves has to say why.
    needs_reason: bool = False

    def asks(self, operator: str) -> bool:
        """Whether it may be this one's."""
        return not self.approvers or operator in self.approvers

    @property
    def approvals(self) -> str:
        """How many it asks for: `2 approvals`."""
        return f"{self.count} approval{'s' * (self.count > 1)}"

    @property
    def whose(self) -> str:
        """Whose they may be: `ann, bob or carl`."""
        return listed(self.approvers, "or") if self.approvers else "anyone with the role approver"


@dataclass(frozen=True, slots=True)
class Scope:
    """What an approval is for: one WorkReq under certain policies, each by its SHA-256 in hexadecimal."""

    request: str
    policies: str

    @property
    def digest(self) -> str:
        """Both in one."""
        return hashlib.sha256(f"{self.request} {self.policies}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Approval:
    """What one operator gave."""

    operator: str
    time_us: int
    scope: Scope
    comment: str = ""
    #: How they proved who they are, and the address that they called from.
    way: str = ""
    origin: str = ""
    #: When it was taken back; 0: it was not.
    withdrawn_us: int = 0
    #: Why.
    withdrawn_reason: str = ""
    #: The database's own number for it; 0 before it is stored.
    key: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """What approvals of a workflow are measured by."""

    #: None: nobody knows, as the name was not proved.
    submitter: str | None
    scope: Scope
    now_us: int
    #: Whether an operator has the role now.
    may_approve: Callable[[str], bool]

    def objection(self, approval: Approval, rule: ApprovalRule) -> str:
        """Why an approval does not count for a rule; empty: it does."""
        if approval.withdrawn_us:
            return "withdrawn"
        if approval.scope.request != self.scope.request:
            return "it was for another WorkReq"
        if approval.scope.policies != self.scope.policies:
            return "the policies have changed since"
        if self.now_us >= approval.time_us + rule.validity_us:
            return "expired"
        if self.submitter is None:
            return "nobody knows whether the submitter gave it"
        if approval.operator == self.submitter:
            return "the submitter never counts"
        if not rule.asks(approval.operator):
            return "not one of the approvers"
        if not self.may_approve(approval.operator):
            return "no approver any more"
        if rule.needs_reason and not approval.comment.strip():
            return "it gives no reason"
        return ""

    def tally(self, rule: ApprovalRule, given: Iterable[Approval]) -> Tally:
        """Counts what was given: of each operator once, the newest."""
        in_time = sorted(given, key=lambda approval: approval.time_us)
        counted = {approval.operator: approval for approval in in_time if not self.objection(approval, rule)}
        return Tally(rule, tuple(counted.values()))

    def void_because(self, approval: Approval, rules: Sequence[ApprovalRule]) -> str:
        """Why an approval counts for none of the rules; empty: it counts."""
        objections = [self.objection(approval, rule) for rule in rules]
        return "" if not all(objections) else next(iter(objections), "no policy asks for approval any more")


@dataclass(frozen=True, slots=True)
class Tally:
    """How far one rule is kept."""

    rule: ApprovalRule
    #: Those that count, oldest first, of different operators.
    counted: tuple[Approval, ...]

    @property
    def is_met(self) -> bool:
        """Whether there are as many as it asks for."""
        return len(self.counted) >= self.rule.count

    @property
    def met_until_us(self) -> int:
        """When it will not be any more, as one of those expires that it needs; only where it is met."""
        times = sorted((approval.time_us for approval in self.counted), reverse=True)
        return times[self.rule.count - 1] + self.rule.validity_us

    def words(self) -> str:
        """How many there are, and whose are wanted: `1 of 2 approvals, by ann, bob or carl`."""
        return f"{len(self.counted)} of {self.rule.approvals}, by {self.rule.whose}"


def listed(names: Sequence[str], last: str) -> str:
    """The names in a sentence: `ann, bob and carl`."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
