"""A real `wf-server` process on loopback, with files of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Self

from wf_proto.client import Client
from wf_proto.credentials import NO_CREDENTIALS, Credentials

START_SECONDS = 20
#: Seconds for a call: on a machine with other work, a hang is told from slowness only late.
PATIENCE = 60.0

SERVER_TOML = """\
[workflow]
stop_grace = "2s"
drain = "{drain}"
[buckets.diskEraseSatellite]
size = 1
refill = 1
every = "{every}"
[jobs.diskErase]
seconds = {erase_seconds}
"""


class ServerProcess:
    """Start, kill and start again; the files stay. `async with` ends the process."""

    def __init__(
        self, directory: Path, *, erase_seconds: float = 0.05, every: str = "30m", drain: str = "0s"
    ) -> None:
        self.directory = directory
        self.configs = directory / "configs"
        self.data = directory / "data"
        self.database = directory / "wf.db"
        self.es_json = self.configs / "es.json"
        self.address = ""
        self._toml = SERVER_TOML.format(erase_seconds=erase_seconds, every=every, drain=drain)
        self._process: asyncio.subprocess.Process | None = None
        self.output = ""

    async def init(self) -> None:
        """Writes the sample files, and a quick server.toml."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wf_server", "init", str(self.directory), stdout=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0
        (self.configs / "server.toml").write_text(self._toml)

    def command(self, *more: str) -> list[str]:
        """The command line of this server; `more` comes last and wins."""
        return [
            *(sys.executable, "-m", "wf_server"),
            *("--listen", "127.0.0.1:0", "--configs", str(self.configs)),
            *("--data", str(self.data), "--db", str(self.database)),
            *more,
        ]

    async def start(self, *more: str, piped: bool = False) -> None:
        """Starts the process and waits until it serves; `piped` gives it an input that can be closed."""
        log = (self.directory / "server.log").open("ab")
        self._process = await asyncio.create_subprocess_exec(
            *self.command(*more),
            stdin=asyncio.subprocess.PIPE if piped else None,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=_environment(),
        )
        log.close()
        self.output = ""
        async with asyncio.timeout(START_SECONDS):
            while not (found := re.search(r"^Listening on: +(\S+)$", self.output, re.MULTILINE)):
                assert self._process.stdout is not None
                line = await self._process.stdout.readline()
                assert line, f"wf-server ended: {self.log()}"
                self.output += line.decode()
        self.address = found[1]

    def credentials(self) -> Credentials:
        """What its clients need."""
        return NO_CREDENTIALS

    def client(self, operator: str = "tester", timeout: float = PATIENCE) -> Client:
        """A client of this server."""
        return Client(self.address, operator=operator, timeout=timeout)

    def log(self) -> str:
        """What it has logged so far."""
        return (self.directory / "server.log").read_text()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, if it has not ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def close_input(self) -> None:
        """Ends its standard input, as a console does that quits."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; returns the exit code."""
        self.send(number)
        return await self.wait()

    async def wait(self) -> int:
        """Waits for the end; returns the exit code."""
        assert self._process is not None
        async with asyncio.timeout(START_SECONDS):
            code = await self._process.wait()
        # The pipe's transport would otherwise be closed after its loop.
        assert self._process.stdout is not None
        await self._process.stdout.read()
        return code

    async def restart(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends it and starts it again on the same files."""
        await self.end(number)
        await self.start()

    async def __aenter__(self) -> Self:
        await self.init()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            await self.end()


async def run_to_exit(command: list[str]) -> tuple[int, str, str]:
    """Runs a server that cannot start; returns its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=_environment()
    )
    async with asyncio.timeout(START_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WF_")}
