"""The console's values as JSON, in the manner of proto JSON: camelCase, enum names, RFC 3339 times."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import Any

from wf_tui.state.models import BlockSnapshot, Fate, JobCounts, Receipt, Status


def to_json(value: Any, indent: int | None = 2) -> str:
    """Writes values of wf_tui.state.models, and containers of them; `indent` None: on one line."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Returns what the JSON of a value is made of; absent values are left out."""
    if isinstance(value, Status):
        return f"STATUS_{value.name}"
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, BlockSnapshot):
        return _block(value)
    if isinstance(value, Receipt):
        return _members(value) | {"fates": [[Fate(n).label for n in block] for block in value.fates]}
    if is_dataclass(value) and not isinstance(value, type):
        return _members(value)
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(member) for member in value]
    # What is no Unicode at all cannot be written to a file or a pipe either.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _members(value: Any) -> dict[str, Any]:
    members = {field.name: getattr(value, field.name) for field in fields(value)}
    return {_camel(name): plain(member) for name, member in members.items() if member is not None}


def _block(block: BlockSnapshot) -> dict[str, Any]:
    counts = {name: block.job_statuses.count(Status[name.upper()]) for name in JobCounts.__slots__[1:]}
    members = {
        "desc": block.desc,
        "rate_limit": block.rate_limit,
        "status": block.status,
        "has_error": block.has_error,
        "started": block.started,
        "ended": block.ended,
        "jobs": {"total": len(block.job_statuses)} | {_camel(name): count for name, count in counts.items()},
    }
    return {_camel(name): plain(member) for name, member in members.items() if member is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
