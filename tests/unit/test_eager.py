"""Coroutines that are run right away, and what is left of those that wait."""

from __future__ import annotations

import asyncio

import pytest

from wf_server.eager import Done, begin


async def test_what_does_not_wait_is_done_at_once() -> None:
    async def answer() -> int:
        return 42

    assert begin(answer()) == Done(42)


async def test_what_waits_goes_on_where_it_stopped() -> None:
    loop = asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()

    async def add() -> int:
        total: int = await first + await second
        return total

    rest = begin(add())
    assert not isinstance(rest, Done)
    loop.call_soon(first.set_result, 40)
    loop.call_soon(second.set_result, 2)
    assert await rest == 42


async def test_what_is_raised_at_once_is_raised_to_the_caller() -> None:
    async def fail() -> None:
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        begin(fail())


async def test_what_is_awaited_may_fail_and_be_dealt_with() -> None:
    waited = asyncio.get_running_loop().create_future()

    async def recover() -> str:
        try:
            await waited
        except ValueError:
            await asyncio.sleep(0)
            return "recovered"
        return "nothing to recover from"

    rest = begin(recover())
    assert not isinstance(rest, Done)
    waited.set_exception(ValueError())
    assert await rest == "recovered"


async def test_a_timeout_ends_what_is_left() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    rest = begin(wait())
    assert not isinstance(rest, Done)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await rest
    assert ended == ["cancelled"]
