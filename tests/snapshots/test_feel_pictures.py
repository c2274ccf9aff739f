"""Pictures of the console's manners: themes, read-only, toasts, no room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from wf_tui.settings import Settings
from wf_tui.state.models import Identity, JobProgress, Status, Summary
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle

S = Status


def running() -> tuple[FakeGateway, Summary]:
    gateway = sample_gateway()
    blocks = erase_blocks(4)
    blocks[4] = [S.COMPLETED, S.RUNNING, S.FAILED, S.INTERRUPTED, S.RUNNING, S.NOT_STARTED]
    summary = summary_of(1, S.RUNNING, counts_of(blocks), started=ago(403), current_block=4)
    reports = [JobProgress(4, 1, 0.55, "pass 2 of 3")]
    errors = {(4, 2): "no route to host", (4, 3): "interrupted by an emergency stop"}
    return gateway, add_workflow(gateway, summary, blocks, progress=reports, errors=errors)


def play(*keys: str, then: Callable[[], None] | None = None) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def scenario(pilot: Pilot[Any]) -> None:
        await press(pilot, *keys)
        if then is not None:
            then()
        await settle(pilot)

    return scenario


@pytest.mark.parametrize("theme", ["wf-day", "wf-contrast", "wf-safe"])
def test_theme(snap_compare: Callable[..., bool], theme: str) -> None:
    app = frozen_app(running()[0], settings=Settings(theme=theme))
    assert snap_compare(app, terminal_size=(100, 26), run_before=play("enter", "n"))


def test_no_color(snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(frozen_app(running()[0]), terminal_size=(100, 26), run_before=play("enter", "n"))


def test_read_only(snap_compare: Callable[..., bool]) -> None:
    app = frozen_app(running()[0], settings=Settings(read_only=True))
    assert snap_compare(app, terminal_size=(80, 24), run_before=play("enter", "n"))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_viewer(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    gateway = running()[0]
    gateway.identity = Identity("ann", "certificate", "10.0.0.9:1", ("viewer",))
    assert snap_compare(frozen_app(gateway), terminal_size=size, run_before=play("enter", "n"))


def test_an_end_elsewhere(snap_compare: Callable[..., bool]) -> None:
    gateway, summary = running()
    ended = replace(summary, status=S.FAILED, reason="1 job of block 4 failed")
    scenario = play("S", then=lambda: gateway.list_feed.send((False, (ended,))))
    assert snap_compare(frozen_app(gateway), terminal_size=(80, 24), run_before=scenario)


def test_too_small(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(frozen_app(running()[0]), terminal_size=(50, 14), run_before=play("enter"))
