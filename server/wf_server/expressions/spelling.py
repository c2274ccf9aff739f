"""WorkReqs and the inventory as rules see them, written as JSON in portions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wf_server.inventory import Inventory
from wf_server.model import Block, Job, OnFailure, WorkReq

#: How many jobs, or machines, are written before other work gets its turn.
PORTION = 1_000


def request_json(request: WorkReq) -> Iterator[str]:
    """Yields the pieces of a WorkReq's JSON, each made in little time."""
    yield f'{_open(_head(request))}, "blocks": ['
    for number, block in enumerate(request.blocks):
        yield f'{_comma(number)}{_open(_block(block))}, "jobs": ['
        for start in range(0, len(block.jobs), PORTION):
            jobs = ", ".join(json.dumps(_job(job)) for job in block.jobs[start : start + PORTION])
            yield _comma(start) + jobs
        yield "]}"
    yield "]}"


def inventory_json(inventory: Inventory) -> Iterator[str]:
    """Yields the pieces of the inventory's JSON."""
    sites = {
        name: {"type": site.type.value, "status": site.status.value} for name, site in inventory.sites.items()
    }
    head = {"sites": sites}
    yield f'{_open(head)}, "machines": {{'
    for number, (site, machines) in enumerate(inventory.machines.items()):
        yield f"{_comma(number)}{json.dumps(site)}: {json.dumps(machines)}"
    yield "}}"


def _open(fields: dict[str, Any]) -> str:
    """An object to which more is added."""
    return json.dumps(fields)[:-1]


def _comma(place: int) -> str:
    return ", " if place else ""


def _head(request: WorkReq) -> dict[str, Any]:
    return {
        "name": request.name,
        "desc": request.desc,
        "maxFailures": request.max_failures,
        "noOvershoot": request.no_overshoot,
        "onFailure": _on_failure(request.on_failure),
    }


def _block(block: Block) -> dict[str, Any]:
    return {
        "desc": block.desc,
        "rateLimit": block.rate_limit,
        "maxFailures": block.max_failures,
        "noOvershoot": block.no_overshoot,
        "onFailure": _on_failure(block.on_failure),
        "hold": block.hold,
        "pointOfNoReturn": block.point_of_no_return,
        "ramp": block.ramp,
        "soak": block.soak,
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "desc": job.desc,
        "args": dict(job.args),
        "timeout": job.timeout,
        "attempts": job.retry.attempts if job.retry else 1,
    }


def _on_failure(on_failure: OnFailure) -> str:
    return "" if on_failure is OnFailure.UNSPECIFIED else on_failure.name.lower()
