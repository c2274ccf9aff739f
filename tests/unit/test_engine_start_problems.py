"""A block that a policy forbids to begin when its turn comes tells why, and begins by itself once it may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.conftest import Engine, MakeEngine
from tests.unit.test_engine_control import BOB, again, begin, trail
from wf_server.engine.orders import Halt, Order
from wf_server.engine.run import Run
from wf_server.engine.start_problem import ASK_AGAIN, ASK_SOON, StartProblem
from wf_server.model import Block, Status, Workflow, WorkReq

ANN = Order("ann", "lunch")
WHY = "changeWindow: block 1: changes are frozen"
NOBODY_KNOWS = StartProblem(WHY)


def in_seconds(engine: Engine, seconds: float) -> StartProblem:
    return StartProblem(WHY, engine.clock.now_us() + round(seconds * 1_000_000))


async def held(engine: Engine, problem: StartProblem) -> tuple[Workflow, Run]:
    """A workflow that is held before its second block of two, asleep."""
    engine.forbidden[1] = problem
    workflow = await engine.submit([""], [""])
    run = await begin(engine, workflow)
    await engine.until(lambda: workflow.status is Status.HELD and engine.clock.sleeping == 1)
    return workflow, run


def test_it_is_asked_when_it_passes_but_not_too_rarely_nor_too_often() -> None:
    second = 1_000_000
    assert NOBODY_KNOWS.ask_again_us(0) == ASK_AGAIN * second
    assert StartProblem(WHY, 3 * second).ask_again_us(0) == 3 * second
    assert StartProblem(WHY, 300 * second).ask_again_us(0) == ASK_AGAIN * second
    # By a clock that was set, it should have passed.
    assert StartProblem(WHY, 3 * second).ask_again_us(9 * second) == (9 + ASK_SOON) * second


async def test_it_says_until_when_and_goes_on_by_itself_then(engine: Engine) -> None:
    problem = in_seconds(engine, 4)
    workflow, _ = await held(engine, problem)
    assert workflow.standing.reason == f"block 1 (block 1) waits: {WHY}"
    assert (workflow.activity, workflow.until_us) == (WHY, problem.until_us)
    engine.forbidden.clear()
    await engine.clock.advance(3.9)
    assert not workflow.is_final
    await engine.clock.advance(0.1)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED
    assert (workflow.activity, workflow.until_us) == ("", 0)
    history = await engine.store.load_history(workflow.key, 0, 100)
    own = [(change.status.label, change.operator, change.reason) for change in history if change.block < 0]
    assert own[2] == ("running", "", "nothing forbids the next block to begin any more")
    assert len(own) == 4


async def test_it_waits_on_where_it_is_still_forbidden_then(engine: Engine) -> None:
    workflow, _ = await held(engine, in_seconds(engine, 4))
    later = engine.forbidden[1] = in_seconds(engine, 9)
    await engine.clock.advance(4)
    await engine.until(lambda: workflow.until_us == later.until_us)
    assert workflow.status is Status.HELD
    engine.forbidden.clear()
    await engine.clock.advance(5)
    await engine.until(lambda: workflow.is_final)
    assert [status for status, _ in await trail(engine, workflow)].count("held") == 1


async def test_what_nobody_knows_is_asked_again_and_again(engine: Engine) -> None:
    workflow, _ = await held(engine, NOBODY_KNOWS)
    assert (workflow.activity, workflow.until_us) == (WHY, 0)
    await engine.clock.advance(ASK_AGAIN * 5)
    assert workflow.status is Status.HELD
    engine.forbidden.clear()
    await engine.clock.advance(ASK_AGAIN)
    await engine.until(lambda: workflow.is_final)


async def test_a_clock_that_is_set_back_makes_it_wait_no_longer(engine: Engine) -> None:
    workflow, _ = await held(engine, in_seconds(engine, 3600))
    engine.clock.set(-86_400)
    engine.forbidden.clear()
    await engine.clock.advance(ASK_AGAIN)
    await engine.until(lambda: workflow.is_final)


async def test_a_go_begins_it_earlier(engine: Engine) -> None:
    workflow, run = await held(engine, in_seconds(engine, 3600))
    assert run.held_before == 1
    run.release(1, BOB)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED
    assert await trail(engine, workflow) == [
        ("running", "me"),
        ("held", ""),
        ("running", "bob"),
        ("completed", ""),
    ]


async def test_the_first_block_may_have_to_wait_too(engine: Engine) -> None:
    engine.forbidden[0] = in_seconds(engine, 2)
    workflow = await engine.submit([""])
    await begin(engine, workflow)
    await engine.until(lambda: workflow.status is Status.HELD and engine.clock.sleeping == 1)
    engine.forbidden.clear()
    await engine.clock.advance(2)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED


async def test_a_pause_outlasts_what_it_waits_for(engine: Engine) -> None:
    workflow, run = await held(engine, in_seconds(engine, 2))
    run.pause(ANN)
    await engine.until(lambda: workflow.status is Status.PAUSED)
    engine.forbidden.clear()
    await engine.clock.advance(ASK_AGAIN * 2)
    assert not workflow.is_final
    assert (workflow.activity, workflow.until_us) == ("", 0)
    run.resume(BOB)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED


@pytest.mark.parametrize("end", [Status.CANCELLED, Status.STOPPED])
async def test_whoever_ends_it_need_not_wait(engine: Engine, end: Status) -> None:
    workflow, run = await held(engine, in_seconds(engine, 3600))
    run.halt(Halt(end, "ann", "smoke"))
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is end
    assert workflow.blocks[1].status is Status.NOT_STARTED
    assert (workflow.activity, workflow.until_us) == ("", 0)
    await engine.until(lambda: engine.clock.sleeping == 0)


@pytest.mark.parametrize("passed", [False, True])
async def test_a_restart_asks_again(make_engine: MakeEngine, passed: bool) -> None:
    engine = await make_engine()
    workflow, _ = await held(engine, in_seconds(engine, 3600))
    await engine.recorder.flush()
    engine = await make_engine()
    problem = in_seconds(engine, 5)
    if not passed:
        engine.forbidden[1] = problem
    workflow = await again(engine, workflow)
    if not passed:
        await engine.until(lambda: workflow.until_us == problem.until_us)
        assert workflow.status is Status.HELD
        engine.forbidden.clear()
        await engine.clock.advance(5)
    await engine.until(lambda: workflow.is_final)
    assert [status for status, _ in await trail(engine, workflow)] == [
        "running",
        "held",
        "running",
        "completed",
    ]


async def test_who_is_paused_is_asked_when_the_pause_is_over(engine: Engine) -> None:
    engine.forbidden[1] = NOBODY_KNOWS
    workflow = await engine.submit(["wait"], [""])
    run = await begin(engine, workflow)
    await engine.until(lambda: bool(engine.jobs.running))
    run.pause(ANN)
    engine.jobs.release()
    await engine.until(lambda: workflow.status is Status.PAUSED)
    engine.forbidden.clear()
    run.resume(BOB)
    await engine.until(lambda: workflow.is_final)
    assert "held" not in [status for status, _ in await trail(engine, workflow)]


async def test_a_block_that_needs_a_go_never_begins_without_one(engine: Engine) -> None:
    engine.forbidden[0] = in_seconds(engine, 2)
    workflow = await engine.submit([""])
    spec = replace(workflow.request.blocks[0], hold=True)
    workflow = await engine.submit_request(WorkReq("T", "", (spec, Block("", 1, spec.jobs))))
    run = await begin(engine, workflow)
    await engine.until(lambda: workflow.status is Status.HELD)
    assert workflow.standing.reason == f"block 0 (block 0) waits for a go: {WHY}"
    assert (workflow.activity, workflow.until_us) == ("", 0)
    engine.forbidden.clear()
    await engine.clock.advance(ASK_AGAIN * 3)
    assert workflow.status is Status.HELD
    run.release(0, BOB)
    await engine.until(lambda: workflow.is_final)
