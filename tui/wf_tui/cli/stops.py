"""stops, stop, go: what may run, and who said so."""

from __future__ import annotations

import shlex

import click
from rich.text import Text

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import Seconds, command
from wf_tui.cli.session import Session
from wf_tui.cli.watch_command import utc_now
from wf_tui.state.format import count, moment
from wf_tui.state.models import EVERYTHING, Stop
from wf_tui.state.stops import key_words, plan_lines, stop_notes
from wf_tui.state.text import clean


def _word(stop: Stop) -> Text:
    return Text("■ STOP", style="bold red") if stop.engaged else Text("● go", style="green")


async def _engage(session: Session, name: str, reason: str, lasts: float, remind_every: float) -> int:
    stop, ended = await session.gateway.set_stop(
        name, engaged=True, reason=reason, lasts=lasts, remind_every=remind_every
    )
    if session.terminal.as_json:
        session.terminal.json({"stop": stop, "stoppedWorkflows": ended})
        return Exit.OK
    line = Text.assemble(
        clean(stop.name), ": ", _word(stop), f"; {count(ended, 'running workflow')} told to end"
    )
    session.terminal.say(line)
    await _warn_of_unknown(session, name)
    return Exit.OK


async def _release(session: Session, name: str, reason: str) -> int:
    stop, _ = await session.gateway.set_stop(name, engaged=False, reason=reason)
    if session.terminal.as_json:
        session.terminal.json({"stop": stop})
    else:
        session.terminal.say(Text.assemble(clean(stop.name), ": ", _word(stop)))
    if stop.engaged and stop.key is not None:
        session.terminal.note(
            f"{key_words(stop, utc_now())}; it stays stopped until another operator releases it too: "
            f"wf go {shlex.quote(clean(name))} --reason WHY"
        )
    return Exit.STOPPED if stop.engaged else Exit.OK


async def _withdraw(session: Session, name: str) -> int:
    stop = await session.gateway.withdraw_key(name)
    if session.terminal.as_json:
        session.terminal.json({"stop": stop})
    else:
        session.terminal.say(
            Text.assemble(clean(stop.name), ": ", _word(stop), "; the first key is taken back")
        )
    return Exit.OK


async def _show_plan(session: Session, name: str) -> None:
    plan = await session.gateway.plan_release(name)
    if session.terminal.as_json:
        session.terminal.json(plan)
        return
    now = utc_now()
    for line in plan_lines(plan, now):
        session.terminal.say(clean(line))
    rows = [
        (summary.id, summary.name, summary.operator, moment(now, summary.created), str(summary.jobs.total))
        for summary in plan.newest
    ]
    if rows:
        session.terminal.table(("id", "type", "by", "submitted", "#jobs"), rows, "")


async def _warn_of_unknown(session: Session, name: str) -> None:
    """A stop of a name that nothing has stops nothing: most likely it is a slip of the keyboard."""
    known = [workflow_type.name for workflow_type in (await session.gateway.policies()).workflow_types]
    if name not in (EVERYTHING, *known):
        there_are = clean(", ".join(known)) or "none"
        session.terminal.fail(f"no workflow type is called {clean(name)}; there are: {there_are}")


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @command(group, "stops")
    async def stops(session: Session) -> int:
        """Show the emergency stops: one go/stop entry per workflow type, and * for everything."""
        board = await session.gateway.stops()
        if session.terminal.as_json:
            session.terminal.json(board)
            return Exit.OK
        now = utc_now()
        rows = [
            (
                stop.name,
                _word(stop),
                str(stop.running),
                stop.operator,
                moment(now, stop.changed) if stop.changed else "",
                "; ".join(stop_notes(stop, now)),
            )
            for stop in board.stops
        ]
        session.terminal.table(("name", "status", "#running", "set by", "at", "reason"), rows, "no entries")
        if any(stop.name == EVERYTHING and stop.engaged for stop in board.stops):
            session.terminal.fail(f"everything is stopped, by the entry {EVERYTHING}")
        if board.problem:
            session.terminal.fail(f"everything is stopped: {board.problem}")
        return Exit.OK

    @command(group, "stop")
    @click.argument("name")
    @click.option("--reason", default="", help="Kept with the stop, for whoever wants to release it.")
    @click.option("--for", "lasts", type=Seconds(), default=0.0, help="When it ends by itself: 30m, 2h, 1d.")
    @click.option("--remind", type=Seconds(), default=0.0, help="Say so often that it is still in force.")
    async def stop(session: Session, name: str, reason: str, lasts: float, remind: float) -> int:
        """Engage the emergency stop of workflow type NAME, or of * for everything, at once.

        Its running jobs are cancelled, nothing more starts, and new work is refused. Where releasing takes
        two operators, the time of --for only reminds of it.
        """
        return await _engage(session, name, reason, lasts, remind)

    @command(group, "go")
    @click.argument("name")
    @click.option("--reason", default="", help="Why it is safe again; a release takes one.")
    @click.option("--yes", is_flag=True, help="Don't ask for the name to be typed.")
    @click.option("--plan", "only_plan", is_flag=True, help="Only show what would be let go again.")
    @click.option("--withdraw", is_flag=True, help="Take back the first of two keys.")
    async def go(session: Session, name: str, reason: str, yes: bool, only_plan: bool, withdraw: bool) -> int:
        """Release the emergency stop of workflow type NAME, or of * for everything.

        Where that takes two operators, the first one's key is kept for a while, the stop stays in force,
        and the command ends with 4; the other one's releases it.
        """
        if withdraw:
            return await _withdraw(session, name)
        if only_plan:
            await _show_plan(session, name)
            return Exit.OK
        if not reason.strip():
            raise click.UsageError("releasing a stop takes --reason: why is it safe again?")
        if not yes and session.settings.interactive and not session.terminal.as_json:
            await _show_plan(session, name)
        what = "everything" if name == EVERYTHING else clean(name)
        if not yes and not session.confirm(f"New work of {what} will be accepted again", name):
            return Exit.USAGE
        return await _release(session, name, reason)
