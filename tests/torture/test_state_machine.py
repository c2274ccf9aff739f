"""The executor under random orders, failures, crashes and restarts: whatever comes, every promise holds."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from structlog.testing import capture_logs

from tests.torture import records
from tests.torture.simulation import GRACE, TYPES, Parts, Simulation
from wf_server.engine.orders import Order, Resolution
from wf_server.model import (
    WORKFLOW_ACTIVE,
    Block,
    Change,
    Fate,
    Job,
    OnFailure,
    Retry,
    Status,
    StopStatus,
    Workflow,
    WorkReq,
    receipt_of,
)

EXAMPLES, STEPS = 80, 30
#: `make torture` asks for more, and for other examples every time.
LONGER = int(os.environ.get("WF_TORTURE_EXAMPLES", "0") or 0)

# What is asked for

_verbs = st.sampled_from(
    [
        *("ok", "ok", "ok:0.5", "ok:4", "fail", "fail:2", "flaky", "flaky:1", "fatal:1", "bug"),
        *("hang", "slow:1", "slow:10", "late:1", "deaf"),
    ]
)
_retries = st.none() | st.builds(
    Retry,
    attempts=st.integers(1, 4),
    delay=st.sampled_from(["0s", "1s", "20s"]),
    backoff=st.sampled_from([0.0, 1.0, 3.0]),
    jitter=st.sampled_from([0.0, 0.5]),
    errors=st.sampled_from([(), ("flaky",), ("timed out",)]),
)
_kinds = st.sampled_from(["idempotent", "idempotent", "verifiable", "irreversible", "mute"])
_jobs = st.builds(
    lambda kind, do, timeout, retry: Job(kind, "", MappingProxyType({"do": do}), timeout, retry),
    _kinds,
    _verbs,
    st.sampled_from(["", "", "1s", "6s"]),
    _retries,
)
_amounts = st.sampled_from(["", "", "1", "2", "50%"])
_on_failure = st.sampled_from([*OnFailure])


@st.composite
def _blocks(draw: st.DrawFn) -> Block:
    budget = draw(_amounts)
    ramp = draw(st.sampled_from([(), (), ("1",), ("1", "2"), ("50%",)]))
    return Block(
        "",
        draw(st.integers(1, 4)),
        tuple(draw(st.lists(_jobs, min_size=1, max_size=6))),
        max_failures=budget,
        no_overshoot=bool(budget) and draw(st.booleans()),
        on_failure=draw(_on_failure),
        hold=draw(st.integers(0, 5)) == 0,
        point_of_no_return=draw(st.integers(0, 11)) == 0,
        ramp=ramp,
        soak=draw(st.sampled_from(["", "5s"])) if ramp else "",
    )


@st.composite
def _requests(draw: st.DrawFn) -> WorkReq:
    budget = draw(_amounts)
    return WorkReq(
        draw(st.sampled_from(TYPES)),
        "",
        tuple(draw(st.lists(_blocks(), min_size=1, max_size=3))),
        max_failures=budget,
        no_overshoot=bool(budget) and draw(st.booleans()),
        on_failure=draw(_on_failure),
    )


_waits = st.sampled_from([0.0, 0.001, 0.003, 0.01, 0.3, 1.0, 2.5, 7.0, 30.0])
_acts = st.tuples(
    st.sampled_from(["pause", "cancel", "exec", *["resume", "release", "resolve"] * 2]),
    st.integers(0, 7),
    st.integers(0, 2),
)


class ExecutorMachine(RuleBasedStateMachine):
    """Orders, time, faults; after each the record is read and has to make sense."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = Path(tempfile.mkdtemp(prefix="wf-simulated-"))
        self.ids: list[str] = []
        self.cancelled: set[str] = set()
        self.executed: set[str] = set()
        self.keyed: dict[str, tuple[str, WorkReq]] = {}
        self.simulation: Simulation

    @initialize(seed=st.integers(0, 2**32), max_running=st.sampled_from([1, 2, 100]))
    def begin(self, seed: int, max_running: int) -> None:
        self.simulation = Simulation(self._directory, seed, max_running)

    # Orders

    @rule(request=_requests(), go=st.integers(0, 9))
    def submit(self, request: WorkReq, go: int) -> None:
        self._submit(request, go=bool(go))

    def _submit(self, request: WorkReq, *, go: bool) -> None:
        async def act(parts: Parts) -> None:
            workflow_id = await parts.workflows.submit(request, "tester")
            if self.simulation.is_alive:
                self.ids.append(workflow_id)
            if go:
                await parts.control.execute(workflow_id, "tester")
                if self.simulation.is_alive:
                    self.executed.add(workflow_id)

        self.simulation.order(act)

    @precondition(lambda self: self.ids)
    @rule(acts=st.lists(_acts, min_size=1, max_size=4), spread=st.sampled_from([0.0, 0.002]))
    def orders(self, acts: list[tuple[str, int, int]], spread: float) -> None:
        """Some at once: each is carried out or refused."""

        async def all_of_them(parts: Parts) -> None:
            told = [self._order(parts, n * spread, *act) for n, act in enumerate(acts)]
            for result in await asyncio.gather(*told, return_exceptions=True):
                if isinstance(result, AssertionError):
                    raise result

        self.simulation.order(all_of_them)

    async def _order(self, parts: Parts, after: float, what: str, which: int, how: int) -> None:
        workflow_id = self.ids[which % len(self.ids)]
        order = Order("ann", f"{what} {which}")
        await asyncio.sleep(after)
        if what == "exec":
            await parts.control.execute(workflow_id, "tester")
        elif what in ("release", "resolve"):
            await self._answer(parts, await parts.workflows.find(workflow_id), how, order)
        else:
            await getattr(parts.control, what)(workflow_id, order)
        if what == "cancel" and self.simulation.is_alive:
            self.cancelled.add(workflow_id)

    async def _answer(self, parts: Parts, workflow: Workflow, how: int, order: Order) -> None:
        if workflow.status is Status.HELD:
            begun = [state.status is not Status.NOT_STARTED for state in workflow.blocks]
            await parts.control.release(workflow.id, begun.index(False), workflow.name, order)
        for b, block in enumerate(workflow.blocks):
            for j, status in enumerate(block.statuses):
                if status == Status.UNKNOWN:
                    await parts.control.resolve(workflow.id, b, j, [*Resolution][how], order)
                    return

    @rule(name=st.sampled_from([*TYPES, "*"]), status=st.sampled_from([StopStatus.STOP, StopStatus.GO]))
    def stop(self, name: str, status: StopStatus) -> None:
        self._set_stop(name, status)

    def _set_stop(self, name: str, status: StopStatus) -> None:
        self.simulation.order(lambda parts: parts.stops.set(name, status, "ann", "smoke"))

    # Time and faults

    @rule(seconds=_waits)
    def wait(self, seconds: float) -> None:
        self.simulation.advance(seconds)

    @rule()
    def crash(self) -> None:
        self.simulation.crash()

    @rule(statements=st.integers(1, 25), request=_requests())
    def crash_while_it_begins(self, statements: int, request: WorkReq) -> None:
        self.simulation.light_fuse(statements)
        self._submit(request, go=True)
        self.simulation.advance(0.02)
        self.simulation.crash()

    @precondition(lambda self: self.ids)
    @rule(statements=st.integers(1, 12), acts=st.lists(_acts, min_size=1, max_size=3), seconds=_waits)
    def crash_while_it_obeys(self, statements: int, acts: list[tuple[str, int, int]], seconds: float) -> None:
        self.simulation.light_fuse(statements)
        self.orders(acts, 0.0)
        self.simulation.advance(seconds)
        self.simulation.crash()

    @rule(statements=st.integers(1, 12), name=st.sampled_from([*TYPES, "*"]), seconds=_waits)
    def crash_while_it_stops(self, statements: int, name: str, seconds: float) -> None:
        self.simulation.light_fuse(statements)
        self._set_stop(name, StopStatus.STOP)
        self.simulation.advance(seconds)
        self.simulation.crash()

    @rule()
    def restart(self) -> None:
        self.simulation.restart()

    @rule(seconds=_waits)
    def full_disk(self, seconds: float) -> None:
        self.simulation.disk.full = True
        self.simulation.advance(seconds)
        self.simulation.disk.full = False
        self.simulation.advance(1)

    # What has to hold

    @invariant()
    def the_record_makes_sense(self) -> None:
        if not hasattr(self, "simulation"):
            return
        simulation = self.simulation
        simulation.do(self._quiet())
        assert not simulation.complaints, simulation.complaints
        assert not simulation.parts.world.objections, simulation.parts.world.objections
        read = [records.check(record) for record in simulation.recorded]
        for record in read:
            self._compare(record)
        self._check_deeds(read)
        known = {record.id for record in read}
        assert self.executed <= known

    async def _quiet(self) -> None:
        recorder = self.simulation.parts.recorder
        for _ in range(2_000):
            await asyncio.sleep(0.002)
            if not (recorder._queue or recorder._inserts or recorder._committing):
                return
        raise AssertionError(f"the recorder does not come to rest: {recorder.problem}")

    def _compare(self, record: records.Record) -> None:
        """What the server has in memory is what is on record."""
        parts = self.simulation.parts
        live = parts.executor.find(record.id) or parts.workflows._cache.get(record.id)
        if live is not None:
            assert live.status.name.lower() == record.status, record.trail()
            assert live.seq == len(record.steps), record.trail()
            for state, jobs in zip(live.blocks, record.jobs, strict=True):
                told = [Status(status).name.lower() for status in state.statuses]
                assert told == [job.status for job in jobs], record.trail()
            assert sum(live.standing.counts.values()) == live.request.job_count
            assert _replayed(live, record) == live, record.trail()
            self._check_receipt(live, record)
        active = Status[record.status.upper()] in WORKFLOW_ACTIVE
        assert active == (parts.executor.find(record.id) is not None), f"nobody runs it: {record.trail()}"

    def _check_receipt(self, live: Workflow, record: records.Record) -> None:
        receipt = receipt_of(live)
        ended_by_order = record.status in ("cancelled", "stopped", "cancelling", "stopping")
        assert (receipt is not None) == ended_by_order, record.trail()
        if receipt is not None:
            assert sum(receipt.counts.values()) == live.request.job_count
            assert receipt.counts[Fate.IN_FLIGHT] == 0 or not live.is_final, record.trail()

    def _check_deeds(self, read: list[records.Record]) -> None:
        """What really happened and what is on record are the same."""
        world = self.simulation.parts.world
        begun, effects = world.counted("begin"), world.counted("effect")
        for record in read:
            reruns = {
                (step.block, step.job): sum(
                    other[1:4] == (step.block, step.job, "not_started") and bool(other.operator)
                    for other in record.steps
                )
                for step in record.steps
                if step.job >= 0
            }
            for b, jobs in enumerate(record.jobs):
                for j, job in enumerate(jobs):
                    place = (record.id, b, j)
                    where = f"{b}/{j} began {begun[place]} times, on record {job.started}: {record.trail()}"
                    assert begun[place] <= job.started, where
                    again = reruns.get((b, j), 0)
                    kind = record.request.blocks[b].jobs[j].name
                    if kind == "irreversible":
                        assert job.started <= 1 + again + job.retries, where
                    if kind in ("irreversible", "verifiable", "mute"):
                        assert effects[place] <= 1 + again, where
                    if job.status == "completed" and not any(
                        step[1:4] == (b, j, "completed") and step.operator for step in record.steps
                    ):
                        assert effects[place], f"{b}/{j} did nothing: {record.trail()}"

    def teardown(self) -> None:
        if not hasattr(self, "simulation"):
            return
        try:
            self._bring_to_an_end()
        finally:
            try:
                self.simulation.close()
            finally:
                shutil.rmtree(self._directory)

    def _bring_to_an_end(self) -> None:
        """Every question is answered and time passes: then nothing may be left that has not ended."""
        for name in TYPES:
            if self.simulation.parts.stops.is_stopped(name):
                self.simulation.advance(GRACE + 1)
        for name in (*TYPES, "*"):
            self._set_stop(name, StopStatus.GO)
        for _ in range(60):
            open_ones = [r for r in self.simulation.recorded if is_active(r)]
            if not open_ones:
                break
            for record in open_ones:
                self._answer_all(record)
            self.simulation.advance(70)
            self.the_record_makes_sense()
        self._cancel_what_hangs()
        self.the_record_makes_sense()
        ends = {record.id: record.row_status for record in self.simulation.recorded}
        assert not [record.trail() for record in self.simulation.recorded if is_active(record)]
        assert all(ends[workflow_id] in ("cancelled", "stopped") for workflow_id in self.cancelled), ends

    def _answer_all(self, record: records.Record) -> None:
        async def act(parts: Parts) -> None:
            workflow = await parts.workflows.find(record.id)
            if workflow.status in (Status.PAUSED, Status.PAUSING):
                await parts.control.resume(record.id, Order("ann", "the end"))
            await self._answer(parts, workflow, len(record.steps) % 2, Order("ann", "the end"))

        self.simulation.order(act)

    def _cancel(self, workflow_id: str) -> None:
        self.simulation.order(lambda parts: parts.control.cancel(workflow_id, Order("ann", "it hangs")))

    def _cancel_what_hangs(self) -> None:
        for record in [r for r in self.simulation.recorded if is_active(r)]:
            # Only a job that never ends and has no timeout may be the reason.
            hanging = [
                (b, j)
                for b, jobs in enumerate(record.jobs)
                for j, job in enumerate(jobs)
                if job.status == "running" and not record.request.blocks[b].jobs[j].timeout
            ]
            queued = record.status == "queued"
            assert hanging or queued, f"it waits for nothing, for ever: {record.trail()}"
            self._cancel(record.id)
        self.simulation.advance(GRACE + 1)


