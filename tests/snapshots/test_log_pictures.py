"""Pictures of logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wf_tui.gateway import NotFound
from wf_tui.state.models import Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

S = Status
Picture = Callable[..., bool]
TO_RUNNING = ("enter", "down", "down", "down", "down", "l")
TO_FAILED = ("enter", "n", "l")


def erasure(**fields: object) -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING, S.COMPLETED, S.FAILED, S.RUNNING, S.RUNNING, S.NOT_STARTED]
    summary = summary_of(0, S.RUNNING, counts_of(blocks), started=ago(60), seq=10)
    add_workflow(gateway, summary, blocks, errors={(1, 2): "aa02.aap does not answer"})
    jobs = gateway.jobs[summary.id][1]
    jobs[0] = replace(jobs[0], **fields)  # type: ignore[arg-type]
    return gateway


def busy() -> FakeGateway:
    lines = tuple(f"{n:>3} of 400 sectors groups overwritten, pass 2 of 3" for n in range(60))
    evil = "\x1b[2J\u202e[red]boo[/red] 🚀 " + "x" * 500
    return erasure(log=(*lines, evil, "verified"), fraction=0.42, progress_message="pass 2 of 3")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (160, 48)], ids=["least", "narrow", "wide"])
def test_running(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(busy(), *TO_RUNNING, size=size)


def test_reading_back(picture: Picture) -> None:
    assert picture(busy(), *TO_RUNNING, "pageup", "up", size=(80, 24))


def test_failed(picture: Picture) -> None:
    assert picture(erasure(), *TO_FAILED, size=(80, 24))


def test_whole_block(picture: Picture) -> None:
    assert picture(erasure(), "enter", "l", size=(100, 30))


@pytest.mark.parametrize("text", ["text:verif|59", "text:zebra", "text:("], ids=["match", "none", "bad"])
def test_filter(picture: Picture, text: str) -> None:
    assert picture(busy(), *TO_RUNNING, "slash", text, size=(80, 24))


def test_empty(picture: Picture) -> None:
    assert picture(erasure(log=()), *TO_RUNNING, size=(80, 24))


def test_refused(picture: Picture) -> None:
    gateway = erasure()

    def forget() -> None:
        gateway.errors["list_jobs"] = NotFound("there is no workflow 0198b2c4-5f00")

    assert picture(gateway, "enter", "n", forget, "l", size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = busy()
    assert picture(gateway, *TO_RUNNING, gateway.disconnect, "ctrl+r", size=(80, 24))


@pytest.mark.parametrize("theme", ["wf-day", "wf-contrast"])
def test_themes(picture: Picture, theme: str) -> None:
    assert picture(busy(), *TO_RUNNING, size=(80, 24), theme=theme)
