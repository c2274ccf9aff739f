"""Makes a WorkReq of parsed YAML or JSON, and gathers everything that does not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from wf_tui.state.models import Block, Job, OnFailure, Retry, WorkReq

_MOST_PROBLEMS = 100
_INT32 = range(-(2**31), 2**31)
#: Far beyond what any option takes, and NaN and infinity are not below it.
_LARGEST = 1e300

_BUDGET_KEYS = ("maxFailures", "noOvershoot", "onFailure")
WORKREQ_KEYS = ("name", "desc", "blocks", *_BUDGET_KEYS)
BLOCK_KEYS = ("desc", "rateLimit", "jobs", *_BUDGET_KEYS, "hold", "pointOfNoReturn", "ramp", "soak")
JOB_KEYS = ("name", "desc", "args", "timeout", "retry")
RETRY_KEYS = ("attempts", "delay", "backoff", "maxDelay", "jitter", "errors")

#: How `onFailure` may be written: short, or as proto JSON has it.
ON_FAILURE: Mapping[str, OnFailure] = {
    **{choice.name.lower(): choice for choice in OnFailure if choice},
    **{f"ON_FAILURE_{choice.name}": choice for choice in OnFailure},
}


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
        members = self._members(value, "", WORKREQ_KEYS)
        blocks = self._list(members.get("blocks"), "blocks")
        return WorkReq(
            self._text(members.get("name"), "name"),
            self._text(members.get("desc"), "desc"),
            tuple(self._block(block, f"blocks[{at}]") for at, block in enumerate(blocks)),
            **self._budget(members, ""),
        )

    def _block(self, value: Any, place: str) -> Block:
        members = self._members(value, place, BLOCK_KEYS)
        jobs = self._list(members.get("jobs"), f"{place}.jobs")
        ramp = self._list(members.get("ramp"), f"{place}.ramp")
        return Block(
            self._text(members.get("desc"), f"{place}.desc"),
            self._integer(members.get("rateLimit"), f"{place}.rateLimit", 1),
            tuple(self._job(job, f"{place}.jobs[{at}]") for at, job in enumerate(jobs)),
            **self._budget(members, place),
            hold=self._flag(members.get("hold"), f"{place}.hold"),
            point_of_no_return=self._flag(members.get("pointOfNoReturn"), f"{place}.pointOfNoReturn"),
            ramp=tuple(self._amount(wave, f"{place}.ramp[{at}]") for at, wave in enumerate(ramp)),
            soak=self._duration(members.get("soak"), f"{place}.soak"),
        )

    def _budget(self, members: dict[str, Any], place: str) -> dict[str, Any]:
        """What a WorkReq and a block say of failures."""
        given = members.get("maxFailures")
        return {
            "max_failures": "" if given is None else self._amount(given, _below(place, "maxFailures")),
            "no_overshoot": self._flag(members.get("noOvershoot"), _below(place, "noOvershoot")),
            "on_failure": self._on_failure(members.get("onFailure"), _below(place, "onFailure")),
        }

    def _job(self, value: Any, place: str) -> Job:
        members = self._members(value, place, JOB_KEYS)
        return Job(
            self._text(members.get("name"), f"{place}.name"),
            self._text(members.get("desc"), f"{place}.desc"),
            self._args(members.get("args"), f"{place}.args"),
            self._duration(members.get("timeout"), f"{place}.timeout"),
            self._retry(members.get("retry"), f"{place}.retry"),
        )

    def _retry(self, value: Any, place: str) -> Retry | None:
        if value is None:
            return None
        members = self._members(value, place, RETRY_KEYS)
        errors = self._list(members.get("errors"), f"{place}.errors")
        return Retry(
            self._integer(members.get("attempts"), f"{place}.attempts", 0),
            self._duration(members.get("delay"), f"{place}.delay"),
            self._number(members.get("backoff"), f"{place}.backoff"),
            self._duration(members.get("maxDelay"), f"{place}.maxDelay"),
            self._number(members.get("jitter"), f"{place}.jitter"),
            tuple(self._text(e, f"{place}.errors[{at}]", required=True) for at, e in enumerate(errors)),
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
        """Returns the members by their keys in `known`, whose words may be joined by `_` as well."""
        if not isinstance(value, dict):
            self._wrong(place or "the file", f"an object with {', '.join(known)}", value)
            return {}
        members: dict[str, Any] = {}
        for key, member in value.items():
            name = _camel(key) if isinstance(key, str) else key
            if name not in known:
                self._unknown(_below(place, str(key)), str(key), known)
            elif name in members:
                self._problem(place, f"{name} and {_snake(name)} are the same: keep one")
            else:
                members[name] = member
        return members

    def _unknown(self, path: str, key: str, known: tuple[str, ...]) -> None:
        near = get_close_matches(_camel(key), known, 1)
        hint = f"did you mean {near[0]}? The keys are" if near else "the keys are"
        self._problem(path, f"there is no such key; {hint} {', '.join(known)}")

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

    def _integer(self, value: Any, place: str, default: int) -> int:
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and value in _INT32:
            return value
        self._wrong(place, "an integer", value)
        return default

    def _number(self, value: Any, place: str) -> float:
        if value is None:
            return 0.0
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            return float(value)
        self._wrong(place, "a number", value)
        return 0.0

    def _flag(self, value: Any, place: str) -> bool:
        if value is None or isinstance(value, bool):
            return bool(value)
        self._wrong(place, "true or false", value)
        return False

    def _amount(self, value: Any, place: str) -> str:
        """A count may be written as the number that it is."""
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str):
            return self._text(value, place)
        self._wrong(place, 'a count such as 3 or a share such as "20%"', value)
        return ""

    def _duration(self, value: Any, place: str) -> str:
        if value is None or isinstance(value, str):
            return self._text(value, place)
        self._wrong(place, 'a duration with its unit, such as "30s", "5m" or "1h",', value)
        return ""

    def _on_failure(self, value: Any, place: str) -> OnFailure:
        if value is None:
            return OnFailure.UNSPECIFIED
        chosen = ON_FAILURE.get(value) if isinstance(value, str) else None
        if chosen is None:
            self._wrong(place, "continue or stop", value)
            return OnFailure.UNSPECIFIED
        return chosen

    def _wrong(self, place: str, expected: str, value: Any) -> None:
        self._problem(place, f"{expected} is expected, found {_described(value)}")

    def _problem(self, place: str, what: str) -> None:
        self.problems.append(Problem(what, place))


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _camel(key: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), key)


def _snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", key)


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
