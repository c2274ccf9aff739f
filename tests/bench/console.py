"""The console: from its start to its first paint, in a real terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.bench.table import Row
from tests.e2e.server_process import ServerProcess

ROUNDS = 5
#: Painted by the first screen.
SIGN = b"Workflows"


async def measure(directory: Path) -> AsyncIterator[Row]:
    """Yields the row of the first paint."""
    async with ServerProcess(directory) as server:
        times = sorted([await asyncio.to_thread(_first_paint, server.address) for _ in range(ROUNDS)])
    note = f"quickest {times[0]:.2f} s, slowest {times[-1]:.2f} s"
    yield Row("console: start to first paint", times[ROUNDS // 2], "s", 0.7, note=note)


def _first_paint(address: str) -> float:
    program = Path(sys.executable).with_name("wf-tui")
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
        os.execv(program, [str(program), "--address", address])
    seen = b""
    try:
        while SIGN not in seen:
            seen += os.read(terminal, 65536)
        return time.perf_counter() - begin
    finally:
        os.kill(pid, 15)
        os.close(terminal)
        os.waitpid(pid, 0)
