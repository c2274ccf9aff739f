"""The policies that were ever in force, kept whole: what a workflow was checked against."""

from __future__ import annotations

import json
from collections.abc import Callable

import structlog

from wf_server.clock import Clock
from wf_server.errors import StoreError
from wf_server.policy import PolicyBook
from wf_server.store import Store

log = structlog.get_logger(__name__)


class PolicyLog:
    """`keep` puts the policies in force on record, where they are others than before."""

    def __init__(self, store: Store, clock: Clock, book: Callable[[], PolicyBook]) -> None:
        self._store = store
        self._clock = clock
        self._book = book

    async def keep(self) -> None:
        """Writes them; what cannot be written now is written after the next look at the file."""
        book = self._book()
        types = {name: book.spelled(name) for name in book.names}
        text = json.dumps(types, ensure_ascii=False, separators=(",", ":"))
        told = f"{len(types)} workflow type{'s' * (len(types) != 1)}"
        try:
            await self._store.keep_policies(text, told, self._clock.now_us())
        except StoreError as error:
            log.error("the policies in force could not be put on record", reason=str(error))
