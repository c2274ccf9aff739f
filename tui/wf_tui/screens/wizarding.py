"""The way to the wizards, from anywhere: keys and commands follow from their table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual.app import App
from textual.binding import Binding

from wf_tui.commands import Command
from wf_tui.screens.base import Context
from wf_tui.screens.wizard import WizardScreen
from wf_tui.wizards import WIZARDS, Wizard


def wizard_bindings() -> list[Binding]:
    """Returns a key for each wizard; help shows them, the footer has no room."""
    return [
        Binding(
            wizard.key,
            f"wizard('{name}')",
            wizard.label,
            show=False,
            id=f"app.{name}",
            tooltip=wizard.help,
        )
        for name, wizard in WIZARDS.items()
    ]


def wizard_commands(app: App[Any], context: Context, may: Callable[[str], bool]) -> Iterator[Command]:
    """Yields the beginning of each wizard, and of its dry run, for whose type one `may`."""
    for name, wizard in WIZARDS.items():
        if not may(wizard.workflow):
            continue
        yield Command(wizard.command, wizard.help, partial(begin_wizard, app, context, name))
        dry = partial(begin_wizard, app, context, name, dry_run=True)
        yield Command(f"{wizard.command}, dry run", "Checks, plan and verdict; nothing is submitted", dry)


def begun(app: App[Any], wizard: Wizard) -> WizardScreen | None:
    """Returns the wizard of that kind that was begun; None: there is none."""
    screens = (screen for screen in app.screen_stack if isinstance(screen, WizardScreen))
    return next((screen for screen in screens if screen.wizard is wizard), None)


def begin_wizard(app: App[Any], context: Context, name: str, *, dry_run: bool = False) -> None:
    """Begins a wizard; one that was begun is gone on with."""
    wizard = WIZARDS[name]
    found = begun(app, wizard)
    if found is None:
        app.push_screen(WizardScreen(context, wizard, dry_run=dry_run))
        return
    while app.screen is not found:
        app.pop_screen()
