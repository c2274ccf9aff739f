"""status, watch, list, get, and protoStatus."""

from __future__ import annotations

import asyncio
import json

import click
from rich.text import Text

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import command, watch_options
from wf_tui.cli.session import Session
from wf_tui.cli.summary import show_blocks, show_jobs
from wf_tui.cli.terminal import status_text
from wf_tui.cli.watch_command import utc_now, watch_to_the_end
from wf_tui.cli.watching import Watched, closing
from wf_tui.gateway import Unreachable
from wf_tui.state.format import age, count
from wf_tui.state.models import JOB_TROUBLE, WORKFLOW_FINAL, JobDetail, Snapshot, Status, Summary
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.workreq_files import dump_json, dump_yaml

_ID = click.argument("workflow_id", metavar="ID")
_PAGE = 1000
_JOBS_SHOWN = 50
_STATUSES = {status.label.replace(" ", "-"): status for status in Status if status}
_FINAL_NAMES = frozenset(f"STATUS_{status.name}" for status in WORKFLOW_FINAL)


async def _snapshot(session: Session, workflow_id: str) -> Watched:
    async with closing(session.gateway.watch(workflow_id)) as events:
        async for event in events:
            if isinstance(event, Snapshot):
                return Watched(LiveWorkflow(event))
    raise Unreachable(f"{session.gateway.address} ended the watch without a snapshot")


async def _shown_jobs(session: Session, watched: Watched) -> list[JobDetail]:
    """The jobs that are running or in trouble, not more than anybody reads."""
    shown: list[JobDetail] = []
    for number, block in enumerate(watched.live.blocks):
        wanted = [
            job
            for status in (*JOB_TROUBLE, Status.RUNNING)
            for job in block.members(status)[: _JOBS_SHOWN - len(shown)]
        ]
        for start in sorted({job - job % _PAGE for job in wanted}):
            page = await session.gateway.list_jobs(watched.live.summary.id, number, start, _PAGE)
            shown += [detail for detail in page if detail.job in wanted]
        if len(shown) >= _JOBS_SHOWN:
            break
    return shown[:_JOBS_SHOWN]


async def _all(session: Session, statuses: list[Status], name: str, text: str, limit: int) -> list[Summary]:
    found: list[Summary] = []
    token = ""
    while len(found) < limit:
        page, token = await session.gateway.list(
            statuses=statuses, name=name, text=text, limit=min(_PAGE, limit - len(found)), page_token=token
        )
        found += page
        if not token:
            break
    return found


def _show_list(session: Session, found: list[Summary]) -> None:
    now = utc_now()
    if session.terminal.is_narrow and found:
        for summary in found:
            _show_in_two_lines(session, summary, age(now, summary.created))
        return
    rows = [
        (
            summary.id,
            summary.name,
            status_text(summary.status),
            f"{summary.jobs.over}/{summary.jobs.total}",
            age(now, summary.created),
            summary.operator,
            summary.desc,
        )
        for summary in found
    ]
    heads = ("id", "name", "status", "#jobs over", "#age", "operator", "description")
    session.terminal.table(heads, rows, "no workflows")


def _show_in_two_lines(session: Session, summary: Summary, old: str) -> None:
    jobs = f"{summary.jobs.over}/{summary.jobs.total} jobs, {old} ago by {summary.operator}"
    first = Text.assemble(
        status_text(summary.status), "  ", (clean(summary.name), "bold"), f"  {clean(jobs)}"
    )
    second = Text.assemble("  ", clean(summary.id), "  ", (clean(summary.desc), "dim"))
    session.terminal.say_on_one_line(first)
    session.terminal.say_on_one_line(second)


async def _print_until_it_ends(session: Session, workflow_id: str, interval: float) -> int:
    session.if_interrupted = "interrupted: the workflow goes on"
    before = ""
    while True:
        text = await session.gateway.status_json(workflow_id)
        if text != before:
            session.terminal.raw(text)
            before = text
        status = json.loads(text)["status"]
        if status in _FINAL_NAMES or status == "STATUS_NOT_STARTED":
            return Exit.OK
        await asyncio.sleep(interval)


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @command(group, "status")
    @_ID
    @click.option(
        "--at",
        "at_seq",
        type=click.IntRange(min=1),
        help="As it stood after this change of its history (--json).",
    )
    async def status(session: Session, workflow_id: str, at_seq: int | None) -> int:
        """Show where a workflow stands, once. With --json: its whole status as proto JSON.

        Exit code 0, however the workflow stands.
        """
        if session.terminal.as_json:
            session.terminal.raw(await session.gateway.status_json(workflow_id, at_seq=at_seq or 0))
            return Exit.OK
        if at_seq is not None:
            raise click.UsageError("--at goes with --json; wf-tui shows a workflow's past with H")
        watched = await _snapshot(session, workflow_id)
        now, summary = utc_now(), watched.live.summary
        head = status_text(summary.status)
        head.append(f"  {clean(summary.name)} {clean(summary.id)}", style="bold")
        session.terminal.say(head)
        by = f"submitted {age(now, summary.created)} ago by {summary.operator}"
        # Held until its time, both tell why.
        activity = "" if summary.activity in summary.reason else summary.activity
        told = (summary.desc, by, summary.reason, activity)
        session.terminal.say(clean(". ".join(part for part in told if part)))
        show_blocks(session.terminal, watched, now)
        if jobs := await _shown_jobs(session, watched):
            session.terminal.say("")
            show_jobs(session.terminal, jobs, now)
        return Exit.OK

    @command(group, "watch")
    @_ID
    @watch_options
    async def watch(session: Session, workflow_id: str) -> int:
        """Watch a workflow to its end; the exit code tells how it ended.

        A workflow that has not been executed is waited for.
        """
        return await watch_to_the_end(session, workflow_id)

    @command(group, "list")
    @click.option(
        "--status",
        "statuses",
        multiple=True,
        type=click.Choice(sorted(_STATUSES)),
        help="Only these; repeatable.",
    )
    @click.option("--name", default="", help="Only this workflow type.")
    @click.option("--text", default="", help="Only where id, name, description or operator contains it.")
    @click.option(
        "--limit", default=100, show_default=True, type=click.IntRange(min=1), help="At most so many."
    )
    async def list_(session: Session, statuses: tuple[str, ...], name: str, text: str, limit: int) -> int:
        """List workflows, newest first."""
        found = await _all(session, [_STATUSES[status] for status in statuses], name, text, limit)
        if session.terminal.as_json:
            session.terminal.json(found)
            return Exit.OK
        _show_list(session, found)
        if len(found) == limit:
            session.terminal.note(f"the newest {count(limit, 'workflow')}; --limit shows more")
        return Exit.OK

    @command(group, "get")
    @_ID
    @click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
    async def get(session: Session, workflow_id: str, output: str) -> int:
        """Print a workflow's WorkReq, ready to be edited and submitted again."""
        request, _ = await session.gateway.get(workflow_id)
        as_json = output == "json" or session.terminal.as_json
        session.terminal.raw(dump_json(request) if as_json else dump_yaml(request))
        return Exit.OK

    for name in ("protoStatus", "statusProto"):

        @command(group, name, hidden=True)
        @_ID
        @click.option("--interval", default=2.0, show_default=True, type=click.FloatRange(min=0.1))
        async def proto_status(session: Session, workflow_id: str, interval: float) -> int:
            """Print a workflow's status as proto JSON, whenever it has changed, until it ends."""
            return await _print_until_it_ends(session, workflow_id, interval)
