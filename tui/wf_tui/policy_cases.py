"""Case files: WorkReqs with the verdicts that policies are expected to give, in YAML or JSON.

cases:
  - name: two machines of one site
    expect: pass            # or warn, or refuse
    workReq: {name: Maintenance, blocks: [...]}
  - name: a second site
    expect: refuse
    by: [sameArgs]          # exactly these policies are broken; may be left out
    file: two-sites.yaml    # instead of workReq: a WorkReq beside this file
    at: 2026-03-29T02:30:00+02:00   # judged as of then; may be left out: now
    acknowledge: [maxJobs]  # the warnings of these count as accepted
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wf_tui.state.models import Violation, WorkReq
from wf_tui.state.trial import Verdict
from wf_tui.workreq_files import BadFile, is_json, load_workreq, parse_document, read_text
from wf_tui.workreq_reader import Problem, Reader

_EXPECTED = {"pass": Verdict.PASSES, "warn": Verdict.WARNS, "refuse": Verdict.REFUSED}
_KEYS = ("name", "expect", "by", "workReq", "file", "at", "acknowledge")
#: Cases in one file.
MAX_CASES = 1_000


@dataclass(frozen=True, slots=True)
class Case:
    """A WorkReq, and what is expected of it."""

    name: str
    expect: Verdict
    request: WorkReq
    #: The policies that are broken, exactly; None: it does not matter which.
    by: tuple[str, ...] | None = None
    at: datetime | None = None
    acknowledge: tuple[str, ...] = ()

    def failure(self, verdict: Verdict, violations: Sequence[Violation]) -> str:
        """Returns in what the outcome differs from what is expected; "" where it does not."""
        if verdict is not self.expect:
            return f"expected that it {_word(self.expect)}, but it {_word(verdict)}"
        broken = tuple(sorted({violation.policy for violation in violations}))
        if self.by is not None and broken != tuple(sorted(set(self.by))):
            return f"expected to break {', '.join(self.by) or 'nothing'}, but it breaks {_named(broken)}"
        return ""


def _word(verdict: Verdict) -> str:
    return "is refused" if verdict is Verdict.REFUSED else verdict.value


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def load_cases(path: str) -> tuple[Case, ...]:
    """Reads a case file; asks no server. Raises BadFile with everything that is wrong."""
    text = read_text(Path(path))
    document = parse_document(text, path, as_json=is_json(text, path))
    reader = _CaseReader(path)
    cases = reader.cases(document)
    if reader.problems:
        raise BadFile(path, reader.problems)
    return cases


class _CaseReader:
    """Makes cases of parsed values and gathers what does not fit."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.problems: list[Problem] = []

    def cases(self, document: Any) -> tuple[Case, ...]:
        listed = document.get("cases") if isinstance(document, dict) else None
        if not isinstance(document, dict) or set(document) != {"cases"} or not isinstance(listed, list):
            self._wrong("", "an object with the one key cases, a list, is expected")
            return ()
        if not 0 < len(listed) <= MAX_CASES:
            self._wrong("cases", f"1 to {MAX_CASES:,} cases are expected")
            return ()
        made = [self._case(f"cases[{at}]", value) for at, value in enumerate(listed)]
        return tuple(case for case in made if case is not None)

    def _case(self, place: str, value: Any) -> Case | None:
        before = len(self.problems)
        if not isinstance(value, dict):
            self._wrong(place, "an object is expected")
            return None
        for key in value:
            if key not in _KEYS:
                self._wrong(place, f"unknown key {str(key)[:80]!r}; known are {', '.join(_KEYS)}")
        name = value.get("name", place)
        if not isinstance(name, str) or not name.strip():
            self._wrong(f"{place}.name", "a text is expected")
        expect = _EXPECTED.get(str(value.get("expect")))
        if expect is None:
            self._wrong(f"{place}.expect", f"one of {', '.join(_EXPECTED)} is expected")
        by = self._texts(f"{place}.by", value["by"]) if "by" in value else None
        acknowledge = self._texts(f"{place}.acknowledge", value.get("acknowledge", []))
        at = self._time(f"{place}.at", value["at"]) if "at" in value else None
        request = self._request(place, value)
        if len(self.problems) > before or request is None or expect is None:
            return None
        return Case(name, expect, request, by, at, acknowledge)

    def _request(self, place: str, value: Mapping[str, Any]) -> WorkReq | None:
        if ("workReq" in value) == ("file" in value):
            self._wrong(place, "either workReq or file is expected")
            return None
        if "file" in value:
            return self._from_file(f"{place}.file", value["file"])
        reader = Reader()
        request = reader.workreq(value["workReq"])
        self.problems += [Problem(f"{place}.workReq: {problem}") for problem in reader.told()]
        return request

    def _from_file(self, place: str, value: Any) -> WorkReq | None:
        if not isinstance(value, str) or not value.strip() or value == "-":
            self._wrong(place, "the name of a file is expected")
            return None
        try:
            return load_workreq(str(Path(self._path).parent / value))
        except BadFile as error:
            self.problems += [Problem(f"{place}: {line}") for line in str(error).splitlines()]
            return None

    def _texts(self, place: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self._wrong(place, "a list of names of policies is expected")
            return ()
        return tuple(value)

    def _time(self, place: str, value: Any) -> datetime | None:
        try:
            found = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            self._wrong(place, "a time such as 2026-03-29T02:30:00+02:00 is expected")
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)

    def _wrong(self, place: str, what: str) -> None:
        self.problems.append(Problem(f"{place}: {what}" if place else what))
