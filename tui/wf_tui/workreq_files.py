"""WorkReqs as files: proto JSON, and YAML with the same keys.

    name: SatelliteDiskErase
    desc: what it is for
    blocks:
      - desc: check pre-conditions
        rateLimit: 5          # rate_limit is accepted; 1 where it is left out
        jobs:
          - name: sleep
            desc: breathe
            args: {seconds: 5}

Arguments are strings. Integers and booleans are accepted for them, because YAML reads `5` and `true`
as such, and become the strings that the server expects: "5", "true". What YAML would otherwise guess at
(`yes`, `010`, `1:30`, a date) stays the text that it is. Anything else that does not fit is
refused, with its place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import yaml

from wf_tui.state.models import Block, Job, WorkReq
from wf_tui.strict_yaml import dump_yaml_document, load_yaml

#: The largest file that is read, in bytes.
MAX_BYTES = 64 * 2**20
_MOST_PROBLEMS = 100
_INT32 = range(-(2**31), 2**31)


class BadFile(Exception):
    """The file holds no WorkReq; `problems` are all that was found, a sentence each."""

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in self.problems))


def load_workreq(path: str, stdin: TextIO | None = None) -> WorkReq:
    """Reads a file, `-` for standard input. Raises BadFile."""
    text = _read_stdin(stdin or sys.stdin) if path == "-" else _read_file(Path(path))
    name = "standard input" if path == "-" else path
    looks_like_json = path.endswith(".json") or (
        not path.endswith((".yaml", ".yml")) and text.lstrip().startswith("{")
    )
    return parse_workreq(text, name, as_json=looks_like_json)


def parse_workreq(text: str, name: str, *, as_json: bool) -> WorkReq:
    """Reads a WorkReq from text; `name` is what errors call it. Raises BadFile."""
    try:
        document = _parse_json(text) if as_json else load_yaml(text)
    except _BadSyntax as error:
        raise BadFile(name, [str(error)]) from error
    except yaml.MarkedYAMLError as error:
        raise BadFile(name, [_yaml_problem(error)]) from error
    except yaml.YAMLError as error:
        raise BadFile(name, [f"this is no YAML: {' '.join(str(error).split())}"]) from error
    except RecursionError as error:
        raise BadFile(name, ["it is nested too deeply"]) from error
    reader = _Reader()
    request = reader.workreq(document)
    if reader.problems:
        raise BadFile(name, reader.told())
    return request


def dump_json(request: WorkReq) -> str:
    """Returns a WorkReq as proto JSON."""
    return json.dumps(_document(request), indent=2, ensure_ascii=False) + "\n"


def dump_yaml(request: WorkReq) -> str:
    """Returns a WorkReq as YAML."""
    return dump_yaml_document(_document(request))


def _document(request: WorkReq) -> dict[str, Any]:
    return {
        "name": request.name,
        "desc": request.desc,
        "blocks": [
            {
                "desc": block.desc,
                "rateLimit": block.rate_limit,
                "jobs": [{"name": j.name, "desc": j.desc, "args": dict(j.args)} for j in block.jobs],
            }
            for block in request.blocks
        ],
    }


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _decoded(file.read(MAX_BYTES + 1), str(path))
    except OSError as error:
        raise BadFile(str(path), [f"cannot be read: {error.strerror or error}"]) from error
    except ValueError as error:
        raise BadFile(repr(str(path)), [f"is no path: {error}"]) from error


def _read_stdin(stdin: TextIO) -> str:
    raw = getattr(stdin, "buffer", None)
    data = raw.read(MAX_BYTES + 1) if raw is not None else stdin.read(MAX_BYTES + 1).encode()
    return _decoded(data, "standard input")


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise BadFile(name, [f"it is larger than {MAX_BYTES // 2**20} MiB"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(name, [f"it is not UTF-8 text (byte {error.start + 1})"]) from error


class _BadSyntax(Exception):
    """Says where, and what."""


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
        raise _BadSyntax(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:
        # Python's own guard against numbers of thousands of digits.
        raise _BadSyntax("a number has too many digits") from error


def _yaml_problem(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return place + (error.problem or error.context or "this is no YAML")


class _Reader:
    """Makes a WorkReq of parsed values and gathers what does not fit."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def told(self) -> list[str]:
        """The problems, not more of them than anybody reads."""
        more = len(self.problems) - _MOST_PROBLEMS
        return self.problems[:_MOST_PROBLEMS] + ([f"and {more} more problems"] if more > 0 else [])

    def workreq(self, value: Any) -> WorkReq:
        members = self._members(value, "", ("name", "desc", "blocks"))
        blocks = self._list(members.get("blocks"), "blocks")
        return WorkReq(
            self._text(members.get("name"), "name"),
            self._text(members.get("desc"), "desc"),
            tuple(self._block(block, f"blocks[{at}]") for at, block in enumerate(blocks)),
        )

    def _block(self, value: Any, place: str) -> Block:
        members = self._members(value, place, ("desc", "rateLimit", "rate_limit", "jobs"))
        if "rateLimit" in members and "rate_limit" in members:
            self._problem(place, "rateLimit and rate_limit are the same: keep one")
        key = "rate_limit" if "rate_limit" in members else "rateLimit"
        jobs = self._list(members.get("jobs"), f"{place}.jobs")
        return Block(
            self._text(members.get("desc"), f"{place}.desc"),
            self._rate_limit(members.get(key), f"{place}.{key}"),
            tuple(self._job(job, f"{place}.jobs[{at}]") for at, job in enumerate(jobs)),
        )

    def _job(self, value: Any, place: str) -> Job:
        members = self._members(value, place, ("name", "desc", "args"))
        return Job(
            self._text(members.get("name"), f"{place}.name"),
            self._text(members.get("desc"), f"{place}.desc"),
            self._args(members.get("args"), f"{place}.args"),
        )

    def _args(self, value: Any, place: str) -> dict[str, str]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._wrong(place, "an object of strings", value)
            return {}
        args: dict[str, str] = {}
        for name, given in value.items():
            if not isinstance(name, str):
                self._wrong(place, "a string as the name of each argument", name)
            elif isinstance(given, bool):
                args[name] = str(given).lower()
            elif isinstance(given, int):
                args[name] = str(given)
            else:
                args[name] = self._text(given, f"{place}.{name}", required=True)
        return args

    def _members(self, value: Any, place: str, known: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._wrong(place or "the file", f"an object with {', '.join(known)}", value)
            return {}
        for key in value:
            if key not in known:
                path = f"{place}.{key}" if place else str(key)
                self._problem(path, f"there is no such key; the keys are {', '.join(known)}")
        return value

    def _list(self, value: Any, place: str) -> list[Any]:
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self._wrong(place, "a list", value)
        return []

    def _text(self, value: Any, place: str, *, required: bool = False) -> str:
        if isinstance(value, str):
            if any("\ud800" <= character <= "\udfff" for character in value):
                self._problem(place, "it holds half a surrogate pair, which is no character")
            return value
        if value is not None or required:
            self._wrong(place, "a string", value)
        return ""

    def _rate_limit(self, value: Any, place: str) -> int:
        if value is None:
            return 1
        if isinstance(value, int) and not isinstance(value, bool) and value in _INT32:
            return value
        self._wrong(place, "an integer", value)
        return 1

    def _wrong(self, place: str, expected: str, value: Any) -> None:
        self._problem(place, f"{expected} is expected, found {_described(value)}")

    def _problem(self, place: str, what: str) -> None:
        self.problems.append(f"{place}: {what}")


def _described(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value!r}" if abs(value) < 10**20 else "a very large number"
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else f"a {type(value).__name__} ({value})"
