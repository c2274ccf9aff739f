"""A copy of the database, made while it may be in use. Blocks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from wf_server.errors import StoreError
from wf_server.store.failures import DATABASE_ERRORS, reason
from wf_server.store.snapshot import open_snapshot

#: Pages copied between two reports of progress.
_PORTION = 2_000


def back_up(
    source: Path,
    target: Path,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, whole: None,
) -> int:
    """Copies a database as it stands at this moment; returns the copy's size in bytes.

    The copy is whole and checked before it gets its name; nothing is left of one that fails. `progress`
    hears how many pages of how many are copied. Raises StoreError.
    """
    source, target = source.resolve(), target.absolute()
    _check_target(source, target, force=force)
    with open_snapshot(source, any_version=True) as connection:
        part = _make_part(target)
        try:
            _copy(connection, part, progress)
            _check(part)
            _sync(part)
            size = part.stat().st_size
            _name(part, target, force=force)
            _sync(target.parent)
        except (OSError, *DATABASE_ERRORS) as error:
            told = f"{target}: the backup failed: {reason(error)}; nothing was kept of it"
            raise StoreError(told) from error
        finally:
            for left in (part, part.with_name(part.name + "-journal")):
                left.unlink(missing_ok=True)
    return size


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    if target.resolve() == source:
        raise StoreError(f"{target}: is the database itself; name another file")
    if target.is_dir():
        raise StoreError(f"{target}: is a directory; name a file in it")
    if not target.exists() and not target.is_symlink():
        return
    if not force:
        raise StoreError(f"{target}: exists; name another file, or overwrite it with --force")
    if _is_in_use(target):
        raise StoreError(f"{target}: is a database in use; name another file")


def _is_in_use(target: Path) -> bool:
    """Whether a server has it open, or left a WAL that would be mixed into what takes its place."""
    if target.with_name(target.name + "-wal").exists():
        return True
    try:
        with target.with_name(target.name + ".lock").open() as holder:
            fcntl.flock(holder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _make_part(target: Path) -> Path:
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise StoreError(f"{target}: cannot be written: {reason(error)}") from error
    os.close(number)
    return Path(name)


def _copy(connection: sqlite3.Connection, part: Path, progress: Callable[[int, int], None]) -> None:
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        # A read transaction is open: what others write meanwhile does not make it begin anew.
        connection.backup(
            copy, pages=_PORTION, progress=lambda _, left, whole: progress(whole - left, whole), sleep=0
        )
        # One file that is whole without its neighbours.
        copy.execute("PRAGMA journal_mode = DELETE")


def _check(part: Path) -> None:
    with closing(sqlite3.connect(f"file:{quote(str(part))}?mode=ro&immutable=1", uri=True)) as copy:
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        told = f"the copy is damaged ({verdict}), and so may be the database: run `wf-server verify`"
        raise sqlite3.DatabaseError(told)


def _name(part: Path, target: Path, *, force: bool) -> None:
    if force:
        part.replace(target)
        return
    try:
        # Unlike a rename, this overwrites nothing that has come meanwhile.
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        part.rename(target)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        # Directories cannot be synchronised everywhere.
        with contextlib.suppress(OSError):
            os.fsync(number)
    finally:
        os.close(number)
