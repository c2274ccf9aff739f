"""Keeps the terminal's title up to date, and gives the terminal its own back in the end."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App
from textual.driver import Driver

_SAVE, _RESTORE = "\x1b[22;2t", "\x1b[23;2t"
#: Seconds between two looks: a title need not follow every change.
_EVERY = 1.0


class TerminalTitle:
    """Asks for the words again and again, and writes them where they have changed (OSC 2)."""

    def __init__(self, app: App[None], words: Callable[[], str]) -> None:
        self._app = app
        self._words = words
        self._shown = ""

    def start(self) -> None:
        """Begins; ends with the app."""
        self._write(_SAVE)
        self.show()
        self._app.set_interval(_EVERY, self.show, name="terminal title")

    def show(self) -> None:
        """Writes the title, if it has changed."""
        words = self._words()
        if words != self._shown:
            self._shown = words
            self._write(f"\x1b]2;{words}\x07")

    def stop(self) -> None:
        """Gives the terminal its title back."""
        self._write(_RESTORE)

    def _write(self, sequence: str) -> None:
        driver: Driver | None = self._app._driver
        if driver is not None:
            driver.write(sequence)
