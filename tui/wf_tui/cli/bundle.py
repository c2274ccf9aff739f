"""bundle, verify: what is on record about a workflow, in a file that can be checked without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

import click

from wf_tui.bundle import verify as verify_bytes
from wf_tui.cli.exits import Exit
from wf_tui.cli.options import command
from wf_tui.cli.session import Session
from wf_tui.cli.terminal import Terminal
from wf_tui.state.format import count


async def _write(session: Session, workflow_id: str, file: IO[bytes]) -> None:
    async for piece in session.gateway.bundle(workflow_id):
        file.write(piece)


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @command(group, "bundle")
    @click.argument("workflow_id", metavar="ID")
    @click.option(
        "--output",
        "-o",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        help="Where to write it; - is standard output.  [default: wf-ID.bundle]",
    )
    async def bundle(session: Session, workflow_id: str, output: Path | None) -> int:
        """Put all that is on record about a workflow into one file, which `wf verify` checks anywhere.

        Its WorkReq, the policies since its submission, approvals, history, receipt, what the audit says of
        it, and the hashes of it all.
        """
        path = output or Path(f"wf-{workflow_id}.bundle")
        if str(path) == "-":
            await _write(session, workflow_id, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return Exit.OK
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                await _write(session, workflow_id, file)
            part.replace(path)
        except OSError as error:
            session.terminal.fail(f"{path}: cannot be written: {error.strerror or error}")
            return Exit.USAGE
        finally:
            part.unlink(missing_ok=True)
        session.terminal.note(f"wrote {path}; check it with: wf verify {path}")
        return Exit.OK

    @group.command("verify")
    @click.argument("file", type=click.File("rb"))
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.pass_context
    def verify(context: click.Context, file: IO[bytes], as_json: bool) -> None:
        """Check a bundle (`wf bundle`) or an export of the audit (`wf audit --json`); no server is asked.

        Exit code 5: it is not what was written; the lines say where. Compare the hash that is told with
        one from the server's log or from somebody else's export: a whole file can be made up, too.
        """
        verdict = verify_bytes(file.read())
        terminal = Terminal(as_json=as_json)
        if as_json:
            flaws = [{"line": flaw.line, "what": flaw.what} for flaw in verdict.flaws]
            terminal.json({"verifies": not flaws, "told": verdict.told, "flaws": flaws})
        for flaw in verdict.flaws:
            terminal.fail(str(flaw))
        found = count(len(verdict.flaws), "flaw") if verdict.flaws else "it is what was written"
        terminal.note(f"{file.name}: {found}" + (f"; {verdict.told}" if verdict.told else ""))
        context.exit(Exit.FAILED if verdict.flaws else Exit.OK)
