"""erase-satellite."""

from __future__ import annotations

import click

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import acknowledge_option, command, watch_options
from wf_tui.cli.session import Session
from wf_tui.cli.submission import execute_and_watch, submit_workreq, tell_id
from wf_tui.diskerase import CannotErase, erasable, erase_request
from wf_tui.gateway import NotFound
from wf_tui.state.format import count
from wf_tui.state.models import Site, WorkReq
from wf_tui.state.text import clean

_PAUSE_SECONDS = 60
#: A demonstration erases in seconds what really takes half a minute; its pauses shrink likewise.
_DEMO_PAUSE_SECONDS = 2


async def _plan(session: Session, site: str, pause: int) -> tuple[Site, WorkReq]:
    """Makes the pre-checks and the WorkReq. Raises CannotErase."""
    try:
        found, machines = await session.gateway.site(site)
    except NotFound as error:
        raise CannotErase(
            f"there is no site {clean(site)}; wf sites --erasable lists those to choose from"
        ) from error
    if reason := erasable(found):
        raise CannotErase(f"the disks of {clean(site)} can't be erased: {reason}")
    return found, erase_request(found.name, machines, pause_seconds=pause)


def _show(session: Session, site: Site, plan: WorkReq, pause: int) -> None:
    say = session.terminal.say
    machines = count(site.machine_count, "machine")
    say(f"site {clean(site.name)}: {site.type.value}, {site.status.value}, {machines}")
    say(f"plan {plan.name}: {count(len(plan.blocks), 'block')}, {count(plan.job_count, 'job')}")
    rows = [
        (
            str(number),
            block.desc,
            str(len(block.jobs)),
            ", ".join(dict.fromkeys(job.name for job in block.jobs)),
        )
        for number, block in enumerate(plan.blocks)
    ]
    session.terminal.table(("#block", "description", "#jobs", "job types"), rows, "")
    say(f"pause between blocks: {pause} s" if pause else "no pause between blocks")


def add_to(group: click.Group) -> None:
    """Adds the command to `wf`."""
    for name, hidden in (("erase-satellite", False), ("eraseSatellite", True)):

        @command(group, name, hidden=hidden)
        @click.argument("site")
        @click.option("--yes", is_flag=True, help="Don't ask for the site's name to be typed.")
        @click.option(
            "--pause",
            type=click.IntRange(min=0),
            metavar="SECONDS",
            help="Between batches of five machines.  [default: 60; 2 with --demo]",
        )
        @acknowledge_option
        @watch_options
        async def erase_satellite(
            session: Session, site: str, yes: bool, pause: int | None, acknowledge: tuple[str, ...]
        ) -> int:
            """Erase the disks of all machines of SITE, a satellite in decom, and watch it.

            The site is checked, the plan shown, and the site's name has to be typed.
            """
            if pause is None:
                pause = _DEMO_PAUSE_SECONDS if session.settings.demo else _PAUSE_SECONDS
            found, plan = await _plan(session, site, pause)
            _show(session, found, plan, pause)
            question = f"All disks of {clean(site)} ({count(found.machine_count, 'machine')}) will be erased"
            if not yes and not session.confirm(question, site):
                return Exit.USAGE
            workflow_id = await submit_workreq(session, plan, acknowledge=acknowledge)
            tell_id(session, workflow_id)
            return await execute_and_watch(session, workflow_id)
