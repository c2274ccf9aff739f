"""Reading a WorkReq straight from its bytes gives what the library gives, or refuses."""

import dataclasses

import betterproto
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wf_proto as pb
from wf_proto import published as old
from wf_server.model import Block, Progress, Retry, Status, Workflow, WorkReq
from wf_server.service.published_status import published_status
from wf_server.service.reports import get_report, published_report, status_report
from wf_server.service.translate import job_status_message
from wf_server.service.wire import (
    MAX_ARGS,
    Malformed,
    Submission,
    TooMany,
    read_name,
    read_request,
    read_submission,
)

texts = st.text(max_size=6)
numbers = st.integers(-(2**31), 2**31 - 1)
doubles = st.floats(allow_nan=False)
on_failure = st.sampled_from(list(pb.OnFailure))
retries = st.builds(
    pb.Retry,
    attempts=numbers,
    delay=texts,
    backoff=doubles,
    max_delay=texts,
    jitter=doubles,
    errors=st.lists(texts, max_size=3),
)
args = st.dictionaries(texts, texts, max_size=3)
jobs = st.builds(pb.Job, name=texts, desc=texts, args=args, timeout=texts) | st.builds(
    pb.Job, name=texts, args=args, timeout=texts, retry=retries
)
blocks = st.builds(
    pb.Block,
    desc=texts,
    rate_limit=numbers,
    jobs=st.lists(jobs, max_size=4),
    max_failures=texts,
    no_overshoot=st.booleans(),
    on_failure=on_failure,
    hold=st.booleans(),
    point_of_no_return=st.booleans(),
    ramp=st.lists(texts, max_size=3),
    soak=texts,
)
requests = st.builds(
    pb.WorkReq,
    name=texts,
    desc=texts,
    blocks=st.lists(blocks, max_size=4),
    max_failures=texts,
    no_overshoot=st.booleans(),
    on_failure=on_failure,
)


def plain(request: WorkReq) -> object:
    return {**_plain(request), "blocks": [_plain_block(block) for block in request.blocks]}


def _plain(part: object) -> dict[str, object]:
    return {name: getattr(part, name) for name in part.__slots__}  # type: ignore[attr-defined]


def _plain_block(block: Block) -> dict[str, object]:
    jobs = [
        {**_plain(job), "args": dict(job.args), "retry": job.retry and _plain_retry(job.retry)}
        for job in block.jobs
    ]
    return {**_plain(block), "jobs": jobs, "ramp": list(block.ramp)}


def _plain_retry(retry: Retry) -> dict[str, object]:
    return {**_plain(retry), "errors": list(retry.errors)}


def plain_message(request: pb.WorkReq) -> object:
    """The fields of a message by their names, all of them: a new one is missed here first."""
    return {**vars_of(request), "blocks": [_plain_block_message(block) for block in request.blocks]}


def _plain_block_message(block: pb.Block) -> dict[str, object]:
    return {**vars_of(block), "jobs": [_plain_job_message(job) for job in block.jobs]}


def _plain_job_message(job: pb.Job) -> dict[str, object]:
    retry = vars_of(job.retry) if betterproto.serialized_on_wire(job.retry) else None
    return {**vars_of(job), "retry": retry}


def vars_of(message: betterproto.Message) -> dict[str, object]:
    names = [field.name for field in dataclasses.fields(message)]  # type: ignore[arg-type]
    return {name: _number(getattr(message, name)) for name in names}


def _number(value: object) -> object:
    return int(value) if isinstance(value, betterproto.Enum) else value


async def read_or_refuse(data: bytes, *, nested: bool) -> WorkReq | Malformed:
    try:
        return await read_request(data, 100, nested=nested)
    except Malformed as error:
        return error


@given(requests)
async def test_it_reads_what_was_written(request: pb.WorkReq) -> None:
    assert plain(await read_request(bytes(request), 100, nested=False)) == plain_message(request)
    wrapped = bytes(pb.SubmitRequest(work_req=request))
    assert plain(await read_request(wrapped, 100, nested=True)) == plain_message(request)


@given(requests)
async def test_what_is_reported_reads_back(request: pb.WorkReq) -> None:
    workflow = Workflow("w", await read_request(bytes(request), 100, nested=False), "me", 5)
    got = pb.GetResponse().parse((await get_report(workflow)).data)
    assert plain_message(got.work_req) == plain_message(request)
    assert got.summary.jobs.total == workflow.request.job_count
    status = pb.StatusResponse().parse((await status_report(workflow)).data)
    assert [[j.name for j in b.jobs] for b in status.blocks] == [
        [j.name for j in b.jobs] for b in request.blocks
    ]
    assert (status.id, status.name) == ("w", request.name)


times = st.integers(0, 2**52)
errors = st.sampled_from(["", "disk on fire", "é" * 200])


sane_retries = st.builds(
    pb.Retry,
    attempts=st.integers(2, 9),
    delay=st.sampled_from(["", "5s"]),
    backoff=st.sampled_from([0.0, 1.5]),
    jitter=st.floats(0, 1),
)
sane_jobs = st.builds(pb.Job, name=texts, args=args) | st.builds(pb.Job, desc=texts, retry=sane_retries)
sane_blocks = st.builds(pb.Block, desc=texts, jobs=st.lists(sane_jobs, max_size=3))


