"""pause, resume, cancel, release, resolve, receipt: an operator's hand on running workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
from rich.text import Text

from wf_tui.cli.exits import Exit, exit_of_error
from wf_tui.cli.jsonout import to_json
from wf_tui.cli.options import command
from wf_tui.cli.places import BLOCK, job_place
from wf_tui.cli.session import Session
from wf_tui.cli.terminal import status_text
from wf_tui.cli.watch_command import utc_now
from wf_tui.gateway import GatewayError
from wf_tui.state.format import count, duration, moment
from wf_tui.state.models import Fate, Receipt, Resolution, Status, Summary
from wf_tui.state.text import clean

_IDS = click.argument("workflow_ids", metavar="ID...", nargs=-1, required=True)
_ID = click.argument("workflow_id", metavar="ID")
_WHY = click.option("--reason", required=True, help="Why; kept in the history.")
_MAYBE_WHY = click.option("--reason", default="", help="Why; kept in the history.")
_SETTLE_SECONDS = 0.25

Act = Callable[[str], Awaitable[Summary]]


async def _each(session: Session, workflow_ids: tuple[str, ...], act: Act) -> int:
    """Does the same to each workflow; one that cannot be does not keep the others from it."""
    worst, done = Exit.OK, list[Summary]()
    for workflow_id in dict.fromkeys(workflow_ids):
        try:
            summary = await act(workflow_id)
        except GatewayError as error:
            session.terminal.fail(f"{workflow_id}: {error}")
            worst = max(worst, exit_of_error(error))
            continue
        done.append(summary)
        session.terminal.say(_line(summary))
    if session.terminal.as_json:
        session.terminal.json(done)
    return worst


def _line(summary: Summary) -> Text:
    line = Text.assemble(status_text(summary.status), f"  {clean(summary.id)}  {clean(summary.name)}")
    if summary.status in (Status.PAUSING, Status.STOPPING, Status.CANCELLING) and summary.jobs.running:
        line.append(f"  {count(summary.jobs.running, 'job')} in flight")
        if summary.until is not None:
            left = max(0.0, (summary.until - utc_now()).total_seconds())
            line.append(f", quiet in {duration(left)} at the latest")
    return line


def _receipt_lines(receipt: Receipt) -> list[str]:
    now = utc_now()
    why = f": {receipt.reason}" if receipt.reason else ""
    by = f" by {receipt.operator}" if receipt.operator else ""
    lines = [
        f"{receipt.order.label} {moment(now, receipt.ordered)}{by}{why}",
        f"{receipt.workflow_id}  {receipt.name}  {count(receipt.jobs, 'job')}",
    ]
    lines += [f"  {receipt.count(fate):>7,}  {fate.label}" for fate in Fate if receipt.count(fate)]
    if receipt.settled is not None:
        took = duration((receipt.settled - receipt.ordered).total_seconds())
        lines.append(f"settled after {took}")
    elif receipt.grace_ends is not None:
        left = duration(max(0.0, (receipt.grace_ends - now).total_seconds()))
        lines.append(f"settling: {receipt.in_flight} in flight, quiet in {left} at the latest")
    return lines


def _export(receipt: Receipt, output: Path) -> None:
    try:
        output.write_text(to_json(receipt) + "\n", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--output {output}: {error.strerror or error}") from error


async def _settled(session: Session, workflow_id: str) -> Receipt:
    """Waits until every job has ended or was given up."""
    while True:
        receipt = await session.gateway.receipt(workflow_id)
        if receipt.settled is not None:
            return receipt
        await asyncio.sleep(_SETTLE_SECONDS)


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @command(group, "pause")
    @_IDS
    @_WHY
    async def pause(session: Session, workflow_ids: tuple[str, ...], reason: str) -> int:
        """Start nothing more of running workflows; jobs in flight end by themselves."""
        return await _each(session, workflow_ids, lambda found: session.gateway.pause(found, reason))

    @command(group, "resume")
    @_IDS
    @_MAYBE_WHY
    async def resume(session: Session, workflow_ids: tuple[str, ...], reason: str) -> int:
        """Let paused workflows go on."""
        return await _each(session, workflow_ids, lambda found: session.gateway.resume(found, reason))

    @command(group, "cancel")
    @_IDS
    @_WHY
    async def cancel(session: Session, workflow_ids: tuple[str, ...], reason: str) -> int:
        """End workflows that have not ended, whatever they wait for.

        Running jobs are told to end; what has not ended after the server's grace period is unknown. wf
        receipt ID tells what became of each job.
        """
        return await _each(session, workflow_ids, lambda found: session.gateway.cancel(found, reason))

    @command(group, "release")
    @_ID
    @click.argument("block", type=BLOCK)
    @click.option("--confirm", default="", help="The targets' name, for a point of no return.")
    @_MAYBE_WHY
    async def release(session: Session, workflow_id: str, block: int, confirm: str, reason: str) -> int:
        """Give the go for the BLOCK (from 0) before which a workflow is held.

        For a point of no return the server checks policies and stops again, and --confirm has to spell its
        targets: the sites that its jobs act on, in order and joined by commas.
        """
        summary = await session.gateway.release(workflow_id, block, reason, confirm)
        session.terminal.say(_line(summary))
        if session.terminal.as_json:
            session.terminal.json(summary)
        return Exit.OK

    @command(group, "resolve")
    @_ID
    @click.argument("place", metavar="BLOCK/JOB", callback=job_place)
    @click.argument("outcome", type=click.Choice([one.name.lower() for one in Resolution]))
    @click.option("--reason", required=True, help="How that was found out; kept in the history.")
    async def resolve(
        session: Session, workflow_id: str, place: tuple[int, int], outcome: str, reason: str
    ) -> int:
        """Say what became of a job whose outcome is unknown.

        done: it did its work. failed: it did not, and is not tried again. rerun: run it again.
        """
        resolution = Resolution[outcome.upper()]
        summary = await session.gateway.resolve(workflow_id, *place, resolution, reason)
        session.terminal.say(_line(summary))
        if summary.status is Status.NEEDS_OPERATOR:
            session.terminal.note(f"{count(summary.jobs.unknown, 'outcome')} to resolve")
        if session.terminal.as_json:
            session.terminal.json(summary)
        return Exit.OK

    @command(group, "receipt")
    @_ID
    @click.option("--wait", is_flag=True, help="Until every job has ended or was given up.")
    @click.option(
        "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it as JSON to this file too."
    )
    async def receipt_(session: Session, workflow_id: str, wait: bool, output: Path | None) -> int:
        """Tell what a stop or a cancel did to every job of a workflow."""
        receipt = await session.gateway.receipt(workflow_id)
        if wait and receipt.settled is None:
            receipt = await _settled(session, workflow_id)
        if output is not None:
            _export(receipt, output)
        if session.terminal.as_json:
            session.terminal.json(receipt)
            return Exit.OK
        for line in _receipt_lines(receipt):
            session.terminal.say(clean(line))
        return Exit.OK
