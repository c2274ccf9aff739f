"""Pictures of the list of workflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wf_tui.state.models import JobCounts, Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, sample_board, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

S = Status
Picture = Callable[..., bool]


def full() -> FakeGateway:
    """One workflow in every status."""
    gateway = sample_gateway()
    busy = erase_blocks(4)
    busy[4] = [S.COMPLETED, S.FAILED, S.RUNNING, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    add_workflow(gateway, summary_of(1, S.RUNNING, counts_of(busy), started=ago(400), current_block=4), busy)
    reasons = {
        S.FAILED: "block 0: no token was left in diskEraseSatellite",
        S.STOPPED: "emergency stop of SatelliteDiskErase by grace@ops-2: smoke in row 4",
    }
    statuses = [S.NOT_STARTED, S.COMPLETED, S.FAILED, S.STOPPED, S.NEEDS_OPERATOR]
    statuses += [S.AWAITING_APPROVAL, S.PAUSING, S.PAUSED, S.CANCELLED]
    for number, status in enumerate(statuses, 2):
        blocks = erase_blocks(11 if status is S.COMPLETED else 0 if status is S.NOT_STARTED else 3)
        fields: dict[str, Any] = {"reason": reasons.get(status, ""), "operator": f"op{number}@ops-1"}
        add_workflow(gateway, summary_of(number * number, status, counts_of(blocks), **fields), blocks)
    return gateway


def many() -> FakeGateway:
    """A thousand, so that most are off the screen."""
    gateway = sample_gateway()
    counts = JobCounts(total=50_000, completed=31_250, failed=12, running=100)
    made = [
        summary_of(n, (S.RUNNING, S.COMPLETED, S.FAILED)[n % 3], counts, desc=f"Run {n}") for n in range(1000)
    ]
    gateway.list_feed.first = (True, tuple(made))
    return gateway


def test_empty(picture: Picture) -> None:
    assert picture(sample_gateway(), size=(80, 24))


def test_loading(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.list_feed.first = None
    gateway.stop_feed.first = None
    assert picture(gateway, size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["narrow", "wide"])
def test_full(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(full(), "down", "down", "down", size=size)


def test_trouble_first(picture: Picture) -> None:
    assert picture(full(), "o")


def test_many(picture: Picture) -> None:
    assert picture(many(), "end", "up", size=(120, 30))


def test_filter(picture: Picture) -> None:
    assert picture(full(), "slash", "text:stopped")


def test_filter_without_a_match(picture: Picture) -> None:
    assert picture(full(), "slash", "text:zebra", "enter", size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = full()
    assert picture(gateway, gateway.disconnect, size=(80, 24))


def test_never_connected(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.disconnect()
    assert picture(gateway, size=(80, 24))


def test_everything_stopped(picture: Picture) -> None:
    gateway = full()
    gateway.stop_feed.first = sample_board(everything=True)
    assert picture(gateway)


def test_everything_stopped_and_disconnected(picture: Picture) -> None:
    gateway = full()
    gateway.stop_feed.first = sample_board(everything=True)
    assert picture(gateway, gateway.disconnect, size=(80, 24))


def test_light(picture: Picture) -> None:
    assert picture(full(), "down", theme="textual-light")


def test_ansi(picture: Picture) -> None:
    assert picture(full(), "down", theme="ansi-dark")


def test_help(picture: Picture) -> None:
    assert picture(full(), "question_mark")


def test_palette(picture: Picture) -> None:
    assert picture(full(), "colon", "text:stop")


def test_stop_dialog(picture: Picture) -> None:
    assert picture(full(), "s", "text:smoke in row 4", size=(80, 24))
