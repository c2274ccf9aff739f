"""The engine: blocks in order, the rate limit, failures, stops, restarts. Real database, real recorder."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from tests.unit.conftest import Engine, MakeEngine, statuses
from wf_server.engine.cache import WorkflowCache
from wf_server.model import JobId, Status, StopStatus, Workflow
from wf_server.testing import settle


async def test_blocks_run_in_order_and_jobs_up_to_the_rate_limit(engine: Engine) -> None:
    order: list[JobId] = []
    engine.jobs.on_begin = order.append
    workflow = await engine.run([""] * 3, [""] * 7, rate_limit=3)
    assert workflow.status is Status.COMPLETED
    assert [job.block for job in order] == [0] * 3 + [1] * 7
    assert set(engine.jobs.begun.values()) == {1}


async def test_never_more_at_once_than_the_rate_limit(engine: Engine) -> None:
    workflow = await engine.submit(["sleep:1"] * 10, rate_limit=4)
    await engine.executor.start(workflow, "me")
    for _ in range(3):
        await engine.until(
            lambda: engine.clock.sleeping == min(4, 10 - workflow.standing.counts[Status.COMPLETED])
        )
        await engine.clock.advance(1)
    await engine.until(lambda: workflow.is_final)
    assert engine.jobs.most_at_once == 4


async def test_a_rate_limit_below_one_means_one(engine: Engine) -> None:
    workflow = await engine.run(["", "", ""], rate_limit=-5)
    assert workflow.status is Status.COMPLETED
    assert engine.jobs.most_at_once == 1


async def test_a_job_begins_only_after_its_start_is_on_the_disk(engine: Engine, tmp_path: Path) -> None:
    seen: list[bool] = []

    def look(job: JobId) -> None:
        with sqlite3.connect(f"file:{tmp_path}/wf.db?mode=ro", uri=True) as other:
            row = other.execute(
                "SELECT 1 FROM change WHERE block = ? AND job = ? AND status = ?",
                (job.block, job.job, Status.RUNNING),
            ).fetchone()
        other.close()
        seen.append(row is not None)

    engine.jobs.on_begin = look
    await engine.run([""] * 5, [""] * 5, rate_limit=2)
    assert seen == [True] * 10


async def test_a_failure_fails_its_block_and_the_workflow_goes_on(engine: Engine) -> None:
    workflow = await engine.run(["", "fail:disk on fire", ""], [""])
    assert statuses(workflow) == [["completed", "failed", "completed"], ["completed"]]
    assert [block.status for block in workflow.blocks] == [Status.FAILED, Status.COMPLETED]
    assert workflow.status is Status.FAILED
    assert workflow.had_errors
    assert workflow.blocks[0].errors == {1: "disk on fire"}
    assert workflow.standing.reason == "of 4 jobs: 1 failed"


async def test_a_fatal_error_starts_nothing_more_and_lets_the_running_end(engine: Engine) -> None:
    workflow = await engine.submit(["wait", "fatal:no token", ""], [""], rate_limit=2)
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: bool(workflow.fatal))
    assert not workflow.is_final
    engine.jobs.release()
    await engine.until(lambda: workflow.is_final)
    assert statuses(workflow) == [["completed", "failed", "not started"], ["not started"]]
    assert workflow.status is Status.FAILED
    assert workflow.standing.reason == "block 0 job 1: no token"


async def test_after_a_bug_in_a_job_nothing_more_starts(engine: Engine) -> None:
    """Nobody knows what it did not do, and an erasure may come next."""
    workflow = await engine.run(["bug", ""], [""])
    assert statuses(workflow) == [["failed", "not started"], ["not started"]]
    assert "ZeroDivisionError: a bug" in workflow.blocks[0].errors[0]


async def test_a_stop_that_was_ordered_is_not_forgotten_by_a_restart(make_engine: MakeEngine) -> None:
    before = await make_engine()
    workflow = await before.submit(["stubborn", ""], [""])
    await before.executor.start(workflow, "me")
    await before.until(lambda: bool(before.jobs.running))
    await before.stops.set("T", StopStatus.STOP, "ann", "smoke")
    await before.until(lambda: workflow.status is Status.STOPPING)
    # As after a kill: what is in the database now is all that the next server knows.
    again = await before.store.load_workflow(workflow.id)
    assert again is not None
    assert again.status is Status.STOPPING
    await before.stops.set("T", StopStatus.GO, "ann", "over")
    after = await make_engine()
    again = await _as_it_was(after, again)
    after.executor.resume([again])
    await after.until(lambda: again.is_final)
    assert again.status is Status.STOPPED
    assert "smoke" in again.standing.reason
    assert after.jobs.begun == {}


async def _as_it_was(engine: Engine, found: Workflow) -> Workflow:
    """The workflow under a new key, with the history that was on record at that moment."""
    copy = Workflow(found.id + "-copy", found.request, found.operator, found.created_us)
    await engine.recorder.insert(copy)
    history = await engine.store.load_history(found.key, 0, found.seq)
    copy.apply_all(history)
    await engine.store.commit([], {copy.key: history}, {copy.key: copy.standing})
    return copy


async def test_a_stop_outlasts_an_orderly_end(make_engine: MakeEngine) -> None:
    before = await make_engine()
    workflow = await before.submit(["wait"] * 3, [""], rate_limit=3)
    await before.executor.start(workflow, "me")
    await before.until(lambda: len(before.jobs.running) == 3)
    await before.stops.set("T", StopStatus.STOP, "ann", "")
    await before.executor.close(1)
    assert workflow.status is Status.STOPPED


async def test_a_stop_of_a_thousand_jobs_tells_its_reason_once(engine: Engine) -> None:
    workflow = await engine.submit(["wait"] * 1000, rate_limit=1000)
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: len(engine.jobs.running) == 1000)
    await engine.stops.set("T", StopStatus.STOP, "ann", "x" * 900)
    await engine.until(lambda: workflow.is_final)
    assert "x" * 900 in workflow.standing.reason
    assert set(workflow.blocks[0].errors.values()) == {"interrupted by the emergency stop"}


async def test_a_workflow_is_one_object_however_it_is_found(engine: Engine) -> None:
    cache = WorkflowCache(weight_limit=1)
    first = cache.put(await engine.submit([""]))
    cache.put(await engine.submit([""]))
    twin = await engine.store.load_workflow(first.id)
    assert twin is not None
    assert twin is not first
    # Dropped from what is kept, but someone still holds it.
    assert cache.get(first.id) is first
    assert cache.put(twin) is first


async def test_two_workflows_do_not_disturb_each_other(engine: Engine) -> None:
    slow = await engine.submit(["sleep:60"])
    quick = await engine.submit(["sleep:1"])
    await engine.executor.start(slow, "me")
    await engine.executor.start(quick, "me")
    await engine.until(lambda: engine.clock.sleeping == 2)
    await engine.clock.advance(2)
    await engine.until(lambda: quick.is_final)
    assert not slow.is_final
    await engine.clock.advance(60)
    await engine.until(lambda: slow.is_final)
    assert slow.status is Status.COMPLETED


async def test_a_stop_interrupts_what_runs_and_starts_nothing(engine: Engine) -> None:
    workflow = await engine.submit(["", "wait", "wait", ""], [""], rate_limit=2)
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: len(engine.jobs.running) == 2)
    await engine.stops.set("T", StopStatus.STOP, "ann", "smoke in the hall")
    await engine.until(lambda: workflow.is_final)
    assert statuses(workflow) == [["completed", "interrupted", "interrupted", "not started"], ["not started"]]
    assert workflow.status is Status.STOPPED
    assert workflow.was_es_stopped
    assert workflow.had_errors
    assert "ann" in workflow.standing.reason
    assert "smoke in the hall" in workflow.standing.reason
    assert not engine.jobs.running
    stored = await engine.store.load_workflow(workflow.id)
    assert stored == workflow


async def test_a_stopped_workflow_stays_stopped_whatever_a_job_says_later(engine: Engine) -> None:
    workflow = await engine.submit(["stubborn", ""])
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: bool(engine.jobs.running))
    await engine.stops.set("*", StopStatus.STOP, "ann", "")
    while not workflow.is_final:
        await asyncio.sleep(0.01)
    assert statuses(workflow) == [["unknown", "not started"]]
    assert "did not end within 0.05 s" in workflow.blocks[0].errors[0]
    engine.jobs.release()
    await settle()
    assert statuses(workflow) == [["unknown", "not started"]]
    assert workflow.status is Status.STOPPED


async def test_es_json_edited_by_hand_stops_too(engine: Engine, es_json: Path) -> None:
    workflow = await engine.submit(["wait"])
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: bool(engine.jobs.running))
    es_json.write_text(json.dumps({"Name": "T", "Status": "stop"}))
    await engine.stops.reload()
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.STOPPED


@pytest.mark.parametrize(
    ("kind", "begun", "ended"),
    [("", 2, "completed"), ("verifiable=", 1, "completed")],
)
async def test_a_restart_goes_on_by_itself(
    make_engine: MakeEngine, kind: str, begun: int, ended: str
) -> None:
    before = await make_engine()
    workflow = await before.submit(["", f"{kind}wait", ""])
    await before.executor.start(workflow, "me")
    first = before.verifiable if kind else before.jobs
    await before.until(lambda: bool(first.running))
    times_begun = first.begun[JobId(workflow.id, 0, 1)]
    after = await make_engine()
    again = await after.store.load_workflow(workflow.id)
    assert again is not None
    assert again.status is Status.RUNNING
    after.jobs.release()
    after.executor.resume([again])
    await after.until(lambda: again.is_final)
    assert statuses(again) == [["completed", ended, "completed"]]
    second = after.verifiable if kind else after.jobs
    assert times_begun + second.begun[JobId(workflow.id, 0, 1)] == begun
    # What had ended is not run again.
    assert after.jobs.begun[JobId(workflow.id, 0, 0)] == 0


async def test_an_irreversible_job_waits_for_a_person_after_a_restart(make_engine: MakeEngine) -> None:
    before = await make_engine()
    workflow = await before.submit(["irreversible=wait", ""])
    await before.executor.start(workflow, "me")
    await before.until(lambda: bool(before.irreversible.running))
    after = await make_engine()
    again = await after.store.load_workflow(workflow.id)
    assert again is not None
    after.executor.resume([again])
    await after.until(lambda: again.status is Status.NEEDS_OPERATOR)
    assert statuses(again) == [["unknown", "not started"]]
    assert after.irreversible.begun == {}
    await after.stops.set("T", StopStatus.STOP, "ann", "give it up")
    await after.until(lambda: again.is_final)
    assert again.status is Status.STOPPED
    assert again.blocks[0].status is Status.STOPPED


async def test_a_stop_that_came_while_no_server_ran_holds(make_engine: MakeEngine, es_json: Path) -> None:
    before = await make_engine()
    workflow = await before.submit(["wait", ""])
    await before.executor.start(workflow, "me")
    await before.until(lambda: bool(before.jobs.running))
    es_json.write_text(json.dumps({"Name": "T", "Status": "stop"}))
    after = await make_engine()
    again = await after.store.load_workflow(workflow.id)
    assert again is not None
    after.executor.resume([again])
    await after.until(lambda: again.is_final)
    assert again.status is Status.STOPPED
    assert statuses(again) == [["interrupted", "not started"]]
    assert after.jobs.begun == {}


async def test_a_fatal_error_on_record_is_fatal_after_a_restart_too(make_engine: MakeEngine) -> None:
    before = await make_engine()
    workflow = await before.submit(["wait", "fatal:no", ""], rate_limit=2)
    await before.executor.start(workflow, "me")
    await before.until(lambda: bool(workflow.fatal))
    after = await make_engine()
    again = await after.store.load_workflow(workflow.id)
    assert again is not None
    after.jobs.release()
    after.executor.resume([again])
    await after.until(lambda: again.is_final)
    assert again.status is Status.FAILED
    assert again.standing.reason == "block 0 job 1: no"
    assert after.jobs.begun.get(JobId(workflow.id, 0, 2)) is None
