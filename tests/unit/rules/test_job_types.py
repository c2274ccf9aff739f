"""What the job types do, by a clock that is turned."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from wf_server.clock import Clock
from wf_server.config import BucketSpec
from wf_server.errors import StoreError
from wf_server.inventory import Inventory, Site, SiteStatus
from wf_server.jobs.base import JobFailed, JobType
from wf_server.jobs.disk_erase import DiskErase
from wf_server.jobs.settings import DiskEraseSettings
from wf_server.jobs.sleep import Sleep
from wf_server.jobs.token_bucket import TokenBucket
from wf_server.jobs.validate_decom import ValidateDecom
from wf_server.model import BucketLevel, JobId
from wf_server.testing import ManualClock, MemoryErasures, settle
from wf_server.tokens import Tokens


class Context:
    """A running job's surroundings, and what it said."""

    def __init__(self, clock: Clock, number: int = 0) -> None:
        self.holder = JobId("workflow", 0, number)
        self.clock = clock
        self.reports: list[tuple[float, str]] = []
        self.lines: list[str] = []

    def progress(self, fraction: float, message: str = "") -> None:
        self.reports.append((fraction, message))

    def log(self, line: str) -> None:
        self.lines.append(line)


class KeptTokens:
    """A store of tokens."""

    def __init__(self) -> None:
        self.taken: set[JobId] = set()

    async def load_buckets(self) -> dict[str, BucketLevel]:
        return {}

    async def token_taken(self, holder: JobId) -> bool:
        return holder in self.taken

    async def take_token(self, bucket: str, level: BucketLevel, holder: JobId, taken_us: int) -> None:
        self.taken.add(holder)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def begin(job_type: JobType, ctx: Context, args: Mapping[str, str]) -> asyncio.Task[None]:
    return asyncio.create_task(job_type.run(ctx, args))


ERASE_ARGS = {"site": "aap", "machine": "aa01"}


async def test_an_erasure_takes_its_time_and_tells(clock: ManualClock, inventory: Inventory) -> None:
    ctx = Context(clock)
    job_type = DiskErase(DiskEraseSettings(seconds=30), lambda: inventory, MemoryErasures())
    erasing = begin(job_type, ctx, ERASE_ARGS)
    await clock.advance(29.9)
    assert not erasing.done()
    assert not await job_type.verify(ctx, ERASE_ARGS)
    await clock.advance(0.2)
    await erasing
    assert await job_type.verify(ctx, ERASE_ARGS)
    assert not await job_type.verify(ctx, {**ERASE_ARGS, "machine": "aa02"})
    assert ctx.lines == [
        "erasing the disks of aa01.aap (simulated, 30 s)",
        "erased the disks of aa01.aap",
    ]
    fractions = [fraction for fraction, _ in ctx.reports]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1], len(fractions)) == (0.0, 1.0, 101)
    assert {message for _, message in ctx.reports} == {"erasing aa01.aap"}


@pytest.mark.parametrize(("seconds", "reports"), [(0.1, 2), (2, 9), (25, 101), (3600, 101)])
async def test_progress_is_told_seldom(
    clock: ManualClock, inventory: Inventory, seconds: float, reports: int
) -> None:
    ctx = Context(clock)
    erasing = begin(
        DiskErase(DiskEraseSettings(seconds=seconds), lambda: inventory, MemoryErasures()), ctx, ERASE_ARGS
    )
    await clock.advance(seconds + 0.001)
    await erasing
    assert len(ctx.reports) == reports


async def test_an_erasure_ends_at_once_when_cancelled(clock: ManualClock, inventory: Inventory) -> None:
    ctx = Context(clock)
    erasing = begin(DiskErase(DiskEraseSettings(), lambda: inventory, MemoryErasures()), ctx, ERASE_ARGS)
    await clock.advance(10)
    erasing.cancel()
    await settle()
    assert erasing.cancelled()
    assert len(ctx.lines) == 1


async def test_a_machine_that_is_gone_fails(clock: ManualClock) -> None:
    job_type = DiskErase(DiskEraseSettings(), lambda: Inventory({}, {}), MemoryErasures())
    with pytest.raises(JobFailed, match=r"no machine aa01\.aap") as failed:
        await job_type.run(Context(clock), ERASE_ARGS)
    assert not failed.value.fatal


async def test_an_erasure_that_cannot_be_written_down_waits(clock: ManualClock, inventory: Inventory) -> None:
    class Full(MemoryErasures):
        full = True

        async def record_erasure(self, holder: JobId, site: str, machine: str, time_us: int) -> None:
            if self.full:
                raise StoreError("wf.db: database or disk is full")
            await super().record_erasure(holder, site, machine, time_us)

    ctx, erasures = Context(clock), Full()
    job_type = DiskErase(DiskEraseSettings(seconds=30), lambda: inventory, erasures)
    erasing = begin(job_type, ctx, ERASE_ARGS)
    await clock.advance(40)
    assert not erasing.done()
    assert ctx.reports[-1] == (1.0, "waiting for the database: wf.db: database or disk is full")
    erasures.full = False
    await clock.advance(1)
    await erasing
    assert await job_type.verify(ctx, ERASE_ARGS)


