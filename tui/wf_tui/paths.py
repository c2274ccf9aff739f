"""Files by the names that an operator types: completed, and told what is wrong with them. Blocking."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from wf_tui.state.text import clean


def typed_path(text: str) -> Path:
    """Returns the path that was typed; `~` is a home directory where there is one of that name."""
    return Path(os.path.expanduser(text.strip()))


def completed(text: str) -> str | None:
    """Returns what was typed with the first name that goes on from it; None: there is none."""
    typed, _, begun = text.rpartition("/")
    directory = typed_path(f"{typed}/") if "/" in text else Path()
    try:
        with os.scandir(directory) as entries:
            # A name that cannot be shown as it is would lead elsewhere than it looks.
            names = sorted(
                f"{entry.name}/" if entry.is_dir() else entry.name
                for entry in entries
                if entry.name.startswith(begun) and clean(entry.name) == entry.name
            )
    except (OSError, ValueError):
        return None
    seen = (name for name in names if begun or not name.startswith("."))
    name = next(seen, None)
    return text.removesuffix(begun) + name if name is not None else None


def trouble_with_opening(path: Path) -> str:
    """Tells why a file cannot be read; "": it can."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return "it is a directory" if stat.S_ISDIR(mode) else "it is no ordinary file"
        with path.open("rb"):
            return ""
    except (OSError, ValueError) as error:
        return told(error)


def trouble_with_saving(path: Path) -> str:
    """Tells why a file cannot be written; "": nothing speaks against it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "" if path.parent.is_dir() else f"there is no directory {path.parent}"
    except (OSError, ValueError) as error:
        return told(error)
    if stat.S_ISREG(mode):
        return ""
    return "it is a directory: name a file in it" if stat.S_ISDIR(mode) else "it is no ordinary file"


def told(error: Exception) -> str:
    """Tells an error in the system's words, without its number."""
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error)
