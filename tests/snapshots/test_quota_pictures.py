"""Pictures of the quotas, and of a workflow that waits for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.snapshots.conftest import Picture

from wf_tui.gateway import Overloaded
from wf_tui.state.models import Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, sample_quotas, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["narrow", "wide"])


def quotas() -> FakeGateway:
    gateway = sample_gateway()
    gateway.known_quotas = sample_quotas()
    return gateway


@SIZES
def test_quotas(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(quotas(), "U", size=size)


def test_quota_described(picture: Picture) -> None:
    assert picture(quotas(), "U", "d", size=(80, 24))


def test_quotas_none(picture: Picture) -> None:
    assert picture(sample_gateway(), "U", size=(80, 24))


def test_quotas_many(picture: Picture) -> None:
    gateway = sample_gateway()
    full = sample_quotas()[0]
    gateway.known_quotas = tuple(
        replace(full, value=f"s{n:02}", taken=n % 7 + 1, waiting=max(0, n % 7 - 3)) for n in range(90)
    )
    assert picture(gateway, "U", "pagedown", "end")


def test_quotas_error(picture: Picture) -> None:
    gateway = quotas()
    gateway.errors["quotas"] = Overloaded("the server is busy: try again in a moment")
    assert picture(gateway, "U", size=(80, 24))


def test_quotas_disconnected(picture: Picture) -> None:
    gateway = quotas()
    assert picture(gateway, "U", gateway.disconnect, "ctrl+r", size=(80, 24))


@SIZES
def test_a_workflow_that_waits_for_tokens(picture: Picture, size: tuple[int, int]) -> None:
    gateway = quotas()
    blocks = erase_blocks(2)
    told = 'waiting: quota site="aap" 5 of 5 until 2026-03-01 03:20:00 UTC'
    summary = summary_of(1, Status.RUNNING, counts_of(blocks), started=ago(900))
    summary = replace(summary, activity=told, until=sample_quotas()[0].next_token)
    add_workflow(gateway, summary, blocks)
    assert picture(gateway, "enter", size=size)
