"""Orders, crashes and stubborn jobs at the worst moments: what the torture tests have brought to light."""

import asyncio

import pytest

from tests.unit.conftest import Engine, MakeEngine, job, statuses
from tests.unit.test_engine_control import ANN, BOB, again, begin
from wf_server.engine import recovery
from wf_server.engine.orders import Order, Resolution
from wf_server.errors import FailedPrecondition
from wf_server.jobs.base import JobContext
from wf_server.model import Block, Retry, Status, StopStatus, Workflow, WorkReq


async def _needs_operator(make_engine: MakeEngine, *blocks: Block) -> tuple[Engine, Workflow]:
    """A server that came back while the first job, an irreversible one, was running."""
    engine = await make_engine()
    workflow = await engine.submit_request(WorkReq("T", "", blocks))
    await begin(engine, workflow)
    await engine.until(lambda: bool(engine.irreversible.running))
    engine = await make_engine()
    found = await again(engine, workflow)
    await engine.until(lambda: found.status is Status.NEEDS_OPERATOR)
    return engine, found


async def test_a_wave_with_an_unknown_outcome_has_not_ended(make_engine: MakeEngine) -> None:
    block = Block("", 2, (job("irreversible=wait"), job(""), job("")), ramp=("1",), soak="10s")
    engine, workflow = await _needs_operator(make_engine, block)
    engine.irreversible.release()
    await engine.clock.advance(60)
    (await engine.executor.run_of(workflow)).resolve(0, 0, Resolution.RERUN, ANN)
    await engine.until(lambda: workflow.activity == "soaking after wave 1 of 2")
    assert statuses(workflow) == [["completed", "not started", "not started"]]
    await engine.until(lambda: engine.clock.sleeping == 1)
    await engine.clock.advance(10)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED


@pytest.mark.parametrize("state", ["paused", "fatal"])
async def test_what_is_due_but_may_not_start_costs_nothing(engine: Engine, state: str) -> None:
    jobs = [job("fail:x", retry=Retry(3, "5s")), job("wait")]
    jobs += [job("sleep:1"), job("fatal:smoke")] if state == "fatal" else []
    workflow = await engine.submit_request(WorkReq("T", "", (Block("", 2, tuple(jobs)),)))
    run = await begin(engine, workflow)
    await engine.until(lambda: workflow.standing.counts[Status.RETRYING] == 1)
    await engine.until(lambda: len(engine.jobs.running) == 2 or state == "paused")
    if state == "paused":
        run.pause(ANN)
        await engine.until(lambda: workflow.status is Status.PAUSING)
    if state == "fatal":
        await engine.until(lambda: engine.clock.sleeping >= 1)
        # Its slot goes to the job with the fatal error, and that ends what may start.
        await engine.clock.advance(1)
        await engine.until(lambda: bool(workflow.fatal))
    naps = 0
    sleep = engine.clock.sleep

    async def counted(seconds: float) -> None:
        nonlocal naps
        naps += 1
        await sleep(seconds)

    engine.clock.sleep = counted  # type: ignore[method-assign]
    await engine.clock.advance(30)
    for _ in range(50):
        await asyncio.sleep(0)
    assert naps < 5
    engine.jobs.release()
    if state == "paused":
        run.resume(BOB)
        await engine.until(lambda: workflow.blocks[0].attempts.get(0) == 2)
    else:
        await engine.until(lambda: workflow.is_final)


async def test_each_attempt_has_its_own_grace(engine: Engine) -> None:
    """The first attempt is told to end and does; the second one's grace does not count from then."""
    engine.executor._grace = 10
    act = engine.jobs._act

    async def slow_the_second_time(ctx: JobContext, verb: str, text: str) -> None:
        try:
            await act(ctx, verb, text)
        except asyncio.CancelledError:
            if engine.jobs.begun[ctx.holder] == 2:
                await ctx.clock.sleep(9)
            raise

    engine.jobs._act = slow_the_second_time  # type: ignore[method-assign]
    retry = Retry(2, "0s")
    workflow = await engine.submit_request(WorkReq("T", "", (Block("", 1, (job("wait", "1s", retry),)),)))
    await begin(engine, workflow)
    for seconds in (1.0, 1.0, 8.5):
        await engine.until(lambda: engine.clock.sleeping >= 1)
        await engine.clock.advance(seconds)
        await engine.until(lambda: engine.clock.sleeping >= 1)
    assert statuses(workflow) == [["running"]]
    await engine.clock.advance(1)
    await engine.until(lambda: workflow.is_final)
    assert statuses(workflow) == [["failed"]]


async def test_a_job_whose_code_still_runs_is_not_run_again(engine: Engine) -> None:
    jobs = (job("stubborn", "1s"), job(""))
    workflow = await engine.submit_request(WorkReq("T", "", (Block("", 1, jobs),)))
    run = await begin(engine, workflow)
    while workflow.status is not Status.NEEDS_OPERATOR:
        await engine.clock.advance(0.5)
        await asyncio.sleep(0.001)
    with pytest.raises(FailedPrecondition, match="still runs"):
        run.resolve(0, 0, Resolution.RERUN, ANN)
    engine.jobs.release()
    await engine.until(lambda: not engine.jobs.running)
    run.resolve(0, 0, Resolution.RERUN, ANN)
    await engine.until(lambda: workflow.is_final)
    assert statuses(workflow) == [["completed", "completed"]]


