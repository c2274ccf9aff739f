"""The first step: one site, or several that are marked."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from wf_tui.gateway import GatewayError
from wf_tui.screens.wizard.keeping import Keeping
from wf_tui.state.format import count
from wf_tui.state.models import Site
from wf_tui.state.text import clean
from wf_tui.widgets.filter_bar import FilterBar
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.site_table import SiteTable


class Choosing(Keeping):
    """Marks are choices as well: they are kept, and stay when one comes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="wizard.mark", tooltip="Choose this site along with others"),
        Binding(
            "a", "mark_all", "Mark all", show=False, id="wizard.mark_all", tooltip="Mark all that are shown"
        ),
        Binding("slash", "filter", "Filter", id="wizard.filter", tooltip="Show only some sites"),
    ]

    @property
    def sites_table(self) -> SiteTable:
        """The sites."""
        return self.query_one(SiteTable)

    def load_chosen(self, sites: tuple[str, ...]) -> None:
        """Asks the server about these sites, and leaves the first step with the answer."""
        raise NotImplementedError

    def ask_sites(self) -> None:
        """Asks the server for its sites."""
        self.ask(self._load_sites(), "sites", group="sites", exclusive=True)

    async def _load_sites(self) -> None:
        table = self.sites_table
        try:
            table.show_sites(await self.context.gateway.sites())
        except GatewayError as error:
            table.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("r asks again", "dim")]]
            table.lines_changed()
            raise
        self.sites_loaded()

    def sites_loaded(self) -> None:
        """There is something to choose from."""
        raise NotImplementedError

    def fit_of(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
        """Divides names into sites that can be chosen still, and reasons why others can't."""
        known = {site.name: site for site in self.sites_table.sites}
        fit, reasons = [], []
        for name in names:
            reason = self.wizard.unfit(known[name]) if name in known else f"there is no site {name} any more"
            if reason:
                reasons.append(reason)
            else:
                fit.append(name)
        return tuple(fit), reasons

    def show_marks(self) -> None:
        """Shows what is marked, on its lines and above them."""
        marked = self.choices.marked
        self.sites_table.mark(frozenset(marked))
        words = Content.assemble(
            (f"◆ {count(len(marked), 'site')} marked: ", "bold $text-primary"),
            clean(", ".join(marked)),
            ("   enter goes on with them", "$foreground 62%"),
        )
        line = self.query_one("#marks", Static)
        line.update(words if marked else "")
        line.display = bool(marked)

    def _mark(self, sites: tuple[str, ...]) -> None:
        self.choose(marked=sites)
        self.show_marks()

    def _can_choose(self, site: Site) -> bool:
        if reason := self.wizard.unfit(site):
            self.notify(clean(reason), severity="warning", markup=False)
        return not reason

    def action_mark(self) -> None:
        """Marks the site under the cursor, or takes the mark away, and goes one line down."""
        site = self.sites_table.current
        if site is None:
            return
        marked = self.choices.marked
        if site.name in marked:
            self._mark(tuple(name for name in marked if name != site.name))
        elif self._can_choose(site):
            self._mark((*marked, site.name))
        else:
            return
        self.sites_table.action_move(1)

    def action_mark_all(self) -> None:
        """Marks all sites that are shown and can be chosen; if all are, takes their marks away."""
        shown = tuple(site.name for site in self.sites_table.shown_sites if not self.wizard.unfit(site))
        marked = self.choices.marked
        if set(shown) <= set(marked):
            self._mark(tuple(name for name in marked if name not in shown))
        else:
            self._mark((*marked, *(name for name in shown if name not in marked)))

    def action_filter(self) -> None:
        """Opens the filter's line."""
        self.query_one(FilterBar).open()

    @on(FilterBar.Changed)
    def _narrow(self, event: FilterBar.Changed) -> None:
        event.stop()
        self.sites_table.choose(event.chosen)
        self.query_one(FilterBar).tell(f"{self.sites_table.shown:,}")

    @on(FilterBar.Kept)
    def _narrowed(self, event: FilterBar.Kept) -> None:
        event.stop()
        self.sites_table.focus()

    def leave_filter(self) -> bool:
        """Clears the filter; tells whether there was one."""
        bar = self.query_one(FilterBar)
        if not bar.display:
            return False
        bar.clear()
        self.sites_table.focus()
        return True

    @on(RowsView.Opened)
    def _opened(self) -> None:
        site = self.sites_table.current
        if self.choices.marked:
            self.load_chosen(self.choices.marked)
        elif site is not None and self._can_choose(site):
            self.load_chosen((site.name,))
