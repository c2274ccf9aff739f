"""Requests to send, and what to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import wf_proto as pb
from wf_proto.client import Client

# The generated members are typed as plain numbers.
GO = pb.StopStatus.from_string("GO")
STOP = pb.StopStatus.from_string("STOP")
ENDED = {pb.Status.COMPLETED, pb.Status.FAILED, pb.Status.STOPPED, pb.Status.CANCELLED}


def job(name: str, **args: str) -> pb.Job:
    """One job."""
    return pb.Job(name=name, desc=f"a {name}", args=args)


def block(*jobs: pb.Job, rate_limit: int = 1) -> pb.Block:
    """One block."""
    return pb.Block(desc="a block", rate_limit=rate_limit, jobs=list(jobs))


def naps(*seconds: int, rate_limit: int = 10) -> pb.WorkReq:
    """A request that sleeps, so long each."""
    jobs = [job("sleep", seconds=str(s)) for s in seconds]
    return pb.WorkReq(name="Maintenance", desc="naps", blocks=[block(*jobs, rate_limit=rate_limit)])


def decom(site: str = "aap") -> pb.Job:
    """The check that a satellite is in decom."""
    return job("validateDecom", site=site, type="satellite")


def token(**changes: str) -> pb.Job:
    """The token that an erasure takes."""
    return job("tokenBucket", **{"bucket": "diskEraseSatellite", "fatal": "true", **changes})


def erase(machine: str = "aa00", site: str = "aap") -> pb.Job:
    """The erasure of one machine's disks."""
    return job("diskErase", machine=machine, site=site)


def erasure(*blocks: pb.Block, name: str = "SatelliteDiskErase") -> pb.WorkReq:
    """A disk erasure: pre-conditions, and one machine unless told otherwise."""
    made = list(blocks) or [block(decom(), token()), block(erase())]
    return pb.WorkReq(name=name, desc="erase", blocks=made)


async def ended(client: Client, workflow_id: str, seconds: float = 30) -> pb.StatusResponse:
    """Waits for a workflow's end; returns how it stands then."""
    await until(lambda: _is_ended(client, workflow_id), seconds)
    return await client.status(workflow_id)


async def _is_ended(client: Client, workflow_id: str) -> bool:
    return (await client.get(workflow_id)).summary.status in ENDED


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Waits for something that a server is about to do."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)
