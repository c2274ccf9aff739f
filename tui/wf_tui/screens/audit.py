"""The audit: who did what, from where, why, and what became of it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen, document
from wf_tui.state.audit import FIELDS, AuditPage, AuditQuery, Trail
from wf_tui.state.filters import Filter
from wf_tui.state.format import count
from wf_tui.state.text import clean
from wf_tui.widgets.audit_table import AuditHead, AuditTable, entry_facts, entry_words
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.theme import MUTED

_PAGE = 200
_OLDER_PAGE = 1_000
#: A filter looks for so many entries by itself, and through so many.
_WANTED, _SEARCHED = 50, 20_000
_EVERY_SECONDS = 3.0


class AuditScreen(InspectingScreen, FilteredScreen):
    """The list is read anew every few seconds; older pages when the cursor gets to the end.

    A filter that finds little among what is known looks through older entries by itself.
    """

    AUTO_FOCUS = "#audit"
    FILTERED = "audit"
    FILTER_FIELDS = FIELDS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.trail = Trail()
        #: How many are to be shown, and whether older ones are being read for that.
        self._wanted = 0
        self._reading = False

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", "Audit"

    def body(self) -> ComposeResult:
        """Counts, filter, table, the line below."""
        yield Static(id="counts")
        yield self.filter_line()
        yield AuditHead()
        yield AuditTable(self.trail, self.context.now)
        yield Static(id="peek")

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self._table.placeholder = [[Piece("Asking the server for its audit…", "dim")]]
        self.poll("audit", self._ask, self._take, every=_EVERY_SECONDS)
        self.set_interval(1.0, self._table.refresh, name="ages")

    @property
    def _table(self) -> AuditTable:
        return self.query_one(AuditTable)

    async def _ask(self) -> AuditPage:
        return await self.context.gateway.audit(AuditQuery(), limit=_PAGE)

    def _take(self, page: AuditPage) -> None:
        first = not self.trail.loaded
        self.trail.take_newest(page)
        self._show()
        if first:
            self._search()

    def refused(self, error: GatewayError) -> None:
        """Says it where the list would be; a list that is there stays."""
        if self.trail.loaded:
            super().refused(error)
            return
        self._table.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("ctrl+r asks again", "dim")]]
        self._table.lines_changed()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self.trail.narrow(chosen)
        self._show()
        self._search()

    def _show(self) -> None:
        if not self.is_mounted or not self.trail.loaded:
            return
        self._table.placeholder = self._placeholder()
        self._table.entries_changed()
        self.query_one("#counts", Static).update(self._counts())

    def _placeholder(self) -> list[list[Piece]]:
        if self.trail.total:
            return [
                [
                    Piece(f"None of {count(self.trail.total, 'entry', 'entries')} matches "),
                    Piece(clean(self.trail.filter.text), "strong"),
                ],
                [],
                [Piece("esc shows all again", "dim")],
            ]
        return [
            [Piece("Nothing that you may see is on record", "strong")],
            [],
            [Piece("Whatever is changed or refused from now on is listed here.", "dim")],
        ]

    def _counts(self) -> Content:
        trail = self.trail
        if not trail.total:
            return Content("")
        shown = f"{len(trail):,} of " if trail.filter else ""
        more = ", older ones at the end" if trail.older else ""
        refused = Content.styled(f"✗ {trail.refused:,} refused", "$text-warning" if trail.refused else MUTED)
        known = f"{shown}{count(trail.total, 'entry', 'entries')}, newest first{more}"
        head = f"chain: {trail.head_seq:,} {trail.head_hash[:12]}"
        return Content("   ").join((refused, Content.styled(known, MUTED), Content.styled(head, MUTED)))

    @on(RowsView.Moved)
    def _moved(self) -> None:
        entry = self._table.current
        words = entry_words(entry, self.context.now()) if entry is not None else ""
        self.query_one("#peek", Static).update(words)
        if self.trail.total and self._table.cursor >= len(self.trail) - 1 and self.trail.older:
            self._read(len(self.trail) + 1)

    def _search(self) -> None:
        """Looks for older ones where the filter has found little."""
        if self.trail.filter and self.trail.older and len(self.trail) < _WANTED:
            self._read(_WANTED)

    def _read(self, wanted: int) -> None:
        """Reads older ones until so many are shown; a reading that is under way goes on to there."""
        self._wanted = wanted
        if not self._reading:
            self._reading = True
            self.ask(self._read_older(), "older entries", group="older")

    async def _read_older(self) -> None:
        searched = 0
        try:
            while self.trail.older and len(self.trail) < self._wanted and searched < _SEARCHED:
                page = await self.context.gateway.audit(
                    AuditQuery(), before=self.trail.older, limit=_OLDER_PAGE
                )
                searched += _OLDER_PAGE
                self.trail.take_older(page)
                self._show()
        finally:
            self._reading = False

    def inspected(self) -> Inspected | None:
        """The entry under the cursor."""
        entry = self._table.current
        if entry is None:
            return None
        facts = entry_facts(entry, self.context.now())
        return Inspected(f"Entry {entry.seq}", facts, document(entry))

    @on(RowsView.Opened)
    def _opened(self) -> None:
        self.action_describe()
