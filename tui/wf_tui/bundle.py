"""Checks bundles and exports of the audit without a server: every hash is computed anew, nothing is trusted.

Written from docs/audit.md and not from the server's code, so that a mistake there is not made here again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_GENESIS = "00" * 32
_LINE = re.compile(rb'\{"hash":"([0-9a-f]{64})",')
_EXPORTED = re.compile(rb'\{"hash":"([0-9a-f]{64})","previous":"([0-9a-f]{0,64})",')
_ORDER = ("bundle", "row", "request", "policies", "approval", "history", "receipt", "audit", "end")
#: Numbers of statuses: see the contract.
_NOT_STARTED, _RUNNING, _INTERRUPTED, _UNKNOWN, _RETRYING = 1, 2, 11, 12, 16
_ORDERED = {9: "cancelled", 15: "cancelled", 10: "stopped", 14: "stopped"}
_ENDING = {14, 15}


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not what it should be, and the line that it is in, from 1."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


@dataclass(slots=True)
class Verdict:
    """What was found out about a file."""

    flaws: list[Flaw] = field(default_factory=list)
    #: What the file is, in a sentence.
    told: str = ""


def verify(data: bytes) -> Verdict:
    """Checks a bundle, or an export of the audit, whichever it is."""
    if _EXPORTED.match(data):
        return _verify_export(data)
    return _Bundle().verify(data)


def _sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _verify_export(data: bytes) -> Verdict:
    verdict, before, last = Verdict(), (0, ""), ""
    count = stretches = 0
    lines = data.split(b"\n")
    if lines[-1]:
        verdict.flaws.append(Flaw(len(lines), "it breaks off in the middle of the line"))
    for n, line in enumerate(lines[:-1], 1):
        found = _EXPORTED.match(line)
        text = b"{" + line[found.end() :] if found else b""
        seq = _seq_of(text)
        if found is None or seq is None:
            verdict.flaws.append(Flaw(n, "it is no entry of an export"))
            before = (0, "")
            continue
        last, previous = found[1].decode(), found[2].decode()
        stretches += not count or seq != before[0] + 1
        count += 1
        if _sha256(bytes.fromhex(previous) if len(previous) % 2 == 0 else b"", text) != last:
            verdict.flaws.append(Flaw(n, f"entry {seq} is not what was written"))
        elif seq == before[0] + 1 and before[1] not in ("", previous):
            verdict.flaws.append(Flaw(n, f"entry {seq} does not follow from the one before"))
        elif seq == 1 and previous != _GENESIS:
            verdict.flaws.append(Flaw(n, "the first entry does not begin the chain"))
        elif seq <= before[0]:
            verdict.flaws.append(Flaw(n, f"entry {seq} comes after entry {before[0]}"))
        before = (seq, last)
    whole = "without gaps" if stretches == 1 else f"in {stretches} stretches"
    verdict.told = f"{count} entries of the audit, {whole}; the last one, {before[0]}, has the hash {last}"
    return verdict


def _seq_of(text: bytes) -> int | None:
    try:
        return int(json.loads(text)["seq"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


class _Bundle:
    """One bundle as it is read; `verify` once."""

    def __init__(self) -> None:
        self._verdict = Verdict()
        self._parts: dict[str, list[tuple[int, dict[str, Any]]]] = {name: [] for name in _ORDER}

    def verify(self, data: bytes) -> Verdict:
        """Checks the lines, and where they are what was written what they say."""
        self._read(data)
        if not self._verdict.flaws:
            for check in (self._check_history, self._check_audit, self._check_policies, self._check_receipt):
                self._try(check)
        if not self._verdict.flaws:
            self._verdict.told = self._sentence()
        return self._verdict

    def _flaw(self, line: int, what: str) -> None:
        self._verdict.flaws.append(Flaw(line, what))

    def _try(self, check: Any) -> None:
        try:
            check()
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            self._flaw(1, f"it says what makes no sense: {error}")

    def _read(self, data: bytes) -> None:
        head, reached = "", 0
        lines = data.split(b"\n")
        for n, line in enumerate(lines[:-1], 1):
            found = _LINE.match(line)
            rest = line[found.end() :] if found else b""
            if found is None or _sha256(head.encode(), rest) != found[1].decode():
                # What follows is chained to what is not known, so nothing can be said of it.
                self._flaw(n, "it is not what was written")
                return
            head = found[1].decode()
            try:
                part = json.loads(b"{" + rest)
                place = _ORDER.index(part["part"])
            except (ValueError, TypeError, LookupError, RecursionError):
                self._flaw(n, "it is no part of a bundle")
                return
            if place < reached or reached == len(_ORDER) - 1:
                self._flaw(n, f"the part {part['part']} is not in its place")
                return
            reached = place
            self._parts[part["part"]].append((n, part))
        if lines[-1]:
            self._flaw(
                len(lines), "it breaks off in the middle of the line, or more follows than was written"
            )
        elif reached != len(_ORDER) - 1:
            self._flaw(len(lines), "its end is missing")
        elif (end := self._parts["end"][0])[1].get("lines") != end[0]:
            self._flaw(end[0], "lines are missing")

    def _one(self, name: str) -> tuple[int, dict[str, Any]]:
        if len(self._parts[name]) != 1:
            raise ValueError(f"there are {len(self._parts[name])} parts {name}, not one")
        return self._parts[name][0]

    def _check_history(self) -> None:
        """The row's hash, then every seal from the one before."""
        row, request = self._one("row")[1]["text"], self._one("request")[1]["text"]
        head = hashlib.sha256(hashlib.sha256(request.encode()).digest() + row.encode()).digest()
        self._heads, before = {head.hex()}, 0
        for n, part in self._parts["history"]:
            if part["first"] != before + 1 and before:
                self._flaw(n, f"{_which(before + 1, part['first'] - 1)} missing")
            numbers = [change[0] for change in json.loads(part["changes"])]
            if numbers != list(range(part["first"], part["seq"] + 1)):
                self._flaw(n, f"it does not hold the changes {part['first']} to {part['seq']}")
            head, before = hashlib.sha256(head + part["changes"].encode()).digest(), part["seq"]
            if head.hex() != part["seal"]:
                self._flaw(n, f"{_which(part['first'], part['seq'])} not what was sealed")
                return
            self._heads.add(part["seal"])

    def _check_audit(self) -> None:
        """Every entry's own hash, and that those about the workflow are about this history."""
        workflow, newest, told = self._one("bundle")[1]["workflow"], 0, set()
        for n, part in self._parts["audit"]:
            entry = json.loads(part["text"])
            if _sha256(bytes.fromhex(part["previous"]), part["text"].encode()) != part["sha256"]:
                self._flaw(n, f"entry {entry['seq']} of the audit is not what was written")
            if entry["seq"] <= newest:
                self._flaw(n, f"entry {entry['seq']} of the audit is not in its place")
            newest = entry["seq"]
            told.add((entry["what"], entry["digest"]))
            if entry["workflow"] and (entry["target"] != workflow or entry["digest"] not in self._heads):
                self._flaw(n, f"entry {newest} of the audit ({entry['what']}) is about another history")
        self._told = told
        if json.loads(self._one("row")[1]["text"])[1] != workflow:
            self._flaw(self._one("row")[0], "it is the row of another workflow")
        end, tells = self._one("end")
        if newest > tells["audit_seq"]:
            self._flaw(end, f"it tells of the audit up to {tells['audit_seq']}, and has entry {newest}")

    def _check_policies(self) -> None:
        for n, part in self._parts["policies"]:
            if _sha256(part["text"].encode()) != part["digest"]:
                self._flaw(n, "the policies are not those that had that hash")
            elif ("policies in force", part["digest"]) not in self._told:
                self._flaw(n, "the audit does not tell that these policies were in force")

    def _check_receipt(self) -> None:
        """What the receipt says, from the history alone."""
        found = self._parts["receipt"]
        expected = _receipt_of(self._jobs(), self._changes())
        if not found and expected:
            self._flaw(self._parts["end"][0][0], "its receipt is missing")
        elif found:
            n, part = self._one("receipt")
            if (part["order"], part["jobs"]) != expected:
                self._flaw(n, "the receipt is not what the history adds up to")

    def _jobs(self) -> list[int]:
        request = json.loads(self._one("request")[1]["text"])
        return [len(block["jobs"]) for block in request["blocks"]]

    def _changes(self) -> Iterator[list[Any]]:
        for _, part in self._parts["history"]:
            yield from json.loads(part["changes"])

    def _sentence(self) -> str:
        workflow, end = self._one("bundle")[1]["workflow"], self._one("end")[1]
        changes = sum(part["seq"] - part["first"] + 1 for _, part in self._parts["history"])
        entries = [json.loads(part["text"])["seq"] for _, part in self._parts["audit"]]
        return (
            f"workflow {workflow}: {changes} changes, {len(entries)} entries of the audit; "
            f"the audit's newest entry was {end['audit_seq']}, with the hash {end['audit_hash']}"
        )


