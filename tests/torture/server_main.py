"""`wf-server` with job types that write down what they really do, and that can be told to die anywhere.

    python -m tests.torture.server_main FLAGS...      one server, as `wf-server FLAGS...`
    python -m tests.torture.server_main --nursery     forks one for every line of flags (JSON) on its input

A fork of a process that has imported everything serves in a fraction of the time: so hundreds of lives fit
into a minute or two. The environment says the rest: WF_EFFECTS names the file of what happened in the world,
WF_DIE_AT the database statement at which the process kills itself. While there is a file named `read-only`
beside the effects, nothing can be written to the database.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import aiosqlite

from wf_server import cli
from wf_server.app import App, Places
from wf_server.clock import Clock
from wf_server.jobs.base import Arg, ArgKind, JobContext, JobFailed, JobType, Recovery
from wf_server.model import JobId


class Effects:
    """The world: a file to which is only ever added. A line is in it before what comes next happens."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, what: str, job: JobId) -> None:
        """Adds a line, durably."""
        line = f"{what} {job.workflow} {job.block} {job.job} {time.time_ns() // 1000}\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)

    def count(self, what: str, job: JobId) -> int:
        """How often that happened to a job."""
        wanted = f"{what} {job.workflow} {job.block} {job.job} "
        return sum(line.startswith(wanted) for line in self._path.read_text().splitlines())


class WrittenJob(JobType):
    """Takes `ms` milliseconds and ends as `how` says: ok, fail, fatal, flaky (fails twice), deaf."""

    help = "Writes down what it does."
    args = (
        Arg("ms", ArgKind.INTEGER, "How long it takes."),
        Arg("how", ArgKind.TEXT, "How it ends.", choices=("ok", "fail", "fatal", "flaky", "deaf")),
    )

    def __init__(self, name: str, recovery: Recovery, effects: Effects) -> None:
        self.name = name  # type: ignore[misc]
        self.recovery = recovery  # type: ignore[misc]
        self._effects = effects

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Writes that it begins, takes its time, writes what it did."""
        self._effects.write("begin", ctx.holder)
        ctx.log("begins")
        await self._take_time(ctx, int(args["ms"]) / 1000, deaf=args["how"] == "deaf")
        if args["how"] == "flaky" and self._effects.count("begin", ctx.holder) <= 2:
            raise JobFailed("flaky")
        if args["how"] in ("fail", "fatal"):
            raise JobFailed(args["how"], fatal=args["how"] == "fatal")
        self._effects.write("effect", ctx.holder)

    async def _take_time(self, ctx: JobContext, seconds: float, *, deaf: bool) -> None:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            try:
                await ctx.clock.sleep(left)
            except asyncio.CancelledError:
                if not deaf:
                    raise

    async def verify(self, ctx: JobContext, args: Mapping[str, str]) -> bool:
        """Looks whether it did its work."""
        return self._effects.count("effect", ctx.holder) > 0


def _job_types(effects: Effects) -> list[JobType]:
    return [
        WrittenJob("idempotent", Recovery.IDEMPOTENT, effects),
        WrittenJob("verifiable", Recovery.VERIFIABLE, effects),
        WrittenJob("irreversible", Recovery.IRREVERSIBLE, effects),
    ]


def _with_job_types(effects: Effects) -> None:
    """Adds them to whatever server this process builds."""
    build = App.build

    async def build_with_more(
        places: Places, clock: Clock | None = None, more_jobs: Iterable[JobType] = ()
    ) -> App:
        return await build(places, clock, [*more_jobs, *_job_types(effects)])

    App.build = build_with_more  # type: ignore[method-assign]


def _instrument(die_at: int, read_only: Path) -> None:
    """Kills this process at a database statement: before it for an even number, else after it.

    While the file `read_only` is there, nothing can be written.
    """
    execute = aiosqlite.Connection._execute
    seen, was_read_only = 0, False

    async def instrumented(self: Any, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def act(*args: Any, **kwargs: Any) -> Any:
            nonlocal seen, was_read_only
            if (is_read_only := read_only.exists()) or was_read_only:
                was_read_only = True
                self._conn.execute(f"PRAGMA query_only = {int(is_read_only)}")
            seen += 1
            if seen == die_at and die_at % 2 == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            result = fn(*args, **kwargs)
            if seen == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return await execute(self, act, *args, **kwargs)  # type: ignore[no-untyped-call]

    aiosqlite.Connection._execute = instrumented  # type: ignore[method-assign]


def serve(flags: list[str], environment: Mapping[str, str]) -> None:
    """Runs one server to its end."""
    effects = Path(environment["WF_EFFECTS"])
    _with_job_types(Effects(effects))
    _instrument(int(environment.get("WF_DIE_AT") or 0), effects.with_name("read-only"))
    cli.main(flags)


def _tend() -> None:
    """Forks a server for each line; prints its process id, and `ended CODE` once it is gone."""
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            for stream in (1, 2):
                os.dup2(log, stream)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            serve(order["flags"], order["environment"])
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--nursery"]:
        _tend()
    else:
        serve(sys.argv[1:], os.environ)
