"""The named statements of the .sql files."""

from __future__ import annotations

import re
from importlib.resources import files


def load_queries(name: str = "queries") -> dict[str, str]:
    """Returns each statement of a file by the name in the comment above it."""
    text = files("wf_server.store").joinpath(f"sql/{name}.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (sql.strip().rstrip(";") for sql in parts[1::2]), strict=True))


def load_migrations() -> list[str]:
    """Returns the scripts that lead from an empty database to this version, in order.

    The script at position n brings a database of schema version n to n + 1.
    """
    folder = files("wf_server.store").joinpath("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [folder.joinpath(name).read_text("utf-8") for name in names]
