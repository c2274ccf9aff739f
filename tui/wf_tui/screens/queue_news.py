"""What of the queue concerns every screen: one that was left behind, and one that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.app import App

from wf_tui.dialogs.resume import ResumeQueueDialog
from wf_tui.screens.base import Context
from wf_tui.screens.queue import QueueScreen
from wf_tui.state.format import count
from wf_tui.state.queue import Entry, Queue, counts_words
from wf_tui.state.text import clean


class QueueNews:
    """Tells them for as long as the console is on one server."""

    def __init__(self, app: App[Any], context: Context) -> None:
        self._app = app
        self._context = context
        self._told: Entry | None = None

    def start(self) -> None:
        """Asks about what was left behind, and listens."""
        self._context.queue.told.append(self._changed)
        if not self._context.read_only:
            self._app.run_worker(self._offer(), name="queue left behind", group="queue", exit_on_error=False)

    def _changed(self) -> None:
        trouble = self._context.queue.queue.trouble
        if trouble is not None and trouble != self._told and not isinstance(self._app.screen, QueueScreen):
            why = trouble.words or trouble.status.label
            words = f"The queue stands still at {trouble.title}: {why}. Q shows it."
            self._app.notify(clean(words), severity="error", timeout=15, markup=False)
        self._told = trouble

    async def _offer(self) -> None:
        runner = self._context.queue
        queue = await runner.left_behind()
        if queue is None:
            return

        async def answered(yes: bool | None) -> None:
            if yes:
                runner.adopt(queue)
                self._app.push_screen(QueueScreen(self._context))
            else:
                await runner.let_go()
                self._app.notify("The queue is kept: the next start offers it again.", markup=False)

        self._app.push_screen(ResumeQueueDialog(_facts(queue)), answered)


def _facts(queue: Queue) -> list[tuple[str, str]]:
    titles = ", ".join(entry.title for entry in queue.entries)
    at = queue.current
    entry = queue.entries[at] if at is not None else None
    return [
        ("Holds", f"{count(len(queue.entries), 'WorkReq')}: {titles}"),
        ("Stands", counts_words(queue)),
        ("Next", f"{entry.title} {entry.workflow_id}".rstrip() if entry is not None else "nothing"),
        ("Server", queue.address),
    ]


def waiting_facts(queue: Queue) -> Iterator[tuple[str, str]]:
    """Yields what is to be known before a queue is left alone; nothing where nobody will miss it."""
    if queue.due is not None:
        yield "Queue", counts_words(queue)
        yield "", "what waits is begun when a console goes on with it"
