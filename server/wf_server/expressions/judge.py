"""Has rules judged by the worker: begun when it is needed, killed when it takes too long, begun again."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import structlog

from wf_server.expressions.finding import Finding
from wf_server.expressions.spelling import inventory_json, request_json
from wf_server.inventory import Inventory
from wf_server.model import WorkReq

log = structlog.get_logger(__name__)

#: How long the worker may take to begin, and to take in what it is told. Seconds.
WORKER_SECONDS = 30.0
#: The longest answer: the findings of one rule. Bytes.
_LONGEST = 2**22
#: What of the server's environment the worker gets: it needs no secrets.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What came of judging rules."""

    #: By rule, in order, as far as they were judged.
    findings: tuple[tuple[Finding, ...], ...]
    #: Why the rule after those was not; empty: all were.
    problem: str = ""
    #: It was not the rule's time that was over.
    broke_off: bool = False


class ExpressionJudge:
    """Owns the worker. One WorkReq is judged at a time, in the order of the calls."""

    def __init__(self) -> None:
        self._worker: Process | None = None
        #: The inventory that the worker knows.
        self._known: Inventory | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    @property
    def worker_pid(self) -> int | None:
        """The worker's process; None: there is none."""
        return self._worker.pid if self._worker is not None and self._worker.returncode is None else None

    async def judge(
        self, rules: Sequence[str], request: WorkReq, inventory: Inventory, now_us: int, seconds: float
    ) -> Verdicts:
        """Judges a WorkReq by rules, which may take that many seconds together."""
        async with self._turn:
            used = self.worker_pid is not None
            verdicts = await self._judge(rules, request, inventory, now_us, seconds)
            if used and verdicts.broke_off:
                # It may have died long before it was asked.
                verdicts = await self._judge(rules, request, inventory, now_us, seconds)
            return verdicts

    async def _judge(
        self, rules: Sequence[str], request: WorkReq, inventory: Inventory, now_us: int, seconds: float
    ) -> Verdicts:
        findings: list[tuple[Finding, ...]] = []
        try:
            worker = await self._ready(inventory)
            await _write(worker, _question(rules, request, now_us, seconds))
            async with asyncio.timeout(seconds):
                for _ in rules:
                    findings.append(await _answer(worker))
        except TimeoutError:
            await self._kill()
            return Verdicts(tuple(findings), f"takes longer than {seconds:g} s, which is the limit")
        except (OSError, EOFError, ValueError) as error:
            await self._kill()
            log.error("the judge of expressions broke off", error=str(error), type=type(error).__name__)
            problem = "takes more memory than it may, or broke its judge"
            return Verdicts(tuple(findings), problem, broke_off=True)
        except asyncio.CancelledError:
            # Its answer would be taken for that to the next question.
            await self._kill()
            raise
        return Verdicts(tuple(findings))

    async def close(self) -> None:
        """Ends the worker; whoever is being judged finds that it broke off."""
        self._closed = True
        await self._kill()

    async def _ready(self, inventory: Inventory) -> Process:
        worker = self._worker
        if worker is None or worker.returncode is not None:
            await self._kill()
            worker = await self._begin()
        if self._known is not inventory:
            await _write(worker, ('{"inventory": ', *inventory_json(inventory), "}"))
            self._known = inventory
        return worker

    async def _begin(self) -> Process:
        if self._closed:
            raise EOFError("the server ends")
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._worker = worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wf_server.expressions.worker"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
            limit=_LONGEST,
            # The terminal's interrupt is for the server, which ends its worker.
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(WORKER_SECONDS):
                await _answer(worker)
        except TimeoutError:
            raise EOFError("it does not begin") from None
        log.info("the judge of expressions begins", pid=worker.pid)
        return worker

    async def _kill(self) -> None:
        worker, self._worker, self._known = self._worker, None, None
        if worker is None:
            return
        with suppress(ProcessLookupError):
            worker.kill()
        await asyncio.shield(worker.wait())


def _question(rules: Sequence[str], request: WorkReq, now_us: int, seconds: float) -> Iterable[str]:
    asked = json.dumps({"rules": list(rules), "now": now_us, "seconds": seconds})
    yield f'{asked[:-1]}, "request": '
    yield from request_json(request)
    yield "}"


async def _write(worker: Process, pieces: Iterable[str]) -> None:
    """Writes a line, other work in between. Raises EOFError where it is not taken."""
    assert worker.stdin is not None
    try:
        async with asyncio.timeout(WORKER_SECONDS):
            for piece in chain(pieces, "\n"):
                worker.stdin.write(piece.encode())
                await worker.stdin.drain()
                await asyncio.sleep(0)
    except TimeoutError:
        raise EOFError("it does not listen") from None


async def _answer(worker: Process) -> tuple[Finding, ...]:
    assert worker.stdout is not None
    line = await worker.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError("it has ended")
    return tuple(Finding.of_json(found) for found in json.loads(line))
