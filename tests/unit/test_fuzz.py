"""Damaged input of every kind, a fixed number of each; `make fuzz` does it at length."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, damaged


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_damaged_input_breaks_nothing(name: str, seed: int) -> None:
    asyncio.run(_feed(name, seed))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_break_nothing(name: str, data: bytes) -> None:
    asyncio.run(_once(name, data))


async def _feed(name: str, seed: int) -> None:
    await _once(name, damaged(TARGETS[name][1], random.Random(seed)))


async def _once(name: str, data: bytes) -> None:
    await TARGETS[name][0](data)
