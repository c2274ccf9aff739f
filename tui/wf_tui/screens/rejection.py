"""One refused WorkReq: its tree with the offending places marked, and each violation explained."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context, OpenWorkflow
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen, document
from wf_tui.state.format import count, moment, short_id
from wf_tui.state.models import Rejection
from wf_tui.state.offence_tree import OffenceTree
from wf_tui.state.rejections import mended_words
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.offence_view import OffenceView, offence_facts
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED


class RejectionScreen(InspectingScreen):
    """It is read once, and again when one comes back to it: it may have been mended meanwhile."""

    AUTO_FOCUS = "#offences"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "m", "mend", "Mend", id="rejection.mend", tooltip="Open it in the composer, to be submitted anew"
        ),
        Binding(
            "o", "mended", "Mended form", id="rejection.mended", tooltip="Open the workflow that mended it"
        ),
        Binding(
            "v",
            "detail",
            "Pane",
            show=False,
            id="rejection.detail",
            tooltip="Show or hide the pane with the details",
        ),
    ]

    def __init__(self, context: Context, rejection_id: str) -> None:
        super().__init__(context)
        self.rejection_id = rejection_id
        self.rejection: Rejection | None = None
        self._left = False

    def crumbs(self) -> tuple[str, ...]:
        """Its name and short id."""
        name = self.rejection.summary.name if self.rejection is not None else "Rejection"
        return "Workflows", "Rejections", f"{name} {short_id(self.rejection_id)}"

    def body(self) -> ComposeResult:
        """Who, when and how it went on; tree; the explanation."""
        yield Static(id="counts")
        with Container(id="panes"):
            yield OffenceView()
            yield Facts(id="detail")

    def on_mount(self) -> None:
        """Reads it; a lost connection is waited for."""
        super().on_mount()
        self._view.placeholder = [[Piece("Asking the server for this rejection…", "dim")]]
        self.follow(f"rejection {self.rejection_id}", self._read, self._take, endless=False)

    async def on_screen_suspend(self) -> None:
        """Notes that one looks elsewhere."""
        await super().on_screen_suspend()
        self._left = True

    def on_screen_resume(self) -> None:
        """Reads it again."""
        super().on_screen_resume()
        for follower in self._followers if self._left else ():
            follower.start()

    @property
    def _view(self) -> OffenceView:
        return self.query_one(OffenceView)

    async def _read(self) -> AsyncIterator[Rejection]:
        yield await self.context.gateway.rejection(self.rejection_id)

    def _take(self, rejection: Rejection) -> None:
        known, self.rejection = self.rejection, rejection
        if known is None or known.request != rejection.request:
            self._view.show_tree(OffenceTree(rejection.request, rejection.violations))
            self.renamed()
        self.query_one("#counts", Static).update(self._head(rejection))
        self._moved()
        self.refresh_bindings()

    def _head(self, rejection: Rejection) -> Content:
        summary = rejection.summary
        mended = mended_words(summary)
        who = f" by {clean(summary.operator)}" if summary.operator else ""
        return Content.assemble(
            (f"✗ refused with {count(len(rejection.violations), 'violation')}", "bold $text-error"),
            (f"  ✓ {mended}" if mended else "", "$text-success"),
            (f"  {moment(self.context.now(), summary.time)}{who}", MUTED),
        )

    def stream_failed(self, error: Exception) -> None:
        """Says in the tree's place what is wrong."""
        self._view.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("esc goes back", "dim")]]
        self._view.lines_changed()
        if not isinstance(error, GatewayError):
            self.context.report(error)

    @on(RowsView.Moved)
    def _moved(self) -> None:
        tree, line = self._view.tree_shown, self._view.line
        if tree is not None and line is not None and self.rejection is not None:
            self.query_one(Facts).tell(offence_facts(tree, line, self.rejection, self.context.now()))

    def inspected(self) -> Inspected | None:
        """The place under the cursor; as text, the whole rejection."""
        if self.rejection is None:
            return None
        return Inspected("Violations", self.query_one(Facts).told, document(self.rejection))

    def offered(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to mend once it is read, and a mended form once somebody mended it."""
        if action == "mend":
            return self.rejection is not None
        if action == "mended":
            return self.rejection is not None and bool(self.rejection.summary.mended_by)
        return True

    def action_mend(self) -> None:
        """Opens the request in the composer; what is submitted there is linked to this rejection."""
        assert self.rejection is not None
        request = self.rejection.request
        self.app.push_screen(ComposerScreen(self.context, request, mends=self.rejection_id))

    def action_mended(self) -> None:
        """Opens the workflow that was submitted as its mended form."""
        assert self.rejection is not None
        self.post_message(OpenWorkflow(self.rejection.summary.mended_by))

    def action_detail(self) -> None:
        """Shows or hides the details."""
        self.toggle_class("-no-detail")
