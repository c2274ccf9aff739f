"""Wizards: one declaration each, and the table of them all."""

from wf_tui.wizards.base import Options, Wizard, Words
from wf_tui.wizards.registry import WIZARDS

__all__ = ["WIZARDS", "Options", "Wizard", "Words"]
