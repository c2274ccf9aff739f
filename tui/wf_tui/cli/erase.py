"""erase-satellite."""

from __future__ import annotations

from collections.abc import Sequence

import click

from wf_tui.cli.exits import Exit, exit_of_violations
from wf_tui.cli.options import acknowledge_option, command, watch_options
from wf_tui.cli.queue import QueueWork
from wf_tui.cli.session import Session
from wf_tui.cli.submission import execute_and_watch, submit_workreq, tell_id
from wf_tui.cli.terminal import Terminal
from wf_tui.diskerase import CannotErase, erasable, erase_request
from wf_tui.gateway import NotFound
from wf_tui.state.format import count
from wf_tui.state.models import Site, Violation, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals, to_acknowledge
from wf_tui.wizards.erase import ERASE

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


async def _dry_run(
    session: Session, plans: Sequence[tuple[Site, WorkReq]], acknowledge: tuple[str, ...]
) -> int:
    """Asks what Submit would say to each; returns the exit code of the first that would be refused."""
    told = [(site.name, await session.gateway.check(plan)) for site, plan in plans]
    refusing = [[one for one in found if one.refuses(acknowledge)] for _, found in told]
    if session.terminal.as_json:
        sites = [
            {"site": name, "accepted": not why, "violations": found}
            for (name, found), why in zip(told, refusing, strict=True)
        ]
        session.terminal.json({"dryRun": True, "submitted": False, "sites": sites})
    else:
        for (name, found), why in zip(told, refusing, strict=True):
            _tell_verdict(session.terminal, name, found, refused=bool(why))
    session.terminal.say("dry run: nothing was submitted, and nothing will be")
    return next((code for why in refusing if (code := exit_of_violations(why))), Exit.OK)


def _tell_verdict(terminal: Terminal, site: str, found: Sequence[Violation], *, refused: bool) -> None:
    if refused:
        terminal.fail(f"{clean(site)}: the server would refuse it:", cleaned=False)
    else:
        terminal.say(f"{clean(site)}: the server would accept it")
    terminal.violations(found)
    if refused and not refusals(found):
        options = " ".join(f"--acknowledge {clean(name)}" for name in to_acknowledge(found))
        terminal.note(f"only warnings; it would be accepted with {options}")


async def _erase(
    session: Session, plans: Sequence[tuple[Site, WorkReq]], acknowledge: tuple[str, ...], *, yes: bool
) -> int:
    sites = [found.name for found, _ in plans]
    machines = sum(found.machine_count for found, _ in plans)
    question = f"All disks of {clean(', '.join(sites))} ({count(machines, 'machine')}) will be erased"
    if not yes and not session.confirm(question, ERASE.phrase(sites)):
        return Exit.USAGE
    if len(plans) == 1:
        workflow_id = await submit_workreq(session, plans[0][1], acknowledge=acknowledge)
        tell_id(session, workflow_id)
        return await execute_and_watch(session, workflow_id)
    async with QueueWork(session) as work:
        return await work.begin([(found.name, plan) for found, plan in plans], acknowledge)


def _check_usage(sites: tuple[str, ...], *, resume: bool, retry: bool, skip: bool, dry_run: bool) -> None:
    if resume == bool(sites):
        raise click.UsageError("name one SITE or more, or give --resume to go on with a queue")
    if retry and skip:
        raise click.UsageError("--retry or --skip, not both")
    if (retry or skip) and not resume:
        raise click.UsageError("--retry and --skip go with --resume")
    if dry_run and resume:
        raise click.UsageError("--dry-run is for sites that are not queued yet")
    double = next((site for site in sites if sites.count(site) > 1), None)
    if double is not None:
        raise click.UsageError(f"{clean(double)} is named twice: a site is erased once")


def add_to(group: click.Group) -> None:
    """Adds the command to `wf`."""
    for name, hidden in (("erase-satellite", False), ("eraseSatellite", True)):

        @command(group, name, hidden=hidden)
        @click.argument("sites", metavar="SITE...", nargs=-1)
        @click.option("--yes", is_flag=True, help="Don't ask for the sites' names to be typed.")
        @click.option("--dry-run", is_flag=True, help="Check, plan and ask for the verdict; submit nothing.")
        @click.option(
            "--pause",
            type=click.IntRange(min=0),
            metavar="SECONDS",
            help="Between batches of five machines.  [default: 60; 2 with --demo]",
        )
        @click.option("--resume", is_flag=True, help="Go on with the queue that was left behind.")
        @click.option("--retry", is_flag=True, help="With --resume: try the site in trouble again.")
        @click.option("--skip", is_flag=True, help="With --resume: go on without the site in trouble.")
        @acknowledge_option
        @watch_options
        async def erase_satellite(
            session: Session,
            sites: tuple[str, ...],
            yes: bool,
            dry_run: bool,
            pause: int | None,
            resume: bool,
            retry: bool,
            skip: bool,
            acknowledge: tuple[str, ...],
        ) -> int:
            """Erase the disks of all machines of each SITE, a satellite in decom, and watch it.

            The sites are checked, the plans shown, and their names have to be typed. Several are queued: each
            is begun when the one before has completed and there is a token; the first that does not complete
            stops the queue. A queue is kept in a file: --resume goes on with it, and so does the console.
            """
            _check_usage(sites, resume=resume, retry=retry, skip=skip, dry_run=dry_run)
            if resume:
                async with QueueWork(session) as work:
                    return await work.resume(yes=yes, retry=retry, skip=skip)
            if pause is None:
                pause = _DEMO_PAUSE_SECONDS if session.settings.demo else _PAUSE_SECONDS
            plans = [await _plan(session, site, pause) for site in sites]
            for found, plan in plans:
                _show(session, found, plan, pause)
            if dry_run:
                return await _dry_run(session, plans, acknowledge)
            return await _erase(session, plans, acknowledge, yes=yes)
