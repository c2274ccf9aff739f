"""A real server is killed and started again while a console stands on every screen that there is."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable

import pytest

from tests.e2e import requests
from tests.e2e.server_process import ServerProcess
from tests.unit.every_screen import VISITS, Held, Visit, banner, base, go_to, take_in_hand
from wf_proto import errors
from wf_tui.app import WfApp
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.state.models import Status
from wf_tui.testing import press, settle

PATIENCE = 60

#: One way to each screen: they all stand there at once.
EVERYWHERE = tuple({visit.screen: visit for visit in reversed(VISITS)}.values())

pytestmark = pytest.mark.timeout(600)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.05)


async def stand_on(
    visit: Visit, server: ServerProcess, killed: asyncio.Barrier, back: asyncio.Barrier
) -> None:
    """One console, from before the end of its server until after the start of the next one."""
    gateway = GrpcGateway(server.address)
    app = WfApp(gateway, typing_pause=0.0)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            home = app.screen
            assert isinstance(home, WorkflowsScreen)
            await until(lambda: home.listing.total > 0)
            await go_to(visit, pilot, str)
            await press(pilot, "down")
            take_in_hand(app)
            await settle(pilot)
            held, screen = Held(app), app.screen
            await killed.wait()
            await until(lambda: "lost" in banner(app, "#lost"))
            assert base(app).has_class("-stale")
            assert (app.screen, Held(app)) == (screen, held)
            await back.wait()
            await until(lambda: "EVERYTHING IS STOPPED" in banner(app, "#alarm"))
            await until(lambda: banner(app, "#lost") == "" and not base(app).has_class("-stale"))
            assert (app.screen, Held(app)) == (screen, held)
            await until(lambda: home.listing.counts() == {Status.STOPPED: 1})
            if isinstance(screen, WorkflowScreen):
                await until(
                    lambda: screen.workflow is not None and screen.workflow.summary.status is Status.STOPPED
                )
    finally:
        await gateway.close()


async def test_every_screen_outlasts_a_killed_server(
    server: ServerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.client() as client:
        with pytest.raises(errors.Rejected):
            await client.submit(requests.erasure(requests.block(requests.erase(machine="nowhere"))))
        workflow_id = await client.submit(requests.naps(1, 3600))
        await client.exec(workflow_id)
    killed, back = asyncio.Barrier(len(EVERYWHERE) + 1), asyncio.Barrier(len(EVERYWHERE) + 1)
    async with asyncio.TaskGroup() as tasks:
        for visit in EVERYWHERE:
            tasks.create_task(stand_on(visit, server, killed, back), name=str(visit))
        await killed.wait()
        await server.end(signal.SIGKILL)
        await back.wait()
        # What happens while nobody can see it: the workflow that was running is stopped at the start.
        server.es_json.write_text('{"Name": "*", "Status": "stop"}\n')
        await server.start("--listen", server.address)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
