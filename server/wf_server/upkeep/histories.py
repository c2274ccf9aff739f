"""Whether a workflow is the sum of its changes: one is replayed and compared with what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from wf_server.model import (
    WHOLE,
    WORKFLOW_FINAL,
    Change,
    IllegalStep,
    Job,
    Standing,
    Status,
    Workflow,
    WorkReq,
)
from wf_server.store import encoding
from wf_server.upkeep.problems import Problem

#: What a request that is no longer readable raises.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
#: The job types that leave records of their own.
TOKEN_JOB, ERASE_JOB = "tokenBucket", "diskErase"


@dataclass(frozen=True, slots=True)
class Stored:
    """A workflow's row, in the order of its columns."""

    id: str
    name: str
    desc: str
    operator: str
    created_us: int
    mends: str
    lineage_kind: int
    lineage_id: str
    submit_key: str | None
    blocks: int
    status: int
    started_us: int
    ended_us: int
    since_us: int
    reason: str
    seq: int
    current_block: int | None
    #: JSON.
    counts: str
    #: JSON.
    request: str
    key: int = 0

    def differences(self, standing: Standing) -> Iterator[str]:
        """What the row says otherwise than the changes do."""
        pairs: list[tuple[str, Any, Any]] = [
            ("status", self.status, int(standing.status)),
            ("started_us", self.started_us, standing.started_us),
            ("ended_us", self.ended_us, standing.ended_us),
            ("since_us", self.since_us, standing.since_us),
            ("reason", self.reason, standing.reason),
            ("current_block", self.current_block, standing.current_block),
            ("counts", encoding.decode_counts(self.counts), {s: n for s, n in standing.counts.items() if n}),
        ]
        for name, found, expected in pairs:
            if found != expected:
                yield f"its row has {name} {found!r}, its changes add up to {expected!r}"


@dataclass(slots=True)
class Records:
    """What the jobs of one workflow left beside its changes."""

    #: (block, job), of every job that has log lines, or progress.
    noted: Sequence[tuple[int, int]] = ()
    #: (block, job, bucket, time).
    tokens: Sequence[tuple[int, int, str, int]] = ()
    #: (block, job, site, machine, time).
    erasures: Sequence[tuple[int, int, str, str, int]] = ()


