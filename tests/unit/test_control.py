"""Orders while nothing can be recorded: what lets work begin is refused, what ends or halts it is taken."""

from typing import Any, cast

import pytest

from tests.unit.conftest import Engine
from wf_server.engine.approvals import Approvals
from wf_server.engine.control import Control
from wf_server.engine.deciding import Deciding
from wf_server.engine.orders import Order, Resolution
from wf_server.engine.workflows import Workflows
from wf_server.errors import StoreError
from wf_server.model import Status, Workflow

ANN = Order("ann", "smoke")
FULL = "nothing starts, because the database cannot be written: disk full"
#: Executed long after it was submitted, by the clock of the tests.
EVER = float("inf")


class _Found:
    """Workflows of which there is one, and which no policy speaks against."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow

    async def find(self, workflow_id: str) -> Workflow:
        return self._workflow

    async def check_again(self, workflow: Workflow, *_: Any) -> None:
        """Nothing speaks against it."""

    def check_exec(self, workflow: Workflow) -> None:
        """Nor does one that runs."""

    def expect_job(self, workflow: Workflow, block: int, job: int) -> None:
        """There is such a job."""


def control_of(engine: Engine, workflow: Workflow) -> Control:
    workflows = cast(Workflows, _Found(workflow))
    deciding = Deciding()
    approvals = Approvals(engine.store, engine.recorder, engine.hub, engine.clock, deciding)
    return Control(
        workflows,
        engine.recorder,
        engine.executor,
        engine.clock,
        approvals,
        deciding,
        exec_within=EVER,
    )


async def test_what_would_begin_hours_later_is_refused(engine: Engine) -> None:
    """Its caller has long been told that it failed, and nobody thinks of it any more."""
    running = await engine.submit(["wait"], [""])
    control = control_of(engine, running)
    await engine.executor.start(running, "me")
    await engine.until(lambda: bool(engine.jobs.running))
    engine.recorder.problem = FULL
    with pytest.raises(StoreError, match="disk full"):
        await control.resolve(running.id, 0, 0, Resolution.RERUN, ANN)
    with pytest.raises(StoreError, match="disk full"):
        await control.release(running.id, 1, "", ANN)
    with pytest.raises(StoreError, match="disk full"):
        await control.resume(running.id, ANN)
    assert (await control.cancel(running.id, ANN)).status is Status.CANCELLING


async def test_a_workflow_is_not_executed_when_the_database_refuses(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = await engine.submit([""])
    monkeypatch.setattr("wf_server.engine.control._expect_id", lambda _: None)
    control = control_of(engine, workflow)
    engine.recorder.problem = FULL
    with pytest.raises(StoreError, match="disk full"):
        await control.execute(workflow.id, "me")
    assert engine.executor.find(workflow.id) is None
    engine.recorder.problem = ""
    await control.execute(workflow.id, "me")
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED
