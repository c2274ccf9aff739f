"""`wf-server`: the flags, and what is printed at the start."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

import click
import structlog
import uvloop

from wf_server import __version__, logs
from wf_server.app import App, Places
from wf_server.cli.options import chosen_database, fail
from wf_server.cli.private_files import keep_files_private
from wf_server.errors import ConfigError, WfError
from wf_server.policy import POLICIES
from wf_server.sample import write_sample

#: The server ended by itself; its log says why, and a restart goes on.
EXIT_FAILED = 1

#: The tools, each in the module of its name.
_TOOLS = ("archive", "backup", "certs", "health", "migrate", "operator", "verify")

log = structlog.get_logger(__name__)


class _WithTools(click.Group):
    """Imports a tool when it is asked for: the server starts sooner without all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_TOOLS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _TOOLS:
            return super().get_command(ctx, cmd_name)
        tool: click.Command = getattr(import_module(f"wf_server.cli.{cmd_name}"), cmd_name)
        return tool


@click.group(
    cls=_WithTools, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="wf-server")
@click.option(
    "--listen",
    default="127.0.0.1:8080",
    show_default=True,
    envvar="WF_LISTEN",
    metavar="HOST:PORT|unix:PATH",
    help="Where to serve gRPC. Port 0 takes a free one.",
)
@click.option(
    "--configs",
    type=click.Path(path_type=Path),
    default=Path("configs"),
    show_default=True,
    help="The directory with server.toml, policies.json and es.json.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="The directory with sites.json and machines.json.",
)
@click.option(
    "--db",
    "database",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The database file; made if need be.  [default: wf.db in the user's data directory]",
)
@click.option("--json-logs/--no-json-logs", default=None, help="JSON log lines; default: not on a terminal.")
@click.option(
    "--exit-with-parent", is_flag=True, hidden=True, help="End when standard input ends; never drain."
)
@click.pass_context
def main(
    context: click.Context,
    listen: str,
    configs: Path,
    data: Path,
    database: Path | None,
    json_logs: bool | None,
    exit_with_parent: bool,
) -> None:
    """Runs risky operations as workflows, and stops them at once.

    Serves until SIGINT or SIGTERM. Then it drains: takes no new work, and gives running jobs the time that
    server.toml says; a second signal ends it at once. Unfinished workflows are resumed at the next start.
    Exit code 2: something given cannot work.
    """
    keep_files_private()
    if context.invoked_subcommand is not None:
        return
    logs.configure(as_json=json_logs)
    places = Places(listen=listen, configs=configs, data=data, database=chosen_database(context, database))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(places, exit_with_parent=exit_with_parent))
    except WfError as error:
        fail(error)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--demo", is_flag=True, help="Quick erasures and tokens, to watch and to try things with.")
def init(directory: Path, demo: bool) -> None:
    """Writes the sample configs/ and data/ below DIRECTORY; existing files are left as they are."""
    try:
        written = write_sample(directory, demo=demo)
    except ConfigError as error:
        fail(error)
    for path in written:
        click.echo(f"wrote {path}")
    if not written:
        click.echo(f"{directory} has all files already")


async def _serve(places: Places, *, exit_with_parent: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _on_signal, stop, number)
    if exit_with_parent:
        loop.add_reader(sys.stdin.fileno(), _on_input, stop)
    app = await App.build(places)
    try:
        await app.start()
        _spare_the_collector()
        _announce(app)
        await _first_of(stop, app.failed)
        # A private server ends with its console, and nobody is left to wait: what runs goes on next time.
        if not (exit_with_parent or app.failed.is_set()):
            log.info("draining", seconds=app.config.workflow.drain)
            await app.drain()
        log.info("shutting down")
    finally:
        await app.close()
    # Kept with the log, it tells whether entries were taken off the audit's end.
    log.info("shut down", audit=app.audit_head)
    if app.failed.is_set():
        raise SystemExit(EXIT_FAILED)


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait(), name="wait for the end") for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _on_signal(stop: asyncio.Event, number: signal.Signals) -> None:
    if stop.is_set():
        # Asked twice: what is on record is enough for the next server to go on from.
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    stop.set()


def _on_input(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _spare_the_collector() -> None:
    """Full collections hold the event loop: fewer of them, and none of what was made at the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _announce(app: App) -> None:
    for name in app.registry.names:
        click.echo(f"Registered job type: {name}")
    for name in POLICIES:
        click.echo(f"Registered policy:   {name}")
    click.echo(f"Database:            {app.places.database}")
    if app.kept:
        click.echo(f"Kept the old one:    {app.kept}")
    if app.resumed:
        click.echo(f"Resumed workflows:   {app.resumed}")
    if app.operators is not None:
        click.echo(f"Operators:           {len(app.operators) or 'none: wf-server operator add'}")
    click.echo(f"Listening on:        {app.address}")
    sys.stdout.flush()
