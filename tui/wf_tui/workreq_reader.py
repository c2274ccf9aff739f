"""Makes a WorkReq of parsed YAML or JSON, and gathers everything that does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wf_tui.state.models import Block, Job, WorkReq

_MOST_PROBLEMS = 100
_INT32 = range(-(2**31), 2**31)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is no WorkReq: what is wrong, and with which part of it ("": with none of its own)."""

    words: str
    part: str = ""
    #: Line and column of the text, from 1; None where nobody knows.
    at: tuple[int, int] | None = None

    def __str__(self) -> str:
        told = f"{self.part}: {self.words}" if self.part else self.words
        return f"line {self.at[0]}, column {self.at[1]}: {told}" if self.at else told


class Reader:
    """Makes a WorkReq of parsed values and gathers what does not fit."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def told(self) -> list[Problem]:
        """The problems, not more of them than anybody reads."""
        more = len(self.problems) - _MOST_PROBLEMS
        return self.problems[:_MOST_PROBLEMS] + ([Problem(f"and {more} more problems")] if more > 0 else [])

    def workreq(self, value: Any) -> WorkReq:
        """Returns the WorkReq, with defaults where `problems` tells of something else."""
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
        self.problems.append(Problem(what, place))


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
