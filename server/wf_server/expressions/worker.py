"""The process in which rules are judged: it can be killed, and has little memory.

It writes an empty list once it is there. It reads lines of JSON: `{"inventory": …}` for all that follow, and
`{"rules": […], "request": …, "now": …, "seconds": …}`, to which it answers a line per rule, the findings.
It ends with its input.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from wf_server.expressions.finding import Finding
from wf_server.expressions.rule import Case, Rule, RuleError

#: In bytes. Beyond it the process breaks off.
MAX_MEMORY = 2**30
#: Rules that are kept ready.
_KEPT = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Worker:
    """Answers one line after the other."""

    def __init__(self) -> None:
        self._inventory: Any = {}
        self._rules: OrderedDict[str, Rule] = OrderedDict()

    def answers(self, line: bytes) -> Iterable[bytes]:
        """What is answered to a line, a piece at a time."""
        asked = json.loads(line)
        if "inventory" in asked:
            self._inventory = asked["inventory"]
            return
        _limit_time(asked["seconds"])
        now = _EPOCH + timedelta(microseconds=asked["now"])
        case = Case({"request": asked["request"], "inventory": self._inventory, "now": now})
        for text in asked["rules"]:
            findings = self._judge(case, text)
            yield json.dumps([finding.as_json() for finding in findings]).encode() + b"\n"

    def _judge(self, case: Case, text: str) -> list[Finding]:
        try:
            rule = self._rules.get(text) or Rule(text)
        except RuleError as error:
            return [Finding("the rule", "", f"is none: {error}")]
        self._rules[text] = rule
        self._rules.move_to_end(text)
        if len(self._rules) > _KEPT:
            self._rules.popitem(last=False)
        return rule.judge(case)


def _limit_time(seconds: float) -> None:
    """Has the system end this process should it compute for much longer: its server may be gone."""
    most = int(time.process_time() + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def serve(lines: BinaryIO, answers: BinaryIO) -> None:
    """Answers until there are no more lines."""
    worker = Worker()
    answers.write(b"[]\n")
    answers.flush()
    for line in lines:
        for answer in worker.answers(line):
            answers.write(answer)
            answers.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
