"""The composer of WorkReqs."""

from wf_tui.screens.composer.screen import ComposerScreen

__all__ = ["ComposerScreen"]
