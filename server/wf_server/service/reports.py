"""The messages that hold every job of a workflow, encoded in portions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from betterproto import Message

import wf_proto as pb
from wf_proto import published as old
from wf_server.errors import InvalidRequest, Refused
from wf_server.model import Lineage, Rejection, Violation, Workflow, WorkReq
from wf_server.service.guard import Encoded, Undecoded
from wf_server.service.published_status import published_status
from wf_server.service.rows import job_row, job_status_row, published_job_row, repeated
from wf_server.service.translate import (
    Frozen,
    block_head,
    lineage_message,
    rejection_message,
    request_head,
    status_message,
    summary_message,
    time_of,
    time_or_none,
    violation_message,
)
from wf_server.service.wire import (
    REJECTION_REQUEST,
    REQUEST_BLOCKS,
    REQUEST_JOBS,
    SNAPSHOT_BLOCKS,
    STATUS_BLOCKS,
    STATUS_JOBS,
    WATCH_SNAPSHOT,
    Case,
    Malformed,
    Submission,
    TooMany,
    read_case,
    read_request,
    read_submission,
    write_block,
    write_report,
)

#: Jobs encoded in one go; each takes some ten microseconds.
PORTION = 500


async def request_in(message: object, max_jobs: int, *, nested: bool = True) -> WorkReq:
    """The WorkReq that a call brought.

    Raises InvalidRequest where the bytes hold none, Refused where it has too many of something.
    """
    if not isinstance(message, Undecoded):
        raise TypeError(f"expected undecoded bytes, not {type(message).__name__}")
    try:
        return await read_request(message.data, max_jobs, nested=nested)
    except TooMany as error:
        found, expected = f"more than {error.limit}", f"at most {error.limit}"
        wrong = Violation("validation", str(error), error.block, error.job, "", found, expected)
        raise Refused([wrong]) from error
    except Malformed as error:
        raise InvalidRequest(f"the request is no WorkReq message: {error}") from error


def submission_in(message: object) -> Submission:
    """What a Submit says beside its WorkReq. Raises InvalidRequest."""
    if not isinstance(message, Undecoded):
        raise TypeError(f"expected undecoded bytes, not {type(message).__name__}")
    try:
        return read_submission(message.data)
    except Malformed as error:
        raise InvalidRequest(f"the request is no SubmitRequest message: {error}") from error


def case_in(message: object) -> Case:
    """What a TestCase says beside its WorkReq. Raises InvalidRequest."""
    if not isinstance(message, Undecoded):
        raise TypeError(f"expected undecoded bytes, not {type(message).__name__}")
    try:
        return read_case(message.data)
    except Malformed as error:
        raise InvalidRequest(f"the request is no TestCaseRequest message: {error}") from error


async def status_report(workflow: Workflow) -> Encoded:
    """StatusResponse: a workflow whole."""
    standing = workflow.standing
    head = pb.StatusResponse(
        id=workflow.id,
        name=workflow.name,
        desc=workflow.request.desc,
        status=status_message(standing.status),
        had_errors=workflow.had_errors,
        was_es_stopped=workflow.was_es_stopped,
        created=time_of(workflow.created_us),
        started=time_or_none(standing.started_us),
        ended=time_or_none(standing.ended_us),
        operator=workflow.operator,
        reason=standing.reason,
        seq=standing.seq,
        activity=workflow.activity,
        until=time_or_none(workflow.until_us),
    )

    def block_status_head(b: int) -> pb.BlockStatus:
        spec, state = workflow.request.blocks[b], workflow.blocks[b]
        return pb.BlockStatus(
            desc=spec.desc,
            status=status_message(state.status),
            has_error=state.has_error,
            rate_limit=spec.rate_limit,
            started=time_or_none(state.started_us),
            ended=time_or_none(state.ended_us),
        )

    def some_jobs(b: int, jobs: range) -> bytes:
        return repeated(STATUS_JOBS, (job_status_row(workflow, b, j) for j in jobs))

    return Encoded(
        await write_report(head, _blocks(workflow.request, block_status_head, some_jobs), STATUS_BLOCKS)
    )


async def published_report(workflow: Workflow) -> Encoded:
    """The published StatusResp: the same in five statuses."""
    head = old.StatusResp(
        name=workflow.name,
        desc=workflow.request.desc,
        status=published_status(workflow.status),
        had_errors=workflow.had_errors,
        was_es_stopped=workflow.was_es_stopped,
    )

    def block_status_head(b: int) -> old.BlockStatus:
        state = workflow.blocks[b]
        return old.BlockStatus(
            desc=workflow.request.blocks[b].desc,
            status=published_status(state.status),
            has_error=state.has_error,
        )

    def some_jobs(b: int, jobs: range) -> bytes:
        return repeated(STATUS_JOBS, (published_job_row(workflow, b, j) for j in jobs))

    return Encoded(
        await write_report(head, _blocks(workflow.request, block_status_head, some_jobs), STATUS_BLOCKS)
    )


async def snapshot_report(frozen: Frozen) -> Encoded:
    """WatchResponse: a snapshot of a workflow."""

    async def blocks() -> AsyncIterator[bytes]:
        for b, block in enumerate(frozen.blocks):
            yield bytes(block)
            if b % PORTION == PORTION - 1:
                await asyncio.sleep(0)

    async def once() -> AsyncIterator[bytes]:
        yield await write_report(frozen.head, blocks(), SNAPSHOT_BLOCKS)

    return Encoded(await write_report(pb.WatchResponse(), once(), WATCH_SNAPSHOT))


async def get_report(workflow: Workflow) -> Encoded:
    """GetResponse: the stored WorkReq and the summary."""
    summary = pb.GetResponse(summary=summary_message(workflow.summary()))
    return Encoded(await write_report(summary, _once(workflow.request), 1))


async def rerun_report(request: WorkReq, lineage: Lineage) -> Encoded:
    """PlanRerunResponse: the WorkReq of a rerun, and where it comes from."""
    head = pb.PlanRerunResponse(lineage=lineage_message(lineage))
    return Encoded(await write_report(head, _once(request), 1))


async def rejection_report(rejection: Rejection) -> Encoded:
    """GetRejectionResponse: the refused WorkReq, the summary and the violations."""
    head = pb.GetRejectionResponse(
        summary=rejection_message(rejection.summary),
        violations=[violation_message(v) for v in rejection.violations],
    )
    return Encoded(await write_report(head, _once(rejection.request), REJECTION_REQUEST))


async def _once(request: WorkReq) -> AsyncIterator[bytes]:
    """The encoded WorkReq, as the one element of what write_report repeats."""

    def some_jobs(b: int, jobs: range) -> bytes:
        return repeated(REQUEST_JOBS, map(job_row, request.blocks[b].jobs[jobs.start : jobs.stop]))

    blocks = _blocks(request, lambda b: block_head(request.blocks[b]), some_jobs)
    yield await write_report(request_head(request), blocks, REQUEST_BLOCKS)


async def _blocks(
    request: WorkReq, head: Callable[[int], Message], some: Callable[[int, range], bytes]
) -> AsyncIterator[bytes]:
    for b, block in enumerate(request.blocks):
        yield await write_block(head(b), _portions(b, len(block.jobs), some))


def _portions(block: int, jobs: int, some: Callable[[int, range], bytes]) -> Iterator[bytes]:
    for first in range(0, jobs, PORTION):
        yield some(block, range(first, min(first + PORTION, jobs)))
