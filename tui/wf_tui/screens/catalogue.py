"""The catalogue: job types, and the policies in force for each workflow type."""

from __future__ import annotations

import asyncio

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen, document
from wf_tui.state.catalogue import FIELDS, Catalogue, entries
from wf_tui.state.filters import Filter
from wf_tui.state.text import clean
from wf_tui.widgets.catalogue_view import CatalogueView, documentation
from wf_tui.widgets.facts import Facts
from wf_tui.widgets.rows import Piece, RowsView

_EVERY_SECONDS = 5.0


class CatalogueScreen(InspectingScreen, FilteredScreen):
    """Read anew every few seconds: policies.json may be edited while one looks."""

    AUTO_FOCUS = "#catalogue"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - declared so by Textual
    FILTERED = "job types and policies"
    FILTER_FIELDS = FIELDS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._catalogue: Catalogue | None = None

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", "Catalogue"

    def body(self) -> ComposeResult:
        """What is wrong with policies.json, filter, list, documentation."""
        yield Static(id="problem", markup=False)
        yield self.filter_line()
        with Container(id="panes"):
            yield CatalogueView()
            yield Facts(id="detail")

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self._view.placeholder = [[Piece("Asking the server for its catalogue…", "dim")]]
        self.poll("catalogue", self._ask, self._take, every=_EVERY_SECONDS)

    @property
    def _view(self) -> CatalogueView:
        return self.query_one(CatalogueView)

    async def _ask(self) -> Catalogue:
        job_types, book = await asyncio.gather(
            self.context.gateway.job_types(), self.context.gateway.policies()
        )
        return Catalogue(job_types, book)

    def _take(self, catalogue: Catalogue) -> None:
        if not self.is_mounted or catalogue == self._catalogue:
            return
        self._catalogue = catalogue
        problem = self.query_one("#problem", Static)
        problem.display = bool(catalogue.book.problem)
        problem.update(f"The newer policies.json is not in force: {clean(catalogue.book.problem)}")
        self.narrow(self.filter_bar.chosen)

    def refused(self, error: GatewayError) -> None:
        """Says it in the list's place; what was read stays."""
        if self._catalogue is not None:
            super().refused(error)
            return
        self._view.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("ctrl+r asks again", "dim")]]
        self._view.lines_changed()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        if self._catalogue is None:
            return
        nothing = "The server has neither job types nor policies"
        words = f"Nothing matches {clean(chosen.text)}" if chosen else nothing
        self._view.placeholder = [[Piece(words, "strong")]]
        self._view.show_entries(entries(self._catalogue, chosen))

    @on(RowsView.Moved)
    def _moved(self) -> None:
        entry = self._view.current
        if self._catalogue is not None:
            facts = documentation(entry, self._catalogue) if entry is not None else ()
            self.query_one(Facts).tell(facts)

    def inspected(self) -> Inspected | None:
        """The entry under the cursor."""
        entry = self._view.current
        if entry is None or self._catalogue is None:
            return None
        value = entry.job_type or entry.policy or entry.workflow_type or {"section": entry.name}
        facts = documentation(entry, self._catalogue)
        return Inspected(entry.kind.value.capitalize(), facts, document(value))

    @on(RowsView.Opened)
    def _opened(self) -> None:
        self.action_describe()
