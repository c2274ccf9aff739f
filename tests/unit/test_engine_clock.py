"""A machine's clock that is set while jobs run: nobody's time is over early, and nobody waits longer."""

import pytest

from tests.unit.conftest import Engine, MakeEngine, job, statuses
from wf_server.model import Block, Retry, Status, Workflow, WorkReq

HOUR = 3600.0
RETRY = Retry(2, "10s")


async def begin(engine: Engine, block: Block) -> Workflow:
    workflow = await engine.submit_request(WorkReq("T", "", (block,)))
    await engine.executor.start(workflow, "me")
    return workflow


async def test_a_clock_set_forward_ends_no_job_by_its_timeout(engine: Engine) -> None:
    workflow = await begin(engine, Block("", 2, (job("wait", timeout="1m"), job("sleep:5"))))
    await engine.until(lambda: len(engine.jobs.running) == 2)
    engine.clock.set(HOUR)
    # Something happens, at which the run looks at the time.
    await engine.clock.advance(5)
    await engine.until(lambda: workflow.standing.counts[Status.COMPLETED] == 1)
    assert statuses(workflow) == [["running", "completed"]]
    await engine.clock.advance(54)
    assert statuses(workflow) == [["running", "completed"]]
    await engine.clock.advance(2)
    await engine.until(lambda: workflow.is_final)
    assert workflow.blocks[0].errors == {0: "timed out after 1m"}


@pytest.mark.parametrize(
    "block",
    [
        Block("", 1, (job("fail:busy", retry=RETRY),)),
        Block("", 1, (job(""), job("fail:busy")), ramp=("1",), soak="10s"),
        Block("", 1, (job("wait", timeout="10s"),)),
    ],
    ids=["retry", "soak", "timeout"],
)
async def test_a_clock_set_back_makes_nobody_wait(engine: Engine, block: Block) -> None:
    workflow = await begin(engine, block)
    await engine.until(lambda: workflow.until_us > 0 or bool(engine.jobs.running))
    engine.clock.set(-HOUR)
    await engine.clock.advance(10.1)
    await engine.until(lambda: workflow.is_final)
    assert workflow.standing.counts[Status.FAILED] == 1


@pytest.mark.parametrize(
    "block",
    [
        Block("", 1, (job("fail:busy", retry=RETRY),)),
        Block("", 1, (job(""), job("fail:busy")), ramp=("1",), soak="10s"),
    ],
    ids=["retry", "soak"],
)
async def test_a_clock_set_back_while_no_server_ran_makes_nobody_wait(
    make_engine: MakeEngine, block: Block
) -> None:
    before = await make_engine()
    workflow = await begin(before, block)
    await before.until(lambda: workflow.until_us > 0)
    after = await make_engine()
    after.clock.set(-HOUR)
    again = await after.store.load_workflow(workflow.id)
    assert again is not None
    after.executor.resume([again])
    await after.until(lambda: again.until_us > 0)
    await after.clock.advance(10.1)
    await after.until(lambda: again.is_final)
    assert again.standing.counts[Status.FAILED] == 1
