"""A block that ramps: how many of its jobs may start now, and when the next wave begins."""

from __future__ import annotations

from wf_server.model import JOB_FINAL, Block, BlockState, Status
from wf_server.units import parse_amount, parse_duration

_MICROSECONDS = 1_000_000
#: A job with an unknown outcome may yet be run again: its wave has not ended.
_ENDED = JOB_FINAL - {Status.UNKNOWN}


def wave_bounds(block: Block) -> tuple[int, ...]:
    """For each wave, how many of the block's jobs may have started by its end; the last has all."""
    jobs, bounds = len(block.jobs), []
    bound = 0
    for written in block.ramp:
        bound += parse_amount(written, jobs)
        if bound >= jobs:
            break
        bounds.append(bound)
    return (*bounds, jobs)


class Waves:
    """Where a block stands in its ramp. It follows from the state of its jobs, after a restart too."""

    def __init__(self, block: Block, state: BlockState, now_us: int) -> None:
        self._bounds = wave_bounds(block)
        self._soak_us = round(parse_duration(block.soak) * _MICROSECONDS) if block.soak else 0
        self._wave = 0
        #: When the next wave may begin; 0: no soak is under way.
        self._soaks_until = 0
        if self.count > 1:
            self._find(state, now_us)

    @property
    def count(self) -> int:
        """How many waves there are; 1: the block does not ramp."""
        return len(self._bounds)

    @property
    def wave(self) -> int:
        """Which wave runs, or soaks: the first is 1."""
        return self._wave + 1

    @property
    def soaks_until(self) -> int:
        """When the soak that is under way ends, in microseconds; 0: none is."""
        return self._soaks_until

    @property
    def bound(self) -> int:
        """Jobs before this position may start, unless a soak is under way."""
        return self._bounds[self._wave]

    def end_wave(self, now_us: int) -> None:
        """Every job of the wave has ended: begins the soak, or the next wave."""
        if self._wave + 1 < self.count and not self._soaks_until:
            self._soaks_until = now_us + self._soak_us
            self.tick(now_us)

    def tick(self, now_us: int) -> None:
        """Begins the next wave once the soak is over."""
        if self._soaks_until and now_us >= self._soaks_until:
            self._soaks_until = 0
            self._wave += 1

    def _find(self, state: BlockState, now_us: int) -> None:
        while self._wave + 1 < self.count and all(s in _ENDED for s in state.statuses[: self.bound]):
            before = self.bound
            self._wave += 1
            begun = any(s != Status.NOT_STARTED for s in state.statuses[before : self.bound])
            if self._soak_us and not begun:
                self._wave -= 1
                # A clock that went back must not make it longer.
                self._soaks_until = min(now_us, max(state.ended[:before])) + self._soak_us
                return
