"""What the screens about a workflow's past share: its history, read page by page."""

from __future__ import annotations

from collections.abc import Callable

from wf_tui.gateway import Gateway
from wf_tui.state.history import History

#: As many changes as the server gives at once.
PAGE = 10_000


async def load_history(
    gateway: Gateway, history: History, told: Callable[[], None], *, page: int = PAGE
) -> None:
    """Asks for what is missing, page by page, and tells after each. Raises GatewayError."""
    while True:
        before = len(history)
        history.take(await gateway.history(history.summary.id, before, page))
        told()
        if history.complete or len(history) == before:
            return
