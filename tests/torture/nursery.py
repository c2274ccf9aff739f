"""Many short lives of one server on the same files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import ClientError
from wf_proto.retry import Backoff

ROOT = Path(__file__).parents[2]
PATIENCE = 60

TYPES = ("Torture", "Rack")
_ALLOWED = '["idempotent", "verifiable", "irreversible", "tokenBucket"]'
BUCKET_SIZE = 5_000

SERVER_TOML = f"""\
[workflow]
stop_grace = "150ms"
[limits]
max_running = 12
[buckets.torture]
size = {BUCKET_SIZE}
refill = 1
every = "9000h"
"""


class Nursery:
    """Starts one server after another, each forked off a process that has imported everything."""

    def __init__(self, directory: Path, *, database: Path | None = None, toml: str = SERVER_TOML) -> None:
        self.directory = directory
        self._toml = toml
        self.effects = directory / "effects"
        self.effects.touch()
        self._files = ServerProcess(directory)
        #: The one database of all lives.
        self.database = database or self._files.database
        self._process: asyncio.subprocess.Process
        self.pid = 0

    @property
    def address(self) -> str:
        """Where each of them listens."""
        return f"unix:{self.directory / 'wf.sock'}"

    async def __aenter__(self) -> Nursery:
        await self._files.init()
        configs = self._files.configs
        (configs / "server.toml").write_text(self._toml)
        policy = f'[{{"Name": "restrictJobTypes", "Settings": {{"AllowedJobs": {_ALLOWED}}}}}]'
        (configs / "policies.json").write_text(
            "".join(f'{{"Name": "{name}", "Policies": {policy}}}\n' for name in TYPES)
        )
        (configs / "es.json").write_text("".join(f'{{"Name": "{name}", "Status": "go"}}\n' for name in TYPES))
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.torture.server_main", "--nursery"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.pid:
            await self.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.stdin.wait_closed()
        async with asyncio.timeout(PATIENCE):
            await self._process.wait()

    async def start(self, *, die_at: int = 0) -> None:
        """Starts a server; `die_at` names the database statement at which it kills itself."""
        environment = {"WF_EFFECTS": str(self.effects), "WF_DIE_AT": str(die_at)}
        flags = [
            *self._files.command("--listen", self.address)[3:],
            "--db",
            str(self.database),
            "--json-logs",
        ]
        order = {"flags": flags, "environment": environment, "log": str(self.directory / "server.log")}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self.pid = int(await self._line())

    async def _line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await self._process.stdout.readline()).decode()
        assert line, "the nursery ended"
        return line

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Kills the server, if it has not died already; returns its exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        return await self.wait()

    async def wait(self) -> int:
        """Waits until the server is gone; returns its exit code."""
        word, code = (await self._line()).split()
        assert word == "ended"
        self.pid = 0
        return int(code)

    def client(self) -> Client:
        """A client that does not wait long: whoever it asks dies soon."""
        return Client(self.address, operator="ann", timeout=2, backoff=Backoff(tries=2, first=0.01))

    async def serving(self, client: Client) -> bool:
        """Waits until it serves; False where it is gone before."""
        for _ in range(1_000):
            try:
                await client.server_info()
            except ClientError:
                await asyncio.sleep(0.005)
            else:
                return True
        return False
