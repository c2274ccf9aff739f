"""`wf-tui`: reads the command line, connects, and runs the console."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import click
from platformdirs import user_state_path

from wf_tui.web.entry import check_place, is_served, serve_console
from wf_tui.web.place import DEFAULT_PLACE, BadPlace, Place

if TYPE_CHECKING:
    from wf_tui.gateway import Server
    from wf_tui.private_server import PrivateServer
    from wf_tui.settings import Settings

_DEFAULT_ADDRESS = "127.0.0.1:8080"
#: Of the disk-erase wizard, between blocks.
_BLOCK_PAUSE_SECONDS, _DEMO_PAUSE_SECONDS = 60, 2
_LOG_BYTES = 1_000_000
_UNUSABLE, _UNREACHABLE, _INTERRUPTED = 2, 6, 130


class _CleanFormatter(logging.Formatter):
    """Writes what can be shown in a terminal: an error's words may come from outside."""

    def format(self, record: logging.LogRecord) -> str:
        from wf_tui.state.text import clean

        return clean(super().format(record), newline="\n")


class _Command(click.Command):
    """A command that a Ctrl-C ends without a word."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)


@click.command(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--address",
    envvar="WF_ADDRESS",
    default=_DEFAULT_ADDRESS,
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT|unix:PATH",
    help="Where the server listens.",
)
@click.option("--ca", envvar="WF_CA", metavar="FILE|system", help="The server's authority: TLS.")
@click.option("--cert", envvar="WF_CERT", metavar="FILE", help="Your certificate.")
@click.option("--key", envvar="WF_KEY", metavar="FILE", help="Your certificate's key.")
@click.option("--token-file", envvar="WF_TOKEN_FILE", metavar="FILE", help="A file that holds your token.")
@click.option("--demo", is_flag=True, help="Bring a private server with sample sites.")
@click.option("--profile", metavar="NAME", help="A server by its name in console.toml.")
@click.option("--read-only", is_flag=True, help="Leave out everything that changes something.")
@click.option("--theme", metavar="NAME", help="wf-night, wf-day, wf-contrast, wf-safe, or one of Textual's.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Another file than console.toml in the user's configuration directory.",
)
@click.option(
    "--serve",
    is_flag=False,
    flag_value=DEFAULT_PLACE,
    metavar="[HOST:PORT]",
    help=f"Serve the console to browsers, at {DEFAULT_PLACE} unless told otherwise.",
)
@click.option(
    "--serve-exposed",
    is_flag=True,
    help="Let --serve take an address that other machines reach: no TLS!",
)
@click.option("--block-pause", type=click.IntRange(0), default=_BLOCK_PAUSE_SECONDS, hidden=True)
@click.version_option(version("wf"), prog_name="wf-tui")
@click.pass_context
def main(
    context: click.Context,
    address: str,
    ca: str | None,
    cert: str | None,
    key: str | None,
    token_file: str | None,
    demo: bool,
    profile: str | None,
    read_only: bool,
    theme: str | None,
    config: Path | None,
    serve: str | None,
    serve_exposed: bool,
    block_pause: int,
) -> None:
    """The keyboard-driven console of wf: watch workflows, stop them, erase satellites.

    Exit codes: 0 after quitting, 1 after an unexpected error, 2 if it cannot start as it was called,
    6 if the private server does not start, 130 after Ctrl-C while it starts. A server that does not
    answer is no error: the console waits for it.

    With --serve everybody who opens the page gets a console of their own.
    """
    if serve is None and not is_served() and not (sys.stdin.isatty() and sys.stdout.isatty()):
        _refuse("wf-tui needs a terminal; `wf` does the same from scripts", _UNUSABLE)
    given = context.get_parameter_source("address") is click.core.ParameterSource.COMMANDLINE
    if profile is not None and (demo or given):
        _refuse("--profile names a server; leave out --demo and --address", _UNUSABLE)
    settings = _settings(config, theme=theme, read_only=read_only)
    proofs = {"ca": ca, "cert": cert, "key": key, "token_file": token_file}
    started = _started(settings, profile, address, {n: path for n, path in proofs.items() if path})
    if serve is not None:
        named = {"theme": theme, "config": config, "profile": profile}
        options = [f"--{name}={value}" for name, value in named.items() if value is not None]
        options += ["--read-only"] if read_only else []
        sys.exit(_serve(serve, serve_exposed, None if demo else started, options))
    log_path = _open_log()
    console = (
        _demo(log_path, settings)
        if demo
        else _connect(started, log_path, settings, pause_seconds=block_pause)
    )
    sys.exit(asyncio.run(console))


def _started(
    settings: Settings, profile: str | None, address: str, proofs: Mapping[str, str] = MappingProxyType({})
) -> Server:
    """The server to begin with."""
    from wf_tui.gateway import Server
    from wf_tui.servers import server_of
    from wf_tui.settings import BadSettings

    if profile is None:
        return Server("", address, settings.read_only, **proofs)
    try:
        found = settings.profile(profile)
    except BadSettings as error:
        _refuse(str(error), _UNUSABLE)
    return replace(server_of(profile, found, settings), **proofs)  # type: ignore[arg-type]


def _settings(config: Path | None, *, theme: str | None, read_only: bool) -> Settings:
    """What console.toml says, with what the command line says instead."""
    # Here rather than above: `--help` and `--version` answer at once.
    from wf_tui.preferences import binding_ids, theme_names
    from wf_tui.settings import BadSettings, load_settings, settings_path

    path = config or settings_path()
    try:
        settings = load_settings(path, required=config is not None)
        settings.check_names(theme_names(), binding_ids())
    except BadSettings as error:
        _refuse(str(error) if str(error).startswith(str(path)) else f"{path}: {error}", _UNUSABLE)
    try:
        chosen = settings.with_options(theme=theme, read_only=read_only)
        chosen.check_names(theme_names(), binding_ids())
    except BadSettings as error:
        _refuse(str(error), _UNUSABLE)
    return chosen


async def _connect(
    started: Server,
    log_path: Path | None,
    settings: Settings,
    *,
    private: bool = False,
    pause_seconds: int = _BLOCK_PAUSE_SECONDS,
    notice: str = "",
) -> int:
    from wf_tui.app import WfApp
    from wf_tui.drafts import Drafts
    from wf_tui.gateway import InvalidRequest
    from wf_tui.servers import GrpcServers, known_servers

    servers = GrpcServers(known_servers(settings, started))
    try:
        gateway = servers.open(started)
    except InvalidRequest as error:
        _refuse(str(error), _UNUSABLE)
    try:
        app = WfApp(
            gateway,
            private=private,
            pause_seconds=pause_seconds,
            log_path=log_path,
            notice=notice,
            drafts=Drafts(user_state_path("wf") / "drafts"),
            settings=settings,
            server=started,
            servers=servers,
        )
        spare_the_collector()
        await app.run_async()
        return app.return_code or 0
    finally:
        await servers.close()


async def _demo(log_path: Path | None, settings: Settings) -> int:
    from wf_tui.gateway import Server

    async with _private_server() as server:
        return await _connect(
            Server("demo", server.address, settings.read_only),
            log_path,
            settings,
            private=True,
            pause_seconds=_DEMO_PAUSE_SECONDS,
            notice=server.notice,
        )


@asynccontextmanager
async def _private_server() -> AsyncIterator[PrivateServer]:
    from wf_tui.private_server import PrivateServer, PrivateServerError

    click.echo("Starting a private server…", err=True)
    try:
        async with PrivateServer() as server:
            yield server
    except PrivateServerError as error:
        _refuse(str(error), _UNREACHABLE)


def _serve(place_text: str, exposed: bool, server: Server | None, options: list[str]) -> int:
    """Serves consoles on that server, without one on a private one, until a signal ends it."""
    from wf_proto.address import parse_address

    try:
        place = check_place(place_text, exposed=exposed)
        if server is None:
            return asyncio.run(_serve_demo(place, options))
        parse_address(server.address)
        if not server.name:
            options = [f"--address={server.address}", *options]
        options += [
            f"--{option}={path}"
            for option, path in (
                ("ca", server.ca),
                ("cert", server.cert),
                ("key", server.key),
                ("token-file", server.token_file),
            )
            if path and not server.name
        ]
        return asyncio.run(serve_console(place, options))
    except (BadPlace, ValueError) as error:
        _refuse(str(error), _UNUSABLE)


async def _serve_demo(place: Place, options: list[str]) -> int:
    async with _private_server() as server:
        if server.notice:
            click.echo(server.notice, err=True)
        options = [f"--address={server.address}", f"--block-pause={_DEMO_PAUSE_SECONDS}", *options]
        return await serve_console(place, options)


def spare_the_collector() -> None:
    """Garbage collections hold up keys: small ones often, full ones seldom, and none of what was imported.

    Pictures are made of objects in cycles, so doing without would fill the memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 50)


def _refuse(message: str, code: int) -> NoReturn:
    click.echo(f"wf-tui: {message}", err=True)
    sys.exit(code)


def _open_log() -> Path | None:
    """Sends what the console logs to a file that is made when there is something to say."""
    path = user_state_path("wf") / "wf-tui.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, delay=True, encoding="utf-8")
    handler.setFormatter(_CleanFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("wf_tui")
    logger.addHandler(handler)
    # The terminal belongs to the console.
    logger.propagate = False
    return path
