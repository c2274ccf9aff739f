"""The line on top of every screen: where one is, which server, and whether it answers."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from wf_tui.state.format import short_address
from wf_tui.state.permits import only_views, proven_name
from wf_tui.state.situation import Situation
from wf_tui.state.text import clean

#: The least room for where one is; what the server's address needs beside it.
_PLACE, _SERVER = 24, 30
#: The most room for a profile's name.
_NAME = 20
#: The most room for what the list is filtered by.
_FILTER = 24


class TitleBar(Widget):
    """Breadcrumbs on the left, the server on the right."""

    crumbs: reactive[tuple[str, ...]] = reactive(())
    #: What the screen's list is filtered by.
    filter: reactive[str] = reactive("")
    situation: reactive[Situation | None] = reactive(None)

    def __init__(self, crumbs: Sequence[str]) -> None:
        super().__init__()
        self.set_reactive(TitleBar.crumbs, tuple(crumbs))

    def render(self) -> Content:
        """Paints the line; the breadcrumbs give way where it is narrow."""
        server = self._server()
        width = self.content_size.width - server.cell_length - 2
        chosen = self._chosen()
        place = self._place(self.crumbs)
        if place.cell_length + chosen.cell_length > width:
            # Where one is matters more than where one came from.
            place = self._place(self.crumbs[-1:])
        # A list that looks short for want of the filter's words would deceive.
        place = place.truncate(max(0, width - chosen.cell_length), ellipsis=True) + chosen
        place = place.truncate(max(0, width), ellipsis=True, pad=True)
        return Content.assemble(place, "  ", server)

    def _chosen(self) -> Content:
        if not self.filter:
            return Content("")
        return Content.styled(f"  /{clean(self.filter)}", "$text-warning").truncate(_FILTER, ellipsis=True)

    @staticmethod
    def _place(crumbs: Sequence[str]) -> Content:
        *before, last = (f" › {clean(crumb)}" for crumb in crumbs)
        return Content.assemble(("wf", "bold $text-primary"), *before, (last, "bold"))

    def _server(self) -> Content:
        situation = self.situation
        if situation is None:
            return Content("")
        told = self._connection(situation)
        if situation.read_only or only_views(situation.identity):
            words = "read-only" if situation.read_only else "viewer"
            return Content.assemble((f" {words} ", "bold reverse"), "  ", told)
        return told

    def _connection(self, situation: Situation) -> Content:
        room = self.content_size.width - _PLACE
        address = short_address(clean(situation.address)) if room >= _SERVER else ""
        if situation.profile:
            # Which of one's servers it is must not give way, however narrow.
            name = Content(clean(situation.profile)).truncate(_NAME, ellipsis=True).plain
            address = f"{name} {address}" if room >= 2 * _SERVER else name
        if situation.connected is None:
            return Content.styled(f"◌ {address} connecting".replace("  ", " "), "$text-warning")
        if not situation.connected:
            return Content.styled(f"✗ {address} lost, view stale".replace("  ", " "), "bold $text-error")
        if (who := proven_name(situation.identity)) and room >= 2 * _SERVER:
            name = Content(clean(who)).truncate(_NAME, ellipsis=True).plain
            return Content.assemble(("● ", "$text-success"), f"{name} at {address}".strip())
        return Content.assemble(("● ", "$text-success"), f"{address} connected".strip())
