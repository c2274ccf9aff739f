"""The recorder: grouped, durable before it is seen, and patient with a database that refuses."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from tests.unit.conftest import Engine, statuses
from wf_server.engine import recorder
from wf_server.errors import StoreError
from wf_server.model import Change, QuotaToken, Standing, Status, StopStatus, Workflow
from wf_server.model.audit import AuditEntry
from wf_server.store import JobNotes


class FlakyDisk:
    """Stands in the store's `commit`: refuses while it is full, and counts."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self._commit = engine.store.commit
        self.full = False
        self.commits: list[int] = []
        monkeypatch.setattr(engine.store, "commit", self.commit)
        monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.001)

    async def commit(
        self,
        inserts: Sequence[Workflow],
        changes: Mapping[int, Sequence[Change]],
        standings: Mapping[int, Standing],
        notes: JobNotes | None = None,
        entries: Sequence[AuditEntry] = (),
        tokens: Sequence[QuotaToken] = (),
    ) -> None:
        if self.full:
            raise StoreError("wf.db: database or disk is full")
        await self._commit(inserts, changes, standings, notes, entries, tokens)
        self.commits.append(len(inserts) + sum(map(len, changes.values())))


async def test_what_waits_is_committed_together(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FlakyDisk(engine, monkeypatch)
    workflow = await engine.submit([""] * 100, rate_limit=100)
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: workflow.is_final)
    # Its submission, 100 starts and 100 ends, its own and its block's: never a commit for each.
    assert sum(disk.commits) == 205
    assert len(disk.commits) < 10


async def test_while_the_disk_is_full_no_job_begins_and_nothing_is_lost(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FlakyDisk(engine, monkeypatch)
    workflow = await engine.submit(["wait", ""])
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: bool(engine.jobs.running))
    disk.full = True
    engine.jobs.release()
    while not engine.recorder.problem:
        await asyncio.sleep(0.001)
    assert "disk is full" in engine.recorder.problem
    begun = len(engine.jobs.begun)
    # The end of the first is not on record yet: nobody sees it, and the second does not begin.
    assert statuses(workflow) == [["running", "not started"]]
    disk.full = False
    while not workflow.is_final:
        await asyncio.sleep(0.001)
    assert begun == 1
    assert workflow.status is Status.COMPLETED
    assert engine.recorder.problem == ""
    assert await engine.store.load_workflow(workflow.id) == workflow


async def test_submissions_at_once_share_their_commits(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FlakyDisk(engine, monkeypatch)
    workflows = await asyncio.gather(*(engine.submit([""]) for _ in range(50)))
    assert sum(disk.commits) == 50
    assert len(disk.commits) < 10
    keys = {workflow.key for workflow in workflows}
    assert len(keys) == 50
    for workflow in workflows:
        assert await engine.store.load_workflow(workflow.id) == workflow


async def test_a_submission_to_a_full_disk_fails_and_the_next_is_tried_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FlakyDisk(engine, monkeypatch)
    disk.full = True
    for _ in range(2):
        with pytest.raises(StoreError, match="disk is full"):
            await engine.submit([""])
    disk.full = False
    assert (await engine.run([""])).status is Status.COMPLETED


async def test_a_stop_is_heard_while_the_disk_is_full(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FlakyDisk(engine, monkeypatch)
    workflow = await engine.submit(["wait", "wait"], rate_limit=2)
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: len(engine.jobs.running) == 2)
    disk.full = True
    await engine.stops.set("T", StopStatus.STOP, "ann", "")
    await engine.until(lambda: not engine.jobs.running)
    assert not workflow.is_final
    disk.full = False
    while not workflow.is_final:
        await asyncio.sleep(0.001)
    assert workflow.status is Status.STOPPED


async def test_a_late_report_is_dropped_not_recorded(engine: Engine) -> None:
    workflow = await engine.run([""])
    seq = workflow.seq
    engine.recorder.job(workflow, 0, 0, Status.FAILED, "too late")
    await engine.recorder.flush()
    assert (workflow.seq, workflow.blocks[0].errors) == (seq, {})


async def test_a_contradiction_is_given_up_alone(engine: Engine) -> None:
    first = await engine.submit([""])
    twin = await engine.store.load_workflow(first.id)
    assert twin is not None
    await engine.executor.start(first, "me")
    await engine.until(lambda: first.is_final)
    # A second object of one workflow would record what contradicts the first.
    engine.recorder.workflow(twin, Status.RUNNING)
    other = await engine.submit([""])
    await engine.executor.start(other, "me")
    await engine.until(lambda: other.is_final)
    assert other.status is Status.COMPLETED
    assert twin.status is Status.NOT_STARTED
    assert await engine.store.load_workflow(first.id) == first
