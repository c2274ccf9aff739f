"""Asks the server how it does, and takes the time of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from wf_tui.gateway import Gateway
from wf_tui.state.health import Health


def health_probe(
    gateway: Gateway, now: Callable[[], datetime], stopwatch: Callable[[], float]
) -> Callable[[], Awaitable[Health]]:
    """Returns a call that may raise GatewayError; `stopwatch` counts seconds and is never set back."""

    async def ask() -> Health:
        begun = stopwatch()
        info = await gateway.server_info()
        return Health(info, stopwatch() - begun, now())

    return ask
