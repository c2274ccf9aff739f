"""Where one is in a history: a line to see it on, and in words."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from wf_tui.widgets.theme import MUTED

_KNOB = "◆"


class Slider(Widget):
    """Two lines. It takes no keys: its screen does."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self._total = 0
        self._words = ""

    @property
    def words(self) -> str:
        """What it says."""
        return self._words

    def tell(self, at: int, total: int, words: str) -> None:
        """Shows a place among `total`."""
        self._at, self._total, self._words = at, total, words
        self.refresh()

    def render(self) -> Content:
        """Paints the line with its knob, and the words below."""
        width = max(3, self.content_size.width)
        place = round((width - 1) * self._at / self._total) if self._total else 0
        line = Content.assemble(
            ("━" * place, "$text-warning"),
            (_KNOB, "bold $text-warning"),
            ("─" * (width - 1 - place), MUTED),
        )
        words = Content.styled(self._words, "bold").truncate(width, ellipsis=True)
        return Content("\n").join((line, words))
