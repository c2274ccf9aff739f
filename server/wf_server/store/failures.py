"""What reading and writing a database raises, and what of it is damage."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from wf_server.errors import StoreDamaged

#: SQLite quotes a damaged schema in its messages, and where that is no text Python cannot tell the message.
DATABASE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def is_damage(error: Exception) -> bool:
    """Whether that tells of a database that cannot be read, not of a disk or of rights."""
    # SQLite raises a subclass for those; Python itself raises one for a text that is none.
    kind = type(error)
    return kind in (sqlite3.DatabaseError, UnicodeDecodeError) or (
        isinstance(error, sqlite3.Error) and "Could not decode" in str(error)
    )


def damaged(path: Path, error: Exception) -> StoreDamaged:
    """What is said of a database that cannot be read."""
    return StoreDamaged(f"{path}: {reason(error)[:200]}; restore it from a backup or name another --db")


def reason(error: Exception) -> str:
    """An error in a few words."""
    if isinstance(error, UnicodeDecodeError):
        return "its schema is damaged"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
