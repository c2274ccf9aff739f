"""Tokens of quotas: who takes them, who waits in which line, and what is told of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.engine.quotas import KEPT_US, Quotas, Turnstile
from wf_server.inventory import Inventory, Site, SiteStatus, SiteType
from wf_server.model import Block, Job, Level, QuotaToken, Workflow, WorkReq
from wf_server.policy import PolicyBook, Quota
from wf_server.policy.quota import QuotaSettings
from wf_server.store import Store
from wf_server.testing import ManualClock

SECOND = 1_000_000


def quota(limit: int | str, per: str, level: Level = Level.DENY, **more: Any) -> Quota:
    made = Quota(QuotaSettings.model_validate({"Label": "site", "Limit": limit, "Per": per, **more}))
    made.level = level
    return made


class Bench:
    """Quotas in memory, and runs that ask them."""

    def __init__(self, store: Store | None = None, **types: tuple[Quota, ...]) -> None:
        self.clock = ManualClock()
        self.book = PolicyBook(types)
        self.inventory = Inventory({}, {})
        self.quotas = Quotas(lambda: self.book, lambda: self.inventory, store, self.clock)  # type: ignore[arg-type]
        self.woken: list[str] = []

    def run(self, name: str, *sites: str, kind: str = "X", acknowledged: tuple[str, ...] = ()) -> Turnstile:
        jobs = tuple(Job("j", "", MappingProxyType({"site": site})) for site in sites)
        workflow = Workflow(name, WorkReq(kind, "", (Block("", 1, jobs),)), "", 1, acknowledged=acknowledged)
        return self.quotas.turnstile(workflow, lambda: self.woken.append(name))

    def gauges(self) -> list[tuple[str, int, int, int]]:
        return [(g.value, g.taken, g.limit, g.waiting) for view in self.quotas.views() for g in view.gauges]


def asks(turnstile: Turnstile, *jobs: int) -> list[int]:
    """The jobs that are let in, as a block asks: until one is not."""
    let_in: list[int] = []
    if turnstile.open(0):
        for job in jobs:
            if not turnstile.admit(job):
                break
            let_in.append(job)
        turnstile.close()
    return let_in


async def test_a_token_counts_for_as_long_as_it_says_and_no_longer() -> None:
    bench = Bench(X=(quota(2, "10s"),))
    run = bench.run("w", *["aap"] * 3)
    assert asks(run, 0, 1, 2) == [0, 1]
    assert [token[1:] for token in run.claim()] == [("w", 0, j, "site:", "aap") for j in (0, 1)]
    assert run.waits is not None
    assert (run.waits.what, run.waits.taken, run.waits.limit) == ('site="aap"', 2, 2)
    assert run.waits.until_us == bench.clock.now_us() + 10 * SECOND
    assert run.waits.words == 'waiting: quota site="aap" 2 of 2 until 2023-11-14 22:13:30 UTC'
    assert run.nap_us() == 10 * SECOND
    assert bench.gauges() == [("aap", 2, 2, 1)]
    await bench.clock.advance(9.999999)
    assert asks(run, 2) == []
    await bench.clock.advance(0.000001)
    assert asks(run, 2) == [2]
    assert run.waits is None
    assert bench.gauges() == [("aap", 1, 2, 0)]
    await bench.clock.advance(60)
    assert bench.gauges() == []


async def test_a_job_takes_no_other_token_while_its_own_counts() -> None:
    bench = Bench(X=(quota(1, "10s"),))
    run, other = bench.run("w", "aap"), bench.run("v", "aap")
    assert asks(run, 0) == [0]
    run.claim()
    await bench.clock.advance(9)
    assert asks(run, 0) == [0]
    assert run.claim() == []
    await bench.clock.advance(1)
    assert asks(other, 0) == [0]
    assert asks(run, 0) == []


async def test_the_first_in_line_takes_first_and_wakes_the_next() -> None:
    bench = Bench(X=(quota(1, "10s"),))
    runs = [bench.run(name, "aap", "aap") for name in ("a", "b", "c")]
    assert [asks(run, 0) for run in runs] == [[0], [], []]
    await bench.clock.advance(10)
    # Though there is a token: b was there first, and a stands behind c for its second job.
    assert asks(runs[2], 0) == []
    assert asks(runs[0], 1) == []
    assert runs[2].waits is not None
    assert runs[2].waits.until_us == 0
    assert runs[2].waits.words == 'waiting: quota site="aap" 0 of 1, others were first'
    assert asks(runs[1], 0, 1) == [0]
    assert bench.woken == ["c"]
    await bench.clock.advance(10)
    # Who leaves lets the next one ask.
    bench.woken.clear()
    runs[2].leave()
    assert bench.woken == ["a"]
    assert asks(runs[0], 1) == [1]
    assert bench.woken == ["a", "b"]


async def test_all_tokens_or_none() -> None:
    hourly, daily = quota(1, "1h"), quota(2, "1d")
    erasures = quota(9, "1d", JobTypes=["j"])
    bench = Bench(X=(hourly, daily, erasures))
    run = bench.run("w", *["aap"] * 3)
    assert asks(run, 0, 1) == [0]
    # One of the meter that both quotas share, one of the other.
    assert [token.meter for token in run.claim()] == ["site:", "site:j"]
    await bench.clock.advance(3_600)
    assert asks(run, 1, 2) == [1]
    await bench.clock.advance(3_600)
    assert asks(run, 2) == []
    assert run.waits is not None
    assert run.waits.until_us == bench.clock.now_us() + 79_200 * SECOND
    # Who waits stands in the line of the tokens that both share.
    assert sorted(bench.gauges()) == [("aap", 0, 1, 1), ("aap", 2, 2, 1), ("aap", 2, 9, 0)]


@pytest.mark.parametrize(
    ("level", "acknowledged", "waits"),
    [
        (Level.DENY, ("quota",), True),
        (Level.WARN, (), True),
        (Level.WARN, ("quota",), False),
        (Level.DRY_RUN, (), False),
    ],
)
def test_who_is_not_bound_is_counted_only(level: Level, acknowledged: tuple[str, ...], waits: bool) -> None:
    bench = Bench(X=(quota(1, "10s", level),))
    run = bench.run("w", "aap", "aap", acknowledged=acknowledged)
    assert asks(run, 0, 1) == ([0] if waits else [0, 1])
    free = bench.run("v", "aap", kind="Y")
    assert asks(free, 0) == [0]
    assert bench.gauges()[0][1] == (2 if waits else 3)


async def test_changed_policies_and_machines_let_everyone_ask_again() -> None:
    bench = Bench(X=(quota("50%", "10s"),))
    bench.inventory = Inventory({"aap": Site("aap", SiteType.CLUSTER, SiteStatus.DECOM)}, {"aap": ("aa00",)})
    run = bench.run("w", "aap")
    assert asks(run, 0) == []
    assert run.waits is not None
    assert (run.waits.limit, run.waits.until_us, run.nap_us()) == (0, 0, 60 * SECOND)
    assert run.waits.words == 'waiting: quota site="aap" 0 of 0'

    async def reload() -> None:
        bench.inventory = Inventory(bench.inventory.sites, {"aap": ("aa00", "aa01")})

    await bench.quotas.looking_again(reload)()
    assert bench.woken == ["w"]
    assert asks(run, 0) == [0]

    async def unlimit() -> None:
        bench.book = PolicyBook({"X": ()})

    other = bench.run("v", "aap")
    assert asks(other, 0) == []
    await bench.quotas.looking_again(unlimit)()
    assert bench.woken == ["w", "v"]
    assert bench.quotas.is_idle
    assert not other.open(0)
    assert other.waits is None


async def test_a_clock_that_is_set_back_gives_nothing() -> None:
    bench = Bench(X=(quota(1, "10s"),))
    run = bench.run("w", "aap", "aap")
    assert asks(run, 0) == [0]
    bench.clock.set(-3_600)
    await bench.clock.advance(30)
    assert asks(run, 1) == []
    # It is looked at again before that time, in case the clock is set once more.
    assert run.nap_us() == 60 * SECOND


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await Store.open(tmp_path / "wf.db")
    yield made
    await made.close()


async def test_the_next_server_counts_what_was_taken(store: Store) -> None:
    bench = Bench(store, X=(quota(2, "10s"),))
    now = bench.clock.now_us()
    taken = [QuotaToken(now - ago * SECOND, "v", 0, ago, "site:", "aap") for ago in (11, 10, 9, 3)]
    other = QuotaToken(now, "v", 0, 0, "site:gone", "aap")
    await store.commit([], {}, {}, tokens=[*taken, other])
    await bench.quotas.load()
    assert bench.gauges() == [("aap", 2, 2, 0)]
    run = bench.run("v", *["aap"] * 12)
    # Its own job has its token yet, the one of ten seconds ago has none any more.
    assert asks(run, 9, 10) == [9]
    await bench.clock.advance(1)
    assert asks(run, 10) == [10]
    await store.delete_quota_tokens(bench.quotas.outdated_us())
    await store.delete_quota_tokens(bench.quotas.outdated_us() + KEPT_US - 5 * SECOND)
    left = [token async for tokens in store.load_quota_tokens(0, 1) for token in tokens]
    assert left == [taken[3], other]


_PAUSES = st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0])
_JUMPS = st.sampled_from([0, 0, 0, -20])


@given(
    st.lists(st.tuples(st.integers(0, 3), _PAUSES, _JUMPS), max_size=60), st.integers(1, 3), st.integers(1, 3)
)
async def test_no_stretch_of_time_has_more_tokens_than_the_limit(
    steps: list[tuple[int, float, int]], few: int, many: int
) -> None:
    """Whoever asks when, however the clock is set back, for both of two quotas that share their tokens."""
    bench = Bench(X=(quota(few, "5s"), quota(few + many, "20s")))
    runs = [bench.run(str(n), *["aap", "few"] * 40) for n in range(4)]
    progress = [0] * 4
    #: By the time that really went by.
    taken: dict[str, list[int]] = {"aap": [], "few": []}
    for who, seconds, jump in steps:
        bench.clock.set(jump)
        await bench.clock.advance(seconds)
        progress[who] += len(asks(runs[who], *range(progress[who], progress[who] + 3)))
        for token in runs[who].claim():
            taken[token.value].append(bench.clock.steady_us())
    for times in taken.values():
        for limit, per_us in ((few, 5 * SECOND), (few + many, 20 * SECOND)):
            for n, time_us in enumerate(times, 1):
                assert n - bisect_right(times, time_us - per_us) <= limit


async def test_nobody_is_passed_over() -> None:
    """Of ten that always want more, all get as many."""
    bench = Bench(X=(quota(1, "1s"),))
    runs = [bench.run(str(n), *["aap"] * 50) for n in range(10)]
    got = [0] * 10
    for _ in range(100):
        for n, run in enumerate(runs):
            got[n] += len(asks(run, got[n]))
        await bench.clock.advance(1)
    assert max(got) - min(got) <= 1
    assert sum(got) == 100
