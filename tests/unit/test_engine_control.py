"""What operators order of a running workflow: pause, resume, cancel, a go, a resolution; and the receipts."""

import asyncio

import pytest

from tests.unit.conftest import Engine, MakeEngine, job, statuses
from wf_server.engine.orders import Halt, Order, Resolution
from wf_server.engine.run import Run
from wf_server.errors import FailedPrecondition
from wf_server.model import Block, Fate, Retry, Status, StopStatus, Workflow, WorkReq, receipt_of

ANN = Order("ann", "smoke")
BOB = Order("bob", "all clear")


async def begin(engine: Engine, workflow: Workflow) -> Run:
    await engine.executor.start(workflow, "me")
    return await engine.executor.run_of(workflow)


async def again(engine: Engine, workflow: Workflow) -> Workflow:
    found = await engine.store.load_workflow(workflow.id)
    assert found is not None
    engine.executor.resume([found])
    return found


async def trail(engine: Engine, workflow: Workflow) -> list[tuple[str, str]]:
    """The workflow's own changes: status and operator."""
    history = await engine.store.load_history(workflow.key, 0, 10_000)
    return [(change.status.label, change.operator) for change in history if change.block < 0]


async def test_pausing_waits_for_what_is_in_flight_and_starts_nothing(engine: Engine) -> None:
    workflow = await engine.submit(["wait", "", ""], [""])
    run = await begin(engine, workflow)
    await engine.until(lambda: bool(engine.jobs.running))
    run.pause(ANN)
    await engine.until(lambda: workflow.status is Status.PAUSING)
    engine.jobs.release()
    await engine.until(lambda: workflow.status is Status.PAUSED)
    assert workflow.standing.reason == "smoke"
    assert statuses(workflow) == [["completed", "not started", "not started"], ["not started"]]
    run.resume(BOB)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED
    assert await trail(engine, workflow) == [
        ("running", "me"),
        ("pausing", "ann"),
        ("paused", "ann"),
        ("running", "bob"),
        ("completed", ""),
    ]


async def test_pause_and_resume_at_once_are_both_on_record(engine: Engine) -> None:
    workflow = await engine.submit(["wait"])
    run = await begin(engine, workflow)
    await engine.until(lambda: bool(engine.jobs.running))
    run.pause(ANN)
    run.resume(BOB)
    engine.jobs.release()
    await engine.until(lambda: workflow.is_final)
    told = [status for status, _ in await trail(engine, workflow)]
    assert told == ["running", "pausing", "running", "completed"]


async def test_orders_that_make_no_sense_are_refused(engine: Engine) -> None:
    workflow = await engine.submit(["wait"])
    run = await begin(engine, workflow)
    with pytest.raises(FailedPrecondition, match="not paused"):
        run.resume(BOB)
    with pytest.raises(FailedPrecondition, match="not held before block 0"):
        run.release(0, BOB)
    with pytest.raises(FailedPrecondition, match="not unknown"):
        run.resolve(0, 0, Resolution.DONE, BOB)
    run.pause(ANN)
    with pytest.raises(FailedPrecondition, match="already, by ann"):
        run.pause(BOB)
    run.cancel(ANN)
    with pytest.raises(FailedPrecondition, match="cancelling already"):
        run.cancel(BOB)
    with pytest.raises(FailedPrecondition, match="nothing to pause"):
        run.pause(BOB)
    await engine.until(lambda: engine.executor.find(workflow.id) is None)
    with pytest.raises(FailedPrecondition, match="cancelled"):
        await engine.executor.run_of(workflow)


@pytest.mark.parametrize("state", ["running", "paused", "held", "needs operator", "retrying"])
async def test_cancel_ends_it_whatever_it_waits_for(make_engine: MakeEngine, state: str) -> None:
    engine = await make_engine()
    workflow = await engine.submit_request(WorkReq("T", "", (_block_for(state), Block("b", 1, (job(""),)))))
    run = await begin(engine, workflow)
    match state:
        case "paused":
            run.pause(BOB)
            engine.jobs.release()
            await engine.until(lambda: workflow.status is Status.PAUSED)
        case "held":
            await engine.until(lambda: workflow.status is Status.HELD)
        case "retrying":
            await engine.until(lambda: workflow.standing.counts[Status.RETRYING] == 1)
        case "needs operator":
            await engine.until(lambda: bool(engine.irreversible.running))
            engine = await make_engine()
            workflow = await again(engine, workflow)
            await engine.until(lambda: workflow.status is Status.NEEDS_OPERATOR)
            run = await engine.executor.run_of(workflow)
        case _:
            await engine.until(lambda: bool(engine.jobs.running))
    run.cancel(ANN)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.CANCELLED
    assert workflow.standing.reason == "smoke"
    assert workflow.blocks[1].status is Status.NOT_STARTED
    receipt = receipt_of(workflow)
    assert receipt is not None
    assert sum(receipt.counts.values()) == workflow.request.job_count
    assert receipt.operator == "ann"
    assert receipt.counts[Fate.IN_FLIGHT] == 0
    assert await engine.store.load_workflow(workflow.id) == workflow


