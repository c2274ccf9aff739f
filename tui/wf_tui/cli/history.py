"""history, job: what happened to a workflow, and to one job of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import click
from rich.text import Text

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import command
from wf_tui.cli.places import job_place
from wf_tui.cli.session import Session
from wf_tui.cli.terminal import status_text
from wf_tui.cli.watch_command import utc_now
from wf_tui.state.format import count, duration, moment
from wf_tui.state.models import ChangeNote, HistoryStretch, JobStory, Status
from wf_tui.state.text import clean

_ID = click.argument("workflow_id", metavar="ID")
_PAGE = 5_000
_NOTHING = ChangeNote()


async def _stretches(session: Session, workflow_id: str) -> AsyncIterator[HistoryStretch]:
    after = 0
    while True:
        stretch = await session.gateway.history(workflow_id, after, _PAGE)
        if not stretch.statuses:
            return
        yield stretch
        after = stretch.first_seq + len(stretch.statuses) - 1


def _event(stretch: HistoryStretch, index: int) -> dict[str, object]:
    """One change, as --json prints it: absent parts are left out."""
    note = stretch.notes.get(index, _NOTHING)
    event: dict[str, object] = {
        "seq": stretch.first_seq + index,
        "time": _time(stretch.times_us[index]).isoformat(),
        "status": Status(stretch.statuses[index]).label,
    }
    block, job = stretch.blocks[index], stretch.jobs[index]
    if block >= 0:
        event["block"] = block
    if job >= 0:
        event["job"] = job
    event.update({k: v for k, v in _words(note).items() if v})
    return event


def _words(note: ChangeNote) -> dict[str, str]:
    return {"operator": note.operator, "reason": note.reason, "error": note.error}


def _time(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)


def _place(block: int, job: int) -> str:
    if block < 0:
        return "workflow"
    return f"block {block}" if job < 0 else f"{block}/{job}"


def _say(session: Session, stretch: HistoryStretch, index: int) -> None:
    note = stretch.notes.get(index, _NOTHING)
    local = _time(stretch.times_us[index]).astimezone()
    place = _place(stretch.blocks[index], stretch.jobs[index])
    line = status_text(Status(stretch.statuses[index]))
    line.pad_right(max(0, 18 - line.cell_len))
    by = f"by {note.operator}" if note.operator else ""
    told = ": ".join(part for part in (by, note.reason, note.error) if part)
    head = f"{stretch.first_seq + index:>6}  {local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03}"
    session.terminal.say_on_one_line(Text.assemble(head, f"  {place:<10}  ", line, f" {clean(told)}"))


def _say_job(session: Session, place: tuple[int, int], story: JobStory) -> None:
    job, now = story.job, utc_now()
    head = status_text(job.status)
    head.append(f"  {place[0]}/{place[1]}  {clean(job.name)}", style="bold")
    head.append(f"  {clean(job.desc)}")
    session.terminal.say(head)
    session.terminal.say("  ".join(f"{clean(k)}={clean(v)}" for k, v in sorted(job.args.items())))
    for number, attempt in enumerate(story.attempts, 1):
        ended = attempt.ended or now
        took = duration((ended - attempt.started).total_seconds())
        line = status_text(attempt.status)
        told = f": {clean(attempt.error)}" if attempt.error else ""
        line.append(f"  attempt {number}, begun {moment(now, attempt.started)}, {took}{told}")
        session.terminal.say(line)
    if story.dropped_lines:
        session.terminal.note(f"{count(story.dropped_lines, 'older line')} of the log were dropped")
    for log_line in story.log:
        session.terminal.say(f"{log_line.time.astimezone():%H:%M:%S}  {clean(log_line.text)}")


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @command(group, "history")
    @_ID
    @click.option("--jobs/--no-jobs", default=True, show_default=True, help="The steps of jobs too.")
    async def history(session: Session, workflow_id: str, jobs: bool) -> int:
        """Print every step of a workflow: when, what, by whom, why. With --json: a line each."""
        async for stretch in _stretches(session, workflow_id):
            for index in range(len(stretch.statuses)):
                if stretch.jobs[index] >= 0 and not jobs:
                    continue
                if session.terminal.as_json:
                    session.terminal.json(_event(stretch, index), one_line=True)
                else:
                    _say(session, stretch, index)
        return Exit.OK

    @command(group, "job")
    @_ID
    @click.argument("place", metavar="BLOCK/JOB", callback=job_place)
    async def job(session: Session, workflow_id: str, place: tuple[int, int]) -> int:
        """Show one job: its arguments, its attempts and its log."""
        story = await session.gateway.job(workflow_id, *place)
        if session.terminal.as_json:
            session.terminal.json(story)
        else:
            _say_job(session, place, story)
        return Exit.OK
