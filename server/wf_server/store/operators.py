"""The table of operators and their tokens, for the server and for `wf-server operator` beside it. Blocks.

It has a connection of its own: SQLite in WAL mode lets one process write at a time, and a second one waits
for it, so operators can be changed while a server runs. Nothing else in the database is touched here but the
audit, which tells of every change.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wf_server.errors import FailedPrecondition, NotFound, StoreError
from wf_server.model.audit import COMMAND_LINE, Act, AuditEntry
from wf_server.model.caller import Grant, parse_grant, spell_grants
from wf_server.store import trail
from wf_server.store.failures import DATABASE_ERRORS
from wf_server.store.snapshot import expect_version, schema_version

#: Seconds that a writer waits for another one.
_PATIENCE = 10.0
TOKEN_PREFIX = "wf"  # noqa: S105 - what every token begins with


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token as it is kept: without its secret."""

    id: str
    operator: str
    digest: bytes
    created_us: int
    expires_us: int
    #: 0: it is in force.
    revoked_us: int


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """An operator with their grants."""

    name: str
    grants: frozenset[Grant]
    created_us: int
    created_by: str
    #: 0: in force.
    revoked_us: int


@dataclass(frozen=True, slots=True)
class OperatorList:
    """All of them, as of one generation."""

    generation: int
    operators: tuple[OperatorRecord, ...] = ()
    tokens: tuple[TokenRecord, ...] = ()


def digest_of(secret: str) -> bytes:
    """What is kept of a secret. It has 256 random bits, so nothing slow is needed to hide it."""
    return hashlib.sha256(secret.encode()).digest()


class OperatorTable:
    """One connection to the table. `close` it in the end."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError: no such database, or not of this program's version."""
        self.path = path
        if not path.is_file():
            raise StoreError(f"{path}: there is no such database; start wf-server once, or name it with --db")
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE
        )
        try:
            expect_version(path, schema_version(self._connection, path))
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def read(self, known_generation: int = -1) -> OperatorList | None:
        """All operators and tokens; None where the generation is the known one. Raises StoreError."""
        with self._told(), closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN")
            try:
                (generation,) = cursor.execute("SELECT n FROM operator_generation").fetchone()
                if generation == known_generation:
                    return None
                operators = cursor.execute(
                    "SELECT name, grants, created_us, created_by, revoked_us FROM operator ORDER BY name"
                ).fetchall()
                tokens = cursor.execute(
                    "SELECT id, operator, digest, created_us, expires_us, revoked_us FROM operator_token"
                    " ORDER BY operator, created_us"
                ).fetchall()
            finally:
                cursor.execute("ROLLBACK")
        return OperatorList(
            generation,
            tuple(OperatorRecord(row[0], _grants(row[1]), *row[2:]) for row in operators),
            tuple(TokenRecord(*row) for row in tokens),
        )

    def put_operator(
        self, name: str, grants: Iterable[Grant], by: str, now_us: int, *, reinstate: bool = False
    ) -> None:
        """Adds an operator, or puts other grants in place of theirs.

        A revoked one is in force again where that is meant: `reinstate`. Raises FailedPrecondition otherwise,
        because a certificate of theirs lets in again whoever has it.
        """
        grants = frozenset(grants)
        spelt = json.dumps(sorted(map(str, grants)))
        with self._transaction() as connection:
            row = connection.execute("SELECT revoked_us FROM operator WHERE name = ?", (name,)).fetchone()
            if row is not None and row[0] and not reinstate:
                raise FailedPrecondition(
                    f"the operator {name[:80]!r} was revoked: adding them again would let in whoever still "
                    "has a certificate of that name; take another name, or say --reinstate where it is meant"
                )
            connection.execute(
                "INSERT INTO operator (name, grants, created_us, created_by) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET grants = excluded.grants,"
                " created_us = excluded.created_us, created_by = excluded.created_by,"
                " revoked_us = 0, revoked_by = ''",
                (name, spelt, now_us, by),
            )
            _note(connection, now_us, by, Act.OPERATOR_ADDED, name, spell_grants(grants))

    def add_token(self, name: str, expires_us: int, by: str, now_us: int) -> str:
        """Makes a token and returns it whole, which nobody can do again. Raises NotFound."""
        token_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        with self._transaction() as connection:
            self._expect(connection, name)
            connection.execute(
                "INSERT INTO operator_token (id, operator, digest, created_us, created_by, expires_us)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (token_id, name, digest_of(secret), now_us, by, expires_us),
            )
            until = datetime.fromtimestamp(expires_us // 1_000_000, UTC)
            told = f"token {token_id} until {until:%Y-%m-%d %H:%M:%S} UTC"
            _note(connection, now_us, by, Act.TOKEN_ADDED, name, told)
        return f"{TOKEN_PREFIX}_{token_id}_{secret}"

    def revoke(self, name: str, by: str, now_us: int) -> int:
        """Takes an operator and their tokens out of force; returns how many tokens. Raises NotFound."""
        with self._transaction() as connection:
            self._expect(connection, name)
            connection.execute(
                "UPDATE operator SET revoked_us = ?, revoked_by = ? WHERE name = ?", (now_us, by, name)
            )
            tokens = connection.execute(
                "UPDATE operator_token SET revoked_us = ?, revoked_by = ?"
                " WHERE operator = ? AND revoked_us = 0",
                (now_us, by, name),
            ).rowcount
            _note(connection, now_us, by, Act.OPERATOR_REVOKED, name, f"with {tokens} tokens")
            return tokens

    def revoke_token(self, token_id: str, by: str, now_us: int) -> None:
        """Takes one token out of force. Raises NotFound, FailedPrecondition."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT revoked_us, operator FROM operator_token WHERE id = ?", (token_id,)
            ).fetchone()
            if row is None:
                raise NotFound(f"there is no token {token_id[:80]!r}; `wf-server operator list` has them")
            if row[0]:
                raise FailedPrecondition(f"the token {token_id} was revoked before")
            connection.execute(
                "UPDATE operator_token SET revoked_us = ?, revoked_by = ? WHERE id = ?",
                (now_us, by, token_id),
            )
            _note(connection, now_us, by, Act.TOKEN_REVOKED, row[1], f"token {token_id}")

    def _expect(self, connection: sqlite3.Connection, name: str) -> None:
        row = connection.execute("SELECT revoked_us FROM operator WHERE name = ?", (name,)).fetchone()
        if row is None or row[0]:
            raise NotFound(f"there is no operator {name[:80]!r}; `wf-server operator list` has them")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("UPDATE operator_generation SET n = n + 1")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DATABASE_ERRORS as error:
            raise StoreError(f"{self.path}: {error}; nothing was changed") from error


def _note(connection: sqlite3.Connection, now_us: int, by: str, act: Act, name: str, told: str) -> None:
    trail.append(connection, [AuditEntry(now_us, by, COMMAND_LINE, act, target=name, told=told)])


def _grants(spelt: str) -> frozenset[Grant]:
    names: Sequence[str] = json.loads(spelt)
    return frozenset(parse_grant(name) for name in names)