def _block_for(state: str) -> Block:
    match state:
        case "held":
            return Block("a", 1, (job(""),), hold=True)
        case "needs operator":
            return Block("a", 1, (job("irreversible=wait"), job("")))
        case "retrying":
            return Block("a", 1, (job("fail:x", retry=Retry(5, "1h")), job("fail:y")))
        case _:
            return Block("a", 1, (job("wait"), job("")))


async def test_a_cancelled_job_that_does_not_listen_is_unknown_never_a_lie(engine: Engine) -> None:
    workflow = await engine.submit(["stubborn", "wait", ""], rate_limit=2)
    run = await begin(engine, workflow)
    await engine.until(lambda: len(engine.jobs.running) == 2)
    run.cancel(ANN)
    await engine.until(lambda: workflow.status is Status.CANCELLING)
    assert workflow.until_us > 0
    while not workflow.is_final:
        await asyncio.sleep(0.01)
    assert statuses(workflow) == [["unknown", "interrupted", "not started"]]
    receipt = receipt_of(workflow)
    assert receipt is not None
    assert [block.hex() for block in receipt.fates] == ["040201"]
    engine.jobs.release()
    await asyncio.sleep(0.01)
    assert statuses(workflow) == [["unknown", "interrupted", "not started"]]


async def test_what_finished_anyway_says_so(engine: Engine) -> None:
    workflow = await engine.submit(["", "wait", "wait", ""], rate_limit=2)
    run = await begin(engine, workflow)
    await engine.until(lambda: len(engine.jobs.running) == 2)
    # The job ends by itself, and the order comes before that is heard.
    engine.jobs.release()
    assert run.halt(Halt(Status.CANCELLED, "ann", "smoke"))
    await engine.until(lambda: workflow.is_final)
    receipt = receipt_of(workflow)
    assert receipt is not None
    assert receipt.counts[Fate.ENDED_BEFORE] == 1
    assert receipt.counts[Fate.FINISHED_ANYWAY] + receipt.counts[Fate.INTERRUPTED] == 2
    assert receipt.counts[Fate.NEVER_STARTED] == 1


@pytest.mark.parametrize("ordered", [Status.PAUSED, Status.HELD, Status.CANCELLING])
async def test_orders_in_force_survive_a_restart(make_engine: MakeEngine, ordered: Status) -> None:
    engine = await make_engine()
    block = Block(
        "a", 1, (job("stubborn" if ordered is Status.CANCELLING else ""),), hold=ordered is Status.HELD
    )
    workflow = await engine.submit_request(WorkReq("T", "", (block, Block("b", 1, (job(""),)))))
    run = await begin(engine, workflow)
    if ordered is Status.PAUSED:
        run.pause(ANN)
    elif ordered is Status.CANCELLING:
        await engine.until(lambda: bool(engine.jobs.running))
        run.cancel(ANN)
    await engine.until(lambda: workflow.status is ordered)
    before = workflow.seq
    engine = await make_engine()
    found = await again(engine, workflow)
    if ordered is Status.CANCELLING:
        await engine.until(lambda: found.is_final)
        assert found.status is Status.CANCELLED
        assert found.standing.reason == "smoke"
        return
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert (found.status, found.seq) == (ordered, before)
    run = await engine.executor.run_of(found)
    if ordered is Status.PAUSED:
        run.resume(BOB)
    else:
        run.release(0, BOB)
    await engine.until(lambda: found.is_final)
    assert found.status is Status.COMPLETED


async def test_a_block_is_held_until_someone_says_go(engine: Engine) -> None:
    held = Block("erase", 1, (job(""),), hold=True)
    workflow = await engine.submit_request(WorkReq("T", "", (Block("a", 1, (job(""),)), held)))
    run = await begin(engine, workflow)
    await engine.until(lambda: workflow.status is Status.HELD)
    assert workflow.standing.reason == "block 1 (erase) waits for a go"
    assert run.held_before == 1
    with pytest.raises(FailedPrecondition, match="before block 1"):
        run.release(0, BOB)
    run.pause(ANN)
    with pytest.raises(FailedPrecondition, match="resume it first"):
        run.release(1, BOB)
    run.resume(BOB)
    await engine.until(lambda: workflow.status is Status.HELD)
    run.release(1, BOB)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED
    history = await engine.store.load_history(workflow.key, 0, 100)
    [go] = [
        change for change in history if (change.block, change.job, change.status) == (1, -1, Status.RUNNING)
    ]
    assert (go.operator, go.reason) == ("bob", "all clear")


