"""How long each callback holds this process's event loop."""

from __future__ import annotations

import time
from asyncio import Handle
from collections.abc import Iterator
from contextlib import contextmanager

_run = Handle._run


class Holds:
    """Milliseconds that callbacks took, the time for which the machine ran something else included."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    @property
    def longest(self) -> float:
        """The longest of all."""
        return max(self.taken, default=0.0)

    def over(self, milliseconds: float) -> int:
        """How many took longer than that."""
        return sum(taken > milliseconds for taken in self.taken)


@contextmanager
def held() -> Iterator[Holds]:
    """Measures every callback that any loop of this process runs meanwhile."""
    holds = Holds()

    def run(handle: Handle) -> None:
        begin = time.perf_counter()
        _run(handle)
        holds.taken.append((time.perf_counter() - begin) * 1000)

    # Loops call it by its name on every handle, which has no slot to be replaced in.
    Handle._run = run  # type: ignore[method-assign, assignment]
    try:
        yield holds
    finally:
        Handle._run = _run  # type: ignore[method-assign]
