"""Pictures of a workflow as of earlier moments."""

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
    counts = counts_of(blocks)
    reason = "1 job failed"
    summary = summary_of(1, S.FAILED, counts, started=ago(3599), ended=ago(3450), reason=reason)
    add_workflow(gateway, summary, blocks, errors=errors)
    gateway.histories[summary.id] = sample_history(blocks, errors)
    return gateway


def test_newest(picture: Picture) -> None:
    assert picture(ended(), "enter", "H", size=(80, 24))


@SIZES
def test_in_the_middle(picture: Picture, size: tuple[int, int]) -> None:
    keys = ["pageup", "pageup", "pageup", "shift+left", "shift+left", "left", "left"]
    assert picture(ended(), "enter", "H", *keys, "f", "n", size=size)


def test_as_submitted(picture: Picture) -> None:
    assert picture(ended(), "enter", "H", "home", size=(80, 24))


def test_unreadable(picture: Picture) -> None:
    gateway = ended()
    gateway.histories.clear()
    assert picture(gateway, "enter", "H", size=(80, 24))
