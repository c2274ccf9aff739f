"""What a wizard declares. The screen, the keys, the palette, help and read-only mode all read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wf_tui.state.models import Site
from wf_tui.state.wizard import Item, SiteChecks, World

#: A text in parts: what it says, and a look: "danger", "strong", or "" for plain. Line breaks are parts.
Words = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Options:
    """What is set for the whole console rather than chosen in a wizard."""

    pause_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Wizard:
    """From sites of the inventory to WorkReqs: pre-checks, plan, verdict, confirmation.

    Everything that it needs to know of the world comes in by the arguments: a declaration and its
    rules neither ask a server nor paint.
    """

    #: Names its key's binding (`app.ID`) and its drafts.
    id: str
    key: str
    #: In the footer and in help.
    label: str
    #: In the palette, as `group: verb`; the group vanishes in a read-only console.
    command: str
    help: str
    #: The workflow type that it submits; what is under way of it is looked for.
    workflow: str
    #: Why a site cannot be chosen, "" if it can; and what is said of one that can.
    unfit: Callable[[Site], str]
    fit: str
    #: The pre-checks of one site; those of policies, stops and tokens follow from the WorkReq.
    checks: SiteChecks
    #: The WorkReqs for these sites; several are queued, one after another. Raises Unfit.
    items: Callable[[Sequence[World], Options], tuple[Item, ...]]
    #: What is about to be done to these sites, as on the line of crumbs: `Erase the disks of aap`.
    title: Callable[[Sequence[str]], str]
    #: A line above the plan, "": none.
    plan_note: Callable[[Options], str]
    #: What is about to be done for good, with the server's address.
    question: Callable[[Sequence[Item], str], Words]
    #: What has to be typed, "": nothing, where nothing can be lost.
    phrase: Callable[[Sequence[str]], str]
    #: On the button that does it.
    verb: str


def names_of(items: Sequence[Item]) -> tuple[str, ...]:
    """Returns the sites of all items, in order."""
    return tuple(site for item in items for site in item.sites)
