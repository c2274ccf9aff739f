"""The jobs of the block that runs: which wait, which run, which wait to be tried again, whose time is over.

It decides and keeps count; it does nothing: the run records, starts and cancels what it says.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wf_server.engine.budget import FailureBudget
from wf_server.engine.retries import may_retry, pause_before
from wf_server.engine.runner import Outcome
from wf_server.engine.waves import Waves
from wf_server.model import FATAL, JobId, Status, Workflow
from wf_server.units import parse_duration

_MICROSECONDS = 1_000_000
_ENDED = {
    Outcome.DONE: Status.COMPLETED,
    Outcome.FAILED: Status.FAILED,
    Outcome.FATAL: Status.FAILED,
    Outcome.CANCELLED: Status.INTERRUPTED,
    Outcome.IN_DOUBT: Status.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How an attempt of a job ended, as it goes on record."""

    job: int
    status: Status
    error: str = ""
    #: FATAL where the workflow may start nothing more.
    reason: str = ""


class BlockRun:
    """The jobs of one block. Times are microseconds since 1970-01-01 UTC."""

    def __init__(
        self,
        workflow: Workflow,
        block: int,
        budget: FailureBudget,
        now_us: int,
        adopted: Iterable[int] = (),
    ) -> None:
        self.block = block
        self._workflow = workflow
        self._spec = workflow.request.blocks[block]
        self._state = workflow.blocks[block]
        self._rate_limit = max(1, self._spec.rate_limit)
        self._budget = budget
        budget.enter(block)
        self.waves = Waves(self._spec, self._state, now_us)
        #: On record as running and not known to have ended.
        self.in_flight: set[int] = set()
        self._waiting = deque(j for j, s in enumerate(self._state.statuses) if s == Status.NOT_STARTED)
        #: When each job that failed is due again.
        self._retrying: dict[int, int] = {}
        self._due_again: deque[int] = deque()
        #: (when its time is over, job, attempt).
        self._timeouts: list[tuple[int, int, int]] = []
        #: Of jobs whose time was over: what was said to them.
        self._timed_out: dict[int, str] = {}
        #: (when it counts as unknown, job, attempt).
        self._graces: list[tuple[int, int, int]] = []
        #: Given up, and their code may still run.
        self._lost: set[int] = set()
        for job, status in enumerate(self._state.statuses):
            if status == Status.RETRYING:
                # Nothing happened later than now: a clock that went back must make nobody wait for that.
                failed_us = min(now_us, self._state.ended[job])
                self._retrying[job] = self._due(job, failed_us, self._state.retries[job])
        for job in adopted:
            self.began([job], min(now_us, self._state.started[job]))

    @property
    def is_empty(self) -> bool:
        """Whether every job has ended."""
        return not (self.in_flight or self.waits)

    @property
    def waits(self) -> bool:
        """Whether a job has yet to begin, or to begin again."""
        return bool(self._waiting or self._retrying or self._due_again)

    @property
    def retrying(self) -> list[int]:
        """The jobs that wait for their next attempt, in order."""
        return sorted([*self._retrying, *self._due_again])

    # What may happen now

    def take(self, now_us: int, most: int, admit: Callable[[int], bool] | None = None) -> list[int]:
        """Takes the jobs that may begin now; they count as in flight from here on.

        One that `admit` does not let in keeps its place, and those after it wait too.
        """
        self._ripen(now_us)
        room = min(most, self._rate_limit - len(self.in_flight))
        taken: list[int] = []
        while len(taken) < room and self._due_again and (admit is None or admit(self._due_again[0])):
            taken.append(self._due_again.popleft())
        # Those that are due again go first: where one of them is not let in, nor is another.
        room = min(room - len(taken), len(self._waiting)) if not self._due_again else 0
        if room > 0:
            at_risk = len(self.in_flight) + len(taken) + len(self._retrying) + len(self._due_again)
            allowed = self._budget.room(at_risk)
            room = room if allowed is None else min(room, allowed)
            bound = self.waves.bound if self.waves.count > 1 else 0
            while room > 0 and self._waiting and (not bound or self._waiting[0] < bound):
                if admit is not None and not admit(self._waiting[0]):
                    break
                taken.append(self._waiting.popleft())
                room -= 1
        self.in_flight.update(taken)
        return taken

    def _ripen(self, now_us: int) -> None:
        if self._retrying:
            due = sorted(job for job, due_us in self._retrying.items() if due_us <= now_us)
            self._due_again.extend(due)
            for job in due:
                del self._retrying[job]
        if self.waves.count > 1:
            done = not (self.in_flight or self._retrying or self._due_again)
            if done and self._waiting and self._waiting[0] >= self.waves.bound:
                self.waves.end_wave(now_us)
            self.waves.tick(now_us)

    def began(self, jobs: Iterable[int], now_us: int) -> None:
        """Jobs run from now on: their time counts."""
        for job in jobs:
            self.in_flight.add(job)
            timeout = self._spec.jobs[job].timeout
            if timeout:
                over = now_us + round(parse_duration(timeout) * _MICROSECONDS)
                heapq.heappush(self._timeouts, (over, job, self._state.attempts_of(job)))

    def next_us(self, *, may_start: bool) -> int | None:
        """When something is due by itself; None: nothing is. What may not start anyway is not waited for."""
        dues = [*self._timeouts[:1], *self._graces[:1]]
        times = [due[0] for due in dues]
        if not may_start:
            return min(times, default=None)
        if self._retrying and len(self.in_flight) < self._rate_limit:
            times.append(min(self._retrying.values()))
        if self.waves.soaks_until:
            times.append(self.waves.soaks_until)
        return min(times, default=None)

    def next_attempt_us(self) -> int:
        """When the next attempt of a job that failed is due; 0: none is."""
        return min(self._retrying.values(), default=0)

    # Whose time is over

    def expired(self, now_us: int, grace_us: int) -> list[int]:
        """The jobs that have to be told to end, because their time is over."""
        told: list[int] = []
        while self._timeouts and self._timeouts[0][0] <= now_us:
            _, job, attempt = heapq.heappop(self._timeouts)
            if job in self.in_flight and attempt == self._state.attempts_of(job):
                self._timed_out[job] = f"timed out after {self._spec.jobs[job].timeout}"
                heapq.heappush(self._graces, (now_us + grace_us, job, attempt))
                told.append(job)
        return told

    def given_up(self, now_us: int, grace: float) -> list[JobEnd]:
        """The jobs that were told to end because their time was over, and did not within the grace period."""
        ends: list[JobEnd] = []
        while self._graces and self._graces[0][0] <= now_us:
            _, job, attempt = heapq.heappop(self._graces)
            if attempt != self._state.attempts_of(job):
                continue
            words = self._timed_out.pop(job, "")
            if words and job in self.in_flight:
                self.in_flight.discard(job)
                self._lost.add(job)
                error = f"{words}, and did not end within {grace:g} s of being told: its outcome is unknown"
                ends.append(JobEnd(job, Status.UNKNOWN, error))
        return ends

    # What became of jobs

    def ended(self, job: int, outcome: Outcome, error: str, now_us: int, *, again: bool) -> JobEnd | None:
        """Takes in how a job's code ended; None where it is not expected any more.

        Without `again` nothing is tried again: the workflow is about to end.
        """
        if job not in self.in_flight:
            self._lost.discard(job)
            return None
        self.in_flight.discard(job)
        words = self._timed_out.pop(job, "") if self._timed_out else ""
        if words and outcome is Outcome.CANCELLED:
            outcome, error = Outcome.FAILED, words
        if outcome is Outcome.FAILED and again:
            failures = self._state.retries.get(job, 0) + 1
            retry = self._spec.jobs[job].retry
            if may_retry(retry, failures, error):
                self._retrying[job] = self._due(job, now_us, failures)
                return JobEnd(job, Status.RETRYING, error)
        if outcome in (Outcome.FAILED, Outcome.FATAL):
            self._budget.note_failure()
        return JobEnd(job, _ENDED[outcome], error, FATAL if outcome is Outcome.FATAL else "")

    def abandon(self) -> list[int]:
        """Lets the jobs go that are in flight: nobody knows how they end."""
        jobs = sorted(self.in_flight)
        self.in_flight.clear()
        return jobs

    def give_up_retries(self) -> list[int]:
        """Tries nothing again; returns the jobs that waited for it."""
        jobs = self.retrying
        self._retrying.clear()
        self._due_again.clear()
        return jobs

    def is_lost(self, job: int) -> bool:
        """Whether it was given up, and its code may still run."""
        return job in self._lost

    def run_again(self, job: int) -> None:
        """A person has said that this job shall run again; that is on record."""
        self._waiting.appendleft(job)

    def failed_after_all(self) -> None:
        """A person has said that a job failed."""
        self._budget.note_failure()

    def _due(self, job: int, failed_us: int, failures: int) -> int:
        retry = self._spec.jobs[job].retry
        if retry is None:
            return failed_us
        pause = pause_before(retry, failures, JobId(self._workflow.id, self.block, job))
        return failed_us + round(pause * _MICROSECONDS)
