"""Asks the server how it does, and takes the time of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from wf_tui.gateway import Gateway, Unreachable
from wf_tui.state.health import Health
from wf_tui.state.models import ServerInfo

#: Seconds without an answer after which a server hangs; a call of the operator's may take longer.
PATIENCE = 3.0
#: Seconds over its time by which a deadline is noticed only where this process was held up itself.
_HELD_UP = 0.5


def health_probe(
    gateway: Gateway,
    now: Callable[[], datetime],
    stopwatch: Callable[[], float],
    *,
    patience: float = PATIENCE,
) -> Callable[[], Awaitable[Health]]:
    """Returns a call that may raise GatewayError; `stopwatch` counts seconds and is never set back.

    A server that does not answer within `patience` seconds counts as unreachable.
    """

    async def ask() -> Health:
        while True:
            begun = stopwatch()
            info = await _answer(gateway, patience)
            took = stopwatch() - begun
            if info is not None:
                return Health(info, took, now())
            if took < patience + _HELD_UP:
                raise Unreachable(f"{gateway.address} has not answered for {patience:g} s")
            # The answer may be here by now: who was late says nothing about the server.

    return ask


async def _answer(gateway: Gateway, patience: float) -> ServerInfo | None:
    try:
        async with asyncio.timeout(patience):
            return await gateway.server_info()
    except TimeoutError:
        return None
