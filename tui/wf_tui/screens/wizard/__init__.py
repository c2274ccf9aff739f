"""The screen of every wizard."""

from wf_tui.screens.wizard.screen import WizardScreen

__all__ = ["WizardScreen"]
