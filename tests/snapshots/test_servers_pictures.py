"""Pictures of the servers that one can go to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from wf_tui.gateway import Server, Unreachable
from wf_tui.testing import FakeGateway, FakeServers, frozen_app, press, sample_gateway, settle

SERVERS = (
    Server("", "127.0.0.1:8080"),
    Server("fra", "wf.fra.example:8080"),
    Server("ams-production-east", "wf.ams-production.example:8080", read_only=True),
    Server("lab", "unix:/run/user/1000/wf/lab/wf.sock"),
)


def _up() -> FakeGateway:
    return sample_gateway()


def _down() -> FakeGateway:
    gateway = sample_gateway()
    gateway.errors["*"] = Unreachable("wf.ams-production.example:8080 does not answer: connection refused")
    return gateway


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (60, 16)])
def test_the_servers(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    makers = {"127.0.0.1:8080": _up, "fra": _up, "ams-production-east": _down}
    servers = FakeServers(SERVERS, makers)
    app = frozen_app(sample_gateway(), server=SERVERS[1], servers=servers)

    async def play(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await press(pilot, "V", "end")

    assert snap_compare(app, terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", [(80, 24), (120, 30)])
def test_the_title_tells_the_profile(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    app = frozen_app(sample_gateway(), server=SERVERS[2])

    async def play(pilot: Pilot[Any]) -> None:
        await press(pilot, "S")

    assert snap_compare(app, terminal_size=size, run_before=play)
