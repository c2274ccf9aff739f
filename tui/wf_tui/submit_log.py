"""The ids of submitted workflows, on this machine, one a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wf_tui.state.text import clean


@dataclass(frozen=True, slots=True)
class SubmitLog:
    """A text file of time, id, workflow type and server, separated by tabs."""

    path: Path

    def note(self, workflow_id: str, name: str, address: str, when: datetime | None = None) -> str:
        """Adds a line. Returns why that could not be done, "" if it was: the submission stands anyway."""
        moment = (when or datetime.now(UTC)).astimezone(UTC)
        line = "\t".join(
            [f"{moment:%Y-%m-%dT%H:%M:%SZ}", *(clean(text, " ") for text in (workflow_id, name, address))]
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            return f"cannot note the id in {self.path}: {error.strerror or error}"
        return ""
