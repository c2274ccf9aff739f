"""Every way round an approval that anyone would try first: on a real server, with real credentials."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from grpclib.const import Status as GrpcStatus
from grpclib.exceptions import GRPCError

import wf_proto as pb
from tests.e2e.approvals import ApprovalServer, agree, becomes, connected, serving
from tests.e2e.requests import ended, naps, until
from tests.e2e.server_process import ServerProcess
from wf_proto import published as old
from wf_proto.address import parse_address
from wf_proto.channel import open_channel
from wf_proto.client import Client
from wf_proto.errors import (
    AlreadyExecuted,
    ClientError,
    FailedPrecondition,
    InvalidRequest,
    PermissionDenied,
    Rejected,
)
from wf_server.model.caller import Grant, Role

AWAITING, NOT_STARTED = pb.Status.AWAITING_APPROVAL, pb.Status.NOT_STARTED
FAILED, CANCELLED = pb.Status.FAILED, pb.Status.CANCELLED


# The clients belong to the loop of the server that most of these tests share.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ApprovalServer]:
    """Two of ann, bob, carl and dora have to approve."""
    names = ["ann", "bob", "carl", "dora"]
    directory = tmp_path_factory.mktemp("approvals")
    async with serving(directory, Approvers=names, Count=2, Message="look twice") as server:
        yield server


async def not_executed(client: Client, workflow_id: str) -> str:
    """That it cannot be started, and why."""
    with pytest.raises(FailedPrecondition, match="awaits approval") as refusal:
        await client.exec(workflow_id)
    assert (await client.get(workflow_id)).summary.started is None
    return str(refusal.value)


async def test_with_the_approvals_it_asks_for_it_can_be_executed_and_not_before(
    server: ApprovalServer,
) -> None:
    workflow_id = await server["ann"].submit(naps(1))
    assert (await server["ann"].get(workflow_id)).summary.status == AWAITING
    told = await not_executed(server["ann"], workflow_id)
    assert "0 of 2 approvals, by ann, bob, carl or dora; it waits until 20" in told
    await agree(server["bob"], workflow_id, "fine by me")
    assert "1 of 2 approvals" in await not_executed(server["ann"], workflow_id)
    approved = await agree(server["dora"], workflow_id)
    assert (approved.status, approved.reason) == (NOT_STARTED, "approved by bob and dora")
    # It waits for whoever wants it to begin.
    await server["ann"].exec(workflow_id)
    assert (await ended(server["ann"], workflow_id)).status == pb.Status.COMPLETED
    kept = (await server["eve"].get_approval(workflow_id)).approvals
    assert [(a.operator, a.comment, a.way) for a in kept] == [
        ("bob", "fine by me", "token"),
        ("dora", "", "token"),
    ]
    with pytest.raises(FailedPrecondition, match="cannot be decided on any more: it is completed"):
        await agree(server["carl"], workflow_id)
    with pytest.raises(AlreadyExecuted):
        await server["ann"].exec(workflow_id)


async def test_the_submitter_never_counts(server: ApprovalServer) -> None:
    workflow_id = await server["ann"].submit(naps(1))
    with pytest.raises(PermissionDenied, match="ann submitted it, and the submitter never counts"):
        await agree(server["ann"], workflow_id)
    # Nor by another way in, nor under another name.
    credentials = server.certificate("ann")
    async with Client(server.address, operator="bob", credentials=credentials) as by_certificate:
        with pytest.raises(PermissionDenied, match="the submitter never counts"):
            await agree(by_certificate, workflow_id)
    await agree(server["bob"], workflow_id)
    await not_executed(server["ann"], workflow_id)
    assert "the submitter" in (await server["ann"].get_approval(workflow_id)).case.why_not


async def test_one_person_counts_once_by_whichever_way(server: ApprovalServer) -> None:
    workflow_id = await server["ann"].submit(naps(1))
    await agree(server["bob"], workflow_id)
    with pytest.raises(FailedPrecondition, match="bob has approved it: each counts once"):
        await agree(server["bob"], workflow_id)
    async with Client(server.address, credentials=server.certificate("bob")) as by_certificate:
        with pytest.raises(FailedPrecondition, match="each counts once"):
            await agree(by_certificate, workflow_id)
    digest = (await server["carl"].get_approval(workflow_id)).digest
    tries = [server["carl"].approve(workflow_id, digest) for _ in range(8)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert all(isinstance(outcome, (pb.WorkflowSummary, FailedPrecondition)) for outcome in outcomes)
    assert len((await server["ann"].get_approval(workflow_id)).approvals) == 2


async def test_who_is_not_asked_or_has_not_the_role_does_not_count(server: ApprovalServer) -> None:
    workflow_id = await server["ann"].submit(naps(1))
    with pytest.raises(PermissionDenied, match="mia is not asked: ann, bob, carl or dora may approve it"):
        await agree(server["mia"], workflow_id)
    for order in (
        server["eve"].approve(workflow_id, "0" * 64),
        server["eve"].reject(workflow_id, "no"),
        server["eve"].withdraw(workflow_id),
    ):
        with pytest.raises(PermissionDenied, match="eve lacks the role approver"):
            await order
    assert "0 of 2" in await not_executed(server["ann"], workflow_id)


async def test_an_approval_is_for_one_workreq_and_never_for_another(server: ApprovalServer) -> None:
    workflow_id = await server["ann"].submit(naps(1))
    digest = (await server["bob"].get_approval(workflow_id)).digest
    # What was seen of one is no approval of another, and a copy of an approved one has none.
    other = await server["ann"].submit(naps(1, 1))
    with pytest.raises(FailedPrecondition, match="is not what was looked at"):
        await server["bob"].approve(other, digest)
    with pytest.raises(InvalidRequest, match="say what is approved"):
        await server["bob"].approve(workflow_id, "")
    for name in ("bob", "carl"):
        await agree(server[name], workflow_id)
    lineage = pb.Lineage(kind=pb.LineageKind.from_string("CLONE"), workflow_id=workflow_id)
    clone = await server["ann"].submit(naps(1), lineage=lineage)
    assert "0 of 2" in await not_executed(server["ann"], clone)


async def test_an_approved_workreq_that_is_changed_in_the_database_is_not_approved(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        workflow_id = await server["ann"].submit(naps(1))
        assert (await agree(server["bob"], workflow_id)).status == NOT_STARTED
        await server.end(signal.SIGKILL)
        with closing(sqlite3.connect(server.database)) as database, database:
            changed = database.execute(
                'UPDATE workflow SET request = replace(request, \'"seconds":"1"\', \'"seconds":"2"\')'
                " WHERE id = ?",
                (workflow_id,),
            )
            assert changed.rowcount == 1
        await server.start()
        async with connected(server):
            told = await becomes(server["ann"], workflow_id, AWAITING)
            assert "bob's approval: it was for another WorkReq" in told.reason
            await not_executed(server["ann"], workflow_id)
            # Whoever looks again sees what it is now.
            await agree(server["carl"], workflow_id)
            await server["ann"].exec(workflow_id)


async def test_an_approval_is_void_when_the_policies_change(tmp_path: Path) -> None:
    async with serving(tmp_path, Count=2) as server:
        workflow_id = await server["ann"].submit(naps(1))
        await agree(server["bob"], workflow_id)
        before = (await server["carl"].get_approval(workflow_id)).digest
        waiting = await server["ann"].submit(naps(1))
        for name in ("bob", "carl"):
            await agree(server[name], waiting)
        # Another policy of the type than the one that asks for approval.
        server.write_policies(Count=2, more={"AllowedJobs": ["sleep", "validateDecom"]})
        told = await becomes(server["ann"], waiting, AWAITING)
        assert "carl's approval: the policies have changed since" in told.reason
        assert "0 of 2" in await not_executed(server["ann"], waiting)
        # What was looked at before is no answer any more, though it was never sent.
        with pytest.raises(FailedPrecondition, match="its policies have changed: look at it again"):
            await server["carl"].approve(workflow_id, before)
        await agree(server["bob"], workflow_id)
        await agree(server["carl"], workflow_id)
        await server["ann"].exec(workflow_id)
        assert (await ended(server["ann"], workflow_id)).status == pb.Status.COMPLETED


async def test_what_was_submitted_before_a_policy_asked_has_to_be_approved(tmp_path: Path) -> None:
    async with serving(tmp_path, level="dryRun") as server:
        workflow_id = await server["ann"].submit(naps(1))
        assert (await server["ann"].get(workflow_id)).summary.status == NOT_STARTED
        server.write_policies(Count=1)
        await until(lambda: _is_asked(server["ann"], workflow_id))
        await not_executed(server["ann"], workflow_id)
        await becomes(server["ann"], workflow_id, AWAITING)
        await agree(server["bob"], workflow_id)
        # And one that waits may begin when nobody asks any more.
        other = await server["ann"].submit(naps(1))
        await not_executed(server["ann"], other)
        server.write_policies(Count=1, level="dryRun")
        assert "no policy asks" in (await becomes(server["ann"], other, NOT_STARTED)).reason
        await server["ann"].exec(other)


async def _is_asked(client: Client, workflow_id: str) -> bool:
    return bool((await client.get_approval(workflow_id)).case.rules)


async def test_an_approval_expires_by_itself(tmp_path: Path) -> None:
    async with serving(tmp_path, Validity="2s") as server:
        approved = await server["ann"].submit(naps(1))
        await agree(server["bob"], approved)
        ignored = await server["ann"].submit(naps(1))
        told = await becomes(server["ann"], approved, AWAITING)
        assert "bob's approval: expired" in told.reason
        await not_executed(server["ann"], approved)
        end = await becomes(server["ann"], ignored, FAILED)
        assert "not approved in time: 0 of 1 approval, by anyone with the role approver" in end.reason
        with pytest.raises(FailedPrecondition, match="it is failed"):
            await agree(server["bob"], ignored)
        with pytest.raises(AlreadyExecuted):
            await server["ann"].exec(ignored)


async def test_an_approval_expires_while_no_server_runs(tmp_path: Path) -> None:
    async with serving(tmp_path, Validity="3s") as server:
        approved = await server["ann"].submit(naps(1))
        await agree(server["bob"], approved)
        ignored = await server["ann"].submit(naps(1))
        await server.end(signal.SIGKILL)
        await asyncio.sleep(3)
        await server.start()
        async with connected(server):
            with pytest.raises(ClientError, match=r"awaits approval|is failed"):
                await server["ann"].exec(approved)
            await becomes(server["ann"], ignored, FAILED)


async def test_approvals_outlive_a_crash(tmp_path: Path) -> None:
    async with serving(tmp_path, Count=2) as server:
        workflow_id = await server["ann"].submit(naps(1))
        await agree(server["bob"], workflow_id)
        await server.restart()
        async with connected(server):
            assert "1 of 2" in await not_executed(server["ann"], workflow_id)
            with pytest.raises(FailedPrecondition, match="each counts once"):
                await agree(server["bob"], workflow_id)
            await agree(server["carl"], workflow_id)
            await server.restart()
        async with connected(server):
            await server["ann"].exec(workflow_id)
            assert (await ended(server["ann"], workflow_id)).status == pb.Status.COMPLETED


@pytest.mark.parametrize("how", ["demoted", "for another type", "revoked"])
async def test_a_demoted_approver_does_not_count(tmp_path: Path, how: str) -> None:
    async with serving(tmp_path) as server:
        workflow_id = await server["ann"].submit(naps(1))
        assert (await agree(server["bob"], workflow_id)).status == NOT_STARTED
        if how == "revoked":
            table = server.table()
            table.revoke("bob", "test", 1)
            table.close()
        else:
            grant = Grant(Role.VIEWER) if how == "demoted" else Grant(Role.APPROVER, "Other")
            server.demote("bob", grant)
        told = await becomes(server["ann"], workflow_id, AWAITING)
        assert "bob's approval: no approver any more" in told.reason
        await not_executed(server["ann"], workflow_id)
        await agree(server["carl"], workflow_id)
        await server["ann"].exec(workflow_id)


async def test_a_cancel_and_the_last_approval_never_both_win(server: ApprovalServer) -> None:
    for _ in range(20):
        workflow_id = await server["ann"].submit(naps(1))
        await agree(server["bob"], workflow_id)
        digest = (await server["carl"].get_approval(workflow_id)).digest
        approving = server["carl"].approve(workflow_id, digest)
        cancelling = server["ann"].cancel(workflow_id, "changed my mind")
        starting = server["ann"].exec(workflow_id)
        outcomes = await asyncio.gather(approving, cancelling, starting, return_exceptions=True)
        assert all(not isinstance(o, Exception) or isinstance(o, ClientError) for o in outcomes), outcomes
        _, cancelled, started = outcomes
        if isinstance(cancelled, Exception):
            assert "try again" in str(cancelled) or not isinstance(started, Exception), outcomes
            continue
        # Cancelled is cancelled, whoever approves or starts it.
        assert (await server["ann"].get(workflow_id)).summary.status in (CANCELLED, pb.Status.CANCELLING)
        assert (await ended(server["ann"], workflow_id)).status == CANCELLED
        with pytest.raises(ClientError):
            await server["dora"].approve(workflow_id, digest)
        with pytest.raises(AlreadyExecuted):
            await server["ann"].exec(workflow_id)


async def test_a_rejection_ends_it_and_a_withdrawal_takes_the_approval_back(server: ApprovalServer) -> None:
    workflow_id = await server["ann"].submit(naps(1))
    await agree(server["bob"], workflow_id)
    await agree(server["carl"], workflow_id)
    again = await server["carl"].withdraw(workflow_id, "saw the site")
    assert (again.status, again.activity) == (AWAITING, "1 of 2 approvals, by ann, bob, carl or dora")
    given = (await server["ann"].get_approval(workflow_id)).approvals
    assert [(a.operator, a.void_because, a.withdrawn_reason) for a in given] == [
        ("bob", "", ""),
        ("carl", "withdrawn", "saw the site"),
    ]
    await not_executed(server["ann"], workflow_id)
    with pytest.raises(FailedPrecondition, match="dora has not approved"):
        await server["dora"].withdraw(workflow_id)
    with pytest.raises(InvalidRequest, match="say why"):
        await server["dora"].reject(workflow_id, " ")
    with pytest.raises(PermissionDenied, match="ann submitted it"):
        await server["ann"].reject(workflow_id, "no")
    end = await server["dora"].reject(workflow_id, "wrong week")
    assert (end.status, end.reason, end.activity) == (CANCELLED, "approval refused: wrong week", "")
    with pytest.raises(AlreadyExecuted, match="it is cancelled"):
        await server["ann"].exec(workflow_id)
    case = (await server["bob"].get_approval(workflow_id)).case
    assert (case.why_not, case.ends) == ("it is cancelled", None)
    notes = (await server["ann"].history(workflow_id)).batch.notes
    assert notes[-1].operator == "dora"


async def test_the_inbox_tells_who_may_decide(server: ApprovalServer) -> None:
    workflow_id = await server["ann"].submit(naps(1))

    async def seen_by(name: str) -> str:
        cases = (await server[name].list_approvals(1_000)).cases
        return next(case.why_not for case in cases if case.summary.id == workflow_id)

    assert await seen_by("bob") == ""
    assert "the submitter never counts" in await seen_by("ann")
    assert "not asked" in await seen_by("mia")
    assert "eve is no operator with the role approver" in await seen_by("eve")
    await agree(server["bob"], workflow_id)
    assert "each counts once" in await seen_by("bob")
    first = (await server["bob"].list_approvals(1)).cases
    assert len(first) == 1


async def test_to_a_published_client_it_goes_on_and_is_refused_until_it_is_approved(
    server: ApprovalServer,
) -> None:
    address, credentials = parse_address(server.address), server.credentials("ann")
    channel = open_channel(address, context=credentials.context(address))
    ann = old.WorkflowStub(channel, metadata={"authorization": f"Bearer {credentials.token()}"})
    try:
        workflow_id = (await ann.submit(naps(1))).id

        async def reads(status: str) -> bool:
            return (await ann.status(old.StatusReq(id=workflow_id))).status == old.Status.from_string(status)

        # Whatever waits for approval is told as running, in five statuses.
        assert await reads("StatusRunning")
        with pytest.raises(GRPCError) as refusal:
            await ann.exec(old.ExecReq(id=workflow_id))
        assert refusal.value.status is GrpcStatus.FAILED_PRECONDITION
        assert "awaits approval: 0 of 2" in str(refusal.value.message)
        for name in ("bob", "carl"):
            await agree(server[name], workflow_id)
        assert await reads("StatusNotStarted")
        await ann.exec(old.ExecReq(id=workflow_id))
        await until(lambda: reads("StatusCompleted"))
    finally:
        channel.close()
        await asyncio.sleep(0)


async def test_a_name_that_is_only_claimed_approves_nothing(tmp_path: Path) -> None:
    server = ApprovalServer(tmp_path, Count=1)
    plain = ServerProcess(tmp_path)
    await server.init()
    server_toml = server.configs / "server.toml"
    secured, open_to_all = server_toml.read_text(), plain._toml
    server.write_policies(Count=1, level="dryRun")
    server_toml.write_text(open_to_all)
    await plain.start()
    try:
        async with plain.client("ann") as ann, plain.client("bob") as bob:
            early = await ann.submit(naps(1))
            server.write_policies(Count=1)
            await until(lambda: _is_asked(ann, early))
            with pytest.raises(Rejected, match="cannot count while anyone may call himself as he likes"):
                await ann.submit(naps(1))
            assert [v.policy for v in await ann.check(naps(1))] == ["requireApproval"]
            told = await not_executed(ann, early)
            assert "nobody knows who submitted it, so no approval counts: submit it anew" in told
            with pytest.raises(PermissionDenied, match=r"a name is only claimed: set \[access\] required"):
                await agree(bob, early)
        await plain.end()
        # Whoever it was that submitted it: no proof that comes later makes it another's.
        server_toml.write_text(secured)
        await server.start()
        async with connected(server):
            with pytest.raises(FailedPrecondition, match="nobody has proved who submitted it"):
                await agree(server["bob"], early)
            await not_executed(server["ann"], early)
            await server["ann"].cancel(early, "submitted anew")
        await server.end()
    finally:
        await plain.end(signal.SIGKILL)
        if server._process is not None:
            await server.end(signal.SIGKILL)
