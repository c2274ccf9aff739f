"""Work at a forbidden time, allowed by somebody else's approval with a reason: on a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import wf_proto as pb
from tests.e2e.approvals import PATIENCE, TYPE, ApprovalServer, agree, becomes, serving
from tests.e2e.requests import block, ended, job, naps, until
from wf_proto.errors import FailedPrecondition, InvalidRequest, PermissionDenied, Rejected

AWAITING, NOT_STARTED = pb.Status.AWAITING_APPROVAL, pb.Status.NOT_STARTED
OVERRIDE = {"Approvers": ["ann", "bob"], "Validity": "1h", "Message": "is it urgent?"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def freeze(server: ApprovalServer, until_day: str, *, frozen: bool = True) -> None:
    """Forbids everything until a day, which is in force on return."""
    times = [{"From": "2020-01-01", "To": until_day, "Reason": "the long freeze"}]
    settings: dict[str, Any] = {"TimeZone": "UTC", "Frozen": times, "Override": OVERRIDE}
    path = server.configs / "policies.json"
    path.with_suffix(".new").write_text(
        json.dumps({"Name": TYPE, "Policies": [{"Name": "changeWindow", "Settings": settings}]})
    )
    path.with_suffix(".new").replace(path)

    async def in_force() -> bool:
        found = await server["ann"].check(naps(1))
        return [violation.policy for violation in found] == ["changeWindow"] * frozen

    await until(in_force, PATIENCE)


def two_naps(seconds: int) -> pb.WorkReq:
    """Two blocks, the first of which takes so long."""
    first, second = job("sleep", seconds=str(seconds)), job("sleep", seconds="1")
    return pb.WorkReq(name=TYPE, blocks=[block(first), block(second)])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ApprovalServer]:
    """It is a time at which nothing may be done."""
    directory: Path = tmp_path_factory.mktemp("override")
    async with serving(directory) as server:
        await freeze(server, "2099-12-31")
        yield server


async def submit(server: ApprovalServer, request: pb.WorkReq, *acknowledge: str) -> str:
    """Submits as ann."""
    return await server["ann"].submit(request, acknowledge=acknowledge)


async def test_who_does_not_ask_for_it_is_refused_and_told_how_to(server: ApprovalServer) -> None:
    with pytest.raises(Rejected) as refused:
        await submit(server, naps(1))
    (violation,) = refused.value.violations
    assert violation.message == "changes are frozen: the long freeze"
    assert violation.expected.endswith(
        "or that changeWindow is acknowledged, which takes 1 approval by ann or bob"
    )


async def test_somebody_else_lets_it_run_and_says_why(server: ApprovalServer) -> None:
    workflow_id = await submit(server, two_naps(1), "changeWindow")
    assert (await server["ann"].get(workflow_id)).summary.status == AWAITING
    with pytest.raises(FailedPrecondition, match="awaits approval"):
        await server["ann"].exec(workflow_id)
    with pytest.raises(PermissionDenied, match="the submitter never counts"):
        await agree(server["ann"], workflow_id, "I am in a hurry")
    with pytest.raises(InvalidRequest, match="this allows a breach of changeWindow: say why"):
        await agree(server["bob"], workflow_id, "  ")
    approved = await agree(server["bob"], workflow_id, "a pipe has burst")
    assert (approved.status, approved.reason) == (NOT_STARTED, "approved by bob")
    await server["ann"].exec(workflow_id)
    # The second block begins at a forbidden time too.
    assert (await ended(server["ann"], workflow_id)).status == pb.Status.COMPLETED
    (kept,) = (await server["eve"].get_approval(workflow_id)).approvals
    assert (kept.operator, kept.comment) == ("bob", "a pipe has burst")


async def test_one_persons_go_is_no_override(server: ApprovalServer) -> None:
    await freeze(server, "2020-01-02", frozen=False)
    workflow_id = await submit(server, two_naps(3))
    await server["ann"].exec(workflow_id)
    await freeze(server, "2099-12-31")
    await becomes(server["ann"], workflow_id, pb.Status.HELD)
    with pytest.raises(Rejected, match="changes are frozen"):
        await server["ann"].release(workflow_id, 1, reason="it is only a nap")
    assert (await server["ann"].get(workflow_id)).summary.status == pb.Status.HELD
    await server["ann"].cancel(workflow_id, "enough")
