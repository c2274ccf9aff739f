"""check, submit, exec, run."""

from __future__ import annotations

from collections.abc import Sequence

import click

from wf_tui.cli.exits import Exit, exit_of_violations
from wf_tui.cli.options import acknowledge_option, command, watch_options
from wf_tui.cli.session import Session
from wf_tui.cli.watch_command import watch_to_the_end
from wf_tui.state.models import Lineage, LineageKind, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals, to_acknowledge
from wf_tui.workreq_files import load_workreq

_FILE = click.argument("file", metavar="FILE")
_ID = click.argument("workflow_id", metavar="ID")


async def submit_workreq(
    session: Session,
    request: WorkReq,
    lineage: Lineage | None = None,
    acknowledge: Sequence[str] = (),
) -> str:
    """Submits, notes the id in the submit log, and returns it. Raises GatewayError."""
    workflow_id = await session.gateway.submit(request, lineage=lineage, acknowledge=acknowledge)
    trouble = session.submit_log.note(workflow_id, request.name, session.gateway.address)
    if trouble:
        session.terminal.note(trouble)
    return workflow_id


def tell_id(session: Session, workflow_id: str) -> None:
    """Says under which id a workflow was submitted, before anything else happens to it."""
    if session.terminal.as_json:
        session.terminal.json({"event": "submitted", "id": workflow_id}, one_line=True)
    session.terminal.say(f"submitted as {clean(workflow_id)}")


def print_id(session: Session, workflow_id: str) -> None:
    """Prints the id as the command's result."""
    if session.terminal.as_json:
        session.terminal.json({"id": workflow_id})
    else:
        session.terminal.raw(clean(workflow_id))


async def execute_and_watch(session: Session, workflow_id: str) -> int:
    """Executes a stored workflow and watches it to its end; returns the exit code for that."""
    session.if_interrupted = (
        f"interrupted: {workflow_id} may be running; wf {session.how_to_reach}status {workflow_id} tells"
    )
    await session.gateway.execute(workflow_id)
    return await watch_to_the_end(session, workflow_id)


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @command(group, "check")
    @_FILE
    @acknowledge_option
    async def check(session: Session, file: str, acknowledge: tuple[str, ...]) -> int:
        """Ask what Submit would say of the WorkReq in FILE; nothing is stored."""
        request = load_workreq(file)
        violations = await session.gateway.check(request)
        missing = [name for name in to_acknowledge(violations) if name not in acknowledge]
        refusing = [found for found in violations if found.refuses(acknowledge)]
        if session.terminal.as_json:
            told = {"accepted": not refusing, "violations": violations, "acknowledge": missing}
            session.terminal.json(told)
        elif refusing:
            session.terminal.fail(f"{clean(request.name)} would be refused:", cleaned=False)
            session.terminal.violations(violations)
            if not refusals(violations):
                options = " ".join(f"--acknowledge {clean(name)}" for name in missing)
                session.terminal.note(f"only warnings; it would be accepted with {options}")
        else:
            session.terminal.say(f"{clean(request.name)} would be accepted")
            session.terminal.violations(violations)
        return exit_of_violations(refusing)

    @command(group, "submit")
    @_FILE
    @acknowledge_option
    async def submit(session: Session, file: str, acknowledge: tuple[str, ...]) -> int:
        """Store the WorkReq in FILE and print its id; nothing starts."""
        print_id(session, await submit_workreq(session, load_workreq(file), acknowledge=acknowledge))
        return Exit.OK

    @command(group, "clone")
    @_ID
    @acknowledge_option
    async def clone(session: Session, workflow_id: str, acknowledge: tuple[str, ...]) -> int:
        """Submit a copy of a workflow's WorkReq and print the new id; nothing starts.

        The copy is checked like any other. To change it first: wf get ID, edit, wf submit FILE; or C in the
        console.
        """
        request, summary = await session.gateway.get(workflow_id)
        lineage = Lineage(LineageKind.CLONE, summary.id)
        print_id(session, await submit_workreq(session, request, lineage, acknowledge))
        return Exit.OK

    @command(group, "rerun")
    @_ID
    @click.option(
        "--failed-only", is_flag=True, help="Leave out what completed, except jobs that check preconditions."
    )
    @click.option("--no-exec", is_flag=True, help="Submit it only, and print its id.")
    @acknowledge_option
    @watch_options
    async def rerun(
        session: Session, workflow_id: str, failed_only: bool, no_exec: bool, acknowledge: tuple[str, ...]
    ) -> int:
        """Run a workflow again, or what failed of it, and watch it to its end.

        It is a new WorkReq, checked by policy like any other.
        """
        request, lineage = await session.gateway.plan_rerun(workflow_id, failed_only=failed_only)
        new_id = await submit_workreq(session, request, lineage, acknowledge)
        if no_exec:
            print_id(session, new_id)
            return Exit.OK
        tell_id(session, new_id)
        return await execute_and_watch(session, new_id)

    @command(group, "exec")
    @_ID
    async def exec_(session: Session, workflow_id: str) -> int:
        """Start a submitted workflow, once, and return at once."""
        await session.gateway.execute(workflow_id)
        if session.terminal.as_json:
            session.terminal.json({"id": workflow_id, "executed": True})
        session.terminal.say(
            f"{clean(workflow_id)} is executing; wf {session.how_to_reach}watch {clean(workflow_id)}"
        )
        return Exit.OK

    @command(group, "run")
    @_FILE
    @acknowledge_option
    @watch_options
    async def run(session: Session, file: str, acknowledge: tuple[str, ...]) -> int:
        """Submit the WorkReq in FILE, execute it and watch it to its end."""
        workflow_id = await submit_workreq(session, load_workreq(file), acknowledge=acknowledge)
        tell_id(session, workflow_id)
        return await execute_and_watch(session, workflow_id)
