"""What a WorkReq would reach if it ran: for those who have to agree to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.jobs.base import ArgKind, JobType, Recovery
from wf_server.model import WorkReq

#: How many jobs are looked at before other work gets its turn.
PORTION = 1_000
#: The most blocks that are told one by one.
BLOCKS = 200


@dataclass(frozen=True, slots=True)
class SiteReach:
    """What it would reach of one site."""

    site: str
    #: The machines that it names, and those that the site has.
    machines: int
    of: int


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What a WorkReq acts on; jobs that only check preconditions reach nothing."""

    jobs: int
    #: Jobs by type, the most first.
    by_type: tuple[tuple[str, int], ...]
    #: In name order.
    sites: tuple[SiteReach, ...]
    machines: int
    #: Those of the jobs whose work nobody can take back, by type.
    irreversible: tuple[tuple[str, int], ...]
    #: Blocks that are points of no return.
    points_of_no_return: int
    #: Jobs by type, of each of the first blocks.
    blocks: tuple[tuple[tuple[str, int], ...], ...]


async def blast_radius(request: WorkReq, registry: JobRegistry, inventory: Inventory) -> BlastRadius:
    """Finds what a request would reach; other work gets its turn meanwhile."""
    by_type: Counter[str] = Counter()
    blocks: list[Counter[str]] = [Counter() for _ in request.blocks[:BLOCKS]]
    reached: dict[str, set[str]] = {}
    for n, (b, _, job) in enumerate(request.jobs(), 1):
        by_type[job.name] += 1
        if b < BLOCKS:
            blocks[b][job.name] += 1
        job_type = registry.get(job.name)
        if job_type is not None and not job_type.precondition:
            for site in _values(job_type, job.args, ArgKind.SITE):
                reached.setdefault(site, set()).update(_values(job_type, job.args, ArgKind.MACHINE))
        if n % PORTION == 0:
            await asyncio.sleep(0)
    final = [(name, n) for name, n in by_type.most_common() if _is_final(registry.get(name))]
    sites = tuple(
        SiteReach(site, len(machines), len(inventory.machines.get(site, ())))
        for site, machines in sorted(reached.items())
    )
    return BlastRadius(
        request.job_count,
        tuple(by_type.most_common()),
        sites,
        sum(site.machines for site in sites),
        tuple(final),
        sum(block.point_of_no_return for block in request.blocks),
        tuple(tuple(counted.most_common()) for counted in blocks),
    )


def _values(job_type: JobType, args: Mapping[str, str], kind: ArgKind) -> list[str]:
    return [args[arg.name] for arg in job_type.args if arg.kind is kind and args.get(arg.name)]


def _is_final(job_type: JobType | None) -> bool:
    return job_type is not None and (job_type.is_final or job_type.recovery is Recovery.IRREVERSIBLE)
