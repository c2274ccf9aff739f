"""The gateway of a read-only console: it refuses every change before it leaves, whoever asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from wf_tui.gateway import FailedPrecondition
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.state.models import Lineage, Resolution, Stop, Summary, WorkReq

_WORDS = "This console is read-only: nothing was changed. Start it without --read-only to change things."


class ReadOnlyGateway(GrpcGateway):
    """Reads as the real one does."""

    async def submit(
        self,
        request: WorkReq,
        *,
        mends: str = "",
        lineage: Lineage | None = None,
        key: str | None = None,
        acknowledge: Sequence[str] = (),
    ) -> str:
        """Raises FailedPrecondition."""
        _refuse()

    async def execute(self, workflow_id: str) -> None:
        """Raises FailedPrecondition."""
        _refuse()

    async def pause(self, workflow_id: str, reason: str) -> Summary:
        """Raises FailedPrecondition."""
        _refuse()

    async def resume(self, workflow_id: str, reason: str = "") -> Summary:
        """Raises FailedPrecondition."""
        _refuse()

    async def cancel(self, workflow_id: str, reason: str) -> Summary:
        """Raises FailedPrecondition."""
        _refuse()

    async def release(self, workflow_id: str, block: int, reason: str = "", confirm: str = "") -> Summary:
        """Raises FailedPrecondition."""
        _refuse()

    async def resolve(
        self, workflow_id: str, block: int, job: int, resolution: Resolution, reason: str
    ) -> Summary:
        """Raises FailedPrecondition."""
        _refuse()

    async def approve(self, workflow_id: str, digest: str, comment: str = "") -> Summary:
        """Raises FailedPrecondition."""
        _refuse()

    async def reject(self, workflow_id: str, reason: str) -> Summary:
        """Raises FailedPrecondition."""
        _refuse()

    async def withdraw(self, workflow_id: str, reason: str = "") -> Summary:
        """Raises FailedPrecondition."""
        _refuse()

    async def set_stop(
        self, name: str, *, engaged: bool, reason: str, lasts: float = 0, remind_every: float = 0
    ) -> tuple[Stop, int]:
        """Raises FailedPrecondition."""
        _refuse()

    async def withdraw_key(self, name: str) -> Stop:
        """Raises FailedPrecondition."""
        _refuse()


def _refuse() -> NoReturn:
    raise FailedPrecondition(_WORDS)
