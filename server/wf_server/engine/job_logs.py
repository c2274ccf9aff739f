"""What jobs say of themselves, on its way to the database: bounded per job, the oldest lines dropped."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from wf_server.model import LogLine, Progress
from wf_server.store import JobNotes
from wf_server.wording import storable

#: Bytes of log kept of one job, unless configured otherwise.
JOB_BYTES = 64 * 1024
#: Characters kept of one line.
LINE_LIMIT = 2_000
#: So many lines wait to be written before those are looked for that would be dropped at once.
WAITING_LINES = 10_000

_Place = tuple[int, int, int]


@dataclass(slots=True)
class _Tail:
    """Which lines of one job's log are kept."""

    newest: int = 0
    size: int = 0
    #: Bytes of each kept line, the oldest first.
    sizes: deque[int] = field(default_factory=deque)

    def add(self, number: int, size: int, limit: int) -> bool:
        """Counts a line; True where older ones have to go."""
        self.newest = number
        self.size += size
        self.sizes.append(size)
        full = self.size > limit
        while self.size > limit and len(self.sizes) > 1:
            self.size -= self.sizes.popleft()
        return full

    @property
    def first(self) -> int:
        """The number of the oldest line that is kept."""
        return self.newest - len(self.sizes) + 1


class JobLogs:
    """Gathers the lines and the progress of jobs between two commits."""

    def __init__(self, job_bytes: int = JOB_BYTES) -> None:
        self._job_bytes = job_bytes
        self._tails: dict[int, dict[tuple[int, int], _Tail]] = {}
        self._notes = JobNotes()
        self._trims: dict[_Place, int] = {}
        self._prune_at = WAITING_LINES

    @property
    def waiting(self) -> bool:
        """Whether anything has to be written."""
        return bool(self._notes)

    def adopt(self, workflow: int, sizes: Iterable[tuple[int, int, int, int]]) -> None:
        """Goes on with the logs of a workflow from what is kept of them: (block, job, number, bytes)."""
        for block, job, number, size in sizes:
            self._tail(workflow, block, job).add(number, size, self._job_bytes)

    def forget(self, workflow: int) -> None:
        """A workflow has ended: nothing is logged any more."""
        self._tails.pop(workflow, None)

    def add(self, workflow: int, block: int, job: int, time_us: int, text: str) -> None:
        """Adds a line; `workflow` is the workflow's key."""
        text = text[:LINE_LIMIT]
        tail = self._tail(workflow, block, job)
        full = tail.add(tail.newest + 1, len(text.encode(errors="replace")) + 1, self._job_bytes)
        self._notes.lines.append((workflow, block, job, tail.newest, time_us, storable(text)))
        if full:
            self._trims[workflow, block, job] = tail.first
            if len(self._notes.lines) >= self._prune_at:
                self._prune()

    def _prune(self) -> None:
        """Lets go of waiting lines that newer ones have pushed out: a full disk must not fill the memory."""
        trims = self._trims
        kept = [line for line in self._notes.lines if line[3] >= trims.get(line[:3], 0)]
        self._notes.lines = kept
        self._prune_at = max(WAITING_LINES, 2 * len(kept))

    def keep_progress(self, workflow: int, block: int, job: int, progress: Progress) -> None:
        """Keeps how far a job was when it ended."""
        message = storable(progress.message[:LINE_LIMIT])
        self._notes.progress.append((workflow, block, job, progress.fraction, message))

    def take(self) -> JobNotes | None:
        """Takes what has to be written; None where nothing has."""
        if not self._notes:
            return None
        notes, self._notes = self._notes, JobNotes()
        notes.trims = [(*place, first) for place, first in self._trims.items()]
        self._trims.clear()
        self._prune_at = WAITING_LINES
        return notes

    def pending(self, workflow: int, block: int, job: int) -> list[LogLine]:
        """The lines of a job that are not on their way to the database yet."""
        place = (workflow, block, job)
        return [LogLine(*line[3:]) for line in self._notes.lines if line[:3] == place]

    def _tail(self, workflow: int, block: int, job: int) -> _Tail:
        return self._tails.setdefault(workflow, {}).setdefault((block, job), _Tail())
