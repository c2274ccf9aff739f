"""A workflow as of a change: what the console makes of the history is what the server says it was."""

from __future__ import annotations

import json

import wf_proto as pb
from tests.e2e.requests import block, ended, job
from tests.e2e.server_process import ServerProcess
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.screens.past import load_history
from wf_tui.state.history import History, Scrubber
from wf_tui.state.models import Snapshot, Status
from wf_tui.state.workflow import LiveWorkflow


def _request() -> pb.WorkReq:
    naps = [job("sleep", seconds="1")] * 3
    return pb.WorkReq(
        name="Maintenance", desc="as of", blocks=[block(*naps, rate_limit=2), block(*naps, rate_limit=3)]
    )


async def test_scrubbing_shows_what_the_server_says_it_was_at_every_change(server: ServerProcess) -> None:
    async with server.client() as client:
        workflow_id = await client.submit(_request())
        await client.exec(workflow_id)
        await ended(client, workflow_id)
    gateway = GrpcGateway(server.address)
    try:
        [snapshot] = [event async for event in gateway.watch(workflow_id)]
        assert isinstance(snapshot, Snapshot)
        history = History(LiveWorkflow(snapshot))
        await load_history(gateway, history, lambda: None)
        scrubber = Scrubber(history)
        assert len(history) > 10
        for seq in range(1, len(history) + 1):
            workflow = scrubber.go(seq)
            said = json.loads(await gateway.status_json(workflow_id, at_seq=seq))
            assert said["seq"] == str(seq)
            assert said["status"] == f"STATUS_{workflow.summary.status.name}"
            for ours, theirs in zip(workflow.blocks, said["blocks"], strict=True):
                assert f"STATUS_{ours.status.name}" == theirs["status"]
                statuses = [f"STATUS_{Status(status).name}" for status in ours.statuses]
                assert statuses == [found["status"] for found in theirs["jobs"]]
    finally:
        await gateway.close()