def _which(first: int, last: int) -> str:
    return f"the change {first} is" if first == last else f"the changes {first} to {last} are"


def _receipt_of(blocks: list[int], changes: Iterator[list[Any]]) -> tuple[str, dict[str, int]] | None:
    """The order that ended a workflow, and what became of its jobs; None: there was none."""
    now = [[_NOT_STARTED] * jobs for jobs in blocks]
    begun: set[tuple[int, int]] = set()
    order, in_flight = "", set[tuple[int, int]]()
    for _, block, job, status, *_ in changes:
        if job >= 0:
            now[block][job] = status
            if status == _RUNNING:
                begun.add((block, job))
        elif block < 0 and not order and status in _ORDERED:
            order = _ORDERED[status]
            if status in _ENDING:
                in_flight = {
                    (b, j) for b, jobs in enumerate(now) for j, s in enumerate(jobs) if s == _RUNNING
                }
    if not order:
        return None
    places = ((b, j, status) for b, jobs in enumerate(now) for j, status in enumerate(jobs))
    fates = Counter(_fate(status, (b, j) in begun, (b, j) in in_flight) for b, j, status in places)
    return order, dict(fates)


def _fate(status: int, begun: bool, was_in_flight: bool) -> str:
    if status == _NOT_STARTED:
        return "interrupted" if begun else "never_started"
    if status in (_RUNNING, _RETRYING):
        return "in_flight"
    if status == _INTERRUPTED:
        return "interrupted"
    if status == _UNKNOWN:
        return "unknown"
    return "finished_anyway" if was_in_flight else "ended_before"
