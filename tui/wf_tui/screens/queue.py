"""The queue: WorkReqs that were confirmed together and are worked off one after another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.queueing import QueueRunner
from wf_tui.screens.base import OpenWorkflow, WfScreen
from wf_tui.state.format import count
from wf_tui.state.queue import OVER, Entry, Queue, Stage, advice, counts_words
from wf_tui.state.text import clean
from wf_tui.widgets.queue_table import QueueTable
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED

#: Actions that make sense only where the queue stands still.
_IN_TROUBLE = frozenset({"again", "leave_out"})


class QueueScreen(WfScreen):
    """Shows what the runner does; leaving it leaves the runner at work."""

    AUTO_FOCUS = "#queue"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "Try again", id="queue.again", tooltip="Try the entry in trouble again"),
        Binding(
            "n", "leave_out", "Leave out", id="queue.leave_out", tooltip="Go on without the entry in trouble"
        ),
        Binding("p", "hold", "Hold / go on", id="queue.hold", tooltip="Begin nothing more; again: go on"),
        Binding("x", "give_up", "Give up", id="queue.give_up", tooltip="Leave out all that has not begun"),
    ]

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", "Queue"

    def body(self) -> ComposeResult:
        """Counts, entries, all about the one under the cursor."""
        yield Static(id="counts")
        yield QueueTable(self.context.now)
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Shows the queue from now on."""
        super().on_mount()
        self._table.placeholder = [
            [Piece("Nothing is queued", "strong")],
            [],
            [Piece("Mark several sites with "), Piece("space", "strong"), Piece(" in a wizard: they are")],
            [Piece("worked off one after another, and shown here.")],
        ]
        self._runner.told.append(self._show)
        self.set_interval(1.0, self._tick, name="elapsed times")
        self._show()

    async def on_unmount(self) -> None:
        """Looks away."""
        self._runner.told.remove(self._show)

    @property
    def _runner(self) -> QueueRunner:
        return self.context.queue

    @property
    def _table(self) -> QueueTable:
        return self.query_one(QueueTable)

    def _show(self) -> None:
        if not self.query("#peek"):
            return
        queue = self._runner.queue
        self._table.show_queue(queue, self._runner.summary)
        self.query_one("#counts", Static).update(_counts(queue))
        self._peek()
        self.refresh_bindings()

    def _tick(self) -> None:
        self._table.lines_changed()

    @on(RowsView.Moved)
    def _peek(self) -> None:
        entry = self._table.current
        words = _about(self._runner.queue, entry) if entry is not None else Content("")
        self.query_one("#peek", Static).update(words)

    @on(RowsView.Opened)
    def _opened(self) -> None:
        entry = self._table.current
        if entry is None:
            return
        if entry.workflow_id:
            self.post_message(OpenWorkflow(entry.workflow_id))
        else:
            self.say(f"{entry.title} has no workflow yet.")

    def action_retry(self) -> None:
        """Reconnects, and looks at once whether there is a token."""
        super().action_retry()
        self._runner.hurry()

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What makes no sense as the queue stands is not offered."""
        queue = self._runner.queue
        if action in _IN_TROUBLE:
            return queue.trouble is not None
        if action == "hold":
            return queue.current is not None and queue.trouble is None
        if action == "give_up":
            return queue.current is not None and bool(_not_begun(queue))
        return True

    def action_again(self) -> None:
        """Asks, and tries the entry in trouble again."""
        entry = self._runner.queue.trouble
        if entry is not None:
            self._ask_about(entry, f"Try {entry.title} again?", "Try again", self._runner.again)

    def action_leave_out(self) -> None:
        """Asks, and goes on without the entry in trouble."""
        entry = self._runner.queue.trouble
        if entry is not None:
            self._ask_about(entry, f"Go on without {entry.title}?", "Leave it out", self._runner.leave_out)

    def _ask_about(self, entry: Entry, question: str, verb: str, do: Callable[[], Awaitable[None]]) -> None:
        then = [one.title for one in self._runner.queue.entries if one.stage is Stage.WAITING]
        facts = [
            ("Workflow", entry.request.name),
            ("About", entry.request.desc),
            ("Jobs", f"{entry.request.job_count:,}"),
            ("Then", ", ".join(then) or "nothing: it is the last"),
            ("Server", self._runner.queue.address),
        ]
        self._confirm(question, facts, verb, lambda: self._runner.queue.trouble == entry, do)

    def action_hold(self) -> None:
        """Holds the queue at once; asks before it goes on."""
        queue = self._runner.queue
        if not queue.held:
            self.ask(self._runner.hold(True), "hold the queue", group="queue")
            return
        waiting = _not_begun(queue)

        async def go_on() -> None:
            await self._runner.hold(False)

        facts = [("Next", _named(waiting)), ("Server", queue.address)]
        self._confirm(
            f"Go on with {count(len(waiting), 'entry', 'entries')}?",
            facts,
            "Go on",
            lambda: _not_begun(self._runner.queue) == waiting,
            go_on,
        )

    def action_give_up(self) -> None:
        """Asks, and leaves out all that has not begun."""
        waiting = _not_begun(self._runner.queue)
        facts = [("Left out", _named(waiting)), ("Running", "what runs goes on to its end")]
        self._confirm(
            f"Give up {count(len(waiting), 'entry', 'entries')} of the queue?",
            facts,
            "Give up",
            lambda: _not_begun(self._runner.queue) == waiting,
            self._runner.give_up,
        )

    def _confirm(
        self,
        question: str,
        facts: list[tuple[str, str]],
        verb: str,
        unchanged: Callable[[], bool],
        do: Callable[[], Awaitable[None]],
    ) -> None:
        """Asks; what changed while the question stood is left as it is."""

        async def done() -> None:
            await do()

        def answered(yes: bool | None) -> None:
            if yes and unchanged():
                self.ask(done(), verb, group="queue")
            elif yes:
                self.say("The queue has changed meanwhile: nothing was done.")

        self.app.push_screen(ConfirmDialog(question, facts, verb), answered)


def _not_begun(queue: Queue) -> tuple[tuple[str, ...], ...]:
    return tuple(
        entry.sites for entry in queue.entries if entry.stage not in OVER and entry.stage is not Stage.RUNNING
    )


def _named(entries: tuple[tuple[str, ...], ...]) -> str:
    return ", ".join(", ".join(sites) for sites in entries)


def _counts(queue: Queue) -> Content:
    if not queue.entries:
        return Content("")
    told = Content(f"{count(len(queue.entries), 'entry', 'entries')}: {counts_words(queue)}")
    if queue.trouble is not None:
        return Content.assemble(told, ("   ✗ the queue stands still", "bold $text-error"))
    if queue.held:
        return Content.assemble(told, ("   ‖ held: nothing more begins until p", "bold $text-warning"))
    if queue.current is None:
        return Content.assemble(told, ("   ✓ the queue is over", "$text-success"))
    return told


def _about(queue: Queue, entry: Entry) -> Content:
    who = f"  {clean(entry.workflow_id)}" if entry.workflow_id else ""
    lines = [Content.assemble((clean(entry.request.desc), "bold"), (who, MUTED))]
    if entry.words:
        style = "$text-error" if entry.stage is Stage.TROUBLE else "$text-warning"
        lines.append(Content.styled(clean(entry.words), style))
    if entry.stage is Stage.TROUBLE and (told := advice(queue)):
        lines.append(Content(clean(told)))
    return Content("\n").join(lines)
