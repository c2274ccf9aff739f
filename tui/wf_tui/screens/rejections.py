"""The refused WorkReqs: what was asked, by whom, and what was wrong with it first."""

from __future__ import annotations

import asyncio
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen
from wf_tui.screens.rejection import RejectionScreen
from wf_tui.state.filters import Filter
from wf_tui.state.format import count, short_id
from wf_tui.state.models import RejectionSummary
from wf_tui.state.raw import RawText, document_texts
from wf_tui.state.rejections import FIELDS, Rejections
from wf_tui.state.text import clean
from wf_tui.widgets.rejection_table import RejectionHead, RejectionTable, rejection_facts, rejection_words
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED

_PAGE = 200
_EVERY_SECONDS = 3.0


class RejectionsScreen(InspectingScreen, FilteredScreen):
    """The list is read anew every few seconds; older pages when the cursor gets to the end."""

    AUTO_FOCUS = "#rejections"
    FILTERED = "rejections"
    FILTER_FIELDS = FIELDS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.rejections = Rejections()

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", "Rejections"

    def body(self) -> ComposeResult:
        """Counts, filter, table, the line below."""
        yield Static(id="counts")
        yield self.filter_line()
        yield RejectionHead()
        yield RejectionTable(self.rejections, self.context.now)
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self._table.placeholder = [[Piece("Asking the server for its rejections…", "dim")]]
        self.poll("rejections", self._ask, self._take, every=_EVERY_SECONDS)
        self.set_interval(1.0, self._table.refresh, name="ages")

    @property
    def _table(self) -> RejectionTable:
        return self.query_one(RejectionTable)

    async def _ask(self) -> tuple[tuple[RejectionSummary, ...], str]:
        return await self.context.gateway.rejections(limit=_PAGE)

    def _take(self, page: tuple[tuple[RejectionSummary, ...], str]) -> None:
        self.rejections.take_newest(*page)
        self._show()

    def refused(self, error: GatewayError) -> None:
        """Says it where the list would be; a list that is there stays."""
        if self.rejections.loaded:
            super().refused(error)
            return
        self._table.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("ctrl+r asks again", "dim")]]
        self._table.lines_changed()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self.rejections.narrow(chosen)
        self._show()

    def _show(self) -> None:
        if not self.is_mounted or not self.rejections.loaded:
            return
        self._table.placeholder = self._placeholder()
        self._table.rejections_changed()
        self.query_one("#counts", Static).update(self._counts())

    def _placeholder(self) -> list[list[Piece]]:
        if self.rejections.total:
            return [
                [
                    Piece(f"None of {count(self.rejections.total, 'rejection')} matches "),
                    Piece(clean(self.rejections.filter.text), "strong"),
                ],
                [],
                [Piece("esc shows all again", "dim")],
            ]
        return [
            [Piece("Nothing has been refused", "strong")],
            [],
            [Piece("A WorkReq that breaks a policy is kept here, with all that was wrong with it.", "dim")],
        ]

    def _counts(self) -> Content:
        known = self.rejections
        if not known.total:
            return Content("")
        shown = f"{len(known):,} of " if known.filter else ""
        more = ", older ones at the end" if known.older else ""
        return Content("   ").join(
            (
                Content.styled(f"✗ {known.unmended:,} open", "$text-error" if known.unmended else MUTED),
                Content.styled(f"✓ {known.total - known.unmended:,} mended", "$text-success"),
                Content.styled(f"{shown}{count(known.total, 'rejection')}, newest first{more}", MUTED),
            )
        )

    @on(RowsView.Moved)
    def _moved(self) -> None:
        refused = self._table.current
        words = rejection_words(refused, self.context.now()) if refused is not None else ""
        self.query_one("#peek", Static).update(words)
        if self._table.cursor >= len(self.rejections) - 1 and self.rejections.older:
            self.ask(self._read_older(), "older rejections", group="older", exclusive=True)

    async def _read_older(self) -> None:
        page = await self.context.gateway.rejections(limit=_PAGE, page_token=self.rejections.older)
        self.rejections.take_older(*page)
        self._show()

    def inspected(self) -> Inspected | None:
        """The rejection under the cursor; as text, with all of its violations."""
        refused = self._table.current
        if refused is None:
            return None
        facts = rejection_facts(refused, self.context.now())
        return Inspected(f"Rejection {short_id(refused.id)}", facts, partial(self._texts, refused.id))

    async def _texts(self, rejection_id: str) -> tuple[RawText, ...]:
        rejection = await self.context.gateway.rejection(rejection_id)
        # In a thread: large ones take seconds to write down.
        return await asyncio.to_thread(document_texts, rejection)

    @on(RowsView.Opened)
    def _open(self, event: RowsView.Opened) -> None:
        self.app.push_screen(RejectionScreen(self.context, self.rejections[event.line].id))
