"""kill -9, hundreds of times: nothing is run twice that must not be, nothing is lost, nothing is made up.

The jobs write what they do to a file of their own, before the server can know. In the end that file, the
record and the token buckets have to tell the same story.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

import wf_proto as pb
from tests.e2e.requests import ENDED, GO, STOP
from tests.torture import records
from tests.torture.nursery import BUCKET_SIZE, ROOT, TYPES, Nursery
from wf_proto.client import Client
from wf_proto.errors import AlreadyExecuted, ClientError, FailedPrecondition

#: `make torture` asks for more.
LIVES = int(os.environ.get("WF_TORTURE_LIVES", "0") or 0) or 220
SEED = int(os.environ.get("WF_TORTURE_SEED", "0") or 0) or 20_261_125
#: Workflows that are under way at once, about.
BUSY = 10
PAUSED = (pb.Status.PAUSED, pb.Status.PAUSING)
PARKED = (pb.Status.PAUSED, pb.Status.HELD, pb.Status.NEEDS_OPERATOR)
OPEN = [s for s in pb.Status if s not in ENDED and s not in (pb.Status.UNSPECIFIED, pb.Status.NOT_STARTED)]


class Tormentor:
    """Gives random orders to a server, and kills it. Knows what it was promised."""

    def __init__(self, nursery: Nursery, random: Random) -> None:
        self.nursery = nursery
        self.random = random
        self.submitted: set[str] = set()
        self.executed: set[str] = set()
        self.cancelled: set[str] = set()
        #: Requests whose answer was lost, by their key.
        self.unanswered: dict[str, pb.WorkReq] = {}
        self.keys: dict[str, str] = {}
        self.deaths: Counter[str] = Counter()
        self._serving = asyncio.Event()

    async def life(self) -> None:
        """Starts a server, gives it orders, and sees to its death."""
        how = self.random.choice(["starting", "statement", "serving", "serving"])
        moment = self.random.uniform(0.0, 0.25 if how == "starting" else 0.35)
        await self.nursery.start(die_at=self.random.randint(1, 250) if how == "statement" else 0)
        async with self.nursery.client() as client:
            work = asyncio.create_task(self._torment(client), name="torment")
            if how == "serving":
                await self._serving.wait()
            if how == "statement":
                await self._die_or_be_killed()
            else:
                await asyncio.sleep(moment)
                await self.nursery.kill()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        self._serving.clear()
        self.deaths[how] += 1

    async def _die_or_be_killed(self) -> None:
        waiting = asyncio.create_task(self.nursery.wait(), name="wait for the death")
        await asyncio.wait({waiting}, timeout=1.0)
        if not waiting.done():
            # It may have died just now, without the word of it being here.
            with suppress(ProcessLookupError):
                os.kill(self.nursery.pid, 9)
        await waiting

    async def _torment(self, client: Client) -> None:
        if not await self.nursery.serving(client):
            return
        self._serving.set()
        while True:
            try:
                await self._act(client)
            except ClientError:
                await asyncio.sleep(0.002)

    async def _act(self, client: Client) -> None:
        going = (await client.list(statuses=OPEN)).workflows
        parked = [one for one in going if one.status in PARKED]
        if parked and self.random.random() < 0.5:
            await self._answer(client, self.random.choice(parked))
        elif len(going) - len(parked) < BUSY and self.random.random() < 0.8:
            await self._submit(client)
        elif going:
            act = self.random.choices([self._pause, self._cancel, self._stop], [20, 8, 1])[0]
            await act(client, self.random.choice(going))
            await asyncio.sleep(self.random.uniform(0, 0.01))

    async def _submit(self, client: Client) -> None:
        key, request = next(iter(self.unanswered.items()), ("", None))
        if request is None:
            key, request = f"key {self.random.getrandbits(64):x}", self._request()
        self.unanswered[key] = request
        workflow_id = await client.submit(request, key=key)
        del self.unanswered[key]
        assert self.keys.setdefault(key, workflow_id) == workflow_id
        self.submitted.add(workflow_id)
        with suppress(AlreadyExecuted):
            await client.exec(workflow_id)
        self.executed.add(workflow_id)

    async def _pause(self, client: Client, one: pb.WorkflowSummary) -> None:
        await client.pause(one.id, "torture")

    async def _cancel(self, client: Client, one: pb.WorkflowSummary) -> None:
        await client.cancel(one.id, "torture")
        self.cancelled.add(one.id)

    async def _stop(self, client: Client, one: pb.WorkflowSummary) -> None:
        await client.set_stop(one.name, STOP, "torture")
        await asyncio.sleep(self.random.uniform(0, 0.05))
        await client.set_stop(one.name, GO, "torture")

    async def _answer(self, client: Client, one: pb.WorkflowSummary) -> None:
        """Does what a workflow waits for, if it waits for a person."""
        if one.status in PAUSED:
            await client.resume(one.id, "torture")
        elif one.status == pb.Status.HELD:
            blocks = (await client.status(one.id)).blocks
            begun = [block.status != pb.Status.NOT_STARTED for block in blocks]
            await client.release(one.id, begun.index(False), "torture", confirm=one.name)
        elif one.status == pb.Status.NEEDS_OPERATOR:
            for b, block in enumerate((await client.status(one.id)).blocks):
                for j, job in enumerate(block.jobs):
                    if job.status == pb.Status.UNKNOWN:
                        how = pb.Resolution(self.random.randint(1, 3))
                        await client.resolve(one.id, b, j, how, "torture")

    async def finish(self) -> None:
        """Answers every question until all has ended."""
        await self.nursery.start()
        async with self.nursery.client() as client:
            assert await self.nursery.serving(client)
            for name in TYPES:
                await client.set_stop(name, GO, "the end")
            while self.unanswered:
                await self._submit(client)
            for workflow_id in self.submitted - self.executed:
                with suppress(AlreadyExecuted):
                    await client.exec(workflow_id)
            async with asyncio.timeout(120):
                while going := (await client.list(statuses=OPEN)).workflows:
                    for one in going:
                        with suppress(FailedPrecondition):
                            await self._answer(client, one)
                    await asyncio.sleep(0.05)
            self.tokens = {b.name: b.tokens for b in await client.list_buckets()}["torture"]

    # What it asks for

    def _request(self) -> pb.WorkReq:
        draw = self.random
        budget = draw.choice(["", "", "", "2", "60%"])
        return pb.WorkReq(
            name=draw.choice(TYPES),
            blocks=[self._block() for _ in range(draw.randint(1, 3))],
            max_failures=budget,
            no_overshoot=bool(budget) and draw.random() < 0.5,
            on_failure=pb.OnFailure(draw.randint(0, 2)),
        )

    def _block(self) -> pb.Block:
        draw = self.random
        ramp = draw.choice([[], [], [], ["1"], ["1", "50%"]])
        return pb.Block(
            rate_limit=draw.randint(1, 6),
            jobs=[self._job() for _ in range(draw.randint(1, 8))],
            hold=draw.random() < 0.08,
            point_of_no_return=draw.random() < 0.04,
            ramp=ramp,
            soak=draw.choice(["", "20ms"]) if ramp else "",
        )

    def _job(self) -> pb.Job:
        draw = self.random
        if draw.random() < 0.15:
            return pb.Job(name="tokenBucket", args={"bucket": "torture", "fatal": "true"})
        kind = draw.choice(["idempotent", "idempotent", "verifiable", "verifiable", "irreversible"])
        how = draw.choices(["ok", "fail", "fatal", "flaky", "deaf"], [80, 6, 1, 10, 3])[0]
        ms = draw.choice([0, 1, 5, 20, 80])
        made = pb.Job(name=kind, args={"ms": str(ms), "how": how})
        if kind != "irreversible" and draw.random() < 0.6:
            made.retry = pb.Retry(attempts=draw.randint(1, 4), delay=draw.choice(["0s", "10ms"]), jitter=0.5)
        if draw.random() < 0.15:
            made.timeout = "100ms"
        return made


Deeds = Counter[tuple[str, str, int, int]]


def deeds(effects: Path) -> Deeds:
    """What the jobs really did: (what, workflow, block, job)."""
    told: Deeds = Counter()
    for line in effects.read_text().splitlines():
        what, workflow, block, job, _ = line.split()
        told[what, workflow, int(block), int(job)] += 1
    return told


def check_deeds(record: records.Record, done: Deeds) -> None:
    """The record of a workflow tells of what its jobs did: all of it, and nothing else."""
    for b, jobs in enumerate(record.jobs):
        for j, job in enumerate(jobs):
            kind = record.request.blocks[b].jobs[j].name
            if kind == "tokenBucket":
                continue
            steps = [step for step in record.steps if (step.block, step.job) == (b, j)]
            again = sum(step.status == "not_started" and bool(step.operator) for step in steps)
            begun, effects = done["begin", record.id, b, j], done["effect", record.id, b, j]
            told = f"job {b}/{j} ({kind}) began {begun} times, had {effects} effects\n{record.trail()}"
            assert begun <= job.started, f"it ran without being on record: {told}"
            if kind == "irreversible":
                assert begun <= 1 + again, f"it ran twice: {told}"
            if kind != "idempotent":
                assert effects <= 1 + again, f"it was done twice: {told}"
            if steps and steps[-1].status == "completed" and not steps[-1].operator:
                assert effects, f"it was never done: {told}"


def check_tokens(database: Path, left: int) -> int:
    """Every token that is missing was given to a job, one to each; returns how many."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        taken = {
            (workflow, block, job)
            for workflow, block, job in connection.execute("SELECT workflow, block, job FROM token")
        }
        (level,) = connection.execute("SELECT tokens FROM bucket WHERE name = 'torture'").fetchone()
    assert level == left == BUCKET_SIZE - len(taken)
    for record in map(records.check, records.read(database)):
        for b, jobs in enumerate(record.jobs):
            for j, job in enumerate(jobs):
                if record.request.blocks[b].jobs[j].name == "tokenBucket" and job.status == "completed":
                    assert (record.id, b, j) in taken, f"{b}/{j} has no token\n{record.trail()}"
    return len(taken)


