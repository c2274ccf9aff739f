"""Pictures of what the keys show that all lists share, and of the history's newer ways."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wf_tui.diskerase import erase_request
from wf_tui.state.job_samples import sample_job_types
from wf_tui.state.models import Rejection, RejectionSummary, Status, Violation
from wf_tui.state.samples import ago, counts_of, erase_blocks, sample_history, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

S = Status
Picture = Callable[..., bool]


def busy() -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(4)
    blocks[4] = [S.COMPLETED, S.RUNNING, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    errors = {(4, 2): "\x1b[2J[red]no route[/red] to host"}
    running = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(403), seq=10)
    add_workflow(gateway, running, blocks, errors=errors)
    gateway.histories[running.id] = sample_history(blocks[:4], {})
    waiting = erase_blocks(0)
    for number in (1, 2):
        add_workflow(gateway, summary_of(number, S.NOT_STARTED, counts_of(waiting)), waiting)
    request = erase_request("aap", ["aa00"])
    summary = RejectionSummary("r1", "Maintenance", "a nap", "ada", ago(9), 1, 1, 1, "too short")
    gateway.refused = (Rejection(summary, request, (Violation("p", "too short", 0, 0, "seconds"),)),)
    gateway.known_job_types = sample_job_types()
    return gateway


@pytest.mark.parametrize("key", ["w", "S", "B", "R"])
def test_describe(picture: Picture, key: str) -> None:
    assert picture(busy(), key, "d", size=(80, 24))


@pytest.mark.parametrize("key", ["S", "I", "K", "R"])
def test_raw(picture: Picture, key: str) -> None:
    assert picture(busy(), key, "y", size=(80, 24))


@pytest.mark.parametrize("size", [(60, 16), (160, 48)], ids=["least", "wide"])
def test_only_trouble(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(busy(), "enter", "t", size=size)


def test_execute_several(picture: Picture) -> None:
    assert picture(busy(), "space", "space", "space", "x", size=(80, 24))


def test_history_filtered(picture: Picture) -> None:
    keys = ("enter", "H", "home", "slash", "text:block.2", "enter", "right", "right")
    assert picture(busy(), *keys, size=(80, 24))


def test_history_least(picture: Picture) -> None:
    assert picture(busy(), "enter", "H", "home", "right_square_bracket", size=(60, 16))


def test_filters_light(picture: Picture) -> None:
    assert picture(busy(), "slash", "text:status:not", size=(80, 24), theme="wf-day")


@pytest.mark.parametrize("key", ["S", "B"])
def test_nothing_matches(picture: Picture, key: str) -> None:
    assert picture(busy(), key, "slash", "text:zebra", size=(80, 24))
