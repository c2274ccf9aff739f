"""Between the contract's messages and the model's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import wf_proto as pb
from wf_server.engine.orders import targets_of
from wf_server.engine.retries import pause_before
from wf_server.errors import InvalidRequest
from wf_server.events import Batch
from wf_server.model import (
    FATAL,
    Attempt,
    Block,
    Change,
    Fate,
    JobId,
    Lineage,
    LineageKind,
    LogLine,
    Progress,
    Receipt,
    RejectionSummary,
    Retry,
    Status,
    Summary,
    Violation,
    Workflow,
    WorkReq,
)
from wf_server.policy import POLICIES
from wf_server.wording import told

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(us: int) -> datetime:
    """Microseconds since 1970 as an aware time."""
    return _EPOCH + timedelta(microseconds=us)


def time_or_none(us: int) -> datetime | None:
    """As time_of; 0 means that it has not happened."""
    return time_of(us) if us else None


def request_head(request: WorkReq) -> pb.WorkReq:
    """A WorkReq without its blocks."""
    return pb.WorkReq(
        name=request.name,
        desc=request.desc,
        max_failures=request.max_failures,
        no_overshoot=request.no_overshoot,
        on_failure=pb.OnFailure(int(request.on_failure)),
    )


def block_head(block: Block) -> pb.Block:
    """A block of a WorkReq without its jobs."""
    return pb.Block(
        desc=block.desc,
        rate_limit=block.rate_limit,
        max_failures=block.max_failures,
        no_overshoot=block.no_overshoot,
        on_failure=pb.OnFailure(int(block.on_failure)),
        hold=block.hold,
        point_of_no_return=block.point_of_no_return,
        ramp=list(block.ramp),
        soak=block.soak,
    )


def retry_message(retry: Retry) -> pb.Retry:
    """When a job is tried again."""
    return pb.Retry(
        attempts=retry.attempts,
        delay=retry.delay,
        backoff=retry.backoff,
        max_delay=retry.max_delay,
        jitter=retry.jitter,
        errors=list(retry.errors),
    )


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
        level=pb.PolicyLevel(violation.level),
    )


def acknowledged_of(names: Sequence[str]) -> tuple[str, ...]:
    """The policies that a submission acknowledges, each once. Raises InvalidRequest for one that is none."""
    for name in names:
        if name not in POLICIES:
            known = ", ".join(POLICIES)
            raise InvalidRequest(f"acknowledge: there is no policy {told(name)}; known are {known}")
    return tuple(sorted(set(names)))


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
        retrying=counts.get(Status.RETRYING, 0),
    )


def summary_message(summary: Summary) -> pb.WorkflowSummary:
    """A workflow in one line."""
    message = pb.WorkflowSummary(
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
        since=time_of(summary.since_us or summary.created_us),
        activity=summary.activity,
        until=time_or_none(summary.until_us),
    )
    if summary.lineage is not None:
        message.lineage = lineage_message(summary.lineage)
    return message


def lineage_message(lineage: Lineage) -> pb.Lineage:
    """Where a WorkReq comes from."""
    return pb.Lineage(kind=pb.LineageKind(int(lineage.kind)), workflow_id=lineage.workflow_id)


def lineage_of(kind: int, workflow_id: str) -> Lineage | None:
    """The lineage that a client tells; None where it tells none. Raises InvalidRequest."""
    if not workflow_id and not kind:
        return None
    try:
        return Lineage(LineageKind(kind), workflow_id)
    except ValueError:
        raise InvalidRequest(f"lineage.kind: {kind} is neither clone nor rerun") from None


def receipt_message(receipt: Receipt, grace_ends_us: int) -> pb.Receipt:
    """What a stop or a cancel did."""
    counts = receipt.counts
    return pb.Receipt(
        workflow_id=receipt.workflow_id,
        name=receipt.name,
        order=status_message(receipt.order),
        operator=receipt.operator,
        reason=receipt.reason,
        ordered=time_of(receipt.ordered_us),
        settled=time_or_none(receipt.settled_us),
        grace_ends=None if receipt.settled_us else time_or_none(grace_ends_us),
        jobs=sum(counts.values()),
        never_started=counts[Fate.NEVER_STARTED],
        interrupted=counts[Fate.INTERRUPTED],
        finished_anyway=counts[Fate.FINISHED_ANYWAY],
        unknown=counts[Fate.UNKNOWN],
        ended_before=counts[Fate.ENDED_BEFORE],
        in_flight=counts[Fate.IN_FLIGHT],
        fates=list(receipt.fates),
    )


def attempt_message(attempt: Attempt) -> pb.Attempt:
    """One time that a job's code ran."""
    return pb.Attempt(
        started=time_of(attempt.started_us),
        ended=time_or_none(attempt.ended_us),
        status=status_message(attempt.status),
        error=attempt.error,
    )


def log_line_message(line: LogLine) -> pb.LogLine:
    """A line of a job's log."""
    return pb.LogLine(number=line.number, time=time_of(line.time_us), text=line.text)


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


def job_status_message(
    workflow: Workflow, block: int, job: int, log: Sequence[str] = (), kept: Progress | None = None
) -> pb.JobStatus:
    """Everything about one job; `kept` is how far it was when it ended without completing."""
    spec, state = workflow.request.blocks[block].jobs[job], workflow.blocks[block]
    progress = workflow.progress.get((block, job)) or kept
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
        log=list(log),
        attempts=state.attempts_of(job),
        next_attempt=time_or_none(next_attempt_us(workflow, block, job)),
    )


def next_attempt_us(workflow: Workflow, block: int, job: int) -> int:
    """When a job that failed is tried again; 0 where it is not."""
    state, retry = workflow.blocks[block], workflow.request.blocks[block].jobs[job].retry
    if state.statuses[job] != Status.RETRYING or retry is None:
        return 0
    pause = pause_before(retry, state.retries[job], JobId(workflow.id, block, job))
    return state.ended[job] + round(pause * 1_000_000)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A workflow as it stood at one moment, taken quickly, to be encoded in portions."""

    head: pb.Snapshot
    blocks: list[pb.BlockSnapshot]


def freeze(workflow: Workflow) -> Frozen:
    """Takes a workflow's state down as it is now."""
    progress = progress_message(workflow.progress)
    head = pb.Snapshot(summary=summary_message(workflow.summary()), progress=progress)
    return Frozen(head, [_block_snapshot(workflow, b) for b in range(len(workflow.blocks))])


def _block_snapshot(workflow: Workflow, b: int) -> pb.BlockSnapshot:
    spec, state = workflow.request.blocks[b], workflow.blocks[b]
    return pb.BlockSnapshot(
        desc=spec.desc,
        rate_limit=spec.rate_limit,
        status=status_message(state.status),
        has_error=state.has_error,
        started=time_or_none(state.started_us),
        ended=time_or_none(state.ended_us),
        job_statuses=bytes(state.statuses),
        hold=spec.holds,
        point_of_no_return=spec.point_of_no_return,
        confirm=targets_of(workflow, b) if spec.point_of_no_return else "",
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
    return bool(change.error or change.operator or (change.reason and change.reason != FATAL))


def _note(index: int, change: Change) -> pb.ChangeNote:
    reason = "" if change.reason == FATAL else change.reason
    return pb.ChangeNote(index=index, error=change.error, operator=change.operator, reason=reason)
