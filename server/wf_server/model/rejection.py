"""A refused WorkReq, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from wf_server.model.workreq import Violation, WorkReq


@dataclass(frozen=True, slots=True)
class RejectionSummary:
    """A rejection in one line."""

    id: str
    name: str
    desc: str
    operator: str
    time_us: int
    blocks: int
    jobs: int
    violations: int
    #: The first violation, in a sentence.
    first: str
    #: The workflow that was submitted as its mended form; empty: none.
    mended_by: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejection with the request and everything that was wrong with it."""

    summary: RejectionSummary
    request: WorkReq
    violations: tuple[Violation, ...]

    @classmethod
    def of(
        cls,
        rejection_id: str,
        request: WorkReq,
        violations: tuple[Violation, ...],
        operator: str,
        time_us: int,
    ) -> Rejection:
        """The rejection of a request for these violations, of which there is at least one."""
        summary = RejectionSummary(
            id=rejection_id,
            name=request.name,
            desc=request.desc,
            operator=operator,
            time_us=time_us,
            blocks=len(request.blocks),
            jobs=request.job_count,
            violations=len(violations),
            first=violations[0].sentence(),
        )
        return cls(summary, request, violations)
