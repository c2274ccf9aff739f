"""What was begun, in files, so that a crash takes none of it away.

Each composer, wizard and queue has a file of its own, which it holds locked while it is open: one that nobody
holds was left behind, by a crash or on purpose, and is offered to the next of its kind. Each kind has
a directory of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TextIO, TypeVar

from pydantic import TypeAdapter, ValidationError

from wf_tui.state.models import Lineage, LineageKind, WorkReq
from wf_tui.workreq_files import MAX_BYTES, BadFile, dump_json, parse_workreq

T = TypeVar("T")
S = TypeVar("S", bound="Slot")


@dataclass(frozen=True, slots=True)
class Saved:
    """A draft as it was saved; `mends` is the rejection that it mends, "": none.

    `lineage` is the workflow that it was made from, None: none.
    `text` is what was typed and was no WorkReq, "": nothing; `request` is then what it was before.
    """

    request: WorkReq
    mends: str
    saved: datetime
    text: str = ""
    lineage: Lineage | None = None


class Slot:
    """A file that one holder has for itself. Its methods read and write: call them off the loop."""

    def __init__(self, path: Path, lock: TextIO) -> None:
        self._path = path
        self._lock = lock

    def is_readable(self) -> bool:
        """Whether the file holds what it is meant to hold."""
        raise NotImplementedError

    @property
    def saved(self) -> datetime:
        """When it was saved. Raises OSError."""
        return datetime.fromtimestamp(self._path.stat().st_mtime, UTC)

    def write(self, text: str) -> None:
        """Writes the file, whole or not at all. Raises OSError."""
        write_whole(self._path, text)

    def read(self) -> str:
        """Reads the file. Raises OSError, ValueError."""
        if self._path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{self._path} is too large")
        return self._path.read_text("utf-8")

    def discard(self) -> None:
        """Forgets what was saved."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets others have what was saved; without that the lock's file goes too."""
        if not self._path.exists():
            Path(self._lock.name).unlink(missing_ok=True)
        self._lock.close()


def _lineage(kept: Any) -> Lineage | None:
    """Raises ValueError, KeyError or TypeError where that is none."""
    return Lineage(LineageKind(kept["kind"]), str(kept["workflow"])) if kept is not None else None


class Draft(Slot):
    """One composer's draft."""

    def save(self, request: WorkReq, mends: str, text: str = "", lineage: Lineage | None = None) -> None:
        """Writes the draft, whole or not at all. Raises OSError."""
        document = {"mends": mends, "workreq": json.loads(dump_json(request)), "text": text}
        if lineage is not None:
            document["lineage"] = {"kind": int(lineage.kind), "workflow": lineage.workflow_id}
        self.write(json.dumps(document, ensure_ascii=False))

    def load(self) -> Saved | None:
        """Reads the draft; None where there is none that can be read."""
        try:
            saved = self.saved
            document: Any = json.loads(self.read())
            request = parse_workreq(json.dumps(document["workreq"]), str(self._path), as_json=True)
            text, lineage = str(document.get("text", "")), _lineage(document.get("lineage"))
            return Saved(request, str(document["mends"]), saved, text, lineage)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, BadFile):
            return None

    def is_readable(self) -> bool:
        """Whether there is a draft."""
        return self.load() is not None


class Kept(Slot, Generic[T]):
    """A frozen value of one kind; what does not fit the kind is not read."""

    def __init__(self, path: Path, lock: TextIO, kind: TypeAdapter[T]) -> None:
        super().__init__(path, lock)
        self._kind = kind

    def save(self, value: T) -> None:
        """Writes the value, whole or not at all. Raises OSError."""
        self.write(self._kind.dump_json(value).decode())

    def load(self) -> T | None:
        """Reads the value; None where there is none that can be read."""
        try:
            return self._kind.validate_json(self.read())
        except (OSError, ValueError, ValidationError):
            return None

    def is_readable(self) -> bool:
        """Whether there is a value of its kind."""
        return self.load() is not None


class Shelf(Generic[S]):
    """All slots of one kind that this user has."""

    def __init__(self, directory: Path, slot: Callable[[Path, TextIO], S]) -> None:
        self._directory = directory
        self._slot = slot

    def new(self) -> S:
        """Returns a slot that nobody else has. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        slot = self._open(self._directory / f"{uuid.uuid4().hex}.json")
        assert slot is not None, "nobody else knows the name"
        return slot

    def left_behind(self, wanted: Callable[[S], bool] = lambda _: True) -> S | None:
        """Returns the newest readable slot that nobody holds and that is wanted, locked from now on."""
        for path in self._newest_first():
            slot = self._open(path)
            if slot is None:
                continue
            if slot.is_readable() and wanted(slot):
                return slot
            slot.close()
        return None

    def _newest_first(self) -> Iterator[Path]:
        found: list[tuple[float, Path]] = []
        for path in self._directory.glob("*.json"):
            with suppress(OSError):
                found.append((path.stat().st_mtime, path))
        return (path for _, path in sorted(found, reverse=True))

    def _open(self, path: Path) -> S | None:
        """Locks a slot; None: somebody holds it, or it has gone meanwhile."""
        lock = path.with_suffix(".lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return None
        return self._slot(path, lock)


class Drafts(Shelf[Draft]):
    """All drafts of this user; beside them, what other kinds of work were begun."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, Draft)

    def shelf(self, name: str, kind: type[T]) -> Shelf[Kept[T]]:
        """Returns the shelf of another kind, in a directory of that name within this one."""
        return shelf_of(self._directory / name, kind)


def shelf_of(directory: Path, kind: type[T]) -> Shelf[Kept[T]]:
    """Returns the shelf of frozen values of one kind in a directory."""
    adapter = TypeAdapter(kind)
    return Shelf(directory, lambda path, lock: Kept(path, lock, adapter))


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole or not at all; it keeps the permissions that it has. Raises OSError."""
    # Beside the target, because a rename does not cross file systems; through links, because they stay.
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
