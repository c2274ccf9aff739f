"""All sites, those that cannot be erased with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from wf_tui.state.listing import contains_all
from wf_tui.state.models import Site
from wf_tui.state.text import clean
from wf_tui.state.wizard import in_erase_order
from wf_tui.widgets.rows import Piece, RowsView, fit


class SiteTable(RowsView):
    """Sites, one a line; `reason` says why one cannot be erased, "" if it can."""

    def __init__(self, reason: Callable[[Site], str]) -> None:
        super().__init__(id="sites")
        self._reason = reason
        self._sites: tuple[Site, ...] = ()
        self._shown: list[Site] = []

    def line_count(self) -> int:
        """One line a site that the filter lets through."""
        return len(self._shown)

    @property
    def current(self) -> Site | None:
        """The site under the cursor."""
        return self._shown[self.cursor] if self.cursor < len(self._shown) else None

    def show_sites(self, sites: Sequence[Site]) -> None:
        """Shows these, the ones that can be erased first."""
        self._sites = in_erase_order(sites, self._reason)
        self.narrow("")

    def narrow(self, text: str) -> None:
        """Shows only sites with these words in name, type, status or reason."""
        before = self.current
        self._shown = [site for site in self._sites if contains_all(text, self._fields(site))]
        if self._sites:
            self.placeholder = [[Piece("No site matches "), Piece(clean(text), "strong")]]
        self.lines_changed()
        self.cursor = self._shown.index(before) if before in self._shown else 0
        self.lines_changed((self.cursor,))

    def _fields(self, site: Site) -> tuple[str, ...]:
        return site.name, site.type.value, site.status.value, self._reason(site) or "can be erased"

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a site."""
        site = self._shown[line]
        reason = self._reason(site)
        look = "dim" if reason else ""
        machines = f"{site.machine_count:,} machines" if site.machine_count else "no machines"
        yield Piece("– " if reason else "✓ ", "dim" if reason else "good")
        yield Piece(fit(clean(site.name), 8), "dim" if reason else "strong")
        yield Piece(f"{site.type.value:<11}{site.status.value:<11}", look)
        yield Piece(fit(machines, 14), look)
        yield Piece(fit(clean(reason) if reason else "can be erased", max(0, width - 46)), look or "good")
