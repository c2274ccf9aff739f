"""A workflow as text: its request and its status, as YAML and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from wf_tui.state.models import Status, WorkReq
from wf_tui.state.text import clean
from wf_tui.strict_yaml import dump_yaml_document
from wf_tui.workreq_files import dump_json, dump_yaml

#: What many terminals take at most through the clipboard escape, in bytes.
CLIPBOARD_BYTES = 74_000


@dataclass(frozen=True, slots=True)
class RawText:
    """One of the views: its name, the text as it is, and its lines made safe to paint."""

    name: str
    text: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, name: str, text: str) -> RawText:
        """Cuts a text into lines."""
        return cls(name, text, tuple(clean(line) for line in text.splitlines()))


def request_texts(request: WorkReq) -> tuple[RawText, ...]:
    """Writes what was asked for as YAML and as JSON. Slow for tens of thousands of jobs."""
    return RawText.of("WorkReq, YAML", dump_yaml(request)), RawText.of("WorkReq, JSON", dump_json(request))


def status_texts(status_json: str) -> tuple[RawText, ...]:
    """Writes where it stands as YAML and as JSON. Slow for tens of thousands of jobs."""
    return (
        RawText.of("status, YAML", dump_yaml_document(json.loads(status_json))),
        RawText.of("status, JSON", _indented(status_json)),
    )


def document_texts(value: object) -> tuple[RawText, ...]:
    """Writes something that the console knows, a frozen value, as YAML and as JSON."""
    document = _plain(value)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return RawText.of("YAML", dump_yaml_document(document)), RawText.of("JSON", text)


def _plain(value: object) -> Any:
    """Makes of a view model what YAML and JSON can hold: names of enums, times in ISO 8601."""
    if isinstance(value, Status):
        return value.label
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def copied_words(text: str) -> str:
    """Tells what went to the clipboard, and whether the terminal may have refused it."""
    size = len(text.encode("utf-8", "replace"))
    lines = len(text.splitlines())
    what = f"Copied {lines:,} {'line' if lines == 1 else 'lines'}"
    if size > CLIPBOARD_BYTES:
        return f"{what} ({size:,} bytes: many terminals take less; `wf get` writes them to a file)"
    return what + "."


def shifted(line: str, columns: int) -> str:
    """Returns a line without its first columns, an ellipsis in their place."""
    return f"…{line[columns + 1 :]}" if columns and len(line) > columns else ("" if columns else line)


def _indented(text: str) -> str:
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
