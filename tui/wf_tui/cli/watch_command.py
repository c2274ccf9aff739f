"""Watching a workflow with the display that fits the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from wf_tui.cli.exits import exit_of_status
from wf_tui.cli.progress import LiveReporter
from wf_tui.cli.reporters import JsonReporter, PlainReporter
from wf_tui.cli.session import Session
from wf_tui.cli.summary import show_blocks
from wf_tui.cli.watching import Reporter, Watch
from wf_tui.state.models import Summary

_TICK_SECONDS = 0.25


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


async def watch_to_the_end(session: Session, workflow_id: str) -> int:
    """Watches a workflow, shows its end, and returns the exit code for that. Raises GatewayError."""
    session.if_interrupted = _if_interrupted(session, workflow_id)
    return exit_of_status((await follow(session, workflow_id)).status)


def _if_interrupted(session: Session, workflow_id: str) -> str:
    if not session.settings.demo:
        return f"the workflow goes on; watch it again with: wf {session.how_to_reach}watch {workflow_id}"
    if session.settings.demo_is_kept:
        return f"the demo's server has ended; it resumes the workflow with: wf --demo watch {workflow_id}"
    return "the demo's server has ended, and its files are gone with it"


async def follow(session: Session, workflow_id: str) -> Summary:
    """Watches a workflow, shows its end, and returns how it ended. Raises GatewayError."""
    async with _reporter(session) as reporter:
        patience = session.settings.timeout_unreachable
        watch = Watch(session.gateway, workflow_id, reporter, patience=patience)
        summary = await watch.until_it_ends()
    if watch.watched is not None and not session.terminal.as_json:
        show_blocks(session.terminal, watch.watched, utc_now())
    return summary


@asynccontextmanager
async def _reporter(session: Session) -> AsyncIterator[Reporter]:
    if session.terminal.as_json:
        yield JsonReporter(session.terminal)
        return
    if not session.terminal.is_live:
        yield PlainReporter(session.terminal, utc_now)
        return
    async with AsyncExitStack() as stack:
        live = stack.enter_context(LiveReporter(session.terminal, utc_now))
        ticker = asyncio.create_task(_tick(live), name="move the display's clocks on")
        stack.push_async_callback(_end, ticker)
        yield live


async def _tick(live: LiveReporter) -> None:
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        live.tick()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
