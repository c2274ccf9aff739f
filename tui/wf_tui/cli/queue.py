"""Several sites one after another, for `wf erase-satellite`; the console can go on with what it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from wf_tui.cli.exits import Exit, exit_of_status
from wf_tui.cli.session import Session
from wf_tui.cli.watch_command import follow, utc_now
from wf_tui.drafts import shelf_of
from wf_tui.queueing import QueueRunner, new_key
from wf_tui.state.models import Status, Summary, WorkReq
from wf_tui.state.queue import OVER, Entry, Queue, Stage, Ways, advice, counts_words, entries_for
from wf_tui.state.text import clean
from wf_tui.wizards.erase import ERASE

_RESUME = "erase-satellite --resume"


class QueueWork:
    """Works a queue off and tells what happens, entry by entry."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: dict[int, tuple[Stage, str, str]] = {}
        self.runner = QueueRunner(
            session.gateway,
            utc_now,
            lambda error: session.terminal.note(str(error)),
            shelf=shelf_of(session.settings.queues, Queue),
            follow=self._follow,
            patience=session.settings.timeout_unreachable,
        )

    async def begin(self, plans: Sequence[tuple[str, WorkReq]], acknowledge: tuple[str, ...]) -> int:
        """Queues what was confirmed; returns the exit code. Raises GatewayError."""
        self.runner.told.append(self._tell)
        await self.runner.add(entries_for(plans, new_key(), acknowledge))
        return await self._work()

    async def resume(self, *, yes: bool, retry: bool, skip: bool) -> int:
        """Goes on with what was left behind on this server; returns the exit code. Raises GatewayError."""
        queue = await self.runner.left_behind()
        if queue is None:
            self._session.terminal.fail("no queue was left behind for this server (or another wf is at it)")
            return Exit.IMPOSSIBLE
        entry = queue.trouble
        if entry is not None and not (retry or skip):
            why = clean(entry.words or entry.status.label)
            raise click.UsageError(
                f"the queue stands still at {clean(entry.title)} ({why}): give --retry to try it again, or "
                "--skip to go on without it"
            )
        if entry is not None:
            queue = queue.left_out() if skip else queue.again(new_key())
        self._session.terminal.say(f"queue: {counts_words(queue)}")
        sites = [site for one in queue.entries if one.stage not in OVER for site in one.sites]
        question = f"{ERASE.title(sites)}: the queue goes on"
        if sites and not yes and not self._session.confirm(question, ERASE.phrase(sites)):
            return Exit.USAGE
        self.runner.told.append(self._tell)
        self.runner.adopt(queue)
        return await self._work()

    async def _work(self) -> int:
        session = self._session
        session.if_interrupted = (
            f"interrupted: what runs goes on; wf {session.how_to_reach}{_RESUME} goes on with the rest"
        )
        await self.runner.done()
        queue = self.runner.queue
        entry = queue.trouble
        if entry is None:
            session.terminal.say(f"queue: {counts_words(queue)}")
            return Exit.OK
        session.terminal.note(f"the queue stands still at {entry.title}: {counts_words(queue)}")
        session.terminal.note(_what_to_do(session, queue))
        if self.runner.refusal is not None:
            raise self.runner.refusal
        return exit_of_status(entry.status) if entry.status is not Status.UNSPECIFIED else Exit.INTERNAL

    async def _follow(self, workflow_id: str) -> Summary:
        return await follow(self._session, workflow_id)

    def _tell(self) -> None:
        for at, entry in enumerate(self.runner.queue.entries):
            now = (entry.stage, entry.workflow_id, entry.words)
            before = self._told.get(at)
            if now != before:
                self._told[at] = now
                self._tell_entry(entry, before)

    def _tell_entry(self, entry: Entry, before: tuple[Stage, str, str] | None) -> None:
        terminal = self._session.terminal
        if entry.workflow_id and (before is None or before[1] != entry.workflow_id):
            self._note(entry)
            if terminal.as_json:
                event = {"event": "submitted", "sites": entry.sites, "id": entry.workflow_id}
                terminal.json(event, one_line=True)
            terminal.say(f"{clean(entry.title)}: submitted as {clean(entry.workflow_id)}")
        elif entry.words and entry.stage in (Stage.WAITING, Stage.TOKEN, Stage.RUNNING):
            if terminal.as_json:
                terminal.json(
                    {"event": "waiting", "sites": entry.sites, "reason": entry.words}, one_line=True
                )
            terminal.say(f"{clean(entry.title)}: {clean(entry.words)}")

    def _note(self, entry: Entry) -> None:
        session = self._session
        trouble = session.submit_log.note(entry.workflow_id, entry.request.name, session.gateway.address)
        if trouble:
            session.terminal.note(trouble)

    async def __aenter__(self) -> QueueWork:
        return self

    async def __aexit__(self, *exception: object) -> None:
        # Also when it is interrupted: what was done is kept, and somebody else may go on.
        await asyncio.shield(self.runner.stop())


def _what_to_do(session: Session, queue: Queue) -> str:
    resume = f"wf {session.how_to_reach}{_RESUME}"
    entry = queue.trouble
    look = f"wf {session.how_to_reach}status {entry.workflow_id}" if entry is not None else ""
    return advice(queue, Ways(look, f"{resume} --retry", f"{resume} --skip", "wf go"))
