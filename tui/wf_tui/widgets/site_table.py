"""All sites, those that cannot be chosen with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from textual.content import Content
from textual.widget import Widget

from wf_tui.state.filters import NO_FILTER, BadPattern, Filter
from wf_tui.state.models import Site
from wf_tui.state.text import clean
from wf_tui.state.wizard import fit_first
from wf_tui.widgets.rows import Piece, RowsView, fit

#: What a filter can ask for by name.
FIELDS = ("name", "type", "status", "erase")

_NAME, _TYPE, _STATUS, _MACHINES = 6, 10, 10, 8


class SiteTable(RowsView):
    """Sites, one a line; `reason` says why one cannot be chosen, "" if it can, `fit` what is said then."""

    def __init__(self, reason: Callable[[Site], str], fit: str = "can be erased") -> None:
        super().__init__(id="sites")
        self._reason = reason
        self._fit = fit
        self._marked: frozenset[str] = frozenset()
        self._sites: tuple[Site, ...] = ()
        self._shown: list[Site] = []
        self._filter = NO_FILTER

    def line_count(self) -> int:
        """One line a site that the filter lets through."""
        return len(self._shown)

    @property
    def current(self) -> Site | None:
        """The site under the cursor."""
        return self._shown[self.cursor] if self.cursor < len(self._shown) else None

    @property
    def sites(self) -> tuple[Site, ...]:
        """All sites."""
        return self._sites

    @property
    def shown_sites(self) -> tuple[Site, ...]:
        """Those that the filter lets through."""
        return tuple(self._shown)

    def mark(self, names: frozenset[str]) -> None:
        """Shows these as marked."""
        self._marked = names
        self.lines_changed()

    def move_to_site(self, name: str) -> None:
        """Puts the cursor on a site, if it is shown."""
        names = [site.name for site in self._shown]
        if name in names:
            self.move_to(names.index(name))

    @property
    def shown(self) -> int:
        """How many the filter lets through."""
        return len(self._shown)

    def show_sites(self, sites: Sequence[Site]) -> None:
        """Shows these, the ones that can be chosen first, through the filter."""
        self._sites = fit_first(sites, self._reason)
        self.choose(self._filter)

    def narrow(self, text: str) -> None:
        """Filters by what was typed; by the last that made sense, if this does not."""
        with suppress(BadPattern):
            self.choose(Filter.parse(text, FIELDS))

    def choose(self, chosen: Filter) -> None:
        """Shows only sites that the filter lets through."""
        before, self._filter = self.current, chosen
        self._shown = [site for site in self._sites if chosen.lets_through(self._fields(site))]
        if self._sites:
            self.placeholder = [[Piece("No site matches "), Piece(clean(chosen.text), "strong")]]
        self.lines_changed()
        names = [site.name for site in self._shown]
        self.cursor = names.index(before.name) if before is not None and before.name in names else 0
        self.lines_changed((self.cursor,))

    def _fields(self, site: Site) -> Mapping[str, str]:
        values = (site.name, site.type.value, site.status.value, self._reason(site) or self._fit)
        return dict(zip(FIELDS, map(clean, values), strict=True))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a site."""
        site = self._shown[line]
        reason = clean(self._reason(site)).removeprefix(f"{clean(site.name)} ")
        look = "dim" if reason else ""
        if site.name in self._marked:
            yield Piece("◆ ", "busy")
        else:
            yield Piece("– " if reason else "✓ ", "dim" if reason else "good")
        yield Piece(fit(clean(site.name), _NAME), look or "strong")
        yield Piece(f"{site.type.value:<{_TYPE}}{site.status.value:<{_STATUS}}", look)
        yield Piece(f"{site.machine_count:>{_MACHINES},}  ", look)
        rest = width - 4 - _NAME - _TYPE - _STATUS - _MACHINES
        yield Piece(fit(reason or self._fit, max(0, rest)), look or "good")


class SiteHead(Widget):
    """The columns' names."""

    def render(self) -> Content:
        """Paints the names."""
        names = f"   {'SITE':<{_NAME}}{'TYPE':<{_TYPE}}{'STATUS':<{_STATUS}}{'MACHINES':>{_MACHINES}}  ERASE"
        return Content(names).truncate(max(1, self.content_size.width), ellipsis=True)
