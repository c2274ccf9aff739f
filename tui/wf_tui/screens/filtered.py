"""What screens with a filter share: the line it is typed in, esc that clears it, and that it is kept."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from wf_tui.screens.base import WfScreen
from wf_tui.state.filters import Filter
from wf_tui.widgets.filter_bar import FilterBar
from wf_tui.widgets.titlebar import TitleBar


class FilteredScreen(WfScreen):
    """Its `AUTO_FOCUS` names the list; `narrow` says what filtering does to it."""

    #: What is filtered, for who has not typed yet, and the fields that can be named.
    FILTERED: ClassVar[str]
    FILTER_FIELDS: ClassVar[tuple[str, ...]] = ()

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Filter", id="filtered.filter", tooltip="Show only some; esc shows all again"
        ),
    ]

    @property
    def filter_key(self) -> str:
        """Under which name the filter is kept, for who comes back."""
        return type(self).__name__

    def narrow(self, chosen: Filter) -> None:
        """Shows only what the filter lets through."""
        raise NotImplementedError

    def filter_line(self) -> FilterBar:
        """The line, hidden until it is wanted."""
        return FilterBar(self.FILTERED, self.FILTER_FIELDS)

    @property
    def filter_bar(self) -> FilterBar:
        """The line."""
        return self.query_one(FilterBar)

    def on_mount(self) -> None:
        """Puts back what was filtered when one was here last."""
        super().on_mount()
        if text := self.context.filters.get(self.filter_key, ""):
            self.filter_bar.put(text)

    def action_filter(self) -> None:
        """Opens the filter's line."""
        self.filter_bar.open()
        self.refresh_bindings()

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        event.stop()
        self.context.filters[self.filter_key] = event.chosen.text
        self.query_one(TitleBar).filter = event.chosen.text
        self.narrow(event.chosen)
        self.refresh_bindings()

    @on(FilterBar.Kept)
    def _filter_kept(self, event: FilterBar.Kept) -> None:
        event.stop()
        self._to_list()

    def action_back(self) -> None:
        """Clears the filter, if there is one; goes back otherwise."""
        if self.filter_bar.display:
            self.filter_bar.clear()
            self._to_list()
        else:
            super().action_back()

    def _to_list(self) -> None:
        self.query_one(str(self.AUTO_FOCUS)).focus()
        self.refresh_bindings()
