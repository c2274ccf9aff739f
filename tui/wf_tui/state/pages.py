"""Details of jobs, fetched by the page when a screen shows them, and again when they have changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from wf_tui.state.models import JobDetail

#: Jobs a page; small, because jobs in trouble are scattered.
PAGE = 50

#: (block, page number).
Page = tuple[int, int]


class JobPages:
    """A cache of job details by (block, job). A stale detail is still shown until the new one is there."""

    def __init__(self, limit: int = 400) -> None:
        self._limit = limit
        self._details: dict[Page, dict[int, JobDetail]] = {}
        self._stale: set[tuple[int, int]] = set()
        self._asked: set[Page] = set()

    def get(self, block: int, job: int) -> JobDetail | None:
        """Returns what is known of a job, stale or not."""
        return self._details.get((block, job // PAGE), {}).get(job)

    def touch(self, jobs: Iterable[tuple[int, int]]) -> None:
        """Marks jobs as changed; those that nobody looked at need no mark."""
        for block, job in jobs:
            page = block, job // PAGE
            if job >= 0 and (page in self._details or page in self._asked):
                self._stale.add((block, job))

    def wanted(self, jobs: Iterable[tuple[int, int]], *, changed: bool = True) -> list[Page]:
        """Returns the pages to fetch for these jobs, in their order, and takes them as asked for.

        They are the missing ones and, if `changed`, those of jobs that have changed since.
        """
        pages: list[Page] = []
        for block, job in jobs:
            page = block, job // PAGE
            due = self.get(block, job) is None or (changed and (block, job) in self._stale)
            if due and page not in self._asked:
                self._asked.add(page)
                pages.append(page)
        for block, number in pages:
            first = number * PAGE
            self._stale.difference_update((block, job) for job in range(first, first + PAGE))
        return pages

    def take(self, page: Page, details: Sequence[JobDetail]) -> None:
        """Stores a fetched page; the page used longest ago makes room."""
        self._asked.discard(page)
        self._details.pop(page, None)
        self._details[page] = {detail.job: detail for detail in details}
        while len(self._details) > self._limit:
            self._details.pop(next(iter(self._details)))

    def give_up(self, page: Page) -> None:
        """Notes that a page could not be fetched: the next look asks again."""
        self._asked.discard(page)
        first = page[1] * PAGE
        self._stale.update((page[0], job) for job in range(first, first + PAGE))

    def forget(self) -> None:
        """Marks everything as changed, after a gap in the changes."""
        for (block, _), details in self._details.items():
            self._stale.update((block, job) for job in details)


class TimelessPages(JobPages):
    """Tells of jobs only what never changes: for a workflow that is shown as of an earlier moment."""

    def get(self, block: int, job: int) -> JobDetail | None:
        """Returns a job's type, description and arguments."""
        detail = super().get(block, job)
        if detail is None:
            return None
        return replace(detail, error="", started=None, ended=None, fraction=None, progress_message="", log=())
