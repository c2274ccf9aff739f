"""`wf`: the client for scripts, and for people in a hurry."""

from wf_tui.cli.main import main

__all__ = ["main"]