async def test_a_block_that_was_let_go_ends_with_its_workflow(engine: Engine) -> None:
    block = Block("", 1, (job(""),), hold=True)
    workflow = await engine.submit_request(WorkReq("T", "", (block,)))
    run = await begin(engine, workflow)
    await engine.until(lambda: workflow.status is Status.HELD)
    run.release(0, ANN)
    run.cancel(BOB)
    await engine.until(lambda: workflow.is_final)
    assert (workflow.status, workflow.blocks[0].status) == (Status.CANCELLED, Status.CANCELLED)
    assert statuses(workflow) == [["not started"]]


async def test_a_cancel_under_way_ends_as_one_though_a_stop_came_meanwhile(make_engine: MakeEngine) -> None:
    engine = await make_engine()
    workflow = await engine.submit(["stubborn"])
    run = await begin(engine, workflow)
    await engine.until(lambda: bool(engine.jobs.running))
    run.cancel(ANN)
    await engine.until(lambda: workflow.status is Status.CANCELLING)
    engine = await make_engine()
    await engine.stops.set("T", StopStatus.STOP, "bob", "smoke")
    found = await again(engine, workflow)
    await engine.until(lambda: found.is_final)
    assert (found.status, found.standing.reason) == (Status.CANCELLED, "smoke")
    assert found.order is not None
    assert found.order.operator == "ann"


@pytest.mark.parametrize("why", ["cancelled", "fatal"])
async def test_what_must_end_ends_in_its_second_block_too(make_engine: MakeEngine, why: str) -> None:
    engine = await make_engine()
    jobs = (job("fatal:x" if why == "fatal" else ""), job("fail:x", retry=Retry(2, "1h")), job("stubborn"))
    workflow = await engine.submit_request(
        WorkReq("T", "", (Block("", 1, (job(""),)), Block("", 3, jobs[1:] + jobs[:1])))
    )
    run = await begin(engine, workflow)
    await engine.until(lambda: bool(engine.jobs.running) and workflow.standing.counts[Status.RETRYING] == 1)
    if why == "cancelled":
        run.cancel(ANN)
        await engine.until(lambda: workflow.status is Status.CANCELLING)
    else:
        await engine.until(lambda: bool(workflow.fatal))
    engine = await make_engine()
    found = await again(engine, workflow)
    await engine.until(lambda: found.is_final)
    assert found.status is (Status.CANCELLED if why == "cancelled" else Status.FAILED)
    assert found.blocks[1].status is found.status
    assert found.standing.counts[Status.RETRYING] == found.standing.counts[Status.RUNNING] == 0


@pytest.mark.parametrize("resolution", [*Resolution])
async def test_an_unknown_outcome_is_asked_for_though_nothing_may_go_on(
    make_engine: MakeEngine, resolution: Resolution
) -> None:
    engine = await make_engine()
    block = Block("", 2, (job("irreversible=wait"), job("fatal:x")))
    workflow = await engine.submit_request(WorkReq("T", "", (block, Block("", 1, (job(""),)))))
    await begin(engine, workflow)
    await engine.until(lambda: bool(workflow.fatal))
    engine = await make_engine()
    found = await again(engine, workflow)
    await engine.until(lambda: found.status is Status.NEEDS_OPERATOR)
    (await engine.executor.run_of(found)).resolve(0, 0, resolution, ANN)
    await engine.until(lambda: found.is_final)
    assert found.status is Status.FAILED
    assert statuses(found) == [[resolution.status.label, "failed"], ["not started"]]
    assert not engine.irreversible.begun


async def test_an_operators_words_are_never_taken_for_a_fatal_error(make_engine: MakeEngine) -> None:
    engine, workflow = await _needs_operator(
        make_engine, Block("", 1, (job("irreversible=wait"),)), Block("", 1, (job(""),))
    )
    run = await engine.executor.run_of(workflow)
    run.resolve(0, 0, Resolution.DONE, Order("ann", "fatal"))
    await engine.until(lambda: workflow.is_final)
    assert not workflow.fatal
    assert await engine.store.load_workflow(workflow.id) == workflow
    assert workflow.status is Status.COMPLETED


async def test_a_verification_that_never_answers_leaves_the_outcome_unknown(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "VERIFY_SECONDS", 0.01)
    engine = await make_engine()
    workflow = await engine.submit(["verifiable=wait"])
    await begin(engine, workflow)
    await engine.until(lambda: bool(engine.verifiable.running))
    engine = await make_engine()

    async def never(ctx: JobContext, args: object) -> bool:
        await asyncio.Event().wait()
        return True

    engine.verifiable.verify = never  # type: ignore[method-assign]
    found = await again(engine, workflow)
    await engine.until(lambda: found.status is Status.NEEDS_OPERATOR)
    assert "did not answer" in found.blocks[0].errors[0]


async def test_what_ended_before_it_began_is_not_run(engine: Engine) -> None:
    workflow = await engine.submit([""])
    engine.recorder.workflow(workflow, Status.CANCELLED, operator="ann")
    started = engine.executor.start(workflow, "bob")
    await started
    await engine.until(lambda: engine.executor.find(workflow.id) is None)
    assert workflow.status is Status.CANCELLED
    assert not engine.jobs.begun
