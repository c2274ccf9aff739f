"""How long a server's event loop is held, seen from another process.

The probe asks for the smallest answer there is, again and again; the longest wait is an upper bound of
the longest hold.
"""

from __future__ import annotations

import asyncio
import sys
import time

from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.credentials import Credentials

#: The probe's own longest wait on an idle server is far below this.
PAUSE = 0.001


class Probe:
    """`async with Probe(server)` measures for as long as the block lasts."""

    def __init__(self, server: ServerProcess) -> None:
        proofs = server.credentials()
        self._arguments = (server.address, proofs.ca, proofs.token_file)
        self._process: asyncio.subprocess.Process | None = None
        self.longest_ms = 0.0

    async def __aenter__(self) -> Probe:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.probe", *self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b"ready\n"
        return self

    async def __aexit__(self, *_exit: object) -> None:
        assert self._process is not None
        out, _ = await self._process.communicate(b"\n")
        self.longest_ms = float(out)


async def _probe(address: str, ca: str, token_file: str) -> None:
    proofs = Credentials(ca=ca, token_file=token_file)
    async with Client(address, credentials=proofs) as client:
        for _ in range(20):
            await client.server_info()
        print("ready", flush=True)
        over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        longest = 0.0
        while not over.done():
            begin = time.perf_counter()
            await client.server_info()
            longest = max(longest, time.perf_counter() - begin)
            await asyncio.sleep(PAUSE)
        print(longest * 1000)


if __name__ == "__main__":
    asyncio.run(_probe(*sys.argv[1:]))