async def verify(nursery: Nursery) -> None:
    """`wf-server verify` has nothing to say."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wf_server", "verify", "--db", str(nursery.database)),
        *("--configs", str(nursery.directory / "configs")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


@pytest.mark.timeout(300 + LIVES)
async def test_killed_at_hundreds_of_moments_it_tells_the_truth(tmp_path: Path) -> None:
    print(f"seed {SEED}, {LIVES} lives; the same again: WF_TORTURE_SEED={SEED}")
    async with Nursery(tmp_path) as nursery:
        tormentor = Tormentor(nursery, Random(SEED))
        for _ in range(LIVES):
            await tormentor.life()
        await tormentor.finish()
        read = {record.id: records.check(record) for record in records.read(nursery.database)}
        assert tormentor.submitted <= set(read), "a workflow was lost"
        done = deeds(nursery.effects)
        for record in read.values():
            # One that was submitted while its answer was lost was submitted again under its key.
            assert record.status in records.FINAL, record.trail()
            check_deeds(record, done)
        for workflow_id in tormentor.cancelled:
            assert read[workflow_id].status in ("cancelled", "stopped"), read[workflow_id].trail()
        tokens = check_tokens(nursery.database, tormentor.tokens)
        await verify(nursery)
        assert await nursery.kill() == -9
    ends = Counter(record.status for record in read.values())
    jobs = Counter(job.status for record in read.values() for block in record.jobs for job in block)
    print(f"{tormentor.deaths} {ends} {jobs} {sum(done.values())} deeds {tokens} tokens")
    # It was no idle life, however slow the machine.
    assert done
    assert "Traceback" not in (tmp_path / "server.log").read_text()