def _replayed(live: Workflow, record: records.Record) -> Workflow:
    """What the next server would make of the record."""
    found = Workflow(live.id, live.request, live.operator, live.created_us, key=live.key)
    for step in record.steps:
        status = Status[step.status.upper()]
        words = (step.error, step.operator, step.reason)
        found.apply(Change(step.seq, step.block, step.job, status, step.time_us, *words))
    return found


def is_active(record: records.Record) -> bool:
    return Status[records.check(record).status.upper()] in WORKFLOW_ACTIVE


@pytest.mark.timeout(600 + 100 * LONGER)
def test_whatever_happens_every_promise_holds() -> None:
    # What the server logs is of no interest here, and to print its tracebacks takes longer than all else.
    with capture_logs():
        _run()


def _run() -> None:
    run_state_machine_as_test(
        ExecutorMachine,
        settings=settings(
            max_examples=max(EXAMPLES, LONGER),
            stateful_step_count=STEPS if not LONGER else 2 * STEPS,
            deadline=None,
            derandomize=not LONGER,
            database=None,
            print_blob=True,
            suppress_health_check=[*HealthCheck],
            # A small example is worth waiting for only where somebody waits for it.
            phases=[Phase.generate, Phase.shrink] if LONGER else [Phase.generate],
        ),
    )
