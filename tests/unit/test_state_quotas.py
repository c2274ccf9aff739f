"""Quotas in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wf_tui.state.models import PolicyLevel, Quota
from wf_tui.state.quotas import is_full, next_words, pace, sentence, share, taken_words, what
from wf_tui.state.samples import NOW, ago, sample_quotas

FULL, FILLING, DAILY, UNUSED = sample_quotas()


def test_what_it_counts() -> None:
    assert [what(quota) for quota in sample_quotas()] == ["site=aap", "site=adg", "all jobs", "every site"]
    assert [taken_words(quota) for quota in sample_quotas()] == ["5 of 5", "2 of 5", "38 of 400", "0 of 1"]
    assert (pace(FULL), pace(DAILY)) == ("5% per 1 h 00 m", "400 per 1 d 00 h")


def test_how_full_it_is() -> None:
    assert [share(quota) for quota in (FULL, FILLING, UNUSED)] == [1.0, 0.4, 0.0]
    assert [is_full(quota) for quota in (FULL, FILLING, UNUSED)] == [True, False, False]
    # Where it binds not everyone, more may be taken than there are.
    over = replace(FULL, taken=7)
    assert (share(over), taken_words(over)) == (1.0, "7 of 5")
    nothing = replace(FULL, limit=0, taken=0)
    assert (share(nothing), is_full(nothing)) == (1.0, True)


@pytest.mark.parametrize(
    ("quota", "words"),
    [
        (FULL, "All taken: jobs wait; a token comes back in 20 m 00 s, 2 workflows in line."),
        (replace(FULL, waiting=0), "All taken: jobs wait; a token comes back in 20 m 00 s."),
        (FILLING, "3 tokens left: the next job begins at once."),
        (UNUSED, "Nothing is taken: the next job begins at once."),
        (
            replace(FULL, level=PolicyLevel.DRY_RUN),
            "All taken; this quota only counts, and nobody waits for it.",
        ),
        (
            replace(FULL, limit=0, taken=0, next_token=None),
            "It has no token at all: no job begins until the limit is changed.",
        ),
    ],
)
def test_what_the_next_job_meets(quota: Quota, words: str) -> None:
    assert sentence(quota, NOW) == words


def test_when_a_token_comes_back() -> None:
    assert next_words(replace(FULL, next_token=ago(1)), NOW) == "any moment"
    assert next_words(UNUSED, NOW) == "–"
