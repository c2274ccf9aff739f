"""Pictures of when a workflow's blocks and jobs ran."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wf_tui.state.models import Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, sample_history, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

S = Status
Picture = Callable[..., bool]
SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["narrow", "wide"])


def ended() -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(11)
    blocks[4][2] = S.FAILED
    errors = {(4, 2): "no route to host"}
    summary = summary_of(1, S.FAILED, counts_of(blocks), started=ago(3599), ended=ago(3450))
    add_workflow(gateway, summary, blocks, errors=errors)
    gateway.histories[summary.id] = sample_history(blocks, errors)
    return gateway


def test_blocks(picture: Picture) -> None:
    assert picture(ended(), "enter", "T", size=(80, 24))


@SIZES
def test_jobs(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(ended(), "enter", "T", "end", "up", "up", "up", "up", "up", "up", "enter", size=size)


def test_zoomed(picture: Picture) -> None:
    assert picture(ended(), "enter", "T", "plus", "plus", "left", size=(100, 30))


def test_unreadable(picture: Picture) -> None:
    gateway = ended()
    gateway.histories.clear()
    assert picture(gateway, "enter", "T", size=(80, 24))
