"""What jobs say of themselves, however odd or late: no job's words may harm the server or another job."""

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from tests.unit.conftest import Engine, statuses
from wf_server.engine import run
from wf_server.engine.job_logs import JobLogs
from wf_server.engine.orders import Order
from wf_server.jobs.base import JobContext, JobFailed
from wf_server.model import Status

Act = Callable[[JobContext], Awaitable[None]]


def acts(engine: Engine, monkeypatch: pytest.MonkeyPatch, act: Act) -> None:
    """Lets every scripted job do this."""

    async def act_out(ctx: JobContext, args: Mapping[str, str]) -> None:
        engine.jobs.begun[ctx.holder] += 1
        await act(ctx)

    monkeypatch.setattr(engine.jobs, "run", act_out)


async def test_an_error_that_is_no_unicode_is_recorded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file name that is not UTF-8 brings it along."""

    async def act(ctx: JobContext) -> None:
        raise JobFailed("cannot open disk-\udcff")

    acts(engine, monkeypatch, act)
    workflow = await engine.run([""])
    assert workflow.status is Status.FAILED
    assert workflow.blocks[0].errors == {0: "cannot open disk-?"}
    again = await engine.store.load_workflow(workflow.id)
    assert again == workflow


async def test_a_verification_that_tells_no_unicode_and_too_much_is_recorded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = await engine.submit(["verifiable="])
    engine.recorder.workflow(workflow, Status.RUNNING)
    engine.recorder.workflow(workflow, Status.RUNNING, block=0)
    engine.recorder.job(workflow, 0, 0, Status.RUNNING)
    await engine.recorder.flush()

    async def verify(ctx: JobContext, args: Mapping[str, str]) -> bool:
        raise OSError("\udcff" + "x" * 100_000)

    monkeypatch.setattr(engine.verifiable, "verify", verify)
    engine.executor.resume([workflow])
    await engine.until(lambda: workflow.status is Status.NEEDS_OPERATOR)
    assert "its verification failed: ?xxx" in workflow.blocks[0].errors[0]
    assert len(workflow.blocks[0].errors[0]) < 2_100


@pytest.mark.parametrize("fraction", [math.nan, math.inf, -math.inf, 7])
async def test_progress_that_is_no_fraction_is_none(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, fraction: float
) -> None:
    async def act(ctx: JobContext) -> None:
        ctx.log("a line")
        ctx.progress(fraction, "half way")
        raise JobFailed("too bad")

    acts(engine, monkeypatch, act)
    workflow = await engine.run([""])
    await engine.recorder.close()
    progress = (await engine.store.load_progress(workflow.key, 0, 0, 1))[0]
    assert progress.fraction == (0 if math.isnan(fraction) else min(max(fraction, 0), 1))
    assert progress.message == "half way"
    assert [line.text for line in await engine.store.load_log(workflow.key, 0, 0)] == ["a line"]


async def test_what_a_job_says_after_its_workflow_has_ended_overwrites_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ignored its cancellation, and goes on talking."""
    goes_on = asyncio.Event()
    contexts: list[JobContext] = []

    async def act(ctx: JobContext) -> None:
        contexts.append(ctx)
        ctx.log("first")
        while not goes_on.is_set():
            try:
                await goes_on.wait()
            except asyncio.CancelledError:
                continue

    acts(engine, monkeypatch, act)
    workflow = await engine.submit([""])
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: bool(contexts))
    running = await engine.executor.run_of(workflow)
    monkeypatch.setattr(running, "_grace", 0.0)
    running.cancel(Order("ann", "smoke"))
    await engine.until(lambda: workflow.is_final and engine.executor.find(workflow.id) is None)
    assert statuses(workflow) == [["unknown"]]
    contexts[0].log("late")
    contexts[0].progress(0.5, "late")
    goes_on.set()
    await engine.recorder.close()
    assert [line.text for line in await engine.store.load_log(workflow.key, 0, 0)] == ["first"]
    assert workflow.progress == {}
    assert engine.recorder.logs._tails == {}


async def test_a_job_that_wants_the_process_to_exit_only_ends_itself(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a command line's code does that a job calls."""

    async def act(ctx: JobContext) -> None:
        raise SystemExit(3)

    acts(engine, monkeypatch, act)
    workflow = await engine.run([""])
    assert workflow.status is Status.FAILED
    assert "exit of the process: 3" in workflow.blocks[0].errors[0]


def test_what_waits_for_a_full_disk_is_bounded_too() -> None:
    logs = JobLogs(job_bytes=1_000)
    logs.add(1, 0, 7, 5, "the only one of its job")
    for n in range(100_000):
        logs.add(1, 0, n % 3, 5, f"line {n:>94}")
    waiting = logs.take()
    assert waiting is not None
    assert len(waiting.lines) <= 10_000
    assert waiting.lines[0] == (1, 0, 7, 1, 5, "the only one of its job")
    # Nothing that is kept has been let go.
    for job in range(3):
        numbers = {line[3] for line in waiting.lines if line[2] == job}
        assert numbers >= set(range(dict_of(waiting.trims)[1, 0, job], (100_000 + 2 - job) // 3 + 1))


def dict_of(trims: list[tuple[int, int, int, int]]) -> dict[tuple[int, int, int], int]:
    return {(workflow, block, job): first for workflow, block, job, first in trims}


async def test_the_ends_of_many_jobs_are_taken_in_by_portions(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else has to be done on the loop is done in between."""
    monkeypatch.setattr(run, "REPORT_CHUNK", 10)
    workflow = await engine.submit(["wait"] * 100, rate_limit=100)
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: len(engine.jobs.running) == 100)
    turns = itertools.count()
    recorded: list[int] = []
    record = engine.recorder.job

    def note(*args: Any) -> None:
        recorded.append(turn)
        record(*args)

    monkeypatch.setattr(engine.recorder, "job", note)
    (await engine.executor.run_of(workflow)).cancel(Order("ann", "smoke"))
    while not workflow.is_final:
        turn = next(turns)
        await asyncio.sleep(0)
    assert len(recorded) == 100
    assert max(Counter(recorded).values()) <= 10
