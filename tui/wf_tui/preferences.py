"""Puts the settings into force on the app: themes, keys, and what a read-only console leaves out."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.theme import BUILTIN_THEMES

from wf_tui.readonly import forbid
from wf_tui.settings import Settings
from wf_tui.widgets.theme import THEMES


def put_in_force(app: App[Any], settings: Settings) -> None:
    """Applies what was checked before; see `Settings.check_names`."""
    for theme in THEMES:
        app.register_theme(theme)
    app.theme = settings.theme
    app.set_keymap(settings.keys)


def leave_out_dangers(app: App[Any], bindings: BindingsMap, *, read_only: bool) -> None:
    """Gives the app these bindings; where the console is read-only, without the dangerous ones."""
    app._bindings = bindings.copy()
    if read_only:
        forbid(app._bindings)


def theme_names() -> frozenset[str]:
    """Returns the names of all themes: the console's own and Textual's."""
    return frozenset(BUILTIN_THEMES) | {theme.name for theme in THEMES}


def binding_ids() -> frozenset[str]:
    """Returns the ids of all bindings of the console's own classes."""
    import wf_tui.app  # noqa: F401 - with it come all of them

    ids: set[str] = set()
    kinds: list[type[DOMNode]] = [DOMNode]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("wf_tui."):
            own = Binding.make_bindings(vars(kind).get("BINDINGS", []))
            ids.update(binding.id for binding in own if binding.id)
    return frozenset(ids)
