"""audit.v1.AuditService."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial

from wf_proto import audit
from wf_server import __version__
from wf_server.errors import InvalidRequest
from wf_server.model.audit import EntryFilter, Link, entry_text
from wf_server.model.caller import Role
from wf_server.service.guard import caller
from wf_server.service.paging import page_limit
from wf_server.store import Store
from wf_server.threads import aside
from wf_server.upkeep.bundle import bundle_lines

#: Bytes in one piece of a bundle.
PIECE = 2**18
#: The largest number that a column of the database holds.
_MOST = 2**62


class AuditService(audit.AuditServiceBase):
    """Tells who did what."""

    def __init__(self, store: Store, now_us: Callable[[], int]) -> None:
        self._store = store
        self._now_us = now_us

    async def list(self, list_entries_request: audit.ListEntriesRequest) -> audit.ListEntriesResponse:
        """Lists entries of the types that the caller may view."""
        r = list_entries_request
        for name in ("after", "before", "since_us", "until_us"):
            if not 0 <= getattr(r, name) <= _MOST:
                raise InvalidRequest(f"{name}: {getattr(r, name)} is no number of an entry and no time")
        page = await self._store.list_entries(
            EntryFilter(r.text, r.who, r.what, r.outcome, r.target, r.since_us, r.until_us),
            caller().types(Role.VIEWER),
            after=r.after,
            before=r.before,
            oldest_first=r.oldest_first,
            limit=page_limit(r.limit),
        )
        return audit.ListEntriesResponse(
            entries=[_entry(link) for link in page.links],
            next=page.next,
            head_seq=page.head_seq,
            head_hash=page.head_hash,
        )

    async def bundle(self, bundle_request: audit.BundleRequest) -> AsyncIterator[audit.BundlePiece]:
        """Streams a workflow's bundle."""
        lines = bundle_lines(self._store.path, bundle_request.id, f"wf-server {__version__}", self._now_us())
        pieces = _pieces(lines)
        try:
            while piece := await aside(partial(next, pieces, b"")):
                yield audit.BundlePiece(data=piece)
        finally:
            await aside(lines.close)


def _pieces(lines: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Puts short lines together, and takes long ones apart."""
    waiting = bytearray()
    for line in lines:
        for start in range(0, len(line), PIECE):
            waiting += line[start : start + PIECE]
            if len(waiting) >= PIECE:
                yield bytes(waiting)
                waiting.clear()
    yield bytes(waiting)


def _entry(link: Link) -> audit.Entry:
    return audit.Entry(
        seq=link.seq, text=entry_text(link.seq, link.entry), hash=link.hash, previous=link.previous
    )
