"""Pictures of one workflow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wf_tui.gateway import NotFound
from wf_tui.state.models import JobProgress, Status, Summary
from wf_tui.state.samples import ago, counts_of, erase_blocks, snapshot_of, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

S = Status
Picture = Callable[..., bool]

NO_ANSWER = (
    "machine ab07.aap does not answer: no route to host after 3 attempts, the last 4 s ago. "
    "Look at its controller, then erase it alone"
)


def running() -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(4)
    blocks[4] = [S.COMPLETED, S.RUNNING, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    reports = [JobProgress(4, 1, 0.55, "pass 2 of 3"), JobProgress(4, 3, 0.3, "pass 1 of 3")]
    summary = summary_of(1, S.RUNNING, counts_of(blocks), started=ago(403), current_block=4)
    add_workflow(gateway, summary, blocks, progress=reports, errors={(4, 2): NO_ANSWER})
    return gateway


def ended(
    status: Status, reason: str, done: int, left: Status, errors: dict[tuple[int, int], str]
) -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(done)
    if done < len(blocks):
        blocks[done] = [S.COMPLETED, left, left, S.UNKNOWN if left is S.INTERRUPTED else left, S.COMPLETED]
    summary = summary_of(1, status, counts_of(blocks), started=ago(900), ended=ago(60), reason=reason)
    add_workflow(gateway, summary, blocks, errors=errors)
    return gateway


def stopped() -> FakeGateway:
    reason = "emergency stop of SatelliteDiskErase by grace@ops-2: smoke in row 4"
    errors = {(5, 1): "interrupted by an emergency stop", (5, 2): "interrupted by an emergency stop"}
    errors[5, 3] = "did not end within 10 s of the emergency stop"
    return ended(S.STOPPED, reason, 5, S.INTERRUPTED, errors)


def waiting() -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(0)
    add_workflow(gateway, summary_of(1, S.NOT_STARTED, counts_of(blocks)), blocks)
    return gateway


def large() -> tuple[FakeGateway, Summary]:
    """One block of ten thousand jobs, all in the hands of the page cache."""
    gateway = sample_gateway()
    blocks = [[S.COMPLETED] * 6_000 + [S.UNKNOWN] * 3 + [S.RUNNING] * 100 + [S.NOT_STARTED] * 3_897]
    summary = summary_of(
        1, S.RUNNING, counts_of(blocks), started=ago(400), blocks=1, desc="Ten thousand jobs"
    )
    return gateway, add_workflow(gateway, summary, blocks)


SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["narrow", "wide"])


@SIZES
def test_running(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(running(), "enter", size=size)


def test_loading(picture: Picture) -> None:
    gateway = running()
    gateway.feed(gateway.summaries[0].id).first = None
    assert picture(gateway, "enter", size=(80, 24))


@SIZES
def test_trouble(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(running(), "enter", "n", size=size)


def test_running_job(picture: Picture) -> None:
    assert picture(running(), "enter", "n", "down", "down", size=(120, 30))


def test_without_detail(picture: Picture) -> None:
    assert picture(running(), "enter", "v", size=(80, 24))


def test_completed(picture: Picture) -> None:
    assert picture(ended(S.COMPLETED, "", 11, S.COMPLETED, {}), "enter", size=(80, 24))


@SIZES
def test_failed(picture: Picture, size: tuple[int, int]) -> None:
    errors = {(5, job): NO_ANSWER for job in (1, 2, 3)}
    gateway = ended(S.FAILED, "3 jobs of block 5 failed", 5, S.FAILED, errors)
    assert picture(gateway, "enter", "n", size=size)


@SIZES
def test_stopped(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(stopped(), "enter", "n", size=size)


def test_not_started(picture: Picture) -> None:
    assert picture(waiting(), "enter", size=(80, 24))


def test_execute_dialog(picture: Picture) -> None:
    assert picture(waiting(), "enter", "x", size=(80, 24))


def test_unknown(picture: Picture) -> None:
    gateway = waiting()
    gateway.feed(gateway.summaries[0].id).refusal = NotFound("there is no workflow 0198b2c4-5f00")
    assert picture(gateway, "enter", size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = running()
    assert picture(gateway, "enter", gateway.disconnect, size=(80, 24))


def test_ten_thousand_jobs(picture: Picture) -> None:
    gateway, _ = large()
    assert picture(gateway, "enter", "n", "n", size=(120, 30))


def test_moving_on(picture: Picture) -> None:
    gateway = running()
    summary = gateway.summaries[0]
    blocks = erase_blocks(6)
    blocks[6] = [S.RUNNING] * 5 + [S.NOT_STARTED]

    def later() -> None:
        gateway.feed(summary.id).send(snapshot_of(summary, blocks))

    assert picture(gateway, "enter", later, size=(80, 24))


def test_help(picture: Picture) -> None:
    assert picture(running(), "enter", "question_mark", size=(80, 40))


def test_light(picture: Picture) -> None:
    assert picture(running(), "enter", "n", size=(120, 30), theme="textual-light")
