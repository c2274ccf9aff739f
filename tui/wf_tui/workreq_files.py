"""WorkReqs as files: proto JSON, and YAML with the same keys.

    name: SatelliteDiskErase
    desc: what it is for
    blocks:
      - desc: check pre-conditions
        rateLimit: 5          # rate_limit is accepted, as in every key; 1 where it is left out
        jobs:
          - name: sleep
            desc: breathe
            args: {seconds: 5}

What is optional comes on top:

    maxFailures: 20%          # of all jobs; a block may have its own: maxFailures, noOvershoot, onFailure
    noOvershoot: true
    onFailure: stop           # or continue
    blocks:
      - hold: true            # or pointOfNoReturn: true
        ramp: [1, 5, 20%]
        soak: 30s
        jobs:
          - timeout: 5m
            retry: {attempts: 3, delay: 10s, backoff: 2, maxDelay: 1m, jitter: 0.2, errors: [busy]}

Arguments are strings. Integers and booleans are accepted for them, because YAML reads `5` and `true`
as such, and become the strings that the server expects: "5", "true". What YAML would otherwise guess at
(`yes`, `010`, `1:30`, a date) stays the text that it is. Anything else that does not fit is
refused, with its place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import yaml

from wf_tui.state.models import WorkReq
from wf_tui.strict_yaml import dump_yaml_document, load_yaml, positions
from wf_tui.workreq_document import workreq_document
from wf_tui.workreq_reader import Problem, Reader

#: The largest file that is read, in bytes.
MAX_BYTES = 64 * 2**20


class BadFile(Exception):
    """The file holds no WorkReq; `problems` are all that was found."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in self.problems))


def load_workreq(path: str, stdin: TextIO | None = None) -> WorkReq:
    """Reads a file, `-` for standard input. Raises BadFile."""
    text = _read_stdin(stdin or sys.stdin) if path == "-" else read_text(Path(path))
    name = "standard input" if path == "-" else path
    return parse_workreq(text, name, as_json=is_json(text, path))


def is_json(text: str, path: str) -> bool:
    """Tells whether a file's text is to be read as JSON, by its name or else by how it begins."""
    return path.endswith(".json") or (not path.endswith((".yaml", ".yml")) and text.lstrip().startswith("{"))


def parse_workreq(text: str, name: str, *, as_json: bool) -> WorkReq:
    """Reads a WorkReq from text; `name` is what errors call it. Raises BadFile."""
    document = parse_document(text, name, as_json=as_json)
    reader = Reader()
    request = reader.workreq(document)
    if reader.problems:
        places = positions(text)
        raise BadFile(name, [replace(each, at=_nearest(each.part, places)) for each in reader.told()])
    return request


def parse_document(text: str, name: str, *, as_json: bool) -> Any:
    """Reads strict YAML or JSON; `name` is what errors call it. Raises BadFile."""
    try:
        return _parse_json(text) if as_json else load_yaml(text)
    except _BadSyntax as error:
        raise BadFile(name, [error.problem]) from error
    except yaml.MarkedYAMLError as error:
        raise BadFile(name, [_yaml_problem(error)]) from error
    except yaml.YAMLError as error:
        raise BadFile(name, [Problem(f"this is no YAML: {' '.join(str(error).split())}")]) from error
    except RecursionError as error:
        raise BadFile(name, [Problem("it is nested too deeply")]) from error


def _nearest(part: str, places: Mapping[str, tuple[int, int]]) -> tuple[int, int] | None:
    """Where a part stands; one that is not in the text stands where what it belongs to does."""
    while part and part not in places:
        part = part[: max(part.rfind("."), part.rfind("["), 0)]
    return places.get(part)


def dump_json(request: WorkReq) -> str:
    """Returns a WorkReq as proto JSON."""
    return json.dumps(workreq_document(request, "ON_FAILURE_{}"), indent=2, ensure_ascii=False) + "\n"


def dump_yaml(request: WorkReq) -> str:
    """Returns a WorkReq as YAML."""
    return dump_yaml_document(workreq_document(request))


def read_text(path: Path) -> str:
    """Returns the text of a file. Raises BadFile."""
    try:
        with path.open("rb") as file:
            return _decoded(file.read(MAX_BYTES + 1), str(path))
    except OSError as error:
        raise BadFile(str(path), [Problem(f"cannot be read: {error.strerror or error}")]) from error
    except ValueError as error:
        raise BadFile(repr(str(path)), [Problem(f"is no path: {error}")]) from error


def _read_stdin(stdin: TextIO) -> str:
    raw = getattr(stdin, "buffer", None)
    data = raw.read(MAX_BYTES + 1) if raw is not None else stdin.read(MAX_BYTES + 1).encode()
    return _decoded(data, "standard input")


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise BadFile(name, [Problem(f"it is larger than {MAX_BYTES // 2**20} MiB")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(name, [Problem(f"it is not UTF-8 text (byte {error.start + 1})")]) from error


class _BadSyntax(Exception):
    """Says where, and what."""

    def __init__(self, words: str, at: tuple[int, int] | None = None) -> None:
        super().__init__(words)
        self.problem = Problem(words, at=at)


def _parse_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, value in pairs:
            if key in members:
                raise _BadSyntax(f"the key {key!r} stands twice in one object")
            members[key] = value
        return members

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise _BadSyntax(error.msg, (error.lineno, error.colno)) from error
    except ValueError as error:
        # Python's own guard against numbers of thousands of digits.
        raise _BadSyntax("a number has too many digits") from error


def _yaml_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    words = error.problem or error.context or "this is no YAML"
    return Problem(words, at=(mark.line + 1, mark.column + 1) if mark else None)
