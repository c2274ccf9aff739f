"""Between the contract's messages and the model's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import wf_proto as pb
from wf_server.events import Batch
from wf_server.model import (
    WHOLE,
    Change,
    Job,
    Progress,
    RejectionSummary,
    Status,
    Summary,
    Violation,
    Workflow,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(us: int) -> datetime:
    """Microseconds since 1970 as an aware time."""
    return _EPOCH + timedelta(microseconds=us)


def time_or_none(us: int) -> datetime | None:
    """As time_of; 0 means that it has not happened."""
    return time_of(us) if us else None


def job_message(job: Job) -> pb.Job:
    """One job of a WorkReq."""
    return pb.Job(name=job.name, desc=job.desc, args=dict(job.args))


def violation_message(violation: Violation) -> pb.Violation:
    """A violation with its place."""
    return pb.Violation(
        policy=violation.policy,
        block=violation.block,
        job=violation.job,
        arg=violation.arg,
        message=violation.message,
        found=violation.found,
        expected=violation.expected,
    )


def status_of(number: int) -> Status | None:
    """The model's status; None for a number that it does not know."""
    try:
        return Status(number)
    except ValueError:
        return None


def status_message(status: int) -> pb.Status:
    """The contract's status of the same number."""
    return pb.Status(int(status))


def counts_message(counts: Mapping[int, int]) -> pb.JobCounts:
    """Jobs by status, and in all."""
    return pb.JobCounts(
        total=sum(counts.values()),
        not_started=counts.get(Status.NOT_STARTED, 0),
        running=counts.get(Status.RUNNING, 0),
        completed=counts.get(Status.COMPLETED, 0),
        failed=counts.get(Status.FAILED, 0),
        interrupted=counts.get(Status.INTERRUPTED, 0),
        unknown=counts.get(Status.UNKNOWN, 0),
        skipped=counts.get(Status.SKIPPED, 0),
    )


def summary_message(summary: Summary) -> pb.WorkflowSummary:
    """A workflow in one line."""
    return pb.WorkflowSummary(
        id=summary.id,
        name=summary.name,
        desc=summary.desc,
        status=status_message(summary.status),
        operator=summary.operator,
        created=time_of(summary.created_us),
        started=time_or_none(summary.started_us),
        ended=time_or_none(summary.ended_us),
        jobs=counts_message(summary.counts),
        blocks=summary.blocks,
        current_block=summary.current_block,
        had_errors=summary.had_errors,
        was_es_stopped=summary.status is Status.STOPPED,
        reason=summary.reason,
        seq=summary.seq,
        mends_rejection_id=summary.mends,
    )


def rejection_message(rejection: RejectionSummary) -> pb.RejectionSummary:
    """A refused WorkReq in one line."""
    return pb.RejectionSummary(
        id=rejection.id,
        name=rejection.name,
        desc=rejection.desc,
        operator=rejection.operator,
        time=time_of(rejection.time_us),
        blocks=rejection.blocks,
        jobs=rejection.jobs,
        violations=rejection.violations,
        first_violation=rejection.first,
        mended_by_workflow_id=rejection.mended_by,
    )


def job_status_message(workflow: Workflow, block: int, job: int) -> pb.JobStatus:
    """Everything about one job."""
    spec, state = workflow.request.blocks[block].jobs[job], workflow.blocks[block]
    progress = workflow.progress.get((block, job))
    return pb.JobStatus(
        name=spec.name,
        desc=spec.desc,
        args=dict(spec.args),
        status=status_message(state.statuses[job]),
        error=state.errors.get(job, ""),
        started=time_or_none(state.started[job]),
        ended=time_or_none(state.ended[job]),
        progress=progress.fraction if progress else None,
        progress_message=progress.message if progress else "",
        log=list(progress.log) if progress else [],
    )


@dataclass(frozen=True, slots=True)
class Frozen:
    """A workflow as it stood at one moment, taken quickly, to be encoded in portions."""

    head: pb.Snapshot
    blocks: list[tuple[str, int, Status, bool, int, int, bytes]]


def freeze(workflow: Workflow) -> Frozen:
    """Takes a workflow's state down as it is now."""
    progress = progress_message(workflow.progress)
    return Frozen(
        pb.Snapshot(summary=summary_message(workflow.summary()), progress=progress),
        [
            (
                spec.desc,
                spec.rate_limit,
                state.status,
                state.has_error,
                state.started_us,
                state.ended_us,
                bytes(state.statuses),
            )
            for spec, state in zip(workflow.request.blocks, workflow.blocks, strict=True)
        ],
    )


def block_snapshot_message(
    desc: str, rate_limit: int, status: Status, has_error: bool, started_us: int, ended_us: int, jobs: bytes
) -> pb.BlockSnapshot:
    """A block with its jobs' statuses packed."""
    return pb.BlockSnapshot(
        desc=desc,
        rate_limit=rate_limit,
        status=status_message(status),
        has_error=has_error,
        started=time_or_none(started_us),
        ended=time_or_none(ended_us),
        job_statuses=jobs,
    )


def progress_message(reports: Mapping[tuple[int, int], Progress]) -> pb.ProgressReports:
    """What running jobs say of themselves, in columns."""
    return pb.ProgressReports(
        blocks=[block for block, _ in reports],
        jobs=[job for _, job in reports],
        fractions=[report.fraction for report in reports.values()],
        messages=[report.message for report in reports.values()],
    )


def batch_message(batch: Batch) -> pb.WatchResponse:
    """A batch of changes, with what the running jobs say and where the workflow stands."""
    message = changes_message(batch.changes, batch.summary.seq + 1)
    message.progress = progress_message(batch.progress)
    message.summary = summary_message(batch.summary)
    return pb.WatchResponse(batch=message)


def changes_message(changes: Sequence[Change], next_seq: int) -> pb.ChangeBatch:
    """Consecutive changes in columns; `next_seq` is where they would begin if there are none."""
    return pb.ChangeBatch(
        first_seq=changes[0].seq if changes else next_seq,
        blocks=[change.block for change in changes],
        jobs=[change.job for change in changes],
        statuses=bytes([change.status for change in changes]),
        times_us=[change.time_us for change in changes],
        notes=[_note(i, change) for i, change in enumerate(changes) if _has_note(change)],
    )


def _has_note(change: Change) -> bool:
    return bool(change.error or change.operator or (change.reason and change.job == WHOLE))


def _note(index: int, change: Change) -> pb.ChangeNote:
    return pb.ChangeNote(index=index, error=change.error, operator=change.operator, reason=change.reason)
