"""What a WorkReq asks of its execution: retries, timeouts, failure budgets, waves; and the kept logs."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.unit.conftest import Engine, MakeEngine, job, statuses
from wf_server.engine import recorder
from wf_server.jobs.base import JobContext
from wf_server.model import Block, OnFailure, Retry, Status, Workflow, WorkReq, attempts_in


async def begin(engine: Engine, *blocks: Block, **options: object) -> Workflow:
    workflow = await engine.submit_request(WorkReq("T", "", blocks, **options))  # type: ignore[arg-type]
    await engine.executor.start(workflow, "me")
    return workflow


async def end(engine: Engine, *blocks: Block, **options: object) -> Workflow:
    workflow = await begin(engine, *blocks, **options)
    await engine.until(lambda: workflow.is_final)
    return workflow


async def test_a_failed_job_is_tried_again_with_growing_pauses(engine: Engine) -> None:
    workflow = await begin(engine, Block("", 1, (job("fail:boom", retry=Retry(3, "10s")), job(""))))
    await engine.until(lambda: workflow.until_us > 0)
    assert statuses(workflow) == [["retrying", "completed"]]
    assert (workflow.activity, workflow.until_us) == (
        "1 job to be tried again",
        engine.clock.now_us() + 10_000_000,
    )
    await engine.clock.advance(9.9)
    assert statuses(workflow) == [["retrying", "completed"]]
    await engine.clock.advance(0.2)
    await engine.until(lambda: workflow.blocks[0].retries == {0: 2})
    await engine.clock.advance(19.7)
    assert workflow.blocks[0].attempts == {0: 2}
    await engine.clock.advance(0.3)
    await engine.until(lambda: workflow.is_final)
    assert statuses(workflow) == [["failed", "completed"]]
    attempts = attempts_in(await engine.store.load_job_history(workflow.key, 0, 0))
    assert [(a.status, a.error) for a in attempts] == [
        (Status.RETRYING, "boom"),
        (Status.RETRYING, "boom"),
        (Status.FAILED, "boom"),
    ]
    assert all(a.ended_us >= a.started_us > 0 for a in attempts)


@pytest.mark.parametrize(
    ("do", "errors", "attempts"),
    [("fail:disk BUSY", ("busy",), 2), ("fail:gone", ("busy",), 1), ("fatal:busy", (), 1)],
)
async def test_only_some_errors_are_tried_again(
    engine: Engine, do: str, errors: tuple[str, ...], attempts: int
) -> None:
    workflow = await begin(engine, Block("", 1, (job(do, retry=Retry(2, "1s", errors=errors)),)))
    await engine.until(lambda: workflow.is_final or workflow.standing.counts[Status.RETRYING] == 1)
    await engine.clock.advance(2)
    await engine.until(lambda: workflow.is_final)
    assert workflow.blocks[0].attempts_of(0) == attempts


async def test_a_retry_outlasts_a_restart(make_engine: MakeEngine) -> None:
    engine = await make_engine()
    workflow = await begin(engine, Block("", 1, (job("fail:x", retry=Retry(2, "60s", jitter=1.0)),)))
    await engine.until(lambda: statuses(workflow) == [["retrying"]])
    await engine.until(lambda: workflow.until_us > 0)
    due = workflow.until_us
    assert 60_000_000 <= due - workflow.blocks[0].ended[0] <= 120_000_000
    engine = await make_engine()
    [found] = await engine.store.load_workflows([Status.RUNNING])
    engine.executor.resume([found])
    await engine.until(lambda: found.until_us > 0)
    assert found.until_us == due
    while not found.is_final:
        await engine.clock.advance(30)
        await asyncio.sleep(0.001)
    assert found.blocks[0].attempts == {0: 2}


async def test_a_job_that_takes_too_long_fails(engine: Engine) -> None:
    workflow = await begin(engine, Block("", 1, (job("wait", "30s"), job("sleep:29", "30s"))))
    await engine.until(lambda: bool(engine.jobs.running))
    await engine.until(lambda: engine.clock.sleeping == 1)
    await engine.clock.advance(30)
    await engine.until(lambda: statuses(workflow)[0][0] == "failed")
    assert workflow.blocks[0].errors == {0: "timed out after 30s"}
    await engine.until(lambda: engine.clock.sleeping >= 2)
    await engine.clock.advance(29)
    await engine.until(lambda: workflow.is_final)
    assert statuses(workflow) == [["failed", "completed"]]


async def test_a_job_that_ignores_its_timeout_is_unknown_and_a_person_decides(engine: Engine) -> None:
    workflow = await begin(engine, Block("", 1, (job("stubborn", "1s"), job(""))))
    await engine.until(lambda: engine.clock.sleeping == 1)
    await engine.clock.advance(1.01)
    await engine.until(lambda: engine.clock.sleeping == 1)
    await engine.clock.advance(1)
    await engine.until(lambda: workflow.status is Status.NEEDS_OPERATOR)
    assert statuses(workflow) == [["unknown", "not started"]]
    assert "timed out after 1s, and did not end" in workflow.blocks[0].errors[0]


@pytest.mark.parametrize(
    ("block", "whole", "failed", "words"),
    [
        ("3", "", 3, "block 0 stopped at failure #3 (its max_failures)"),
        ("", "3", 3, "stopped at failure #3 (max_failures)"),
        ("20%", "", 2, "block 0 stopped at failure #2 (its max_failures)"),
        ("", "21%", 3, "stopped at failure #3 (max_failures)"),
    ],
)
async def test_the_failure_budget_ends_the_workflow(
    engine: Engine, block: str, whole: str, failed: int, words: str
) -> None:
    jobs = tuple(job("fail:x") for _ in range(10))
    workflow = await end(
        engine, Block("", 1, jobs, max_failures=block), Block("", 1, (job(""),)), max_failures=whole
    )
    assert workflow.status is Status.FAILED
    assert workflow.standing.reason == words
    assert workflow.standing.counts[Status.FAILED] == failed
    assert workflow.blocks[1].status is Status.NOT_STARTED


async def test_a_budget_without_overshoot_is_never_overrun(engine: Engine) -> None:
    jobs = tuple(job("fail:x") for _ in range(50))
    workflow = await end(engine, Block("", 50, jobs, max_failures="4", no_overshoot=True))
    assert workflow.standing.counts[Status.FAILED] == 4
    assert engine.jobs.most_at_once <= 4


@pytest.mark.parametrize(
    ("whole", "own", "second"),
    [
        (OnFailure.UNSPECIFIED, OnFailure.UNSPECIFIED, Status.COMPLETED),
        (OnFailure.STOP, OnFailure.UNSPECIFIED, Status.NOT_STARTED),
        (OnFailure.STOP, OnFailure.CONTINUE, Status.COMPLETED),
        (OnFailure.UNSPECIFIED, OnFailure.STOP, Status.NOT_STARTED),
    ],
)
async def test_a_failed_block_may_end_the_workflow(
    engine: Engine, whole: OnFailure, own: OnFailure, second: Status
) -> None:
    first = Block("", 1, (job("fail:x"), job("")), on_failure=own)
    workflow = await end(engine, first, Block("", 1, (job(""),)), on_failure=whole)
    assert workflow.status is Status.FAILED
    assert workflow.blocks[1].status is second


async def test_a_ramp_goes_wave_by_wave_and_soaks(engine: Engine) -> None:
    jobs = tuple(job("") for _ in range(10))
    workflow = await begin(engine, Block("", 10, jobs, ramp=("1", "20%"), soak="1m"))
    await engine.until(lambda: workflow.activity == "soaking after wave 1 of 3")
    assert workflow.standing.counts[Status.COMPLETED] == 1
    await engine.clock.advance(59)
    assert workflow.standing.counts[Status.COMPLETED] == 1
    await engine.clock.advance(1)
    await engine.until(lambda: workflow.activity == "soaking after wave 2 of 3")
    assert workflow.standing.counts[Status.COMPLETED] == 3
    await engine.until(lambda: engine.clock.sleeping == 1)
    await engine.clock.advance(60)
    await engine.until(lambda: workflow.is_final)
    assert workflow.status is Status.COMPLETED
    assert workflow.standing.counts[Status.COMPLETED] == 10


async def test_a_block_that_is_over_says_nothing_more(engine: Engine) -> None:
    ramp = Block("", 1, (job(""), job("")), ramp=("1",))
    workflow = await begin(engine, ramp, Block("", 1, (job(""),), hold=True))
    await engine.until(lambda: workflow.status is Status.HELD)
    assert (workflow.activity, workflow.until_us) == ("", 0)


async def test_a_soak_outlasts_a_restart(make_engine: MakeEngine) -> None:
    engine = await make_engine()
    jobs = tuple(job("") for _ in range(4))
    workflow = await begin(engine, Block("", 10, jobs, ramp=("2",), soak="5m"))
    await engine.until(lambda: workflow.activity.startswith("soaking"))
    until = workflow.until_us
    engine = await make_engine()
    [found] = await engine.store.load_workflows([Status.RUNNING])
    engine.executor.resume([found])
    await engine.until(lambda: found.activity == "soaking after wave 1 of 2")
    assert found.until_us == until
    while not found.is_final:
        await engine.clock.advance(60)
        await asyncio.sleep(0.001)
    assert engine.jobs.begun.keys() == {(workflow.id, 0, 2), (workflow.id, 0, 3)}


async def test_a_wave_that_spends_the_budget_is_the_last(engine: Engine) -> None:
    jobs = tuple(job("fail:x") for _ in range(10))
    workflow = await end(engine, Block("", 10, jobs, ramp=("1", "3"), max_failures="1"))
    assert workflow.standing.counts[Status.FAILED] == 1
    assert workflow.standing.counts[Status.NOT_STARTED] == 9


class _Chatty:
    """Makes every job log many lines."""

    def __init__(self, engine: Engine, lines: int) -> None:
        act = engine.jobs._act

        async def chat(ctx: JobContext, verb: str, text: str) -> None:
            for n in range(lines):
                ctx.log(f"line {n} " + "x" * 100)
            ctx.progress(0.5, "half way")
            await act(ctx, verb, text)

        engine.jobs._act = chat  # type: ignore[method-assign]


async def test_the_log_and_the_progress_of_a_job_are_kept(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "NOTE_SECONDS", 0.001)
    engine = await make_engine()
    _Chatty(engine, 5)
    workflow = await end(engine, Block("", 1, (job("fail:x"), job(""))))
    engine = await make_engine()
    logs: Mapping[int, list[str]] = await engine.store.load_logs(workflow.key, 0, 0, 2, 3)
    assert [len(lines) for lines in logs.values()] == [3, 3]
    assert [line[:6] for line in logs[0]] == ["line 2", "line 3", "line 4"]
    assert len(await engine.store.load_log(workflow.key, 0, 1)) == 5
    kept = await engine.store.load_progress(workflow.key, 0, 0, 2)
    assert {n: (p.fraction, p.message) for n, p in kept.items()} == {0: (0.5, "half way")}


async def test_a_log_is_bounded_and_the_oldest_lines_go(engine: Engine) -> None:
    _Chatty(engine, 2_000)
    workflow = await end(engine, Block("", 1, (job(""),)))
    while engine.recorder.logs.waiting:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    lines = await engine.store.load_log(workflow.key, 0, 0)
    assert lines[-1].text.startswith("line 1999 ")
    assert sum(len(line.text) + 1 for line in lines) <= 64 * 1024
    assert lines[0].number == 2_000 - len(lines) + 1 > 1
