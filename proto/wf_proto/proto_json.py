"""Messages as proto JSON, whole: fields at their defaults are written too.

betterproto's own to_dict drops the prefix of enum names and fails on numbers it does not know.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import betterproto
from betterproto.casing import camel_case

_EPOCH = datetime.fromtimestamp(0, UTC)
_INT64 = frozenset(betterproto.INT_64_TYPES)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def to_proto_json(message: betterproto.Message, indent: int | None = 2) -> str:
    """Writes a message as proto JSON; `indent` None makes it one line."""
    return json.dumps(to_object(message), indent=indent, ensure_ascii=False)


def to_object(message: betterproto.Message) -> dict[str, Any]:
    """Returns what the JSON of a message is made of. Absent optional fields and messages are left out."""
    out: dict[str, Any] = {}
    hints = message._type_hints()
    described: Any = message
    for name, meta in described._betterproto.meta_by_field_name.items():
        if meta.group is not None and betterproto.which_one_of(message, meta.group)[0] != name:
            continue
        value = getattr(message, name)
        if value is not None and not _absent(value, meta):
            out[camel_case(name).rstrip("_")] = _value(value, meta, hints[name])
    return out


def _absent(value: Any, meta: betterproto.FieldMetadata) -> bool:
    """Whether a message field that the contract does not call optional was not sent."""
    if meta.optional or meta.group is not None:
        return False
    if isinstance(value, datetime):
        return value == _EPOCH
    return isinstance(value, betterproto.Message) and not betterproto.serialized_on_wire(value)


def _value(value: Any, meta: betterproto.FieldMetadata, hint: Any) -> Any:
    if isinstance(value, list):
        return [_single(item, meta, hint) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return _single(value, meta, hint)


def _single(value: Any, meta: betterproto.FieldMetadata, hint: Any) -> Any:
    if meta.proto_type == betterproto.TYPE_ENUM:
        return _enum_name(int(value), hint)
    if meta.proto_type in _INT64:
        return str(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, betterproto.Message):
        return to_object(value)
    if isinstance(value, datetime):
        return betterproto._Timestamp.timestamp_to_json(value)
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _enum_name(number: int, hint: Any) -> str | int:
    """The name as the contract has it, `STATUS_RUNNING`; the number where it has none."""
    kind = next((part for part in getattr(hint, "__args__", (hint,)) if part is not type(None)), hint)
    member = kind.try_value(number)
    if member.name is None:
        return number
    return f"{_WORD.sub('_', kind.__name__).upper()}_{member.name}"