@pytest.mark.parametrize("fatal", ["true", "false"])
async def test_a_token_that_cannot_be_written_down_is_waited_for(clock: ManualClock, fatal: str) -> None:
    class Full(KeptTokens):
        full = True

        async def take_token(self, bucket: str, level: BucketLevel, holder: JobId, taken_us: int) -> None:
            if self.full:
                raise StoreError("wf.db: database or disk is full")
            await super().take_token(bucket, level, holder, taken_us)

    kept = Full()
    tokens = Tokens({"b": BucketSpec(1, 1, 60)}, kept, clock)
    await tokens.load()
    ctx = Context(clock)
    taking = begin(TokenBucket(tokens), ctx, {"bucket": "b", "fatal": fatal})
    await clock.advance(5)
    assert not taking.done()
    assert "disk is full" in ctx.reports[-1][1]
    kept.full = False
    await clock.advance(1)
    await taking
    assert tokens.level("b").tokens == 0


async def test_sleeps_do_not_share_their_seconds(clock: ManualClock) -> None:
    """Two workflows' jobs run on one instance of their type."""
    job_type = Sleep()
    short, long = (
        begin(job_type, Context(clock), {"seconds": "10"}),
        begin(job_type, Context(clock), {"seconds": "20"}),
    )
    await clock.advance(10.01)
    assert short.done()
    assert not long.done()
    await clock.advance(9.9)
    assert not long.done()
    await clock.advance(0.2)
    assert long.done()


async def test_a_sleep_ends_at_once_when_cancelled(clock: ManualClock) -> None:
    sleeping = begin(Sleep(), Context(clock), {"seconds": "100"})
    await clock.advance(1)
    sleeping.cancel()
    await settle()
    assert sleeping.cancelled()


@pytest.fixture
async def tokens(clock: ManualClock) -> Tokens:
    made = Tokens({"erase": BucketSpec(1, 1, 1800)}, KeptTokens(), clock)
    await made.load()
    return made


async def test_without_a_token_a_fatal_job_fails_after_a_second(clock: ManualClock, tokens: Tokens) -> None:
    job_type, args = TokenBucket(tokens), {"bucket": "erase", "fatal": "true"}
    first = Context(clock, 1)
    await job_type.run(first, args)
    assert first.lines == ["took a token from erase"]
    second = begin(job_type, Context(clock, 2), args)
    await clock.advance(0.99)
    assert not second.done()
    await clock.advance(0.01)
    with pytest.raises(JobFailed, match="no token in bucket erase; the next comes at 2023-11-14") as failed:
        await second
    assert failed.value.fatal


async def test_a_token_that_comes_within_the_second_will_do(clock: ManualClock, tokens: Tokens) -> None:
    job_type, args = TokenBucket(tokens), {"bucket": "erase", "fatal": "true"}
    await job_type.run(Context(clock, 1), args)
    await clock.advance(1799.5)
    second = begin(job_type, Context(clock, 2), args)
    await clock.advance(1)
    await second


async def test_a_job_that_is_not_fatal_waits_and_says_until_when(clock: ManualClock, tokens: Tokens) -> None:
    job_type, args = TokenBucket(tokens), {"bucket": "erase", "fatal": "false"}
    await job_type.run(Context(clock, 1), args)
    ctx = Context(clock, 2)
    waiting = begin(job_type, ctx, args)
    await clock.advance(1799)
    assert not waiting.done()
    assert (0.0, "waiting for a token from erase; the next comes at 2023-11-14 22:43:20 UTC") in ctx.reports
    await clock.advance(1)
    await waiting
    assert ctx.lines == ["took a token from erase"]


async def test_a_job_that_runs_again_after_a_restart_takes_no_second_token(
    clock: ManualClock, tokens: Tokens
) -> None:
    job_type, args = TokenBucket(tokens), {"bucket": "erase", "fatal": "true"}
    await job_type.run(Context(clock, 1), args)
    await job_type.run(Context(clock, 1), args)
    assert tokens.level("erase").tokens == 0


DECOM_ARGS = {"site": "aap", "type": "satellite"}


async def test_a_satellite_in_decom_is_valid(clock: ManualClock, inventory: Inventory) -> None:
    job_type = ValidateDecom(lambda: inventory)
    assert job_type.check(DECOM_ARGS) == []
    await job_type.run(Context(clock), DECOM_ARGS)


async def test_a_site_put_back_into_service_is_found_at_the_run(
    clock: ManualClock, inventory: Inventory
) -> None:
    held = [inventory]
    job_type = ValidateDecom(lambda: held[0])
    assert job_type.check(DECOM_ARGS) == []
    site = inventory.sites["aap"]
    back = Site("aap", site.type, SiteStatus.IN_SERVICE)
    held[0] = Inventory({**inventory.sites, "aap": back}, inventory.machines)
    with pytest.raises(JobFailed, match="site aap is not in decom") as failed:
        await job_type.run(Context(clock), DECOM_ARGS)
    assert failed.value.fatal
    held[0] = Inventory({}, {})
    with pytest.raises(JobFailed, match="there is no site aap"):
        await job_type.run(Context(clock), DECOM_ARGS)


def test_everything_wrong_with_a_site_is_found(inventory: Inventory) -> None:
    problems = ValidateDecom(lambda: inventory).check({"site": "aaa", "type": "cluster"})
    assert [(problem.arg, problem.found, problem.expected) for problem in problems] == [
        ("type", '"cluster"', '"satellite"'),
        ("site", '"inService"', '"decom"'),
    ]
