"""Pages of a listing: how many, and from where."""

from __future__ import annotations

from wf_server.errors import InvalidRequest

PAGE_DEFAULT = 100
PAGE_LIMIT = 1000


def page_limit(asked: int, default: int = PAGE_DEFAULT) -> int:
    """How many entries a page has; 0 or less asks for the default."""
    return min(asked, PAGE_LIMIT) if asked > 0 else default


def page_token(before: int) -> str:
    """What a client sends for the next page; empty where there is none."""
    return str(before) if before else ""


def page_start(token: str) -> int:
    """Reads a page token. Raises InvalidRequest."""
    if not token:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise InvalidRequest("page_token: not one that this server gave out")
    return int(token)
