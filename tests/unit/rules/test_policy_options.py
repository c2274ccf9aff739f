"""The options of a WorkReq, its blocks and its jobs: what is wrong is told at its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wf_server.engine.retries import may_retry, pause_before
from wf_server.engine.waves import wave_bounds
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Job, JobId, Retry, WorkReq
from wf_server.policy import validate_structure
from wf_server.units import parse_amount

NAP = Job("sleep", "", {"seconds": "1"})
BLOCK = Block("", 1, (NAP,) * 10)
REQUEST = WorkReq("T", "", (BLOCK,))
RETRY = Retry(3, "1s", 1.5, "1m", 0.5, ("busy",))


def places(request: WorkReq, registry: JobRegistry) -> list[tuple[int | None, int | None, str]]:
    return [(v.block, v.job, v.arg) for v in validate_structure(request, registry, 1_000)]


def with_job(job: Job) -> WorkReq:
    return replace(REQUEST, blocks=(replace(BLOCK, jobs=(NAP, job)),))


def with_block(**options: object) -> WorkReq:
    return replace(REQUEST, blocks=(BLOCK, replace(BLOCK, **options)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, max_failures="1", no_overshoot=True),
        replace(REQUEST, max_failures="0.5%"),
        with_block(max_failures="100%", hold=True, point_of_no_return=True),
        with_block(ramp=("1", "5", "20%"), soak="90s"),
        with_job(replace(NAP, timeout="250ms", retry=RETRY)),
        with_job(replace(NAP, retry=Retry(1))),
    ],
)
def test_what_makes_sense_passes(request_: WorkReq, registry: JobRegistry) -> None:
    assert places(request_, registry) == []


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        (replace(REQUEST, max_failures="0"), (None, None, "maxFailures")),
        (replace(REQUEST, max_failures="0%"), (None, None, "maxFailures")),
        (replace(REQUEST, max_failures="101%"), (None, None, "maxFailures")),
        (replace(REQUEST, max_failures="many"), (None, None, "maxFailures")),
        (replace(REQUEST, no_overshoot=True), (None, None, "noOvershoot")),
        (with_block(max_failures="-1"), (1, None, "maxFailures")),
        (with_block(no_overshoot=True), (1, None, "noOvershoot")),
        (with_block(ramp=("1", "x")), (1, None, "ramp")),
        (with_block(ramp=("1",) * 101), (1, None, "ramp")),
        (with_block(ramp=("1",), soak="long"), (1, None, "soak")),
        (with_block(soak="5m"), (1, None, "soak")),
        (with_job(replace(NAP, timeout="0s")), (0, 1, "timeout")),
        (with_job(replace(NAP, timeout="999999d")), (0, 1, "timeout")),
        (with_job(replace(NAP, retry=Retry(0))), (0, 1, "retry.attempts")),
        (with_job(replace(NAP, retry=Retry(101))), (0, 1, "retry.attempts")),
        (with_job(replace(NAP, retry=Retry(2, "soon"))), (0, 1, "retry.delay")),
        (with_job(replace(NAP, retry=Retry(2, "1s", 0.5))), (0, 1, "retry.backoff")),
        (with_job(replace(NAP, retry=Retry(2, "1s", float("inf")))), (0, 1, "retry.backoff")),
        (with_job(replace(NAP, retry=Retry(2, "1s", 2, "never"))), (0, 1, "retry.maxDelay")),
        (with_job(replace(NAP, retry=Retry(2, jitter=1.5))), (0, 1, "retry.jitter")),
        (with_job(replace(NAP, retry=Retry(2, jitter=float("nan")))), (0, 1, "retry.jitter")),
        (with_job(replace(NAP, retry=Retry(2, errors=("",)))), (0, 1, "retry.errors")),
    ],
)
def test_what_makes_none_is_told_at_its_place(
    request_: WorkReq, place: tuple[int | None, int | None, str], registry: JobRegistry
) -> None:
    assert places(request_, registry) == [place]


@pytest.mark.parametrize(
    ("written", "whole", "amount"),
    [
        ("3", 2, 3),
        ("20%", 10, 2),
        ("21%", 10, 3),
        ("7%", 100, 7),
        ("0.1%", 10, 1),
        ("100%", 7, 7),
        ("50%", 0, 1),
    ],
)
def test_a_share_is_rounded_up(written: str, whole: int, amount: int) -> None:
    assert parse_amount(written, whole) == amount


@pytest.mark.parametrize(
    ("ramp", "bounds"),
    [
        ((), (10,)),
        (("1", "5", "20%"), (1, 6, 8, 10)),
        (("1", "9"), (1, 10)),
        (("50%", "50%"), (5, 10)),
    ],
)
def test_waves_come_one_after_the_other(ramp: tuple[str, ...], bounds: tuple[int, ...]) -> None:
    assert wave_bounds(replace(BLOCK, ramp=ramp)) == bounds


def test_pauses_grow_up_to_the_longest_and_jitter_is_the_same_every_time() -> None:
    job = JobId("w", 0, 0)
    plain = Retry(9, "1s", 2, "5s")
    assert [pause_before(plain, n, job) for n in range(1, 6)] == [1, 2, 4, 5, 5]
    shaken = replace(plain, jitter=0.5)
    drawn = [pause_before(shaken, 1, JobId("w", 0, n)) for n in range(50)]
    assert drawn == [pause_before(shaken, 1, JobId("w", 0, n)) for n in range(50)]
    assert all(1 <= pause <= 1.5 for pause in drawn)
    assert max(drawn) - min(drawn) > 0.3
    # A pause that no float can hold is the longest.
    assert pause_before(Retry(100, "1h", 100, "1h"), 99, job) == 3600


def test_what_may_be_tried_again() -> None:
    assert not may_retry(None, 1, "x")
    assert may_retry(Retry(2), 1, "anything")
    assert not may_retry(Retry(2), 2, "anything")
    assert may_retry(Retry(2, errors=("TIMED out",)), 1, "timed out after 30s")
    assert not may_retry(Retry(2, errors=("busy",)), 1, "gone")
