"""The way to the composer, from anywhere."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.screen import Screen

from wf_tui.screens.base import Context
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen


def compose(app: App[Any], context: Context) -> None:
    """Begins a WorkReq; one that was begun is gone on with."""
    if any(isinstance(screen, ComposerScreen) for screen in app.screen_stack):
        while not isinstance(app.screen, ComposerScreen):
            app.pop_screen()
    else:
        app.push_screen(ComposerScreen(context))


def clone(app: App[Any], context: Context) -> None:
    """Begins a WorkReq with a copy of the workflow that the screen is about."""
    workflow_id = _subject(app.screen)
    if workflow_id:
        app.push_screen(ComposerScreen(context, clones=workflow_id))


def can_clone(screen: Screen[Any]) -> bool:
    """Whether the screen is about a workflow."""
    return bool(_subject(screen))


def _subject(screen: Screen[Any]) -> str:
    if isinstance(screen, WorkflowScreen):
        return screen.workflow_id
    return screen.current_id if isinstance(screen, WorkflowsScreen) else ""
