"""Who is known to a running server: operators and tokens in memory, looked at anew when they change."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from pathlib import Path

import structlog

from wf_server.clock import Clock
from wf_server.errors import StoreError, Unauthenticated
from wf_server.model.caller import Grant, Role, may
from wf_server.store.operators import (
    TOKEN_PREFIX,
    OperatorList,
    OperatorRecord,
    OperatorTable,
    TokenRecord,
    digest_of,
)

log = structlog.get_logger(__name__)

#: Seconds between two looks at the table: how long a revoked token may still work.
LOOK_SECONDS = 0.25
_ASK = "ask whoever runs this server for a new one"


class Operators:
    """Make it with `await Operators.open(path, clock)`; `run` looks for changes until it is cancelled."""

    def __init__(self, table: OperatorTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._generation = -1
        self._operators: dict[str, OperatorRecord] = {}
        self._tokens: dict[str, TokenRecord] = {}
        #: Why changes cannot be seen; empty: they can.
        self.problem = ""
        #: Called when operators or tokens have changed.
        self.on_change: Callable[[], None] = lambda: None

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> Operators:
        """Reads the table. Raises StoreError."""
        operators = cls(await asyncio.to_thread(OperatorTable, path), clock)
        await operators.look()
        return operators

    def close(self) -> None:
        """Ends the connection; nothing may be under way."""
        self._table.close()

    def __len__(self) -> int:
        return sum(not operator.revoked_us for operator in self._operators.values())

    async def look(self) -> None:
        """Reads the table if it has changed. Raises StoreError."""
        found = await asyncio.to_thread(self._table.read, self._generation)
        if found is not None:
            self._take(found)

    async def run(self, after_look: Callable[[], None]) -> None:
        """Looks again and again; `after_look` is called after each: a token may have expired too."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
                self.problem = ""
            except StoreError as error:
                if not self.problem:
                    log.error("changes of operators cannot be seen", reason=str(error))
                self.problem = f"changes of operators cannot be seen: {error}"
            after_look()

    def _take(self, found: OperatorList) -> None:
        self._generation = found.generation
        self._operators = {operator.name: operator for operator in found.operators}
        self._tokens = {token.id: token for token in found.tokens}
        self.on_change()

    def grants_of(self, name: str) -> frozenset[Grant]:
        """What an operator may do now, whoever asks; nothing where there is none of that name in force."""
        found = self._operators.get(name)
        return found.grants if found is not None and not found.revoked_us else frozenset()

    def named(self, name: str, proof: str) -> frozenset[Grant]:
        """The grants of an operator who has proved their name by `proof`. Raises Unauthenticated."""
        found = self._operators.get(name)
        if found is None:
            raise Unauthenticated(f"{proof} names {name[:80]!r}, who is no operator of this server")
        if found.revoked_us:
            raise Unauthenticated(f"the operator {name[:80]!r} was revoked")
        return found.grants

    def lost(self, name: str, role: Role, workflow_type: str) -> bool:
        """Whether someone who is known by name here may not act in a role, or no more."""
        found = self._operators.get(name)
        if found is None:
            return False
        return bool(found.revoked_us) or not may(found.grants, role, workflow_type)

    def by_token(self, text: str) -> tuple[str, frozenset[Grant]]:
        """The operator whose token it is, and their grants. Raises Unauthenticated."""
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        found = self._tokens.get(token_id) if prefix == TOKEN_PREFIX else None
        # Only who has the whole secret hears more than that it is wrong.
        if found is None or not hmac.compare_digest(found.digest, digest_of(secret)):
            raise Unauthenticated("this is no token of this server; is it whole, and for this server?")
        if found.revoked_us:
            raise Unauthenticated(f"the token {token_id} of {found.operator} was revoked; {_ASK}")
        if found.expires_us <= self._clock.now_us():
            raise Unauthenticated(f"the token {token_id} of {found.operator} has expired; {_ASK}")
        return found.operator, self.named(found.operator, "the token")
