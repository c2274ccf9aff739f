"""The wizard that has the server make sure of satellites' decom, many at once, and keep it on record."""

from __future__ import annotations

from collections.abc import Sequence

from wf_tui.state.format import count
from wf_tui.state.models import Block, Job, Site, SiteStatus, SiteType, WorkReq
from wf_tui.state.wizard import Item, PreCheck, World
from wf_tui.wizards.base import Options, Wizard, Words, names_of

WORKFLOW = "SatelliteDecomCheck"
#: A check takes a moment; more at once would gain nothing.
_AT_ONCE = 10
#: More names would not fit where descriptions are shown.
_NAMED = 5


def unfit(site: Site) -> str:
    """Why a site's decom cannot be made sure of, "" if it can."""
    if site.type is not SiteType.SATELLITE:
        return f"{site.name} is a {site.type.value}; only satellites are checked"
    if site.status is not SiteStatus.DECOM:
        return f"{site.name} is {site.status.value}, not in decom"
    return ""


def checks(world: World) -> tuple[PreCheck, ...]:
    """What the inventory says now; the server asks again when the job runs."""
    reason = unfit(world.site).removeprefix(f"{world.site.name} ")
    return (PreCheck("Site", not reason, reason or "is a satellite in decom"),)


def items(worlds: Sequence[World], options: Options) -> tuple[Item, ...]:
    """One WorkReq with a job for each site."""
    if not worlds:
        return ()
    names = [world.site.name for world in worlds]
    jobs = tuple(
        Job(
            "validateDecom", f"check that {name} is a satellite in decom", {"site": name, "type": "satellite"}
        )
        for name in names
    )
    block = Block("check that the sites are in decom", min(_AT_ONCE, len(jobs)), jobs)
    return (Item(tuple(worlds), WorkReq(WORKFLOW, f"make sure that {_named(names)} in decom", (block,))),)


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    listed = ", ".join(names[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
    return f"{listed} {'is' if len(names) == 1 else 'are'}"


def title(sites: Sequence[str]) -> str:
    """`Make sure of the decom of aap, adg`."""
    return f"Make sure of the decom of {', '.join(sites)}" if sites else "Make sure of satellites' decom"


def question(chosen: Sequence[Item], server: str) -> Words:
    """Nothing is changed by it."""
    sites = names_of(chosen)
    return (
        (server, ""),
        (" will check that ", ""),
        (count(len(sites), "satellite"), "strong"),
        (f" {'is' if len(sites) == 1 else 'are'} in decom, and keep the answer: ", ""),
        (", ".join(sites), "strong"),
        (".", ""),
        ("\n\n", ""),
        ("Nothing is changed on any site. The first that is not in decom fails the workflow.", ""),
    )


DECOM_CHECK = Wizard(
    id="decom",
    key="D",
    label="Decom",
    command="check: satellites' decom",
    help="Have the server make sure that satellites are in decom",
    workflow=WORKFLOW,
    unfit=unfit,
    fit="can be checked",
    checks=checks,
    items=items,
    title=title,
    plan_note=lambda _: "",
    question=question,
    phrase=lambda _: "",
    verb="Check",
)
