"""stops, stop, go."""

from __future__ import annotations

import click
from rich.text import Text

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import command
from wf_tui.cli.session import Session
from wf_tui.cli.watch_command import utc_now
from wf_tui.state.format import count, moment
from wf_tui.state.models import EVERYTHING, Stop
from wf_tui.state.text import clean


def _word(stop: Stop) -> Text:
    return Text("■ STOP", style="bold red") if stop.engaged else Text("● go", style="green")


async def _set(session: Session, name: str, *, engaged: bool, reason: str) -> int:
    stop, ended = await session.gateway.set_stop(name, engaged=engaged, reason=reason)
    if session.terminal.as_json:
        session.terminal.json({"stop": stop, "stoppedWorkflows": ended})
        return Exit.OK
    line = Text.assemble(clean(stop.name), ": ", _word(stop))
    if engaged:
        line.append(f"; {count(ended, 'running workflow')} told to end")
    session.terminal.say(line)
    if engaged:
        await _warn_of_unknown(session, name)
    return Exit.OK


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
                stop.reason if stop.listed else "no entry in es.json, which means stop",
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
    async def stop(session: Session, name: str, reason: str) -> int:
        """Engage the emergency stop of workflow type NAME, or of * for everything, at once.

        Its running jobs are cancelled, nothing more starts, and new work is refused.
        """
        return await _set(session, name, engaged=True, reason=reason)

    @command(group, "go")
    @click.argument("name")
    @click.option("--reason", required=True, help="Why it is safe again.")
    @click.option("--yes", is_flag=True, help="Don't ask for the name to be typed.")
    async def go(session: Session, name: str, reason: str, yes: bool) -> int:
        """Release the emergency stop of workflow type NAME, or of * for everything."""
        what = "everything" if name == EVERYTHING else clean(name)
        if not yes and not session.confirm(f"New work of {what} will be accepted again", name):
            return Exit.USAGE
        return await _set(session, name, engaged=False, reason=reason)
