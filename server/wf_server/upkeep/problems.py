"""What is wrong with a database or an archive, each in one line."""

from __future__ import annotations

from dataclasses import dataclass

from wf_server.wording import printable

RESTORE = "restore the newest backup that verifies clean"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what, and what to do."""

    what: str
    advice: str = RESTORE
    #: What it is about, where that is not a workflow: `bucket diskEraseSatellite`.
    about: str = ""
    workflow: str = ""
    #: The number of the change.
    seq: int | None = None
    block: int | None = None
    job: int | None = None

    def line(self) -> str:
        """The problem in one line: `workflow ID change 7 block 0 job 3: …; restore …`."""
        place = [self.about] if self.about else []
        place += [f"workflow {self.workflow}"] if self.workflow else []
        place += [f"{word} {n}" for word, n in self._numbers() if n is not None]
        return printable(f"{' '.join(place) or 'database'}: {self.what}; {self.advice}")

    def _numbers(self) -> tuple[tuple[str, int | None], ...]:
        return ("change", self.seq), ("block", self.block), ("job", self.job)
