"""A server that hangs is noticed soon; a console that was held up itself blames nobody."""

from __future__ import annotations

import asyncio

import pytest

from wf_tui.gateway import Unreachable
from wf_tui.probe import health_probe
from wf_tui.state.models import ServerInfo
from wf_tui.state.samples import NOW
from wf_tui.testing import FakeGateway


class Hanging(FakeGateway):
    """Does not answer the first `silent` questions."""

    silent = 1

    async def server_info(self) -> ServerInfo:
        self.calls.append(None)  # type: ignore[arg-type]
        if len(self.calls) <= self.silent:
            await asyncio.Event().wait()
        return ServerInfo("test", NOW, NOW, ())


async def test_silence_is_unreachable() -> None:
    gateway = Hanging()
    with pytest.raises(Unreachable, match="has not answered for 0 s"):
        await health_probe(gateway, lambda: NOW, lambda: 0.0, patience=0)()


async def test_who_was_late_asks_again() -> None:
    ticks = iter((0.0, 60.0, 60.0, 60.2))
    health = await health_probe(Hanging(), lambda: NOW, lambda: next(ticks), patience=0.01)()
    assert health.round_trip == pytest.approx(0.2)
