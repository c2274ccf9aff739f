"""Runs a coroutine right away, as far as it gets without waiting.

Most checks and answers never wait: a task, or a timeout's timer, for each of them would cost more than
they do. Only what is left of one that waits needs those.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from types import coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What a coroutine returned that did not wait."""

    value: T


def begin(started: Coroutine[Any, Any, T]) -> Done[T] | Coroutine[Any, Any, T]:
    """Runs a coroutine until it is over or has to wait; in that case returns what is left of it.

    It runs in the caller's task and context. What is returned has to be awaited by the same task, with
    nothing else awaited before. Raises whatever the coroutine raises at once.
    """
    try:
        awaited = started.send(None)
    except StopIteration as end:
        return Done(end.value)
    return _rest(started, awaited)


@coroutine
def _rest(started: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    while True:
        try:
            answer = yield awaited
        except BaseException as error:  # noqa: BLE001 - a cancellation too is for the coroutine to handle
            step = partial(started.throw, error)
        else:
            step = partial(started.send, answer)
        try:
            awaited = step()
        except StopIteration as end:
            value: T = end.value
            return value
