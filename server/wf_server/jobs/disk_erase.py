"""diskErase: erases the disks of one machine. Simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wf_server.inventory import Inventory
from wf_server.jobs.base import Arg, ArgKind, JobContext, JobFailed, JobType, Recovery
from wf_server.jobs.settings import DiskEraseSettings
from wf_server.jobs.waiting import wait_with_progress


class DiskErase(JobType):
    """Pretends to erase a machine's disks for as long as its settings say."""

    name = "diskErase"
    help = "Erases the disks of one machine: simulated, it only takes its time. Fails if the machine is gone."
    args = (
        Arg("site", ArgKind.SITE, "The site where the machine is.", example="aap"),
        Arg("machine", ArgKind.MACHINE, "The machine's short name at that site.", example="aa01"),
    )
    # What is erased may be erased again.
    recovery = Recovery.IDEMPOTENT

    def __init__(self, settings: DiskEraseSettings, inventory: Callable[[], Inventory]) -> None:
        self._seconds = settings.seconds
        self._inventory = inventory

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Takes its time. Raises JobFailed where the machine left the inventory since submission."""
        site, machine = args["site"], args["machine"]
        if not self._inventory().has_machine(site, machine):
            raise JobFailed(f"there is no machine {machine}.{site} in the inventory any more")
        ctx.log(f"erasing the disks of {machine}.{site} (simulated, {self._seconds:g} s)")
        await wait_with_progress(ctx, self._seconds, f"erasing {machine}.{site}")
        ctx.log(f"erased the disks of {machine}.{site}")
