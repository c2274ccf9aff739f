"""Drafts of WorkReqs in files, so that a crash takes none away.

Each composer has a draft of its own, which it holds locked while it is open: a draft that nobody holds was
left behind, by a crash or on purpose, and is offered to the next composer.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from wf_tui.state.models import Lineage, LineageKind, WorkReq
from wf_tui.workreq_files import MAX_BYTES, BadFile, dump_json, parse_workreq


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


class Draft:
    """One composer's draft. Its methods read and write files: call them off the loop."""

    def __init__(self, path: Path, lock: TextIO) -> None:
        self._path = path
        self._lock = lock

    def save(self, request: WorkReq, mends: str, text: str = "", lineage: Lineage | None = None) -> None:
        """Writes the draft, whole or not at all. Raises OSError."""
        document = {"mends": mends, "workreq": json.loads(dump_json(request)), "text": text}
        if lineage is not None:
            document["lineage"] = {"kind": int(lineage.kind), "workflow": lineage.workflow_id}
        write_whole(self._path, json.dumps(document, ensure_ascii=False))

    def load(self) -> Saved | None:
        """Reads the draft; None where there is none that can be read."""
        try:
            saved = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
            if self._path.stat().st_size > MAX_BYTES:
                return None
            document: Any = json.loads(self._path.read_text("utf-8"))
            request = parse_workreq(json.dumps(document["workreq"]), str(self._path), as_json=True)
            text, lineage = str(document.get("text", "")), _lineage(document.get("lineage"))
            return Saved(request, str(document["mends"]), saved, text, lineage)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, BadFile):
            return None

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


class Drafts:
    """All drafts of this user."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def new(self) -> Draft:
        """Returns a draft that nobody else has. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._open(self._directory / f"{uuid.uuid4().hex}.json")
        assert draft is not None, "nobody else knows the name"
        return draft

    def left_behind(self) -> Draft | None:
        """Returns the newest readable draft that nobody holds, locked from now on."""
        for path in self._newest_first():
            draft = self._open(path)
            if draft is None:
                continue
            if draft.load() is not None:
                return draft
            draft.close()
        return None

    def _newest_first(self) -> Iterator[Path]:
        found: list[tuple[float, Path]] = []
        for path in self._directory.glob("*.json"):
            with suppress(OSError):
                found.append((path.stat().st_mtime, path))
        return (path for _, path in sorted(found, reverse=True))

    def _open(self, path: Path) -> Draft | None:
        """Locks a draft; None: somebody holds it."""
        lock = path.with_suffix(".lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return None
        return Draft(path, lock)


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
