"""Pictures of a workflow whose jobs are filtered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wf_tui.state.models import JobProgress, Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

S = Status
Picture = Callable[..., bool]


def running() -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(4)
    blocks[4] = [S.COMPLETED, S.RUNNING, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    summary = summary_of(1, S.RUNNING, counts_of(blocks), started=ago(403), current_block=4)
    reports = [JobProgress(4, 1, 0.55, "pass 2 of 3")]
    add_workflow(gateway, summary, blocks, progress=reports, errors={(4, 2): "no route to host"})
    return gateway


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["narrow", "wide"])
def test_matching(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(running(), "enter", "slash", "text:ab0[5-7]|seconds", size=size)


def test_inverse(picture: Picture) -> None:
    assert picture(running(), "enter", "slash", "text:!diskErase|sleep|completed", "enter", size=(80, 24))


def test_nothing_matches(picture: Picture) -> None:
    assert picture(running(), "enter", "slash", "text:zz99", size=(80, 24))


def test_bad_pattern(picture: Picture) -> None:
    assert picture(running(), "enter", "slash", "text:ab0[", size=(80, 24))
