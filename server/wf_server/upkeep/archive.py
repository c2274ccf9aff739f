"""The archive: what leaves the database, whole, as lines of JSON in compressed files. Blocks.

A file is a sequence of gzip members, one for each batch, on the disk before the batch is deleted. A crash
between the two archives a batch twice: whoever reads takes one entry of each id.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from wf_server.errors import StoreError
from wf_server.model import Status
from wf_server.store.failures import DATABASE_ERRORS
from wf_server.store.queries import load_queries
from wf_server.store.snapshot import open_snapshot
from wf_server.upkeep.histories import Stored

#: The version of an entry.
FORMAT = 1
WORKFLOWS, REJECTIONS = "workflows", "rejections"
#: The lists of a workflow's entry, and the queries whose rows they hold; `False`: by the workflow's id.
_LISTS = (
    ("changes", "archive_changes", True),
    ("log", "archive_log", True),
    ("progress", "archive_progress", True),
    ("approvals", "archive_approvals", True),
    ("tokens", "archive_tokens", False),
    ("erasures", "archive_erasures", False),
)
#: Characters written, bytes read, and rows read, in one go.
_PIECE, _CHUNK, _ROWS = 1 << 18, 1 << 20, 1_000
_Write = Callable[[sqlite3.Connection, TextIO, int], None]


class Archive:
    """The archive directory of one database."""

    def __init__(self, directory: Path, database: Path) -> None:
        self.directory = directory
        self._database = database
        self._sql = load_queries("upkeep")
        #: The files that end with a whole member.
        self._whole: set[Path] = set()

    def add_workflows(self, keys: Sequence[int], now_us: int) -> None:
        """Appends workflows, by their keys; on the disk on return. Raises StoreError."""
        self._add(WORKFLOWS, keys, now_us, self._write_workflow)

    def add_rejections(self, keys: Sequence[int], now_us: int) -> None:
        """Appends refused WorkReqs, by their keys; on the disk on return. Raises StoreError."""
        self._add(REJECTIONS, keys, now_us, self._write_rejection)

    def _add(self, kind: str, keys: Sequence[int], now_us: int, write: _Write) -> None:
        try:
            with open_snapshot(self._database) as connection, self._appending(kind, now_us) as out:
                for key in keys:
                    write(connection, out, key)
        except OSError as error:
            raise StoreError(f"{self.directory}: cannot archive: {error.strerror or error}") from error
        except DATABASE_ERRORS as error:
            raise StoreError(f"{self._database}: cannot archive: {error}; run `wf-server verify`") from error

    @contextmanager
    def _appending(self, kind: str, now_us: int) -> Iterator[TextIO]:
        """One more gzip member at the end of the day's file: whole, or not there at all."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._file(kind, now_us)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as file:
            start = file.seek(0, os.SEEK_END)
            try:
                with (
                    gzip.GzipFile("", "wb", fileobj=file, mtime=now_us / 1e6) as member,
                    io.TextIOWrapper(member, "utf-8", newline="\n") as out,
                ):
                    yield out
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(start)
                raise
        _sync_directory(self.directory)

    def _file(self, kind: str, now_us: int) -> Path:
        """The day's file; another where that one is damaged, so that nothing good follows bad."""
        day = f"{datetime.fromtimestamp(now_us // 1_000_000, UTC):%Y-%m-%d}"
        for n in range(1, 1_000):
            path = self.directory / f"{kind}-{day}{f'-{n}' if n > 1 else ''}.jsonl.gz"
            if path in self._whole or self._make_whole(path):
                self._whole.add(path)
                return path
        raise StoreError(
            f"{self.directory}: every file of {day} is damaged; run `wf-server verify --archive`"
        )

    def _make_whole(self, path: Path) -> bool:
        """Cuts off what a crash left half written, which is still in the database; False: damaged."""
        if not path.exists():
            return True
        try:
            length = whole_length(path)
        except zlib.error:
            return False
        os.truncate(path, length)
        return True

    def _write_workflow(self, connection: sqlite3.Connection, out: TextIO, key: int) -> None:
        row = connection.execute(self._sql["archive_workflow"], (key,)).fetchone()
        stored = Stored(*row)
        head = asdict(stored)
        del head["request"], head["counts"]
        head = {"format": FORMAT, **head, "status_name": Status(stored.status).label}
        out.write(json.dumps(head, ensure_ascii=False)[:-1])
        for name, text in (("counts", stored.counts), ("request", stored.request)):
            _write_text(out, f', "{name}": ', text)
        for name, query, by_key in _LISTS:
            out.write(f', "{name}": [')
            _write_rows(out, connection.execute(self._sql[query], (key if by_key else stored.id,)))
            out.write("]")
        out.write("}\n")

    def _write_rejection(self, connection: sqlite3.Connection, out: TextIO, key: int) -> None:
        (text,) = connection.execute(self._sql["archive_rejection"], (FORMAT, key)).fetchone()
        _write_text(out, "", text)
        out.write("\n")


def _write_text(out: TextIO, label: str, text: str) -> None:
    out.write(label)
    # Encoding a long text in one go would hold up the other threads.
    for start in range(0, len(text), _PIECE):
        out.write(text[start : start + _PIECE])


def _write_rows(out: TextIO, cursor: sqlite3.Cursor) -> None:
    comma = ""
    while rows := cursor.fetchmany(_ROWS):
        out.write(comma + ",".join(text for (text,) in rows))
        comma = ","


def whole_length(path: Path) -> int:
    """How many bytes of a file are whole gzip members. Raises zlib.error where it is damaged."""
    whole = read = 0
    member, waiting = zlib.decompressobj(31), b""
    with path.open("rb") as file:
        while chunk := waiting or file.read(_CHUNK):
            read += 0 if waiting else len(chunk)
            member.decompress(chunk)
            waiting = member.unused_data if member.eof else b""
            if member.eof:
                whole = read - len(waiting)
                member = zlib.decompressobj(31)
    return whole


def is_cut_short(path: Path) -> bool:
    """Whether all that is wrong with a file is its end."""
    try:
        return whole_length(path) < path.stat().st_size
    except (OSError, zlib.error):
        return False


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Reads the entries of one file, one at a time.

    Raises EOFError where it ends too early, OSError or zlib.error where it is damaged, ValueError for a
    line that is no entry.
    """
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            entry = json.loads(line)
            if not isinstance(entry, dict) or entry.get("format") != FORMAT:
                raise ValueError(f"not an entry of format {FORMAT}")
            yield entry


def _sync_directory(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
