"""How a WorkReq, its violations and a workflow's counts are written into text columns: JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from wf_server.model import Block, Job, Violation, WorkReq


def encode_request(request: WorkReq) -> str:
    """A WorkReq as JSON, with the names of the contract."""
    blocks = [
        {
            "desc": block.desc,
            "rate_limit": block.rate_limit,
            "jobs": [{"name": j.name, "desc": j.desc, "args": dict(j.args)} for j in block.jobs],
        }
        for block in request.blocks
    ]
    return _dumps({"name": request.name, "desc": request.desc, "blocks": blocks})


def decode_request(text: str) -> WorkReq:
    """Reads what encode_request wrote."""
    data = json.loads(text)
    blocks = tuple(
        Block(
            block["desc"],
            block["rate_limit"],
            tuple(Job(j["name"], j["desc"], MappingProxyType(j["args"])) for j in block["jobs"]),
        )
        for block in data["blocks"]
    )
    return WorkReq(data["name"], data["desc"], blocks)


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
            }
            for v in violations
        ]
    )


def decode_violations(text: str) -> tuple[Violation, ...]:
    """Reads what encode_violations wrote."""
    return tuple(Violation(**found) for found in json.loads(text))


def encode_counts(counts: Mapping[int, int]) -> str:
    """Jobs by status number; statuses that no job has are left out."""
    return _dumps({str(int(status)): n for status, n in counts.items() if n})


def decode_counts(text: str) -> dict[int, int]:
    """Reads what encode_counts wrote."""
    return {int(status): n for status, n in json.loads(text).items()}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
