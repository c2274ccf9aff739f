"""What is said instead of a screen that has no room."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

#: The least the console can be used in, in cells.
LEAST = Size(60, 16)


class TooSmall(Widget):
    """Covers its screen while that is too small; what is below stays as it is."""

    def render(self) -> Content:
        """Says how large it is and how large it has to be."""
        size = self.app.size
        return Content(
            f"Too small: {size.width}×{size.height}\n{LEAST.width}×{LEAST.height} are needed.\n"
            "Nothing is lost:\nmake the window larger."
        )