@pytest.mark.parametrize(
    ("resolution", "job_ends", "workflow_ends"),
    [
        (Resolution.DONE, "completed", Status.COMPLETED),
        (Resolution.FAILED, "failed", Status.FAILED),
        (Resolution.RERUN, "completed", Status.COMPLETED),
    ],
)
async def test_a_person_resolves_an_unknown_outcome(
    make_engine: MakeEngine, resolution: Resolution, job_ends: str, workflow_ends: Status
) -> None:
    engine = await make_engine()
    workflow = await engine.submit(["irreversible=wait", ""], [""])
    await begin(engine, workflow)
    await engine.until(lambda: bool(engine.irreversible.running))
    engine = await make_engine()
    engine.irreversible.release()
    found = await again(engine, workflow)
    await engine.until(lambda: found.status is Status.NEEDS_OPERATOR)
    run = await engine.executor.run_of(found)
    run.resolve(0, 0, resolution, ANN)
    with pytest.raises(FailedPrecondition, match="being resolved"):
        run.resolve(0, 0, resolution, ANN)
    await engine.until(lambda: found.is_final)
    assert statuses(found) == [[job_ends, "completed"], ["completed"]]
    assert found.status is workflow_ends
    assert sum(engine.irreversible.begun.values()) == (1 if resolution is Resolution.RERUN else 0)
    told = await engine.store.load_job_history(found.key, 0, 0)
    assert any((change.operator, change.reason) == ("ann", "smoke") for change in told)


async def test_a_stop_takes_the_queue_with_it_and_others_go_in_order(make_engine: MakeEngine) -> None:
    engine = await make_engine()
    engine.executor._max_running = 1
    first, second, third = [await engine.submit(["wait"]) for _ in range(3)]
    for workflow in (first, second, third):
        await engine.executor.start(workflow, "me")
    assert [w.status for w in (first, second, third)] == [Status.RUNNING, Status.QUEUED, Status.QUEUED]
    assert (second.activity, third.activity) == ("place 1 in the queue", "place 2 in the queue")
    assert engine.executor.cancel_queued(second, ANN)
    await engine.recorder.flush()
    assert second.status is Status.CANCELLED
    # The queue is as it was after a restart.
    engine = await make_engine()
    engine.executor._max_running = 1
    found = await engine.store.load_workflows([Status.RUNNING, Status.QUEUED])
    engine.executor.resume(found)
    running, queued = found
    assert queued.activity == "place 1 in the queue" or queued.status is Status.QUEUED
    await engine.stops.set("T", StopStatus.STOP, "ann", "smoke")
    await engine.until(lambda: running.is_final and queued.is_final)
    assert {running.status, queued.status} == {Status.STOPPED}


async def test_one_that_waits_for_a_person_needs_no_room(engine: Engine) -> None:
    engine.executor._max_running = 1
    held = await engine.submit_request(WorkReq("T", "", (Block("a", 1, (job(""),), hold=True),)))
    other = await engine.submit([""])
    await engine.executor.start(held, "me")
    await engine.executor.start(other, "me")
    await engine.until(lambda: other.is_final)
    assert held.status is Status.HELD


async def test_a_receipt_does_not_call_never_started_what_a_restart_cut_short(
    make_engine: MakeEngine,
) -> None:
    """Its code has run, and may have left half of its work behind."""
    engine = await make_engine()
    workflow = await engine.submit(["wait", ""])
    run = await begin(engine, workflow)
    await engine.until(lambda: bool(engine.jobs.running))
    run.pause(ANN)
    await engine.recorder.flush()
    # As after a kill: the job is on record as running.
    found = await engine.store.load_workflow(workflow.id)
    assert found is not None
    engine = await make_engine()
    found = await again(engine, found)
    run = await engine.executor.run_of(found)
    assert statuses(found) == [["not started", "not started"]]
    run.cancel(BOB)
    await engine.until(lambda: found.is_final)
    receipt = receipt_of(found)
    assert receipt is not None
    assert receipt.fates == (bytes([Fate.INTERRUPTED, Fate.NEVER_STARTED]),)
