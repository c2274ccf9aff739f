"""How a WorkReq, its violations and a workflow's counts are written into text columns: JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from wf_server.model import Block, Job, Level, OnFailure, Retry, Violation, WorkReq

#: The options that a WorkReq and its blocks share.
_BUDGET = ("max_failures", "no_overshoot", "on_failure")
#: Jobs in one portion of a canonical WorkReq.
_PORTION = 500


def encode_request(request: WorkReq) -> str:
    """A WorkReq as JSON, with the names of the contract; what is not set is left out."""
    return _dumps(
        {
            "name": request.name,
            "desc": request.desc,
            "blocks": [_block(block) for block in request.blocks],
            **_set(request, _BUDGET),
        }
    )


def _block(block: Block) -> dict[str, Any]:
    jobs = [_job(job) for job in block.jobs]
    return {"desc": block.desc, "rate_limit": block.rate_limit, "jobs": jobs, **_block_options(block)}


def _block_options(block: Block) -> dict[str, Any]:
    return _set(block, (*_BUDGET, "hold", "point_of_no_return", "ramp", "soak"))


def _job(job: Job) -> dict[str, Any]:
    written: dict[str, Any] = {"name": job.name, "desc": job.desc, "args": dict(job.args)}
    if job.timeout:
        written["timeout"] = job.timeout
    if job.retry is not None:
        written["retry"] = asdict(job.retry)
    return written


def _set(part: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(part, name))}


def canonical(request: WorkReq) -> Iterator[str]:
    """A WorkReq as lines of JSON that are the same for equal ones, in portions that are soon made."""
    head = {"name": request.name, "desc": request.desc, "blocks": len(request.blocks)}
    yield _sorted(head | _set(request, _BUDGET))
    for block in request.blocks:
        head = {"desc": block.desc, "rate_limit": block.rate_limit, "jobs": len(block.jobs)}
        yield _sorted(head | _block_options(block))
        for start in range(0, len(block.jobs), _PORTION):
            yield _sorted([_job(job) for job in block.jobs[start : start + _PORTION]])


def _sorted(value: Any) -> str:
    return json.dumps(value, sort_keys=True) + "\n"


def decode_request(text: str) -> WorkReq:
    """Reads what encode_request wrote."""
    data = json.loads(text)
    blocks = tuple(_read_block(block) for block in data.pop("blocks"))
    return WorkReq(blocks=blocks, **_read_budget(data))


def _read_block(data: dict[str, Any]) -> Block:
    jobs = tuple(_read_job(job) for job in data.pop("jobs"))
    if "ramp" in data:
        data["ramp"] = tuple(data["ramp"])
    return Block(jobs=jobs, **_read_budget(data))


def _read_budget(data: dict[str, Any]) -> dict[str, Any]:
    if "on_failure" in data:
        data["on_failure"] = OnFailure(data["on_failure"])
    return data


def _read_job(data: dict[str, Any]) -> Job:
    retry = data.get("retry")
    if retry is not None:
        retry = Retry(**{**retry, "errors": tuple(retry["errors"])})
    return Job(data["name"], data["desc"], MappingProxyType(data["args"]), data.get("timeout", ""), retry)


def encode_violations(violations: Sequence[Violation]) -> str:
    """Violations as a JSON array of objects."""
    return _dumps(
        [
            {
                "policy": v.policy,
                "message": v.message,
                "block": v.block,
                "job": v.job,
                "arg": v.arg,
                "found": v.found,
                "expected": v.expected,
                **({} if v.level is Level.DENY else {"level": v.level}),
            }
            for v in violations
        ]
    )


def decode_violations(text: str) -> tuple[Violation, ...]:
    """Reads what encode_violations wrote."""
    return tuple(
        Violation(**{**found, "level": Level(found.get("level", Level.DENY))}) for found in json.loads(text)
    )


def encode_counts(counts: Mapping[int, int]) -> str:
    """Jobs by status number; statuses that no job has are left out."""
    return _dumps({str(int(status)): n for status, n in counts.items() if n})


def decode_counts(text: str) -> dict[int, int]:
    """Reads what encode_counts wrote."""
    return {int(status): n for status, n in json.loads(text).items()}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
