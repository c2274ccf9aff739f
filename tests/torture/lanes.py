"""The executor's machine, with jobs on lanes that policies count."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from tests.torture.simulation import Simulation
from tests.torture.test_state_machine import ExecutorMachine
from wf_server.model import WorkReq

LANES = ("north", "south", "east")


class LaneMachine(ExecutorMachine):
    """As the executor's, but some jobs are on a lane, and one more policy is in force."""

    POLICY: ClassVar[dict[str, Any]]

    @initialize(seed=st.integers(0, 2**32), max_running=st.sampled_from([1, 2, 100]))
    def begin(self, seed: int, max_running: int) -> None:
        self._draw = Random(seed)
        self.simulation = Simulation(self._directory, seed, max_running, self.POLICY)

    def _submit(self, request: WorkReq, *, go: bool) -> None:
        super()._submit(self._on_lanes(request), go=go)

    def _on_lanes(self, request: WorkReq) -> WorkReq:
        blocks = []
        for block in request.blocks:
            lane = self._draw.choice(("", *LANES))
            args = {**block.jobs[0].args, **({"lane": lane} if lane else {})}
            first = replace(block.jobs[0], args=MappingProxyType(args))
            blocks.append(replace(block, jobs=(first, *block.jobs[1:])))
        return replace(request, blocks=tuple(blocks))