class HistoryCheck:
    """Replays one workflow's changes; `run` returns what is wrong."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._problems: list[Problem] = []
        #: How many changes were read.
        self.changes = 0
        #: The jobs that a person called done.
        self._called_done: set[tuple[int, int]] = set()

    def run(self, changes: Iterable[Sequence[Any]], records: Records) -> list[Problem]:
        """Checks the row, every change in order, and the records."""
        stored = self._stored
        try:
            request = encoding.decode_request(stored.request)
        except UNREADABLE as error:
            self._add(f"its WorkReq cannot be read: {error}")
            return self._problems
        self._check_copies(request)
        workflow = Workflow(stored.id, request, stored.operator, stored.created_us, key=stored.key)
        if self._replay(workflow, changes):
            self._check_end(workflow)
            self._check_records(workflow, records)
        return self._problems

    def _add(self, what: str, **place: int) -> None:
        self._problems.append(Problem(what, workflow=self._stored.id, **place))  # type: ignore[arg-type]

    def _check_copies(self, request: WorkReq) -> None:
        stored = self._stored
        for name, found, expected in (
            ("name", stored.name, request.name),
            ("desc", stored.desc, request.desc),
            ("blocks", stored.blocks, len(request.blocks)),
        ):
            if found != expected:
                self._add(f"its row has {name} {found!r}, its WorkReq {expected!r}")

    def _replay(self, workflow: Workflow, changes: Iterable[Sequence[Any]]) -> bool:
        """Applies the changes; False where one cannot be, and nothing after it can be judged."""
        told = workflow.standing.copy() if self._stored.seq == 0 else None
        for row in changes:
            self.changes += 1
            change = self._read(workflow, row)
            if change is None:
                return False
            try:
                workflow.apply(change)
            except IllegalStep as error:
                step = str(error).partition(": ")[2]
                self._add(f"an illegal step: {step}", seq=change.seq, **_place(change))
                return False
            if change.status is Status.COMPLETED and change.job >= 0 and change.operator:
                self._called_done.add((change.block, change.job))
            if change.seq == self._stored.seq:
                told = workflow.standing.copy()
            elif change.job == WHOLE and change.seq > self._stored.seq:
                self._add(f"its row stands at change {self._stored.seq} and misses this one", seq=change.seq)
                return False
        if told is None:
            newest = f"the newest there is has number {workflow.seq}"
            self._add(f"changes are missing at the end: its row stands at {self._stored.seq}, {newest}")
            return False
        self._check_row(told)
        return True

    def _read(self, workflow: Workflow, row: Sequence[Any]) -> Change | None:
        seq, block, job, status, time_us, error, operator, reason = row
        if seq != workflow.seq + 1:
            self._add(f"follows change {workflow.seq}: the numbers must go up one by one", seq=seq)
            return None
        blocks = workflow.blocks
        jobs = len(blocks[block].statuses) if 0 <= block < len(blocks) else 0
        if not (block == job == WHOLE or (0 <= block < len(blocks) and WHOLE <= job < jobs)):
            self._add("is about a place that its WorkReq does not have", seq=seq, block=block, job=job)
            return None
        try:
            known = Status(status)
        except ValueError:
            self._add(f"has the status {status}, which is none", seq=seq)
            return None
        return Change(seq, block, job, known, time_us, error or "", operator or "", reason or "")

    def _check_row(self, told: Standing) -> None:
        try:
            for difference in self._stored.differences(told):
                self._add(difference)
        except UNREADABLE as error:
            self._add(f"the counts in its row cannot be read: {error}")

    def _check_end(self, workflow: Workflow) -> None:
        if workflow.standing.status not in WORKFLOW_FINAL:
            return
        for b, block in enumerate(workflow.blocks):
            job = block.statuses.find(Status.RUNNING)
            if job >= 0:
                self._add("it has ended, and this job is running", block=b, job=job)

    # What jobs left

    def _check_records(self, workflow: Workflow, records: Records) -> None:
        for b, j in records.noted:
            self._job(workflow, b, j, "a log or progress is kept")
        holders = set()
        for b, j, bucket, _ in records.tokens:
            holders.add((b, j))
            self._check_token(workflow, b, j, bucket)
        for b, j, site, machine, _ in records.erasures:
            spec = self._job(workflow, b, j, "an erasure is on record")
            if spec and (spec.name, spec.args.get("site"), spec.args.get("machine")) != (
                ERASE_JOB,
                site,
                machine,
            ):
                self._add(
                    f"an erasure of {site}/{machine} is on record, which is not its own", block=b, job=j
                )
        for b, j, spec in workflow.request.jobs():
            done = workflow.blocks[b].statuses[j] == Status.COMPLETED
            if spec.name == TOKEN_JOB and done and (b, j) not in holders | self._called_done:
                self._add("it completed, and was given no token", block=b, job=j)

    def _check_token(self, workflow: Workflow, b: int, j: int, bucket: str) -> None:
        spec = self._job(workflow, b, j, "a token was given")
        if spec is None:
            return
        if spec.name != TOKEN_JOB:
            self._add(f"a token was given to it, and it is a {spec.name}", block=b, job=j)
        elif spec.args.get("bucket") != bucket:
            self._add(f"its token is from the bucket {bucket!r}, not the one it names", block=b, job=j)
        elif not workflow.blocks[b].started[j]:
            self._add("a token was given to it, and it never started", block=b, job=j)

    def _job(self, workflow: Workflow, b: int, j: int, what: str) -> Job | None:
        blocks = workflow.request.blocks
        if 0 <= b < len(blocks) and 0 <= j < len(blocks[b].jobs):
            return blocks[b].jobs[j]
        self._add(f"{what} of a job that its WorkReq does not have", block=b, job=j)
        return None


def _place(change: Change) -> dict[str, int]:
    return {name: n for name, n in (("block", change.block), ("job", change.job)) if n >= 0}
