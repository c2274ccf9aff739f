"""What callers say of why they do something."""

from __future__ import annotations

from wf_server.errors import InvalidRequest

#: Characters.
REASON_LIMIT = 1_000


def reason_of(text: str, field: str = "reason") -> str:
    """The text as it is kept. Raises InvalidRequest for one that is too long."""
    if len(text) > REASON_LIMIT:
        raise InvalidRequest(f"{field}: {len(text)} characters; at most {REASON_LIMIT}")
    return text.strip()
