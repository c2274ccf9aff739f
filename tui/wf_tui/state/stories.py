"""What is read of single jobs: their attempts, where there was more than one."""

from __future__ import annotations

from collections.abc import Iterable

from wf_tui.state.models import JobDetail, JobStory, Status

#: More than these nobody has looked at lately.
_MOST = 50


class JobStories:
    """Stories by (block, job); one whose job has changed is still shown until the new one is there."""

    def __init__(self) -> None:
        self._stories: dict[tuple[int, int], JobStory] = {}
        self._stale: set[tuple[int, int]] = set()
        self._asked: set[tuple[int, int]] = set()

    def get(self, job: tuple[int, int]) -> JobStory | None:
        """Returns what is known of a job's attempts, stale or not."""
        return self._stories.get(job)

    def touch(self, jobs: Iterable[tuple[int, int]]) -> None:
        """Marks jobs as changed."""
        self._stale.update(job for job in jobs if job in self._stories)

    def wants(self, detail: JobDetail, status: Status) -> bool:
        """Whether a job's story is to be fetched now; it is taken as asked for.

        Of a job that was begun once, its detail tells all.
        """
        job = detail.block, detail.job
        due = job not in self._stories or job in self._stale
        if not due or job in self._asked or (detail.attempts <= 1 and status is not Status.RETRYING):
            return False
        self._asked.add(job)
        self._stale.discard(job)
        return True

    def take(self, job: tuple[int, int], story: JobStory) -> None:
        """Stores a story; the oldest makes room."""
        self._asked.discard(job)
        self._stories.pop(job, None)
        self._stories[job] = story
        while len(self._stories) > _MOST:
            self._stories.pop(next(iter(self._stories)))

    def give_up(self, job: tuple[int, int]) -> None:
        """It could not be fetched; it may be asked for again."""
        self._asked.discard(job)
