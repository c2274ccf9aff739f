"""diskErase: erases the disks of one machine. Simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from wf_server.inventory import Inventory
from wf_server.jobs.base import Arg, ArgKind, JobContext, JobFailed, JobType, Recovery
from wf_server.jobs.settings import DiskEraseSettings
from wf_server.jobs.waiting import until_recorded, wait_with_progress
from wf_server.model import JobId


class Erasures(Protocol):
    """The record of erased disks: what a real eraser would read off the machine itself."""

    async def record_erasure(self, holder: JobId, site: str, machine: str, time_us: int) -> None:
        """Keeps that a job erased a machine's disks; durable on return."""
        ...

    async def erased(self, holder: JobId, site: str, machine: str) -> bool:
        """Tells whether a job erased a machine's disks."""
        ...


class DiskErase(JobType):
    """Pretends to erase a machine's disks for as long as its settings say."""

    name = "diskErase"
    help = "Erases the disks of one machine: simulated, it only takes its time. Fails if the machine is gone."
    args = (
        Arg("site", ArgKind.SITE, "The site where the machine is.", example="aap"),
        Arg("machine", ArgKind.MACHINE, "The machine's short name at that site.", example="aa01"),
    )
    # After a crash the record of erased disks tells.
    recovery = Recovery.VERIFIABLE
    is_final = True

    def __init__(
        self, settings: DiskEraseSettings, inventory: Callable[[], Inventory], erasures: Erasures
    ) -> None:
        self._seconds = settings.seconds
        self._inventory = inventory
        self._erasures = erasures

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Takes its time. Raises JobFailed where the machine left the inventory since submission."""
        site, machine = args["site"], args["machine"]
        if not self._inventory().has_machine(site, machine):
            raise JobFailed(f"there is no machine {machine}.{site} in the inventory any more")
        ctx.log(f"erasing the disks of {machine}.{site} (simulated, {self._seconds:g} s)")
        await wait_with_progress(ctx, self._seconds, f"erasing {machine}.{site}")
        now = ctx.clock.now_us()
        # It is done, whether or not that can be written down just now.
        await until_recorded(ctx, 1.0, lambda: self._erasures.record_erasure(ctx.holder, site, machine, now))
        ctx.log(f"erased the disks of {machine}.{site}")

    async def verify(self, ctx: JobContext, args: Mapping[str, str]) -> bool:
        """Looks whether this job got as far as erasing the machine's disks."""
        return await self._erasures.erased(ctx.holder, args["site"], args["machine"])
