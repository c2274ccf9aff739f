"""The erasure of a satellite's disks: who may be erased, and the WorkReq that does it."""

from __future__ import annotations

from collections.abc import Sequence

from wf_tui.state.models import Block, Job, Site, SiteStatus, SiteType, WorkReq
from wf_tui.state.wizard import Unfit

#: The workflow type that policies and stops refer to.
WORKFLOW = "SatelliteDiskErase"
#: Its token limits how often a satellite may be erased.
BUCKET = "diskEraseSatellite"


class CannotErase(Unfit):
    """The site can't be erased; the text says why."""


def erasable(site: Site) -> str:
    """Returns why a site can't be erased, "" where it can."""
    if site.type is not SiteType.SATELLITE:
        return f"{site.name} is a {site.type.value}; only satellites are erased"
    if site.status is not SiteStatus.DECOM:
        return f"{site.name} is {site.status.value}; only a site in decom is erased"
    if site.machine_count == 0:
        return f"{site.name} has no machines"
    return ""


def erase_request(site: str, machines: Sequence[str], *, batch: int = 5, pause_seconds: int = 60) -> WorkReq:
    """Returns the WorkReq that erases a satellite's machines, in name order, `batch` at once.

    After every batch but the last it waits `pause_seconds`; 0 means no pause. Raises CannotErase where
    there are no machines, ValueError for a batch below 1 or a negative pause.
    """
    if batch < 1 or pause_seconds < 0:
        raise ValueError(f"a batch of {batch} machines with a pause of {pause_seconds} s makes no sense")
    names = sorted(machines)
    if not names:
        raise CannotErase(f"{site} has no machines")
    batches = [names[start : start + batch] for start in range(0, len(names), batch)]
    blocks = [_preconditions(site)]
    blocks += [_erasures(site, some, batch, pause_seconds) for some in batches[:-1]]
    blocks.append(_erasures(site, batches[-1], batch, 0))
    return WorkReq(WORKFLOW, f"erase the disks of satellite {site} ({len(names)} machines)", tuple(blocks))


def _preconditions(site: str) -> Block:
    decom = Job(
        "validateDecom",
        f"check that {site} is a satellite in decom",
        {"site": site, "type": SiteType.SATELLITE.value},
    )
    token = Job("tokenBucket", "take the token of satellite erasures", {"bucket": BUCKET, "fatal": "true"})
    return Block("check pre-conditions", 1, (decom, token))


def _erasures(site: str, machines: Sequence[str], batch: int, pause_seconds: int) -> Block:
    jobs = [Job("diskErase", f"erase {name}.{site}", {"machine": name, "site": site}) for name in machines]
    if pause_seconds:
        jobs.append(
            Job("sleep", f"wait {pause_seconds} s before the next block", {"seconds": str(pause_seconds)})
        )
    span = machines[0] if len(machines) == 1 else f"{machines[0]}-{machines[-1]}"
    return Block(f"disk erase machines {span}", batch, tuple(jobs))
