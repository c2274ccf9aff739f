"""The language of the filters: words, inverse, fields, brackets and quotes, and what is said of mistakes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_tui.state.filters import BadPattern, Filter

LINE = {"status": "failed", "name": "SatelliteDiskErase", "desc": "erase aap", "by": "ada@ops-1"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", True),
        ("  ", True),
        ("!", True),
        ("status:", True),
        ("AAP", True),
        ("erase aap", True),
        ("aap erase failed", True),
        ("a[ab]p", True),
        ("^failed$", True),
        ("^ada", True),
        ("zebra|aap", True),
        ("zebra", False),
        ("!zebra", True),
        ("!aap", False),
        ("aap !failed", False),
        ("status:fail", True),
        ("STATUS:fail", True),
        ("status:aap", False),
        ("!status:completed", True),
        ("!status:failed", False),
        ('"erase aap"', True),
        ('"aap erase"', False),
        ("(erase aap|zebra)", True),
        (r"erase\ aap", True),
        ("nofield:aap", False),
        ("failed.Satellite", False),
    ],
)
def test_what_is_let_through(text: str, found: bool) -> None:
    assert Filter.parse(text, LINE).lets_through(LINE) is found


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("(", "character 1"),
        ("!ab(", "character 4"),
        ("[z-a]", "character 2"),
        ("good status:x(", "character 14"),
        ('"no (', "character 5"),
        ("*", "character 1"),
    ],
)
def test_a_mistake_says_where(text: str, where: str) -> None:
    with pytest.raises(BadPattern, match=re.escape(where)):
        Filter.parse(text, LINE)


def test_it_knows_what_has_to_be_read() -> None:
    assert Filter.parse("status:failed !status:x", LINE).only_in("status")
    assert not Filter.parse("status:failed aap", LINE).only_in("status")


@given(st.text(max_size=40))
def test_anything_typed_is_a_filter_or_a_sentence(text: str) -> None:
    try:
        chosen = Filter.parse(text, LINE)
    except BadPattern as problem:
        told = str(problem)
    else:
        told = chosen.text
        chosen.lets_through(LINE)
    assert bool(told) is bool(text.strip())


def test_no_pattern_freezes_the_console() -> None:
    """Python's own matcher would be at it for ever."""
    assert not Filter.parse("(a+)+$").lets_through({"x": "a" * 5_000 + "b"})
    assert Filter.parse("(a+)+$").lets_through({"x": "a" * 5_000})


@pytest.mark.parametrize("pattern", ["(?=x)y", r"(a)\1", "(?<!a)b"])
def test_what_cannot_be_matched_in_bounded_time_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern, match="not supported in a filter"):
        Filter.parse(pattern)
