"""The keys that work here, made from the bindings themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from wf_tui.dialogs.base import Dialog


@dataclass(frozen=True, slots=True)
class HelpKey:
    """Keys that do the same, and what that is."""

    keys: str
    words: str


class HelpDialog(Dialog[None]):
    """Keys by where they come from: the screen, its lists, and those that work everywhere."""

    AUTO_FOCUS = "#keys"

    def __init__(self, place: str, groups: Sequence[tuple[str, Sequence[HelpKey]]]) -> None:
        super().__init__()
        self._place = place
        self._groups = tuple(groups)

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        width = max((len(key.keys) for _, keys in self._groups for key in keys), default=0)
        with Vertical(classes="box tall"):
            yield Static(f"Keys: {self._place}", classes="question", markup=False)
            with VerticalScroll(id="keys"):
                yield Static(Content("\n").join(self._lines(width)))
            yield Static("esc closes", classes="hint", markup=False)

    def _lines(self, width: int) -> list[Content]:
        lines: list[Content] = []
        for heading, keys in self._groups:
            if lines:
                lines.append(Content(""))
            lines.append(Content.styled(heading, "bold"))
            lines += [
                Content.assemble((f"  {key.keys:<{width}}  ", "$text-primary"), key.words) for key in keys
            ]
        return lines


def help_groups(app: App[Any], bindings: Iterable[ActiveBinding]) -> list[tuple[str, list[HelpKey]]]:
    """Groups bindings by where they come from; keys that do the same stand on one line."""
    groups: dict[str, dict[str, list[ActiveBinding]]] = {"This screen": {}, "The list": {}, "Everywhere": {}}
    for active in bindings:
        if active.enabled and not active.binding.system and active.binding.id:
            by_action = groups[_heading(active)]
            by_action.setdefault(active.binding.action, []).append(active)
    return [
        (heading, [_help_key(app, alike) for alike in by_action.values()])
        for heading, by_action in groups.items()
        if by_action
    ]


def _heading(active: ActiveBinding) -> str:
    if isinstance(active.node, App):
        return "Everywhere"
    return "This screen" if isinstance(active.node, Screen) else "The list"


def _help_key(app: App[Any], alike: Sequence[ActiveBinding]) -> HelpKey:
    keys = dict.fromkeys(app.get_key_display(active.binding) for active in alike)
    return HelpKey(" ".join(keys), alike[0].binding.tooltip or alike[0].binding.description)
