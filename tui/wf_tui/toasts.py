"""Toasts about what happens while one looks elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import App

from wf_tui.state.endings import EndedNews
from wf_tui.state.models import Summary

_SECONDS = 10


def tell_endings(app: App[Any], ended: Sequence[Summary], *, bell: bool) -> None:
    """Shows which workflows have ended; what ended badly looks so."""
    news = EndedNews(ended)
    app.notify(
        "\n".join(news.lines),
        severity="warning" if news.bad else "information",
        timeout=_SECONDS,
        markup=False,
    )
    if bell:
        app.bell()
