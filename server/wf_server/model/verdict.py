"""What policies say of a WorkReq as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum

from wf_server.model.workreq import Level, Violation


class Verdict(IntEnum):
    """The numbers are the contract's."""

    #: Nothing refuses it; what is broken in a dry run does not count.
    PASSES = 1
    #: It passes once warnings are acknowledged.
    WARNS = 2
    REFUSED = 3


def verdict_of(violations: Iterable[Violation], acknowledged: Collection[str] = ()) -> Verdict:
    """The verdict that follows from all that was found, where these policies' warnings are acknowledged."""
    levels = {violation.level for violation in violations if violation.refuses(acknowledged)}
    if Level.DENY in levels:
        return Verdict.REFUSED
    return Verdict.WARNS if levels else Verdict.PASSES
