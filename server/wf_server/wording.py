"""How messages quote what they found: on one line, whatever it holds, and not too much of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

#: A message quotes at most this much of a value. Characters.
_LONGEST = 80


def told(value: object) -> str:
    """A value as a message quotes it: as JSON spells it, shortened."""
    text = printable(json.dumps(value, default=str, ensure_ascii=False))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def printable(text: str) -> str:
    """The text with everything escaped that could break a line or play tricks on a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def utc(time_us: int) -> str:
    """Microseconds since 1970 as people read a time: `2026-12-24 18:00 UTC`."""
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def storable(text: str) -> str:
    """The text without lone surrogates, as file names may bring them: neither SQLite nor gRPC takes them."""
    return text if text.isascii() else text.encode(errors="replace").decode()
