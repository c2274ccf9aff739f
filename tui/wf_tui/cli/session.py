"""One run of `wf`: its settings, its server, its terminal; and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click
from platformdirs import user_state_path

from wf_tui.cli.exits import EXPECTED, Exit, exit_of_error
from wf_tui.cli.terminal import Terminal
from wf_tui.gateway import EmergencyStopped, Gateway, Refused
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.private_server import PrivateServer, PrivateServerError
from wf_tui.servers import server_of
from wf_tui.settings import BadSettings, load_settings, settings_path
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals, to_acknowledge
from wf_tui.submit_log import SubmitLog
from wf_tui.workreq_files import BadFile

DEFAULT_ADDRESS = "127.0.0.1:8080"


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


@dataclass(slots=True)
class Settings:
    """What the global options say; filled while the command line is read."""

    address: str = DEFAULT_ADDRESS
    #: A server by its name in console.toml.
    profile: str | None = None
    #: Paths: the server's authority, the client's certificate and key, the file with its token.
    ca: str = ""
    cert: str = ""
    key: str = ""
    token_file: str = ""
    demo: bool = False
    #: Whether the demo's files stay for the next one.
    demo_is_kept: bool = True
    operator: str | None = None
    #: Seconds a call may take.
    timeout: float = 10.0
    #: Seconds for which a watch looks for a server that went away.
    timeout_unreachable: float = 60.0
    as_json: bool = False
    submit_log: Path = field(default_factory=lambda: user_state_path("wf") / "submit.log")
    #: Where queues are kept; the console's are there too.
    queues: Path = field(default_factory=lambda: user_state_path("wf") / "drafts" / "queues")
    #: Whether somebody can be asked.
    interactive: bool = field(default_factory=_somebody_is_there)
    connect: Callable[[Settings, str], Gateway] = field(
        default=lambda settings, address: GrpcGateway(
            address,
            operator=settings.operator,
            timeout=settings.timeout,
            **({} if settings.demo else settings.proofs),
        )
    )

    @property
    def proofs(self) -> dict[str, str]:
        """What proves who calls, by the gateway's names."""
        return {"ca": self.ca, "cert": self.cert, "key": self.key, "token_file": self.token_file}

    def take_profile(self) -> None:
        """Fills in what the profile says and no option does. Raises UsageError."""
        if self.profile is None:
            return
        try:
            settings = load_settings(settings_path())
            server = server_of(self.profile, settings.profile(self.profile), settings)
        except BadSettings as error:
            raise click.UsageError(f"--profile: {error}") from error
        if self.address == DEFAULT_ADDRESS:
            self.address = server.address
        for name, given in self.proofs.items():
            setattr(self, name, given or getattr(server, name))


@dataclass(slots=True)
class Session:
    """What a command works with."""

    settings: Settings
    terminal: Terminal
    gateway: Gateway
    #: What to tell whoever interrupts the command.
    if_interrupted: str = "interrupted"

    @property
    def submit_log(self) -> SubmitLog:
        """Where submitted ids are noted."""
        return SubmitLog(self.settings.submit_log)

    @property
    def how_to_reach(self) -> str:
        """The options with which another `wf` finds the same server."""
        if self.settings.demo:
            return "--demo "
        address = self.settings.address
        return "" if address == os.environ.get("WF_ADDRESS", DEFAULT_ADDRESS) else f"--address {address} "

    def confirm(self, what: str, word: str) -> bool:
        """Asks for a word to be typed. Raises UsageError where nobody can be asked.

        It blocks the loop, on which nothing else happens meanwhile.
        """
        if not self.settings.interactive:
            raise click.UsageError(f"{what}: nobody can be asked here; give --yes to go ahead")
        typed = str(
            click.prompt(f"{what}. Type {clean(word)} to go ahead", default="", show_default=False, err=True)
        )
        if typed.strip() == word:
            return True
        self.terminal.fail("not confirmed: nothing was done")
        return False


_NOTHING_UNDER_WAY = "interrupted"

Action = Callable[[Session], Awaitable[int]]


def run(settings: Settings, action: Action) -> int:
    """Runs a command against its server to its exit code. Raises click's own errors only."""
    terminal = Terminal(as_json=settings.as_json)
    hint = [_NOTHING_UNDER_WAY]
    settings.take_profile()
    try:
        return asyncio.run(_connected(settings, terminal, action, hint))
    except KeyboardInterrupt:
        terminal.note_below(hint[0])
        return Exit.INTERRUPTED
    except click.Abort:
        terminal.note_below("interrupted: nothing was done")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _silence(sys.stdout.fileno())
        # Whoever reads only the beginning of a watch does not know how it ends, nor do we.
        return Exit.OK if hint[0] == _NOTHING_UNDER_WAY else Exit.INTERRUPTED
    except EXPECTED as error:
        _report(terminal, error)
        return exit_of_error(error)
    except click.ClickException:
        raise
    except Exception as error:  # noqa: BLE001 - a bug's traceback belongs in a file, not on a screen
        _report_bug(terminal, error)
        return Exit.INTERNAL


async def _connected(settings: Settings, terminal: Terminal, action: Action, hint: list[str]) -> int:
    async with _server(settings, terminal) as address:
        try:
            gateway = settings.connect(settings, address)
        except ValueError as error:
            where = "" if str(error).startswith(("--", "a token", "a unix socket")) else "--address: "
            raise click.UsageError(f"{where}{error}") from error
        session = Session(settings, terminal, gateway)
        try:
            return await action(session)
        finally:
            hint[0] = session.if_interrupted
            await gateway.close()


@asynccontextmanager
async def _server(settings: Settings, terminal: Terminal) -> AsyncIterator[str]:
    if not settings.demo:
        yield settings.address
        return
    async with PrivateServer() as server:
        settings.demo_is_kept = server.is_kept
        if server.notice:
            terminal.note(server.notice)
        yield server.address


def _report(terminal: Terminal, error: Exception) -> None:
    if terminal.as_json:
        terminal.json(_as_json(error))
    if isinstance(error, Refused) and error.violations:
        stopped = isinstance(error, EmergencyStopped)
        terminal.fail("refused by an emergency stop:" if stopped else "refused:")
        terminal.violations(error.violations)
        if not refusals(error.violations):
            options = " ".join(f"--acknowledge {name}" for name in to_acknowledge(error.violations))
            terminal.note(f"only warnings; to go on all the same: {options}")
        if error.rejection_id:
            terminal.note(f"kept as rejection {error.rejection_id}")
        return
    # The lines of these are a file's problems and a log's end; a server's message is one.
    has_lines = isinstance(error, (BadFile, PrivateServerError))
    terminal.fail(str(error) if has_lines else " ".join(str(error).splitlines()))


def _as_json(error: Exception) -> dict[str, object]:
    told: dict[str, object] = {"error": str(error), "exit": int(exit_of_error(error))}
    if isinstance(error, Refused):
        told["emergencyStop"] = isinstance(error, EmergencyStopped)
        told["violations"] = error.violations
        told["rejectionId"] = error.rejection_id
    return told


def _report_bug(terminal: Terminal, error: Exception) -> None:
    where = ""
    log = user_state_path("wf") / "wf-errors.log"
    with contextlib.suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {' '.join(sys.argv)}\n")
            traceback.print_exception(error, file=file)
        where = f"; {log} has the details"
    terminal.fail(f"internal error: {type(error).__name__}: {error}{where}")


def _silence(descriptor: int) -> None:
    """Whoever read the output has gone; what is still buffered goes nowhere."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
