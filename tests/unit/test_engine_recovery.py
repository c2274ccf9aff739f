"""Recovery of many jobs at once, and the orders that come while it lasts."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.unit.conftest import Engine, statuses
from wf_server.engine import executor
from wf_server.engine.orders import Order
from wf_server.errors import FailedPrecondition
from wf_server.jobs.base import JobContext
from wf_server.model import Status, Workflow

ANN = Order("ann", "smoke")


async def interrupted(engine: Engine, jobs: int) -> Workflow:
    """A workflow as a killed server leaves it: jobs on record as running that can be verified."""
    workflow = await engine.submit(["verifiable="] * jobs, rate_limit=jobs)
    engine.recorder.workflow(workflow, Status.RUNNING)
    engine.recorder.workflow(workflow, Status.RUNNING, block=0)
    engine.recorder.jobs(workflow, 0, range(jobs), Status.RUNNING)
    await engine.recorder.flush()
    return workflow


async def test_jobs_are_verified_side_by_side(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = await interrupted(engine, 120)
    asked: list[JobContext] = []
    answer = asyncio.Event()

    async def verify(ctx: JobContext, args: Mapping[str, str]) -> bool:
        asked.append(ctx)
        await answer.wait()
        return True

    monkeypatch.setattr(engine.verifiable, "verify", verify)
    engine.executor.resume([workflow])
    await engine.until(lambda: len(asked) == 50)
    answer.set()
    await engine.until(lambda: workflow.is_final)
    assert statuses(workflow) == [["completed"] * 120]
    assert len(asked) == 120


async def test_a_workflow_can_be_cancelled_while_its_jobs_are_verified(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else is ordered hears why it has to wait."""
    workflow = await interrupted(engine, 1)
    answer = asyncio.Event()

    async def verify(ctx: JobContext, args: Mapping[str, str]) -> bool:
        await answer.wait()
        return False

    monkeypatch.setattr(engine.verifiable, "verify", verify)
    monkeypatch.setattr(executor, "BEGIN_SECONDS", 0.01)
    engine.executor.resume([workflow])
    with pytest.raises(FailedPrecondition, match=r"being verified after a restart.*cancel it"):
        await engine.executor.run_of(workflow)
    (await engine.executor.run_of(workflow, to_end=True)).cancel(ANN)
    await engine.until(lambda: workflow.status is Status.CANCELLING)
    answer.set()
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.CANCELLED
    assert engine.verifiable.begun == {}
