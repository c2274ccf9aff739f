"""Pictures of two runs side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wf_tui.gateway import NotFound
from wf_tui.state.models import Snapshot, Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

S = Status
Picture = Callable[..., bool]
COMPARE = ("space", "space", "equals_sign")


def two_runs(*, alike: bool = False) -> FakeGateway:
    gateway = sample_gateway()
    good, bad = erase_blocks(11), erase_blocks(11 if alike else 3)
    if not alike:
        bad[3] = [S.COMPLETED, S.FAILED, S.FAILED, S.COMPLETED, S.COMPLETED, S.COMPLETED]
    status = S.COMPLETED if alike else S.FAILED
    newer = summary_of(0, status, counts_of(bad), started=ago(400), ended=ago(40))
    older = summary_of(1, S.COMPLETED, counts_of(good), started=ago(4000), ended=ago(3000))
    errors = {} if alike else {(3, 1): "no route to host after 3 attempts", (3, 2): "\x1b[2J[red]evil[/red]"}
    add_workflow(gateway, newer, bad, errors=errors)
    add_workflow(gateway, older, good)
    if not alike:
        jobs = gateway.jobs[newer.id]
        jobs[2][0] = replace(jobs[2][0], ended=ago(-90))
        jobs[5][2] = replace(jobs[5][2], args={"machine": "zz99", "site": "aap"})
        del gateway.jobs[older.id][4][5]
        older_shot = gateway.feed(older.id).first
        assert isinstance(older_shot, Snapshot)
        blocks = list(older_shot.blocks)
        blocks[4] = replace(blocks[4], job_statuses=blocks[4].job_statuses[:-1])
        gateway.feed(older.id, replace(older_shot, blocks=tuple(blocks)))
    return gateway


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (160, 48)], ids=["least", "narrow", "wide"])
def test_differences(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(two_runs(), *COMPARE, "n", "n", size=size)


def test_everything(picture: Picture) -> None:
    assert picture(two_runs(), *COMPARE, "o", size=(120, 40))


def test_the_same(picture: Picture) -> None:
    assert picture(two_runs(alike=True), *COMPARE, size=(80, 24))


def test_marked(picture: Picture) -> None:
    assert picture(two_runs(), "space", size=(80, 24))


def test_pick(picture: Picture) -> None:
    assert picture(two_runs(), "enter", "equals_sign", size=(80, 24))


def test_described(picture: Picture) -> None:
    assert picture(two_runs(), *COMPARE, "n", "n", "d", size=(100, 30))


def test_refused(picture: Picture) -> None:
    gateway = two_runs()
    gateway.errors["list_jobs"] = NotFound("there is no workflow 0198b2c4-5f00")
    assert picture(gateway, *COMPARE, size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = two_runs()
    assert picture(gateway, *COMPARE, gateway.disconnect, size=(80, 24))


@pytest.mark.parametrize("theme", ["wf-day", "wf-contrast"])
def test_themes(picture: Picture, theme: str) -> None:
    assert picture(two_runs(), *COMPARE, size=(80, 24), theme=theme)
