"""The refill rule, for any bucket, level and times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wf_server.config import BucketSpec
from wf_server.model import BucketLevel
from wf_server.tokens import after_take, refilled

TIMES = st.integers(0, 10**9)
SPECS = st.builds(
    BucketSpec,
    size=st.integers(1, 20),
    refill=st.integers(1, 20),
    every_seconds=st.integers(1, 10**7).map(lambda us: us / 10**6),
)
LEVELS = st.builds(BucketLevel, tokens=st.integers(0, 20), since_us=TIMES)


@given(LEVELS, SPECS, TIMES)
def test_never_more_than_the_size_nor_less_than_there_was(
    level: BucketLevel, spec: BucketSpec, now: int
) -> None:
    after = refilled(level, spec, now)
    assert 0 <= after.tokens <= spec.size
    assert after.tokens >= min(level.tokens, spec.size)


@given(LEVELS, SPECS, TIMES, st.lists(TIMES))
def test_looking_often_gives_the_same_as_looking_once(
    level: BucketLevel, spec: BucketSpec, end: int, looks: list[int]
) -> None:
    often = level
    for now in sorted(min(look, end) for look in looks):
        often = refilled(often, spec, now)
    assert refilled(often, spec, end) == refilled(level, spec, end)


@given(LEVELS, SPECS, TIMES, st.lists(TIMES))
def test_a_clock_that_jumps_about_gives_no_more_than_its_latest_time(
    level: BucketLevel, spec: BucketSpec, end: int, looks: list[int]
) -> None:
    jumping = level
    for now in looks:
        jumping = refilled(jumping, spec, now)
    latest = max([*looks, end])
    assert refilled(jumping, spec, latest) == refilled(level, spec, latest)


@given(LEVELS, SPECS, TIMES)
def test_a_clock_that_went_back_gives_nothing(level: BucketLevel, spec: BucketSpec, back: int) -> None:
    after = refilled(level, spec, level.since_us - back - 1)
    assert after == BucketLevel(min(level.tokens, spec.size), level.since_us)


@given(SPECS, st.lists(st.integers(0, 10**8), max_size=200))
def test_the_long_run_rate_is_right(spec: BucketSpec, pauses: list[int]) -> None:
    """Whoever takes whatever is there never gets more than the first fill and the whole refills since."""
    now = first_take = 0
    level, taken = BucketLevel(spec.size, 0), 0
    for pause in pauses:
        now += pause
        level = refilled(level, spec, now)
        if level.tokens:
            first_take = first_take if taken else now
            level, taken = after_take(level, spec, now), taken + 1
        periods = (now - first_take) // spec.every_us
        assert taken <= spec.size + periods * spec.refill


@given(SPECS, TIMES)
def test_a_greedy_taker_gets_every_refill(spec: BucketSpec, start: int) -> None:
    level = BucketLevel(spec.size, 0)
    now = start
    for _ in range(spec.size):
        level = after_take(refilled(level, spec, now), spec, now)
    for period in range(1, 10):
        due = now + period * spec.every_us
        # The last moment before is too early; then a whole refill is there at once.
        assert refilled(level, spec, due - 1).tokens == 0
        level = refilled(level, spec, due)
        assert level.tokens == min(spec.size, spec.refill)
        for _ in range(level.tokens):
            # A bucket that a refill fills counts from the taking, which is this same moment.
            level = after_take(level, spec, due)


@given(SPECS, TIMES, TIMES)
def test_a_full_bucket_counts_from_the_taking(spec: BucketSpec, since: int, later: int) -> None:
    now = since + later
    level = after_take(refilled(BucketLevel(spec.size, since), spec, now), spec, now)
    assert level == BucketLevel(spec.size - 1, now)
    assert refilled(level, spec, now + spec.every_us - 1) == level
