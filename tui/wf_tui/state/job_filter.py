"""Which jobs of a workflow a filter lets through, and the tree's blocks seen through it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.marks import JOB_ORDER
from wf_tui.state.models import JOB_TROUBLE, JobDetail, Status
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveBlock, LiveWorkflow

#: The fields that a filter of jobs can ask for by name.
JOB_FIELDS = ("type", "args", "desc", "error", "status")

#: Lets through what an operator looks for first.
ONLY_TROUBLE = f"status:{'|'.join(status.label for status in JOB_ORDER if status in JOB_TROUBLE)}"


class JobTexts:
    """What is known of all jobs in words: type, args, description and error. Read once, page by page."""

    def __init__(self, sizes: Sequence[int]) -> None:
        #: Of each job its type, arguments and description.
        self._words: list[list[tuple[str, str, str]]] = [[] for _ in sizes]
        self._errors: dict[tuple[int, int], str] = {}
        self._sizes = tuple(sizes)

    @property
    def total(self) -> int:
        """How many jobs there are."""
        return sum(self._sizes)

    @property
    def known(self) -> int:
        """How many have been read."""
        return sum(map(len, self._words))

    def next_page(self) -> tuple[int, int] | None:
        """Returns (block, offset) of what is to be read next, None when all is known."""
        for block, size in enumerate(self._sizes):
            if len(self._words[block]) < size:
                return block, len(self._words[block])
        return None

    def take(self, block: int, details: Sequence[JobDetail]) -> None:
        """Stores the page that was read next."""
        for detail in details:
            if detail.error:
                self._errors[block, detail.job] = clean(detail.error)
            args = (f"{clean(name)}={clean(value)}" for name, value in sorted(detail.args.items()))
            self._words[block].append((clean(detail.name), " ".join(args), clean(detail.desc)))

    def fields(self, workflow: LiveWorkflow, block: int, job: int) -> Mapping[str, str]:
        """Returns what a filter looks at; a job that was not read yet has only its status and error."""
        status = workflow.blocks[block].status_of(job)
        known = self._words[block]
        kind, args, desc = known[job] if job < len(known) else ("", "", "")
        error = ""
        if status in JOB_TROUBLE:
            error = clean(workflow.errors.get((block, job), "")) or self._errors.get((block, job), "")
        return {"type": kind, "args": args, "desc": desc, "error": error, "status": status.label}


class ChosenBlock:
    """A block of which only the jobs that match are seen."""

    def __init__(self, block: LiveBlock, matched: set[int]) -> None:
        self._block = block
        self._matched = matched
        self._members: dict[Status, list[int]] = {}
        self.counts: Sequence[int] = ()
        self.changed()

    def changed(self) -> None:
        """Counts anew after changes."""
        self._members.clear()
        counts = [0] * len(Status)
        for job in self._matched:
            counts[self._block.statuses[job]] += 1
        self.counts = counts

    def set(self, job: int, matches: bool) -> None:
        """Takes a job in or out; `changed` is due afterwards."""
        if matches:
            self._matched.add(job)
        else:
            self._matched.discard(job)

    @property
    def status(self) -> Status:
        """That of the whole block."""
        return self._block.status

    @property
    def total(self) -> int:
        """How many of its jobs match."""
        return len(self._matched)

    @property
    def trouble(self) -> int:
        """How many of those that match are in trouble."""
        return sum(self.counts[status] for status in JOB_TROUBLE)

    def status_of(self, job: int) -> Status:
        """Returns where a job stands."""
        return self._block.status_of(job)

    def members(self, status: Status) -> Sequence[int]:
        """Returns the matching jobs in a status, in order."""
        if status not in self._members:
            self._members[status] = sorted(j for j in self._matched if self._block.statuses[j] == status)
        return self._members[status]

    def place(self, job: int) -> int | None:
        """Returns a job's place among the matching ones of its status, None if it does not match."""
        if job not in self._matched:
            return None
        return bisect_left(self.members(self.status_of(job)), job)


class Chosen:
    """A workflow seen through a filter; kept up to date by who applies the changes."""

    def __init__(self, workflow: LiveWorkflow, texts: JobTexts, chooser: Filter) -> None:
        self._workflow = workflow
        self._texts = texts
        self._chooser = chooser
        self.blocks = [
            ChosenBlock(block, {job for job in range(block.total) if self._matches(number, job)})
            for number, block in enumerate(workflow.blocks)
        ]

    @property
    def total(self) -> int:
        """How many jobs match."""
        return sum(block.total for block in self.blocks)

    def touch(self, jobs: Iterable[tuple[int, int]]) -> None:
        """Looks again at jobs that have changed."""
        changed = set()
        for block, job in jobs:
            if job >= 0:
                self.blocks[block].set(job, self._matches(block, job))
                changed.add(block)
        for block in changed:
            self.blocks[block].changed()

    def _matches(self, block: int, job: int) -> bool:
        return self._chooser.lets_through(self._texts.fields(self._workflow, block, job))


class Narrowing:
    """The filter of one screen: what was asked for, what is known of the jobs, and what matches."""

    def __init__(self) -> None:
        self.chooser = NO_FILTER
        self.chosen: Chosen | None = None
        self.texts: JobTexts | None = None

    def choose(self, workflow: LiveWorkflow, chooser: Filter) -> None:
        """Filters anew; also after a new picture of the workflow."""
        self.chooser = chooser
        self.chosen = None
        if not chooser:
            return
        if self.texts is None:
            self.texts = JobTexts([block.total for block in workflow.blocks])
        self.chosen = Chosen(workflow, self.texts, chooser)

    def take(self, block: int, details: Sequence[JobDetail]) -> None:
        """Takes the page of jobs that was read next."""
        assert self.texts is not None
        self.texts.take(block, details)
        self.touch([(block, detail.job) for detail in details])

    def touch(self, jobs: Iterable[tuple[int, int]]) -> None:
        """Looks again at jobs that have changed."""
        if self.chosen is not None:
            self.chosen.touch(jobs)

    def words(self) -> str:
        """Tells how many match, and how many are still unread."""
        if self.chosen is None or self.texts is None:
            return ""
        found = f"{self.chosen.total:,} of {self.texts.total:,}"
        unread = self.texts.total - self.texts.known if self.reads else 0
        return f"{found}, {unread:,} still to be read" if unread else found

    @property
    def reads(self) -> bool:
        """Whether the filter looks at more than statuses, so that all jobs have to be read."""
        return not self.chooser.only_in("status")