@given(st.builds(pb.WorkReq, blocks=st.lists(sane_blocks, max_size=2)), st.data())
async def test_the_status_of_every_job_is_written_as_the_library_would(
    request: pb.WorkReq, data: st.DataObject
) -> None:
    workflow = Workflow("w", await read_request(bytes(request), 100, nested=False), "me", 5)
    for b, j, _ in workflow.request.jobs():
        state = workflow.blocks[b]
        state.statuses[j] = data.draw(st.sampled_from(list(Status)))
        state.started[j], state.ended[j] = data.draw(times), data.draw(times)
        state.retries[j], state.attempts[j] = data.draw(st.integers(1, 9)), data.draw(st.integers(0, 300))
        state.errors[j] = data.draw(errors)
        if data.draw(st.booleans()):
            workflow.progress[b, j] = Progress(data.draw(st.floats(0, 1)), data.draw(texts))
    blocks = range(len(workflow.blocks))
    expected = [
        pb.BlockStatus(
            jobs=[job_status_message(workflow, b, j) for j in range(len(workflow.blocks[b].statuses))]
        )
        for b in blocks
    ]
    status = pb.StatusResponse().parse((await status_report(workflow)).data)
    again = pb.StatusResponse().parse(bytes(pb.StatusResponse(blocks=expected)))
    assert [block.jobs for block in status.blocks] == [block.jobs for block in again.blocks]
    published = old.StatusResp().parse((await published_report(workflow)).data)
    assert [
        [(j.name, j.desc, j.args, j.status, j.error) for j in block.jobs] for block in published.blocks
    ] == [
        [(j.name, j.desc, j.args, published_status(int(j.status)), j.error) for j in block.jobs]
        for block in again.blocks
    ]


lineages = st.builds(pb.Lineage, kind=st.sampled_from(list(pb.LineageKind)), workflow_id=texts)


submissions = st.builds(
    pb.SubmitRequest,
    work_req=requests,
    mends_rejection_id=texts,
    key=texts,
    lineage=lineages,
    acknowledge=st.lists(texts, max_size=5),
)


@given(submissions)
def test_it_reads_what_a_submission_says_beside_the_request(message: pb.SubmitRequest) -> None:
    lineage = message.lineage
    origin = (int(lineage.kind), lineage.workflow_id)
    acknowledged = tuple(message.acknowledge)
    expected = Submission(message.mends_rejection_id, message.key, *origin, acknowledged)
    assert read_submission(bytes(message)) == expected


@given(st.binary(max_size=60))
async def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for nested in (False, True):
        assert isinstance(await read_or_refuse(data, nested=nested), WorkReq | Malformed)


@given(st.lists(requests, min_size=1, max_size=3), st.booleans(), st.data())
async def test_the_name_that_is_let_in_is_the_name_that_is_read(
    twice: list[pb.WorkReq], nested: bool, data: st.DataObject
) -> None:
    parts = [bytes(pb.CheckRequest(work_req=one)) if nested else bytes(one) for one in twice]
    whole = bytearray(b"".join(parts))
    if whole and data.draw(st.booleans()):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        request = await read_request(bytes(whole), 100, nested=nested)
    except (Malformed, TooMany):
        return
    assert read_name(bytes(whole), nested=nested) == request.name


@given(requests, st.data())
async def test_a_changed_byte_is_read_or_refused(request: pb.WorkReq, data: st.DataObject) -> None:
    encoded = bytearray(bytes(request))
    if encoded:
        at = data.draw(st.integers(0, len(encoded) - 1))
        encoded[at] = data.draw(st.integers(0, 255))
    assert isinstance(await read_or_refuse(bytes(encoded), nested=False), WorkReq | Malformed)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x08\x01", "wire type 0 where 2"),
        (b"\x0a\x05ab", "longer than its message"),
        (b"\x0a", "ends within a number"),
        (b"\x0a" + b"\xff" * 12, "too long"),
        (b"\x0a\x01\xff", "not UTF-8"),
        (b"\x0b", "wire type 3"),
        (b"\x00", "number 0"),
    ],
)
async def test_what_is_wrong_is_told(data: bytes, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        await read_request(data, 100, nested=False)


async def test_unknown_fields_are_passed_over() -> None:
    request = await read_request(b"\x78\x05\x0a\x01T\x7d\0\0\0\0\x79" + bytes(8), 100, nested=False)
    assert request == WorkReq("T", "", ())


async def test_reading_ends_at_the_limits() -> None:
    many = pb.WorkReq(blocks=[pb.Block(jobs=[pb.Job()] * 6), pb.Block(jobs=[pb.Job()] * 5)])
    assert (await read_request(bytes(many), 11, nested=False)).job_count == 11
    with pytest.raises(TooMany, match="too many jobs"):
        await read_request(bytes(many), 10, nested=False)
    with pytest.raises(TooMany, match="too many blocks"):
        await read_request(b"\x1a\x00" * 11, 10, nested=False)
    args = {str(n): "" for n in range(MAX_ARGS + 1)}
    crowded = pb.WorkReq(blocks=[pb.Block(jobs=[pb.Job(), pb.Job(args=args)])])
    with pytest.raises(TooMany, match="too many arguments") as caught:
        await read_request(bytes(crowded), 10, nested=False)
    assert (caught.value.block, caught.value.job) == (0, 1)
