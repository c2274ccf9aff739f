"""The console's orders on a real server: through the gateway, and by its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from textual.widgets import Input

from tests.e2e.requests import until
from tests.e2e.server_process import ServerProcess
from wf_tui.app import WfApp
from wf_tui.gateway import FailedPrecondition, InvalidRequest
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.screens.receipt import ReceiptScreen
from wf_tui.state.models import Block, Fate, Job, Lineage, LineageKind, Retry, Status, WorkReq

S = Status


@pytest.fixture
async def gateway(server: ServerProcess) -> AsyncIterator[GrpcGateway]:
    connection = GrpcGateway(server.address, operator="ada")
    yield connection
    await connection.close()


def naps(*seconds: str, **options: object) -> Block:
    jobs = tuple(Job("sleep", "a nap", {"seconds": each}) for each in seconds)
    return Block("naps", 10, jobs, **options)  # type: ignore[arg-type]


async def begun(gateway: GrpcGateway, *blocks: Block, **options: object) -> str:
    request = WorkReq("Maintenance", "naps", blocks, **options)  # type: ignore[arg-type]
    workflow_id = await gateway.submit(request)
    assert (await gateway.get(workflow_id))[0] == request
    await gateway.execute(workflow_id)
    return workflow_id


def stands(
    gateway: GrpcGateway, workflow_id: str, status: Status, running: int = 0
) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        _, summary = await gateway.get(workflow_id)
        return summary.status is status and summary.jobs.running >= running

    return check


async def test_a_workflow_is_held_released_paused_resumed_cancelled_and_run_again(
    gateway: GrpcGateway,
) -> None:
    retry = Retry(2, "1s", 2.0, "5s", 0.5, ("busy",))
    last = Job("sleep", "", {"seconds": "60"}, "5m", retry)
    workflow_id = await begun(
        gateway,
        naps("1", hold=True),
        Block("for good", 2, (last, last), point_of_no_return=True, ramp=("1",), soak="1s"),
        max_failures="20%",
        no_overshoot=True,
    )
    await until(stands(gateway, workflow_id, S.HELD))
    with pytest.raises(FailedPrecondition, match="not held before block 1"):
        await gateway.release(workflow_id, 1)
    await gateway.release(workflow_id, 0, "seen")
    await until(stands(gateway, workflow_id, S.HELD))
    with pytest.raises(InvalidRequest, match="point of no return"):
        await gateway.release(workflow_id, 1, confirm="maintenance")
    await gateway.release(workflow_id, 1, confirm="Maintenance")
    await until(stands(gateway, workflow_id, S.RUNNING, 1))
    assert (await gateway.pause(workflow_id, "smoke")).status is S.PAUSING
    assert (await gateway.resume(workflow_id)).status is S.RUNNING
    summary = await gateway.cancel(workflow_id, "enough")
    assert summary.status in (S.CANCELLING, S.CANCELLED)
    await until(stands(gateway, workflow_id, S.CANCELLED))
    receipt = await gateway.receipt(workflow_id)
    assert (receipt.operator, receipt.reason, receipt.jobs) == ("ada", "enough", 3)
    assert receipt.fates == (bytes([Fate.ENDED_BEFORE]), bytes([Fate.INTERRUPTED, Fate.NEVER_STARTED]))
    story = await gateway.job(workflow_id, 1, 0)
    assert [attempt.status for attempt in story.attempts] == [S.INTERRUPTED]
    request, lineage = await gateway.plan_rerun(workflow_id, failed_only=True)
    assert lineage == Lineage(LineageKind.RERUN, workflow_id)
    assert [len(block.jobs) for block in request.blocks] == [2]
    again = await gateway.submit(request, lineage=lineage, key="once")
    assert await gateway.submit(request, lineage=lineage, key="once") == again
    assert (await gateway.get(again))[1].lineage == lineage


async def test_the_keys_pause_and_cancel_and_show_the_receipt(gateway: GrpcGateway) -> None:
    workflow_id = await begun(gateway, naps("60", "60", "60"))
    await until(stands(gateway, workflow_id, S.RUNNING, 3))
    app = WfApp(gateway)
    async with app.run_test(size=(100, 30)) as pilot:

        async def known(status: Status) -> None:
            async def check() -> bool:
                await pilot.pause()
                workflow = getattr(app.screen, "workflow", None)
                return workflow is not None and workflow.summary.status is status

            await until(check)

        app.open_workflow(workflow_id)
        await known(S.RUNNING)
        await pilot.press("p", *"smoke", "enter")
        await known(S.PAUSING)
        await pilot.press("X", "up", *"enough", "enter")
        await known(S.CANCELLED)
        await pilot.press("E")

        async def settled() -> bool:
            await pilot.pause()
            screen = app.screen
            return isinstance(screen, ReceiptScreen) and screen.receipt is not None

        await until(settled)
        assert isinstance(app.screen, ReceiptScreen)
        assert app.screen.receipt is not None
        assert app.screen.receipt.count(Fate.INTERRUPTED) == 3
        assert not app.screen.query(Input)
