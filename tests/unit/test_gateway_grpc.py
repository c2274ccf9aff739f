"""The gateway over gRPC, and the translation between the contract and the console's values."""

import json
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from grpclib.const import Status as Code
from grpclib.exceptions import GRPCError
from hypothesis import given
from hypothesis import strategies as st

import wf_proto as pb
from wf_proto.testing import SocketServer
from wf_tui import gateway, translate
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.state.models import (
    Attempt,
    Block,
    ChangeBatch,
    Fate,
    Job,
    Lineage,
    LineageKind,
    LogLine,
    Resolution,
    SiteStatus,
    SiteType,
    Snapshot,
    Status,
    Violation,
    WorkReq,
)

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
REQUEST = WorkReq("Maintenance", "d", (Block("b", 2, (Job("sleep", "s", {"seconds": "1"}),)),))
SUMMARY = pb.WorkflowSummary(id="one", name="Maintenance", status=pb.Status["RUNNING"], created=NOON)


class Workflows(pb.WorkflowServiceBase):
    """Keeps one request, and fails when told to."""

    def __init__(self) -> None:
        self.kept = pb.WorkReq()
        self.sent = pb.SubmitRequest()
        self.ordered: list[object] = []
        self.listed = pb.ListRequest()
        self.failure: GRPCError | None = None

    async def submit(self, submit_request: pb.SubmitRequest) -> pb.SubmitResponse:
        if self.failure:
            raise self.failure
        self.sent = submit_request
        self.kept = submit_request.work_req
        return pb.SubmitResponse(id="one")

    async def pause(self, pause_request: pb.PauseRequest) -> pb.PauseResponse:
        self.ordered = [pause_request]
        return pb.PauseResponse(summary=SUMMARY)

    async def resume(self, resume_request: pb.ResumeRequest) -> pb.ResumeResponse:
        self.ordered = [*self.ordered, resume_request]
        return pb.ResumeResponse(summary=SUMMARY)

    async def cancel(self, cancel_request: pb.CancelRequest) -> pb.CancelResponse:
        self.ordered = [*self.ordered, cancel_request]
        return pb.CancelResponse(summary=SUMMARY)

    async def release(self, release_request: pb.ReleaseRequest) -> pb.ReleaseResponse:
        self.ordered = [*self.ordered, release_request]
        return pb.ReleaseResponse(summary=SUMMARY)

    async def resolve(self, resolve_request: pb.ResolveRequest) -> pb.ResolveResponse:
        self.ordered = [*self.ordered, resolve_request]
        return pb.ResolveResponse(summary=SUMMARY)

    async def get_receipt(self, get_receipt_request: pb.GetReceiptRequest) -> pb.GetReceiptResponse:
        receipt = pb.Receipt(
            workflow_id=get_receipt_request.id,
            order=pb.Status["CANCELLED"],
            ordered=NOON,
            grace_ends=NOON,
            jobs=3,
            interrupted=2,
            fates=[b"\x02\x02", b"\x63"],
        )
        return pb.GetReceiptResponse(receipt=receipt)

    async def plan_rerun(self, plan_rerun_request: pb.PlanRerunRequest) -> pb.PlanRerunResponse:
        lineage = pb.Lineage(kind=pb.LineageKind["RERUN"], workflow_id=plan_rerun_request.id)
        return pb.PlanRerunResponse(work_req=translate.request_to_proto(REQUEST), lineage=lineage)

    async def get_job(self, get_job_request: pb.GetJobRequest) -> pb.GetJobResponse:
        return pb.GetJobResponse(
            job=pb.JobStatus(name="sleep", status=pb.Status["RETRYING"], attempts=1, next_attempt=NOON),
            attempts=[pb.Attempt(started=NOON, ended=NOON, status=pb.Status["RETRYING"], error="busy")],
            log=[pb.LogLine(number=4, time=NOON, text="four")],
            dropped_lines=3,
        )

    async def get(self, get_request: pb.GetRequest) -> pb.GetResponse:
        return pb.GetResponse(work_req=self.kept, summary=SUMMARY)

    async def status(self, status_request: pb.StatusRequest) -> pb.StatusResponse:
        return pb.StatusResponse(id=status_request.id, status=pb.Status["RUNNING"], created=NOON)

    async def list(self, list_request: pb.ListRequest) -> pb.ListResponse:
        self.listed = list_request
        return pb.ListResponse(workflows=[SUMMARY], next_page_token="more")

    async def list_jobs(self, list_jobs_request: pb.ListJobsRequest) -> pb.ListJobsResponse:
        jobs = [pb.JobStatus(name="sleep", status=pb.Status["RUNNING"], progress=0.5)] * 2
        return pb.ListJobsResponse(jobs=jobs, offset=list_jobs_request.offset, total=9)

    async def watch(self, watch_request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
        block = pb.BlockSnapshot(desc="b", status=pb.Status["RUNNING"], job_statuses=b"\x02\x63")
        yield pb.WatchResponse(snapshot=pb.Snapshot(summary=SUMMARY, blocks=[block]))
        yield pb.WatchResponse()
        yield pb.WatchResponse(
            batch=pb.ChangeBatch(
                first_seq=7,
                blocks=[0, -1],
                jobs=[1, -1],
                statuses=b"\x04\x04",
                times_us=[1, 2],
                notes=[pb.ChangeNote(index=1, error="e", operator="o", reason="r")],
                progress=pb.ProgressReports(blocks=[0], jobs=[1], fractions=[0.25], messages=["m"]),
                summary=SUMMARY,
            )
        )


class Stops(pb.StopsServiceBase):
    """A board of one entry."""

    async def set(self, set_stop_request: pb.SetStopRequest) -> pb.SetStopResponse:
        stop = pb.Stop(
            name=set_stop_request.name, status=set_stop_request.status, reason=set_stop_request.reason
        )
        return pb.SetStopResponse(stop=stop, stopped_workflows=3)

    async def watch(self, watch_stops_request: pb.WatchStopsRequest) -> AsyncIterator[pb.WatchStopsResponse]:
        yield pb.WatchStopsResponse(board=pb.StopBoard(stops=[pb.Stop(name="*")], problem="broken"))


@pytest.fixture
def workflows() -> Workflows:
    return Workflows()


@pytest.fixture
async def grpc_gateway(workflows: Workflows) -> AsyncIterator[gateway.Gateway]:
    async with SocketServer([workflows, Stops()]) as server:
        connection = GrpcGateway(server.address, timeout=5)
        yield connection
        await connection.close()


async def test_a_request_comes_back_as_it_went(grpc_gateway: gateway.Gateway) -> None:
    assert await grpc_gateway.submit(REQUEST) == "one"
    request, summary = await grpc_gateway.get("one")
    assert request == REQUEST
    assert (summary.id, summary.status, summary.created) == ("one", Status.RUNNING, NOON)
    assert summary.current_block is None


async def test_a_submission_tells_its_lineage_and_its_key(
    grpc_gateway: gateway.Gateway, workflows: Workflows
) -> None:
    await grpc_gateway.submit(REQUEST, lineage=Lineage(LineageKind.CLONE, "zero"), key="mine")
    assert workflows.sent.key == "mine"
    assert translate.lineage(workflows.sent.lineage) == Lineage(LineageKind.CLONE, "zero")
    await grpc_gateway.submit(REQUEST)
    assert workflows.sent.key not in ("", "mine")
    assert translate.lineage(workflows.sent.lineage) is None


async def test_orders_arrive_as_they_were_given(grpc_gateway: gateway.Gateway, workflows: Workflows) -> None:
    assert (await grpc_gateway.pause("one", "why")).id == "one"
    await grpc_gateway.resume("one")
    await grpc_gateway.cancel("one", "why")
    await grpc_gateway.release("one", 2, "go", "aap")
    await grpc_gateway.resolve("one", 2, 5, Resolution.RERUN, "seen")
    assert workflows.ordered == [
        pb.PauseRequest(id="one", reason="why"),
        pb.ResumeRequest(id="one"),
        pb.CancelRequest(id="one", reason="why"),
        pb.ReleaseRequest(id="one", block=2, reason="go", confirm="aap"),
        pb.ResolveRequest(id="one", block=2, job=5, resolution=pb.Resolution["RERUN"], reason="seen"),
    ]


async def test_a_receipt_tells_every_fate(grpc_gateway: gateway.Gateway) -> None:
    receipt = await grpc_gateway.receipt("one")
    assert (receipt.workflow_id, receipt.order, receipt.settled) == ("one", Status.CANCELLED, None)
    assert (receipt.ordered, receipt.grace_ends) == (NOON, NOON)
    assert receipt.fates == (bytes([Fate.INTERRUPTED] * 2), bytes([Fate.UNSPECIFIED]))
    assert [receipt.count(fate) for fate in (Fate.INTERRUPTED, Fate.UNSPECIFIED)] == [2, 1]


async def test_a_rerun_is_planned_with_its_lineage(grpc_gateway: gateway.Gateway) -> None:
    assert await grpc_gateway.plan_rerun("one") == (REQUEST, Lineage(LineageKind.RERUN, "one"))


async def test_a_job_tells_its_attempts_and_its_log(grpc_gateway: gateway.Gateway) -> None:
    story = await grpc_gateway.job("one", 1, 2)
    assert (story.job.block, story.job.job, story.job.next_attempt) == (1, 2, NOON)
    assert story.attempts == (Attempt(NOON, NOON, Status.RETRYING, "busy"),)
    assert story.log == (LogLine(4, NOON, "four"),)
    assert story.dropped_lines == 3


def test_a_summary_tells_what_it_waits_for() -> None:
    lineage = pb.Lineage(kind=pb.LineageKind["RERUN"], workflow_id="zero")
    known = translate.summary(
        pb.WorkflowSummary(id="one", lineage=lineage, since=NOON, activity="soaking", until=NOON)
    )
    assert (known.since, known.activity, known.until) == (NOON, "soaking", NOON)
    assert known.lineage == Lineage(LineageKind.RERUN, "zero")
    older = translate.summary(pb.WorkflowSummary().parse(bytes(SUMMARY)))
    assert (older.since, older.lineage) == (None, None)


async def test_a_list_asks_for_what_was_asked(grpc_gateway: gateway.Gateway, workflows: Workflows) -> None:
    page, token = await grpc_gateway.list(statuses=[Status.FAILED], name="n", text="t", limit=5)
    assert [summary.id for summary in page] == ["one"]
    assert token == "more"
    asked = workflows.listed
    assert (asked.statuses, asked.name, asked.text, asked.page_size) == ([pb.Status.FAILED], "n", "t", 5)


async def test_jobs_know_their_place(grpc_gateway: gateway.Gateway) -> None:
    jobs = await grpc_gateway.list_jobs("one", 3, 100, 5000)
    assert [(job.block, job.job, job.fraction) for job in jobs] == [(3, 100, 0.5), (3, 101, 0.5)]


async def test_a_watch_brings_a_snapshot_and_changes(grpc_gateway: gateway.Gateway) -> None:
    snapshot, batch = [event async for event in grpc_gateway.watch("one")]
    assert isinstance(snapshot, Snapshot)
    assert snapshot.blocks[0].job_statuses == bytes([Status.RUNNING, Status.UNSPECIFIED])
    assert isinstance(batch, ChangeBatch)
    assert (batch.first_seq, list(batch.blocks), list(batch.jobs)) == (7, [0, -1], [1, -1])
    assert batch.notes[1].error == "e"
    assert batch.progress[0].fraction == 0.25


@pytest.mark.parametrize(
    ("said", "taken"), [(0.25, 0.25), (-1.0, 0.0), (7.0, 1.0), (math.nan, 0.0), (math.inf, 1.0)]
)
def test_a_fraction_is_one(said: float, taken: float) -> None:
    reports = pb.ProgressReports(blocks=[0], jobs=[0], fractions=[said], messages=[""])
    batch = translate.batch(pb.ChangeBatch(progress=reports, summary=SUMMARY))
    assert [report.fraction for report in batch.progress] == [taken]


async def test_stops(grpc_gateway: gateway.Gateway) -> None:
    stop, ended = await grpc_gateway.set_stop("*", engaged=True, reason="fire")
    assert (stop.name, stop.engaged, stop.reason, ended) == ("*", True, "fire", 3)
    [board] = [board async for board in grpc_gateway.watch_stops()]
    assert board.problem == "broken"
    assert board.stops[0].engaged


async def test_the_status_is_proto_json(grpc_gateway: gateway.Gateway) -> None:
    status = json.loads(await grpc_gateway.status_json("one"))
    assert status["status"] == "STATUS_RUNNING"
    assert status["hadErrors"] is False


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.UNAVAILABLE, gateway.Unreachable),
        (Code.DEADLINE_EXCEEDED, gateway.Unreachable),
        (Code.NOT_FOUND, gateway.NotFound),
        (Code.ALREADY_EXISTS, gateway.AlreadyExecuted),
        (Code.FAILED_PRECONDITION, gateway.FailedPrecondition),
        (Code.INVALID_ARGUMENT, gateway.InvalidRequest),
        (Code.RESOURCE_EXHAUSTED, gateway.Overloaded),
        (Code.DATA_LOSS, gateway.ServerFault),
        (Code.ABORTED, gateway.EmergencyStopped),
    ],
)
async def test_errors_are_those_of_the_gateway(
    grpc_gateway: gateway.Gateway, workflows: Workflows, code: Code, kind: type[gateway.GatewayError]
) -> None:
    workflows.failure = GRPCError(code, "told")
    with pytest.raises(gateway.GatewayError, match="told") as caught:
        await grpc_gateway.submit(REQUEST)
    assert type(caught.value) is kind


