"""The policy workbench: what a draft of policies.json would do to the WorkReqs that are stored."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from wf_tui.dialogs.path import PathDialog
from wf_tui.gateway import GatewayError, Overloaded
from wf_tui.paths import trouble_with_opening
from wf_tui.screens.base import Context, OpenWorkflow
from wf_tui.screens.inspecting import Inspected, InspectingScreen, document
from wf_tui.screens.rejection import RejectionScreen
from wf_tui.state.format import short_id
from wf_tui.state.text import clean
from wf_tui.state.trial import JudgedRequest, TrialNews, trial_lines
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.trial_table import TrialHead, TrialTable, judged_facts, judged_words
from wf_tui.workreq_files import BadFile, read_text

#: Seconds between two looks at the draft.
_LOOK_SECONDS = 1.0
_MENDED = "Mend it: it is tried again as soon as it changes."
_HINT = "→ takes the name that is offered; the draft is tried again whenever it changes"


class WorkbenchScreen(InspectingScreen):
    """A draft is chosen, tried, and tried again when its file changes. Nothing is put in force."""

    AUTO_FOCUS = "#trial"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "choose", "Draft", id="workbench.choose", tooltip="Choose the draft of a policies.json"),
    ]

    def __init__(self, context: Context, path: Path | None = None) -> None:
        super().__init__(context)
        self._path = path
        #: Of the file as it was tried last; None: it has to be tried.
        self._tried: tuple[int, int] | None = None
        self._found: tuple[JudgedRequest, ...] = ()

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return ("Policy workbench",)

    def body(self) -> ComposeResult:
        """What it came to, the list, all about one line."""
        yield Static(id="trial-outcome", markup=False)
        yield TrialHead()
        yield TrialTable(self.context.now)
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Looks at the draft from now on."""
        super().on_mount()
        self._tell(
            "Which WorkReqs would a draft of policies.json have refused?",
            "f chooses the draft. Nothing of it is put in force.",
        )
        self.set_interval(_LOOK_SECONDS, self._look, name="draft")
        if self._path is not None:
            self.action_retry()

    @property
    def _table(self) -> TrialTable:
        return self.query_one(TrialTable)

    def _tell(self, outcome: str, words: str = "") -> None:
        """Says how it stands, and what else there is to say where the list would be."""
        lines = (clean(line) for line in outcome.splitlines())
        self.query_one("#trial-outcome", Static).update("\n".join(lines))
        self._table.placeholder = [[Piece(words, "dim")]]
        self._table.lines_changed()

    def action_choose(self) -> None:
        """Asks for the file."""
        path = str(self._path) if self._path is not None else "policies.json"
        self.app.push_screen(
            PathDialog("Try which draft of policies.json?", path, "Try", trouble_with_opening, _HINT),
            self._chosen,
        )

    def _chosen(self, path: Path | None) -> None:
        if path is not None:
            self._path = path
            self.action_retry()

    def action_retry(self) -> None:
        """Tries the draft again."""
        super().action_retry()
        self._tried = None
        self._look()

    def _look(self) -> None:
        if self._path is not None:
            self.ask(self._try_if_changed, "the draft", group="look", exclusive=self._tried is None)

    async def _try_if_changed(self) -> None:
        assert self._path is not None
        signature = await asyncio.to_thread(_signature, self._path)
        if signature == self._tried:
            return
        self._tried = signature
        self.ask(self._try, "trying the draft", group="trial", exclusive=True)

    async def _try(self) -> None:
        path = self._path
        assert path is not None
        name = path.name
        self._show(())
        self._tell(f"{name}: asking the server…")
        try:
            draft = await asyncio.to_thread(read_text, path)
            async with aclosing(self.context.gateway.test_policies(draft)) as news:
                async for piece in news:
                    self._take(name, piece)
        except BadFile as error:
            self._tell(f"✗ {name} cannot be tried: {error}", _MENDED)
        except Overloaded as error:
            # Somebody else's test: this one's turn comes.
            self._tried = None
            self._tell(f"{name} waits: {error}")
        except GatewayError as error:
            self._tell(f"✗ {name} cannot be tried: {error}", _MENDED)

    def _take(self, name: str, news: TrialNews) -> None:
        if news.found:
            self._show((*self._found, *news.found))
        if news.summary is None:
            self._tell(f"{name}: {news.done:,} of {news.total:,} tried…")
            return
        lines = "\n".join(trial_lines(news.summary))
        self._tell(f"{name}\n{lines}", "Nothing is found: it refuses nothing that is stored.")

    def _show(self, found: tuple[JudgedRequest, ...]) -> None:
        self._found = found
        self._table.show_judged(found)

    @on(RowsView.Moved)
    def _moved(self) -> None:
        judged = self._table.current
        self.query_one("#peek", Static).update(judged_words(judged) if judged is not None else "")

    @on(RowsView.Opened)
    def _opened(self) -> None:
        judged = self._table.current
        if judged is None:
            return
        if judged.rejection:
            self.app.push_screen(RejectionScreen(self.context, judged.id))
        else:
            self.post_message(OpenWorkflow(judged.id))

    def inspected(self) -> Inspected | None:
        """The WorkReq under the cursor, with what is found."""
        judged = self._table.current
        if judged is None:
            return None
        facts = judged_facts(judged, self.context.now())
        return Inspected(f"{judged.change}: {short_id(judged.id)}", facts, document(judged))


def _signature(path: Path) -> tuple[int, int]:
    """What tells a file from what it was; one that is not there has one too."""
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_mtime_ns, found.st_size
