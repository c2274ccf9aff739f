"""A server of one's own for a demonstration: a child process on a unix socket.

Its files live in a user directory and stay there, so that the next demonstration goes on where this
one ended. The child watches its standard input and ends with it, whatever ends this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from platformdirs import user_data_path

from wf_tui.gateway import GatewayError
from wf_tui.grpc_gateway import GrpcGateway

#: A socket's path may have 108 bytes on Linux and 104 on macOS, its end mark included.
_LONGEST_SOCKET = 100
_LOG_LINES = 8
#: Seconds until a server that something ended is started again.
_RESTART_AFTER = 0.5
#: A server that lives less long, in seconds, so many times in a row, is not started again.
_SHORT_LIFE, _DEATHS = 5.0, 5


class PrivateServerError(Exception):
    """The private server cannot be had; says why, with the last lines of its log."""


class PrivateServer:
    """An async context manager that starts the server and ends it.

    `directory` holds its configuration, inventory, database and log; None stands for `wf/demo` in the
    user's data directory. Where another process uses that one, this server gets a temporary one, and
    `notice` says so. Times are in seconds. Entering raises PrivateServerError.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        start_within: float = 20.0,
        stop_within: float = 10.0,
        program: tuple[str, ...] = (sys.executable, "-m", "wf_server"),
    ) -> None:
        self.directory = directory or user_data_path("wf") / "demo"
        self.notice = ""
        self.address = ""
        #: Whether its files stay for the next demonstration.
        self.is_kept = True
        self._start_within = start_within
        self._stop_within = stop_within
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._cleanup = contextlib.ExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._take_directory()
            await self._write_samples()
            self.address = f"unix:{self._socket()}"
            await self._start("wb")
            await self._wait_until_it_answers()
            self._keeper = asyncio.create_task(self._keep_alive(), name="private server's keeper")
        except OSError as error:
            await self.close()
            raise PrivateServerError(f"cannot prepare {self.directory}: {error.strerror or error}") from error
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def log(self) -> Path:
        """Where the server's output goes."""
        return self.directory / "server.log"

    async def close(self) -> None:
        """Ends the server, by force where it does not end in time; calling again does nothing."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        try:
            process, self._process = self._process, None
            if process is not None:
                await self._end(process)
        finally:
            self._cleanup.close()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(self._stop_within):
                await process.wait()
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if not isinstance(error, TimeoutError):
                raise
        finally:
            if process.stdin is not None:
                process.stdin.close()

    def _take_directory(self) -> None:
        """Makes the directory and locks it; takes a temporary one where somebody else has it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = self._cleanup.enter_context((self.directory / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            taken, self.directory = self.directory, self._temporary_directory()
            self.is_kept = False
            self.notice = (
                f"{taken} is in use by another demo; this one uses {self.directory}, then removes it"
            )

    def _temporary_directory(self) -> Path:
        path = Path(tempfile.mkdtemp(prefix="wf-"))
        self._cleanup.callback(shutil.rmtree, path, ignore_errors=True)
        return path

    def _socket(self) -> Path:
        path = (self.directory / "wf.sock").absolute()
        if len(os.fsencode(path)) > _LONGEST_SOCKET:
            return self._temporary_directory() / "s"
        # Left by a server that was killed; the lock says that nobody uses it.
        path.unlink(missing_ok=True)
        return path

    async def _write_samples(self) -> None:
        if (self.directory / "configs").exists() and (self.directory / "data").exists():
            return
        process = await asyncio.create_subprocess_exec(
            *self._program,
            "init",
            str(self.directory),
            "--demo",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._process = process
        output, _ = await process.communicate()
        self._process = None
        if process.returncode:
            told = output.decode(errors="replace").strip()
            raise PrivateServerError(f"cannot write the sample configuration: {told}")

    async def _keep_alive(self) -> None:
        """Starts the server again when something ends it: what was running goes on by itself."""
        deaths = 0
        while self._process is not None and deaths < _DEATHS:
            process, begin = self._process, time.monotonic()
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()
            deaths = deaths + 1 if time.monotonic() - begin < _SHORT_LIFE else 1
            await asyncio.sleep(_RESTART_AFTER)
            await self._start("ab")

    async def _start(self, log_mode: Literal["wb", "ab"]) -> None:
        with self.log.open(log_mode) as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._program,
                *("--listen", self.address),
                *("--configs", str(self.directory / "configs")),
                *("--data", str(self.directory / "data")),
                *("--db", str(self.directory / "wf.db")),
                "--exit-with-parent",
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                # A Ctrl-C in the terminal is for the console, which ends the server itself.
                start_new_session=True,
            )

    async def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        ended = asyncio.create_task(self._process.wait(), name="private server's end")
        answered = asyncio.create_task(self._ask(), name="private server's first answer")
        try:
            await asyncio.wait(
                {ended, answered}, timeout=self._start_within, return_when=asyncio.FIRST_COMPLETED
            )
            if not answered.done():
                how = "ended at once" if ended.done() else f"did not answer within {self._start_within:g} s"
                raise PrivateServerError(f"the private server {how}; {self._log_end()}")
            await answered
        finally:
            for task in (ended, answered):
                task.cancel()
            await asyncio.wait({ended, answered})

    async def _ask(self) -> None:
        gateway = GrpcGateway(self.address, timeout=1.0)
        try:
            while True:
                with contextlib.suppress(GatewayError):
                    await gateway.server_info()
                    return
                await asyncio.sleep(0.05)
        finally:
            await gateway.close()

    def _log_end(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        if not lines:
            return f"its log {self.log} is empty"
        return "\n  ".join([f"its log {self.log} ends with:", *lines])
