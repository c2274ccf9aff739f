"""What no screen may hide: a lost connection, a stop of everything, and what ails the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import Static

from wf_tui.state.health import trouble
from wf_tui.state.situation import Situation, lost_line
from wf_tui.state.stops import alarm
from wf_tui.state.text import clean


class Banner(Vertical):
    """At most three lines, none while all is well."""

    situation: reactive[Situation | None] = reactive(None)

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        #: What each line says.
        self._said: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """The lines, hidden."""
        yield Static(id="alarm", markup=False)
        yield Static(id="trouble", markup=False)
        yield Static(id="lost", markup=False)

    def on_mount(self) -> None:
        """Counts down while the connection is lost."""
        self.set_interval(1.0, self._show_lost, name="countdown")

    def watch_situation(self) -> None:
        """Shows what there is to show."""
        self._show_lost()
        line = alarm(self.situation.board) if self.situation else ""
        self._show("#alarm", f"■ {clean(line)}" if line else "")
        line = trouble(self.situation.health, self.situation.board) if self.situation else ""
        self._show("#trouble", f"! {clean(line)}" if line else "")

    def _show_lost(self) -> None:
        line = lost_line(self.situation, self._now()) if self.situation else ""
        self._show("#lost", f"✗ {clean(line)} ctrl+r: now" if line else "")

    def _show(self, selector: str, line: str) -> None:
        # Every second, on every screen: only what is new is laid out.
        if not self.is_mounted or self._said.get(selector, "") == line:
            return
        self._said[selector] = line
        widget = self.query_one(selector, Static)
        widget.display = bool(line)
        widget.update(line)
