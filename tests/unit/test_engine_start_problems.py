"""A block that a policy forbids to begin when its turn comes waits for a go, and tells why."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.conftest import Engine, MakeEngine
from tests.unit.test_engine_control import BOB, again, begin, trail
from wf_server.engine.orders import Order
from wf_server.model import Block, Status, WorkReq

ANN = Order("ann", "lunch")
WHY = "changeWindow: block 1: changes are frozen"


async def test_it_is_held_with_the_reason_until_the_go(engine: Engine) -> None:
    engine.forbidden[1] = WHY
    workflow = await engine.submit([""], [""], [""])
    run = await begin(engine, workflow)
    await engine.until(lambda: workflow.status is Status.HELD)
    assert workflow.standing.reason == f"block 1 (block 1) waits for a go: {WHY}"
    assert run.held_before == 1
    # That it would be allowed again lets nothing go by itself.
    engine.forbidden.clear()
    run.release(1, BOB)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED
    assert await trail(engine, workflow) == [
        ("running", "me"),
        ("held", ""),
        ("running", "bob"),
        ("completed", ""),
    ]


async def test_the_first_block_may_be_held_too(engine: Engine) -> None:
    engine.forbidden[0] = WHY
    workflow = await engine.submit([""])
    run = await begin(engine, workflow)
    await engine.until(lambda: workflow.status is Status.HELD)
    run.release(0, BOB)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED


async def test_a_restart_forgets_no_hold(make_engine: MakeEngine) -> None:
    engine = await make_engine()
    engine.forbidden[1] = WHY
    workflow = await engine.submit([""], [""])
    await begin(engine, workflow)
    await engine.until(lambda: workflow.status is Status.HELD)
    await engine.recorder.flush()
    # The next server finds nothing against it, but nobody gave the go.
    engine = await make_engine()
    workflow = await again(engine, workflow)
    run = await engine.executor.run_of(workflow)
    await engine.until(lambda: run.held_before == 1)
    assert WHY in workflow.standing.reason
    run.release(1, BOB)
    await engine.until(lambda: workflow.is_final)
    assert [status for status, _ in await trail(engine, workflow)] == [
        "running",
        "held",
        "running",
        "completed",
    ]


async def test_who_is_paused_is_asked_when_the_pause_is_over(engine: Engine) -> None:
    engine.forbidden[1] = WHY
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


async def test_a_block_that_holds_by_itself_tells_what_forbids_it_besides(engine: Engine) -> None:
    engine.forbidden[0] = WHY
    workflow = await engine.submit([""])
    spec = replace(workflow.request.blocks[0], hold=True)
    held = await engine.submit_request(WorkReq("T", "", (spec, Block("", 1, spec.jobs))))
    await begin(engine, held)
    await engine.until(lambda: held.status is Status.HELD)
    assert held.standing.reason == f"block 0 (block 0) waits for a go: {WHY}"