async def test_a_refusal_keeps_its_violations(grpc_gateway: gateway.Gateway, workflows: Workflows) -> None:
    violations = [pb.Violation(policy="validation", block=0, message="an empty block")]
    workflows.failure = GRPCError(Code.INVALID_ARGUMENT, "no", pb.Refusal("kept", violations))
    with pytest.raises(gateway.Refused) as caught:
        await grpc_gateway.submit(REQUEST)
    assert caught.value.violations == (Violation("validation", "an empty block", block=0),)
    assert caught.value.rejection_id == "kept"


def test_a_bad_address_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="no host or no port"):
        GrpcGateway("nowhere")


@given(st.integers(-(2**31), 2**31 - 1))
def test_no_number_of_a_newer_server_is_fatal(number: int) -> None:
    status = translate.status(number)
    assert status == number or status is Status.UNSPECIFIED
    site = translate.site(pb.Site(type=number, status=number))  # type: ignore[arg-type]
    assert site.type is (SiteType.SATELLITE if number == 1 else SiteType.CLUSTER)
    assert (site.status is SiteStatus.DECOM) == (number == 2)
    assert translate.stop(pb.Stop(status=number)).engaged == (number != 1)  # type: ignore[arg-type]
    translate.job_type(pb.JobType(recovery=number, args=[pb.ArgDeclaration(kind=number)]))  # type: ignore[arg-type]


def test_policy_settings_that_are_no_object_are_shown_as_they_are() -> None:
    assert translate.settings('{"AllowedJobs": ["sleep"]}') == {"AllowedJobs": ["sleep"]}
    assert translate.settings("") == {}
    assert translate.settings("{broken") == {"settings": "{broken"}
