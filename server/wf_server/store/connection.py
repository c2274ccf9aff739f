"""Opening the database: who may, what it must be, and how it is brought up to date."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TypeVar

import aiosqlite

from wf_server.errors import StoreError, StoreInUse
from wf_server.store.backup import back_up
from wf_server.store.failures import DATABASE_ERRORS, damaged, is_damage, reason
from wf_server.store.queries import load_migrations
from wf_server.store.snapshot import APPLICATION_ID, newer

T = TypeVar("T")

_PRAGMAS = ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 5000", "cache_size = -16000")
#: Of every version.
_HAS_DATA = """
SELECT EXISTS (SELECT 1 FROM workflow) OR EXISTS (SELECT 1 FROM rejection)
    OR EXISTS (SELECT 1 FROM bucket) OR EXISTS (SELECT 1 FROM stop_change)
"""


def lock(path: Path) -> IO[str]:
    """Makes sure that no other server uses the database; holds for as long as the file is open.

    Raises StoreError where another one does, or where the directory cannot be written.
    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        holder = os.fdopen(os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pid = holder.read().strip()
        holder.close()
        by = f" (process {pid})" if pid else ""
        raise StoreInUse(f"{path}: in use by another wf-server{by}; stop it or name another --db") from None
    holder.truncate(0)
    holder.write(str(os.getpid()))
    holder.flush()
    return holder


async def open_writer(path: Path) -> tuple[aiosqlite.Connection, Path | None]:
    """Opens the one connection that writes, and migrates the database to this version.

    Returns it with the copy of the database that was made before migrating, if any.
    Raises StoreError: not writable, not a wf database, damaged, or of a newer version.
    """
    try:
        _make_private(path)
        connection = await _connect(path)
    except (OSError, *DATABASE_ERRORS) as error:
        raise _unopened(path, error) from error
    try:
        await connection.execute("PRAGMA synchronous = FULL")
        kept = await _migrate(connection, path)
        await _check_writable(connection)
    except DATABASE_ERRORS as error:
        await connection.close()
        raise damaged(path, error) from error
    except BaseException:
        await connection.close()
        raise
    return connection, kept


def _make_private(path: Path) -> None:
    """SQLite would make the file readable by others."""
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


async def open_reader(path: Path) -> aiosqlite.Connection:
    """Opens a connection for long reads, so that they never hold up a commit."""
    try:
        connection = await _connect(path)
        await connection.execute("PRAGMA query_only = ON")
    except DATABASE_ERRORS as error:
        raise _unopened(path, error) from error
    return connection


def _unopened(path: Path, error: Exception) -> StoreError:
    if is_damage(error):
        return damaged(path, error)
    return StoreError(f"{path}: cannot be opened: {reason(error)}; mend that or name another --db")


async def _connect(path: Path) -> aiosqlite.Connection:
    # Autocommit: a transaction is what the store begins, nothing else.
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        # First: the pragmas change a file, and another program's stays as it is.
        await _expect_ours(connection, path)
        for pragma in _PRAGMAS:
            await connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()
        raise
    return connection


async def _expect_ours(connection: aiosqlite.Connection, path: Path) -> None:
    """Raises StoreError where it is another program's database, or a newer wf-server's."""
    application_id = await _pragma(connection, "application_id")
    version = await _pragma(connection, "user_version")
    tables = await scalar(connection, "SELECT count(*) FROM sqlite_schema")
    if application_id != APPLICATION_ID and (tables or application_id):
        raise StoreError(f"{path}: is not a wf database; name another --db")
    known = len(load_migrations())
    if version > known:
        raise StoreError(newer(path, version, known))


async def _migrate(connection: aiosqlite.Connection, path: Path) -> Path | None:
    version = await _pragma(connection, "user_version")
    migrations = load_migrations()
    if version == len(migrations):
        return None
    kept = await _keep_old(connection, path, version)
    try:
        await _apply(connection, migrations, version)
    except DATABASE_ERRORS as error:
        # What a script leaves open that breaks off: each step is a transaction.
        await connection.rollback()
        if kept is not None and await _pragma(connection, "user_version") == version:
            await asyncio.to_thread(kept.unlink)
            kept = None
        raise _unmigrated(path, error, kept) from error
    return kept


async def _apply(connection: aiosqlite.Connection, migrations: Sequence[str], version: int) -> None:
    # A table that is made anew is dropped first: what refers to it must not count as a breach.
    await connection.execute("PRAGMA foreign_keys = OFF")
    for number in range(version, len(migrations)):
        await connection.executescript(
            f"BEGIN IMMEDIATE;\n{migrations[number]}\nPRAGMA application_id = {APPLICATION_ID};\n"
            f"PRAGMA user_version = {number + 1};\nCOMMIT;"
        )
    await connection.execute("PRAGMA foreign_keys = ON")


async def _keep_old(connection: aiosqlite.Connection, path: Path, version: int) -> Path | None:
    """Copies a database that has data before it is changed; returns the copy's path."""
    if version == 0 or not await scalar(connection, _HAS_DATA):
        return None
    kept = await asyncio.to_thread(backup_path, path, version)
    try:
        await asyncio.to_thread(back_up, path, kept)
    except StoreError as error:
        told = f"{path}: cannot be brought up to date without a backup of it first: {error}"
        raise StoreError(told) from error
    return kept


def backup_path(path: Path, version: int) -> Path:
    """Where a database goes before it is brought up to date: beside it, and never over another."""
    first = path.with_name(f"{path.name}.v{version}-backup")
    kept, n = first, 1
    while kept.exists():
        n += 1
        kept = first.with_name(f"{first.name}-{n}")
    return kept


def _unmigrated(path: Path, error: Exception, kept: Path | None) -> StoreError:
    where = f"as it was it is kept in {kept}" if kept else "it is as it was"
    told = f"{path}: cannot be brought up to date: {error}; {where}"
    return StoreError(f"{told}; mend that, or use the wf-server that it is from")


async def _check_writable(connection: aiosqlite.Connection) -> None:
    """Writes nothing, but fails where a write would."""
    await connection.execute("BEGIN IMMEDIATE")
    await connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    await connection.execute("COMMIT")


async def in_thread(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Runs `work` in the connection's own thread: one trip there for many statements."""
    done: T = await connection._execute(work, connection._conn)  # type: ignore[no-untyped-call]
    return done


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    return await scalar(connection, f"PRAGMA {name}")


async def scalar(connection: aiosqlite.Connection, sql: str) -> int:
    """Runs a query for one number; 0 where it has none."""
    async with connection.execute(sql) as cursor:
        row = await cursor.fetchone()
    return int(row[0] or 0) if row else 0
