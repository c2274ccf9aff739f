"""es.json: the go and stop entries as they stand in the file, and what it means when it cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wf_server.errors import ConfigError
from wf_server.files import read_objects
from wf_server.model import EVERYTHING, StopStatus
from wf_server.wording import told

StopEntries = Mapping[str, StopStatus]


@dataclass(frozen=True, slots=True)
class StopFile:
    """es.json as it was read: its entries in order, or what is wrong with it."""

    #: The first entry of each name.
    entries: StopEntries
    #: All entries as they stand, those that are ignored too.
    lines: tuple[tuple[str, StopStatus], ...] = ()
    problem: str = ""

    @property
    def is_doubtful(self) -> bool:
        """Whether it may be the middle of someone's saving the file."""
        return bool(self.problem) or not self.entries

    def go(self) -> frozenset[str]:
        """What is not stopped."""
        if self.problem or self.entries.get(EVERYTHING) is StopStatus.STOP:
            return frozenset()
        return frozenset(
            name for name, status in self.entries.items() if status is StopStatus.GO and name != EVERYTHING
        )


def read_stops(path: Path) -> StopFile:
    """Reads es.json; what is wrong with it comes back as a problem. Blocks."""
    try:
        lines = tuple(_line(f"{path}:{line}", found) for line, found in read_objects(path))
    except ConfigError as error:
        return StopFile({}, problem=str(error))
    entries: dict[str, StopStatus] = {}
    for name, status in lines:
        entries.setdefault(name, status)
    return StopFile(entries, lines)


def _line(where: str, found: Mapping[str, Any]) -> tuple[str, StopStatus]:
    for key in found:
        if key not in ("Name", "Status"):
            raise ConfigError(f"{where}: unknown field {told(key)}; the fields are Name, Status")
    name, status = found.get("Name"), found.get("Status")
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ConfigError(f"{where}: Name is {told(name)}; a workflow type or {EVERYTHING} is expected")
    if status not in ("go", "stop"):
        raise ConfigError(f'{where}: Status of {told(name)} is {told(status)}; "go" or "stop" is expected')
    return name, StopStatus(status)


def with_entry(found: StopFile, name: str, status: StopStatus) -> StopFile:
    """The file with one entry changed, or a new one at the end."""
    lines = list(found.lines)
    positions = [i for i, (listed, _) in enumerate(lines) if listed == name]
    if positions:
        lines[positions[0]] = (name, status)
    else:
        lines.append((name, status))
    return StopFile({**found.entries, name: status}, tuple(lines))


def text_of(found: StopFile) -> str:
    """The file's text: an entry a line, in its order."""
    lines = ({"Name": name, "Status": status.value} for name, status in found.lines)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def releases(before: StopEntries, after: StopEntries) -> Iterator[str]:
    """The entries with which an edit of the file lets something go that was stopped."""
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name), after.get(name)
        if name == EVERYTHING:
            # Without that entry nothing stops everything.
            if old is StopStatus.STOP and new is not StopStatus.STOP:
                yield name
        elif new is StopStatus.GO and old is not StopStatus.GO:
            yield name
