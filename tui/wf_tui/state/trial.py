"""What a draft of policies.json would do to WorkReqs, and what the policies in force say of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from wf_tui.state.format import count
from wf_tui.state.models import PolicyLevel, Violation


class Verdict(Enum):
    """What policies say of a WorkReq as a whole; the values are how it is put."""

    PASSES = "passes"
    #: It passes once warnings are acknowledged.
    WARNS = "warns"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class JudgedRequest:
    """A stored or refused WorkReq with which a draft finds fault, or which it would no longer refuse."""

    id: str
    #: Whether it was refused, and the id is that of the rejection.
    rejection: bool
    name: str
    desc: str
    operator: str
    submitted: datetime
    before: Verdict
    after: Verdict
    #: The first few, and how many there are.
    violations: tuple[Violation, ...] = ()
    violated: int = 0

    @property
    def change(self) -> str:
        """What the draft does to it, in a word or two."""
        if self.before is Verdict.REFUSED and self.after is not Verdict.REFUSED:
            return "now passes" if self.after is Verdict.PASSES else "now warns"
        if self.after is Verdict.REFUSED:
            return "still refused" if self.before is Verdict.REFUSED else "would refuse"
        return "would warn" if self.after is Verdict.WARNS else "dry run"


@dataclass(frozen=True, slots=True)
class PolicyCount:
    """How many WorkReqs break a policy of the draft."""

    policy: str
    level: PolicyLevel
    requests: int


@dataclass(frozen=True, slots=True)
class TrialSummary:
    """What a draft came to."""

    tested: int
    #: Too large to be tried.
    skipped: int = 0
    refused: int = 0
    warned: int = 0
    #: Broken in a dry run, and nothing else.
    dry_run: int = 0
    newly_refused: int = 0
    newly_passing: int = 0
    policies: tuple[PolicyCount, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialNews:
    """How far a test is, what it has found since the last news, and in the end what it came to."""

    done: int
    total: int
    found: tuple[JudgedRequest, ...] = ()
    summary: TrialSummary | None = None


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """What one policy in force says of a WorkReq."""

    policy: str
    help: str
    settings: Mapping[str, object]
    level: PolicyLevel
    #: The first of its breaches, and how many there are; none: it is kept.
    violations: tuple[Violation, ...] = ()
    violated: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is said of a WorkReq now."""

    id: str
    name: str
    verdict: Verdict
    policies: tuple[PolicyOutcome, ...]
    #: What is wrong whatever the policies say: its structure, a stop, a broken policies.json.
    others: tuple[Violation, ...] = ()


def trial_lines(summary: TrialSummary) -> Iterator[str]:
    """Returns what a test came to, in sentences."""
    yield (
        f"would have refused {summary.refused:,} of {summary.tested:,}: {summary.newly_refused:,} that "
        f"passed, {summary.refused - summary.newly_refused:,} that were refused before too"
    )
    if summary.newly_passing:
        number = summary.newly_passing
        yield f"would let pass {count(number, 'WorkReq')} that {'was' if number == 1 else 'were'} refused"
    if summary.warned:
        yield f"would have warned of {summary.warned:,}"
    if summary.dry_run:
        yield f"broken in a dry run by {summary.dry_run:,}"
    if summary.skipped:
        yield f"{count(summary.skipped, 'WorkReq')} not tried: too large, or gone meanwhile"


def breach_line(tested: JudgedRequest) -> str:
    """Returns the first of what is found, and how many more there are."""
    if not tested.violations:
        return "nothing is found any more"
    first = tested.violations[0]
    more = f" (+{tested.violated - 1:,})" if tested.violated > 1 else ""
    return f"{first.rule}: {first.message}{more}"
