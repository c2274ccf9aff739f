"""The database as it stands at one moment, for tools that only read. Blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from wf_server.errors import StoreError
from wf_server.store.failures import DATABASE_ERRORS
from wf_server.store.queries import load_migrations

#: "wfdb" in ASCII: tells a database of wf from any other SQLite file.
APPLICATION_ID = 0x77666462


@contextmanager
def open_snapshot(path: Path, *, any_version: bool = False) -> Iterator[sqlite3.Connection]:
    """Opens a database for reading, whether or not a server uses it: what it shows never changes.

    Raises StoreError: no such file, not a wf database, damaged, or not of this program's version.
    """
    with closing(_connect(path)) as connection:
        version = schema_version(connection, path)
        if not any_version:
            expect_version(path, version)
        yield connection


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """Reads a database's version. Raises StoreError where it is none of wf."""
    try:
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except DATABASE_ERRORS as error:
        raise StoreError(f"{path}: cannot be read: {error}; restore it from a backup") from error
    if application_id != APPLICATION_ID:
        raise StoreError(f"{path}: is not a wf database; name another --db")
    return int(version)


def expect_version(path: Path, version: int) -> None:
    """Raises StoreError where the database is not of this program's version."""
    known = len(load_migrations())
    if version < known:
        told = f"{path}: has schema version {version}, older than this wf-server's {known}"
        raise StoreError(f"{told}; bring it up to date with `wf-server migrate`")
    if version > known:
        raise StoreError(newer(path, version, known))


def newer(path: Path, version: int, known: int) -> str:
    """What is said of a database that a newer program wrote."""
    told = f"{path}: has schema version {version}, newer than the {known} this wf-server knows"
    return f"{told}; use a newer wf-server or name another --db"


def _connect(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        told = "is not a file" if path.exists() else "there is no such file"
        raise StoreError(f"{path}: {told}; name the database with --db")
    try:
        return _begin(path, "mode=ro")
    except sqlite3.OperationalError as error:
        # On a medium that cannot be written there is no place for the WAL's index; and nobody writes.
        if path.with_name(path.name + "-wal").exists():
            raise _unreadable(path, error) from error
    except DATABASE_ERRORS as error:
        raise _unreadable(path, error) from error
    try:
        return _begin(path, "mode=ro&immutable=1")
    except DATABASE_ERRORS as error:
        raise _unreadable(path, error) from error


def _begin(path: Path, how: str) -> sqlite3.Connection:
    # Autocommit: the one transaction is begun here. The archive is written in threads, one at a time.
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{how}", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _unreadable(path: Path, error: Exception) -> StoreError:
    if "not a database" in str(error):
        return StoreError(f"{path}: is not a wf database; name another --db")
    return StoreError(f"{path}: cannot be read: {error}; mend that, or restore it from a backup")
