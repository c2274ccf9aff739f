"""When a screen is painted: what nobody sees never, what a key did at once, all else with the next frame."""

from __future__ import annotations

from textual.screen import Screen


class PromptScreen(Screen[None]):
    """A screen that a busy stream does not keep from its keys."""

    _hurried = False

    @property
    def is_current(self) -> bool:
        """Whether anything is seen of it.

        Textual says so of what is right beneath an opaque screen too, and paints both whenever that changes.
        """
        if not super().is_current:
            return False
        stack = self.app.screen_stack
        return all(above.styles.background.a < 1 for above in stack[stack.index(self) + 1 :])

    def hurry(self) -> None:
        """Has what the focus is on painted as soon as it changes: a key was pressed."""
        self._hurried = True

    def on_idle(self) -> None:
        """Paints before the next frame, which is up to 33 ms away: Textual's timer leaves out frames."""
        if self._hurried and self.is_active and self.focused in self._dirty_widgets:
            self._hurried = False
            self._on_timer_update()
