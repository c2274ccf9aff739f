"""The disk-erase wizard."""

from __future__ import annotations

from collections.abc import Sequence

from wf_tui.diskerase import WORKFLOW, erasable, erase_request
from wf_tui.state.format import count
from wf_tui.state.models import Site, SiteStatus, SiteType
from wf_tui.state.wizard import Item, PreCheck, World
from wf_tui.wizards.base import Options, Wizard, Words, names_of


def checks(world: World) -> tuple[PreCheck, ...]:
    """A satellite, in decom, with machines."""
    return _type_check(world.site), _status_check(world.site), _machines_check(world.machines)


def _type_check(site: Site) -> PreCheck:
    satellite = site.type is SiteType.SATELLITE
    words = "is a satellite" if satellite else f"is a {site.type.value}: only satellites can be erased"
    return PreCheck("Site type", satellite, words)


def _status_check(site: Site) -> PreCheck:
    decom = site.status is SiteStatus.DECOM
    words = "is in decom" if decom else f"is {site.status.value}: put it into decom first"
    return PreCheck("Site status", decom, words)


def _machines_check(machines: Sequence[str]) -> PreCheck:
    words = f"{count(len(machines), 'machine')} to erase" if machines else "the site has no machines"
    return PreCheck("Machines", bool(machines), words)


def items(worlds: Sequence[World], options: Options) -> tuple[Item, ...]:
    """A WorkReq for each site: no policy lets one erase two. Raises CannotErase."""
    return tuple(
        Item((world,), erase_request(world.site.name, world.machines, pause_seconds=options.pause_seconds))
        for world in worlds
    )


def title(sites: Sequence[str]) -> str:
    """`Erase the disks of aap, adg`."""
    return f"Erase the disks of {', '.join(sites)}" if sites else "Erase a satellite's disks"


def plan_note(options: Options) -> str:
    """What is the same in every block."""
    pause = count(options.pause_seconds, "second")
    return f"Machines of a block are erased at once; pause between blocks: {pause}."


def question(chosen: Sequence[Item], server: str) -> Words:
    """How many machines of which sites, and that it is for good."""
    machines = sum(len(world.machines) for item in chosen for world in item.worlds)
    sites = names_of(chosen)
    many = len(sites) > 1
    who = f"{len(sites)} satellites, one after another: {', '.join(sites)}" if many else sites[0]
    return (
        ("All disks of ", ""),
        (count(machines, "machine"), "danger"),
        (" of " if many else " of satellite ", ""),
        (who, "danger"),
        (f"{';' if many else ''} will be erased by {server}.", ""),
        ("\n", ""),
        (_extent(chosen), ""),
        ("\n\n", ""),
        ("Erased disks cannot be brought back.", "strong"),
        (" A stop engaged later saves only what has not been erased by then.", ""),
        (" The queue stops at the first erasure that does not complete." if many else "", ""),
    )


def _extent(chosen: Sequence[Item]) -> str:
    if len(chosen) > 1:
        return "; ".join(f"{item.sites[0]}: {_machines(item)}" for item in chosen) + "."
    return f"Machines {_machines(chosen[0])}; {count(len(chosen[0].request.blocks), 'block')}."


def _machines(item: Item) -> str:
    names = sorted(item.worlds[0].machines)
    return f"{names[0]} to {names[-1]}"


def phrase(sites: Sequence[str]) -> str:
    """The site's name; of several their number and all names."""
    return sites[0] if len(sites) == 1 else f"{len(sites)} {' '.join(sites)}"


ERASE = Wizard(
    id="erase",
    key="e",
    label="Erase",
    command="erase: a satellite's disks",
    help="Erase satellites' disks, step by step",
    workflow=WORKFLOW,
    unfit=erasable,
    fit="can be erased",
    checks=checks,
    items=items,
    title=title,
    plan_note=plan_note,
    question=question,
    phrase=phrase,
    verb="Erase",
)
