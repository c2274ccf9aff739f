"""The screens that can be gone to from anywhere: one table for their keys and their commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from textual.app import App
from textual.binding import Binding

from wf_tui.screens.audit import AuditScreen
from wf_tui.screens.base import Context, WfScreen
from wf_tui.screens.buckets import BucketsScreen
from wf_tui.screens.catalogue import CatalogueScreen
from wf_tui.screens.inbox import InboxScreen
from wf_tui.screens.pulse import PulseScreen
from wf_tui.screens.queue import QueueScreen
from wf_tui.screens.quotas import QuotasScreen
from wf_tui.screens.rejections import RejectionsScreen
from wf_tui.screens.sites import SitesScreen
from wf_tui.screens.workbench import WorkbenchScreen


class Place(NamedTuple):
    """A screen, the key that goes there, and what is to be seen there."""

    key: str
    words: str
    screen: type[WfScreen]


#: By the name that follows `go:` in the palette.
PLACES: Mapping[str, Place] = {
    "pulse": Place("P", "To the one screen that says whether all is well", PulseScreen),
    "inbox": Place("A", "To what waits for somebody's approval", InboxScreen),
    "rejections": Place("R", "To what the server refused, and why", RejectionsScreen),
    "buckets": Place("B", "To the token buckets and when they fill", BucketsScreen),
    "quotas": Place("U", "To the quotas: what is taken of each, and who waits", QuotasScreen),
    "catalogue": Place("K", "To the job types and the policies in force", CatalogueScreen),
    "audit": Place("W", "To the audit: who did what, from where, and why", AuditScreen),
    "workbench": Place("F", "To the policy workbench: what a draft would do", WorkbenchScreen),
    "queue": Place("Q", "To the queue: sites that are worked off one after another", QueueScreen),
    "sites": Place("I", "To the inventory: sites and their machines", SitesScreen),
}


def place_bindings() -> list[Binding]:
    """Returns a key for each place; help shows them, the footer has no room."""
    return [
        Binding(place.key, f"go('{name}')", name.title(), show=False, id=f"app.{name}", tooltip=place.words)
        for name, place in PLACES.items()
    ]


def go(app: App[Any], context: Context, name: str) -> None:
    """Shows a place: instead of another place, on top of anything else."""
    screen = PLACES[name].screen
    if isinstance(app.screen, screen):
        return
    if isinstance(app.screen, tuple(place.screen for place in PLACES.values())):
        app.switch_screen(screen(context))
    else:
        app.push_screen(screen(context))
