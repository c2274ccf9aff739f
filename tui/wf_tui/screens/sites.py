"""The inventory: sites and their machines, and the erasure of those that may be erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from wf_tui.dialogs.reading import ReadingDialog
from wf_tui.diskerase import erasable
from wf_tui.gateway import GatewayError
from wf_tui.screens.base import Context
from wf_tui.screens.filtered import FilteredScreen
from wf_tui.screens.inspecting import Inspected, InspectingScreen
from wf_tui.screens.wizard import WizardScreen
from wf_tui.screens.wizarding import begun
from wf_tui.state.filters import Filter
from wf_tui.state.format import count
from wf_tui.state.models import Site
from wf_tui.state.raw import RawText, document_texts
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView
from wf_tui.widgets.site_table import FIELDS, SiteHead, SiteTable
from wf_tui.widgets.theme import MUTED
from wf_tui.wizards.erase import ERASE

_EVERY_SECONDS = 10.0
#: Machines on a line of the dialog.
_IN_A_ROW = 8


class SitesScreen(InspectingScreen, FilteredScreen):
    """The list is read anew every few seconds."""

    AUTO_FOCUS = "#sites"
    FILTERED = "sites"
    FILTER_FIELDS = FIELDS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "e", "erase", "Erase", id="sites.erase", tooltip="Erase this satellite's disks, step by step"
        ),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sites: tuple[Site, ...] | None = None

    def crumbs(self) -> tuple[str, ...]:
        """Its name."""
        return "Workflows", "Sites"

    def body(self) -> ComposeResult:
        """Counts, filter, table."""
        yield Static(id="counts")
        yield self.filter_line()
        yield SiteHead()
        yield SiteTable(erasable)

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self._table.placeholder = [[Piece("Asking the server for its sites…", "dim")]]
        self.poll("sites", self.context.gateway.sites, self._take, every=_EVERY_SECONDS)

    @property
    def _table(self) -> SiteTable:
        return self.query_one(SiteTable)

    def _take(self, sites: tuple[Site, ...]) -> None:
        if not self.is_mounted or sites == self._sites:
            return
        self._sites = sites
        if not sites:
            self._table.placeholder = [[Piece("The inventory has no sites", "strong")]]
        self._table.show_sites(sites)
        self.query_one("#counts", Static).update(_counts(sites))

    def refused(self, error: GatewayError) -> None:
        """Says it in the table's place; sites that were read stay."""
        if self._sites is not None:
            super().refused(error)
            return
        self._table.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("ctrl+r asks again", "dim")]]
        self._table.lines_changed()

    def narrow(self, chosen: Filter) -> None:
        """Shows only some."""
        self._table.choose(chosen)

    def inspected(self) -> Inspected | None:
        """The site under the cursor; `describe` asks for its machines too."""
        site = self._table.current
        return None if site is None else Inspected(f"Site {site.name}", (), partial(self._texts, site.name))

    async def _texts(self, name: str) -> tuple[RawText, ...]:
        site, machines = await self.context.gateway.site(name)
        return document_texts({"site": site, "machines": machines})

    def action_describe(self) -> None:
        """Shows the site and its machines."""
        site = self._table.current
        if site is not None:
            self.ask(
                partial(self._open, site.name), f"machines of {site.name}", group="machines", exclusive=True
            )

    @on(RowsView.Opened)
    def _opened(self) -> None:
        self.action_describe()

    async def _open(self, name: str) -> None:
        site, machines = await self.context.gateway.site(name)
        if self.is_current:
            self.app.push_screen(ReadingDialog(f"Site {site.name}", _site_facts(site, machines)))

    def concerned(self) -> Collection[str]:
        """What erases a site."""
        return (ERASE.workflow,)

    def action_erase(self) -> None:
        """Begins the erasure of the site under the cursor, or says why it cannot be."""
        site = self._table.current
        if site is None:
            return
        if begun(self.app, ERASE) is not None:
            reason = "An erasure is begun already: esc goes back to it"
        else:
            reason = erasable(site)
        if reason:
            self.notify(clean(reason), severity="warning", markup=False)
        else:
            self.app.push_screen(WizardScreen(self.context, ERASE, site.name))


def _counts(sites: tuple[Site, ...]) -> Content:
    if not sites:
        return Content("")
    types = Counter(site.type.value for site in sites)
    told = [count(number, kind) for kind, number in sorted(types.items())]
    may = sum(not erasable(site) for site in sites)
    machines = count(sum(site.machine_count for site in sites), "machine")
    return Content("   ").join(
        (
            Content.styled(f"✓ {may:,} can be erased", "$text-success" if may else MUTED),
            Content.styled(f"{count(len(sites), 'site')}: {', '.join(told)}; {machines}", MUTED),
        )
    )


def _site_facts(site: Site, machines: tuple[str, ...]) -> Iterator[Fact]:
    yield Fact("Type", site.type.value)
    yield Fact("Status", site.status.value)
    yield Fact("Erase", erasable(site) or "can be erased", "" if erasable(site) else "$text-success")
    yield Fact("Machines", f"{len(machines):,}")
    width = max((len(clean(name)) for name in machines), default=0)
    for start in range(0, len(machines), _IN_A_ROW):
        names = (clean(name).ljust(width) for name in machines[start : start + _IN_A_ROW])
        yield Fact("", "  " + "  ".join(names))
