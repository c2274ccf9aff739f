"""An independent reading of a server's database: whether what it tells can have happened.

It replays every history by rules of its own, written from what wf promises and not from the server's code,
so that a mistake there is not made here again. Only the stored WorkReq is read by the server's decoder.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from wf_server.model import Block, WorkReq
from wf_server.store.encoding import decode_request

#: By the numbers that the database has.
NAMES = (
    *("", "not_started", "running", "failed", "completed", "awaiting_approval", "pausing", "paused"),
    *("needs_operator", "cancelled", "stopped", "interrupted", "unknown", "skipped", "stopping"),
    *("cancelling", "retrying", "held", "queued"),
)

FINAL = {"completed", "failed", "cancelled", "stopped"}
GOING_ON = {"running", "pausing", "paused", "needs_operator", "held"}
#: From which status a workflow may come into one.
WORKFLOW_FROM = {
    "queued": {"not_started"},
    "running": {"not_started", "queued"} | GOING_ON - {"running"},
    "pausing": {"running", "needs_operator"},
    "paused": GOING_ON - {"paused"},
    "needs_operator": GOING_ON - {"needs_operator"},
    "held": {"running", "paused", "needs_operator"},
    "cancelling": GOING_ON,
    "stopping": GOING_ON,
    "cancelled": {"not_started", "queued", "cancelling"},
    "stopped": {"queued", "stopping"},
    "completed": GOING_ON - {"held"},
    "failed": GOING_ON - {"held"},
}
JOB_FROM = {
    "running": {"not_started", "retrying"},
    "completed": {"running", "unknown"},
    "failed": {"running", "unknown", "retrying"},
    "interrupted": {"running", "retrying"},
    "unknown": {"running"},
    "retrying": {"running"},
    "not_started": {"running", "unknown"},
}
#: By an operator alone.
ORDERED = {"pausing", "cancelling", "cancelled", "queued"}
ENDED_JOB = {"completed", "failed", "interrupted"}

UNITS = {"ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6, "d": 86400e6}


class Step(NamedTuple):
    """One row of the table `change`."""

    seq: int
    block: int
    job: int
    status: str
    time_us: int
    error: str
    operator: str
    reason: str


@dataclass
class JobRecord:
    """What the history tells of one job."""

    status: str = "not_started"
    started: int = 0
    ended_us: int = 0
    failed_us: int = 0
    retries: int = 0


@dataclass
class Record:
    """A workflow as its row and its history tell it."""

    id: str
    request: WorkReq
    row_status: str
    row_seq: int
    row_counts: dict[str, int]
    steps: list[Step]
    status: str = "not_started"
    blocks: list[str] = field(default_factory=list)
    jobs: list[list[JobRecord]] = field(default_factory=list)

    def trail(self) -> str:
        """The history, for whoever has to find out what went wrong."""
        lines = [
            f"{s.seq:4} {s.block:2}/{s.job:<3} {s.status:14} {s.time_us} {s.operator} {s.reason} {s.error}"
            for s in self.steps
        ]
        return f"workflow {self.id}: {self.request}\n" + "\n".join(lines)

    def counts(self) -> Counter[str]:
        """Jobs by status."""
        return Counter(job.status for block in self.jobs for job in block)


class Contradiction(AssertionError):
    """A history that cannot have happened."""


def read(database: Path) -> list[Record]:
    """Reads every workflow; nothing is replayed yet."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)) as connection:
        return read_from(connection)


def read_from(connection: sqlite3.Connection) -> list[Record]:
    """Reads every workflow as of one moment; nothing is replayed yet."""
    connection.execute("BEGIN")
    try:
        return [
            Record(
                workflow_id,
                decode_request(request),
                NAMES[status],
                seq,
                {NAMES[int(number)]: n for number, n in json.loads(counts).items()},
                list(_steps(connection, key)),
            )
            for key, workflow_id, status, seq, counts, request in connection.execute(
                "SELECT key, id, status, seq, counts, request FROM workflow ORDER BY key"
            ).fetchall()
        ]
    finally:
        connection.execute("ROLLBACK")


def _steps(connection: sqlite3.Connection, key: int) -> Iterator[Step]:
    rows = connection.execute(
        "SELECT seq, block, job, status, time_us, error, operator, reason FROM change "
        "WHERE workflow = ? ORDER BY seq",
        (key,),
    )
    for seq, block, job, status, time_us, *words in rows:
        yield Step(seq, block, job, NAMES[status], time_us, *(word or "" for word in words))


def check(record: Record) -> Record:
    """Replays a history. Raises Contradiction with the whole trail."""
    record.blocks = ["not_started"] * len(record.request.blocks)
    record.jobs = [[JobRecord() for _ in block.jobs] for block in record.request.blocks]
    record.status = "not_started"
    try:
        own = 0
        for number, step in enumerate(record.steps, 1):
            _expect(step.seq == number, f"change {step.seq} where {number} is due")
            _take(record, step)
            own = step.seq if step.job < 0 else own
        _expect(record.row_status == record.status, f"the row says {record.row_status}")
        _expect(record.row_seq >= own, f"the row is as of {record.row_seq}, and {own} came after")
        if record.status in FINAL:
            _check_end(record)
    except Contradiction as error:
        raise Contradiction(f"{error}\n{record.trail()}") from None
    return record


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise Contradiction(message)


def _take(record: Record, step: Step) -> None:
    where = f"change {step.seq}"
    _expect(record.status not in FINAL, f"{where}: the workflow had ended")
    if step.block < 0:
        before, record.status = record.status, step.status
        _expect(before in WORKFLOW_FROM[step.status], f"{where}: from {before} to {step.status}")
        _expect(bool(step.operator) or step.status not in ORDERED, f"{where}: by nobody")
        _expect(before != "held" or step.status != "running" or bool(step.operator), f"{where}: by nobody")
    elif step.job < 0:
        before, record.blocks[step.block] = record.blocks[step.block], step.status
        _take_block(record, step, before)
    else:
        job = record.jobs[step.block][step.job]
        _expect(job.status in JOB_FROM[step.status], f"{where}: from {job.status} to {step.status}")
        _take_job(record, step, job)


def _take_block(record: Record, step: Step, before: str) -> None:
    where, spec = f"change {step.seq}: block {step.block}", record.request.blocks[step.block]
    if step.status == "running":
        _expect(before == "not_started", f"{where} begins again")
        _expect(record.status == "running", f"{where} begins while the workflow is {record.status}")
        earlier = record.blocks[: step.block]
        _expect(all(status in FINAL for status in earlier), f"{where} begins after {earlier}")
        _expect(bool(step.operator) or not (spec.hold or spec.point_of_no_return), f"{where} without a go")
        _expect(not _budget_spent(record, step.block), f"{where} begins after the budget is spent")
        for b in range(step.block):
            own = int(record.request.blocks[b].on_failure or record.request.on_failure)
            failed = any(job.status != "completed" for job in record.jobs[b])
            _expect(not (failed and own == 2), f"{where} begins after block {b} failed")
    else:
        _expect(before == "running" and step.status in FINAL, f"{where}: from {before} to {step.status}")
        done = all(job.status == "completed" for job in record.jobs[step.block])
        going = [job.status for job in record.jobs[step.block] if job.status in ("running", "retrying")]
        _expect(not going, f"{where} ends with jobs {going}")
        _expect(done or step.status != "completed", f"{where} is completed, and its jobs are not")


def _take_job(record: Record, step: Step, job: JobRecord) -> None:
    where = f"change {step.seq}: job {step.block}/{step.job}"
    spec = record.request.blocks[step.block]
    before, job.status = job.status, step.status
    _expect(record.blocks[step.block] == "running", f"{where} in a block that is {record.blocks[step.block]}")
    if before == "unknown":
        _expect(bool(step.operator), f"{where} is resolved by nobody")
    if step.status == "running":
        _expect(record.status == "running", f"{where} begins while the workflow is {record.status}")
        running = sum(other.status == "running" for other in record.jobs[step.block])
        _expect(running <= max(1, spec.rate_limit), f"{where}: {running} run at once")
        unknown = record.counts()["unknown"]
        _expect(not unknown, f"{where} begins while the outcome of {unknown} is unknown")
        _check_budgets(record, step, before)
        _check_wave(record, step)
        _check_retry(record, step, job, before)
        job.started += 1
    elif step.status == "retrying":
        retry = spec.jobs[step.job].retry
        job.retries += 1
        job.failed_us = step.time_us
        _expect(retry is not None and job.retries < retry.attempts, f"{where} is tried too often")
    job.ended_us = step.time_us


def _budget_spent(record: Record, block: int) -> bool:
    request = record.request
    limits = [(request.max_failures, record.jobs), (request.blocks[block].max_failures, [record.jobs[block]])]
    for written, blocks in limits:
        if written:
            failed = sum(job.status == "failed" for jobs in blocks for job in jobs)
            if failed >= _amount(written, sum(map(len, blocks))):
                return True
    return False


def _check_budgets(record: Record, step: Step, before: str) -> None:
    request, spec = record.request, record.request.blocks[step.block]
    if before == "not_started":
        _expect(not _budget_spent(record, step.block), f"change {step.seq}: the budget is spent")
    for what, jobs in ((request, record.jobs), (spec, [record.jobs[step.block]])):
        if what.no_overshoot:
            states = Counter(job.status for block in jobs for job in block)
            at_risk = states["failed"] + states["running"] + states["retrying"]
            limit = _amount(what.max_failures, sum(map(len, jobs)))
            _expect(at_risk <= limit, f"change {step.seq}: {at_risk} may fail, and {limit} are allowed")


def _check_wave(record: Record, step: Step) -> None:
    spec = record.request.blocks[step.block]
    for bound in wave_bounds(spec):
        if step.job >= bound:
            wave = record.jobs[step.block][:bound]
            states = {job.status for job in wave}
            _expect(states <= ENDED_JOB, f"change {step.seq}: the next wave begins while {states} are before")
            soaked = step.time_us - max(job.ended_us for job in wave)
            _expect(
                not spec.soak or soaked >= _us(spec.soak),
                f"change {step.seq}: the wave of {bound} has soaked {soaked} us of {spec.soak}",
            )


def wave_bounds(spec: Block) -> list[int]:
    """How many jobs the first wave has, the first two, and so on; without the last."""
    bounds: list[int] = []
    for written in spec.ramp:
        bounds.append((bounds[-1] if bounds else 0) + _amount(written, len(spec.jobs)))
    return [bound for bound in bounds if bound < len(spec.jobs)]


def _check_retry(record: Record, step: Step, job: JobRecord, before: str) -> None:
    retry = record.request.blocks[step.block].jobs[step.job].retry
    if before == "retrying":
        assert retry is not None
        delay = _us(retry.delay or "1s") * (retry.backoff or 2.0) ** (job.retries - 1)
        least = min(delay, _us(retry.max_delay or "300s"))
        paused = step.time_us - job.failed_us
        _expect(paused >= least - 1, f"change {step.seq}: tried again after {paused} us of {least}")


def _check_end(record: Record) -> None:
    counts = record.counts()
    total = sum(counts.values())
    _expect(total == record.request.job_count, f"{total} jobs of {record.request.job_count}")
    _expect(
        {status: n for status, n in record.row_counts.items() if n} == dict(counts),
        f"the row counts {record.row_counts}, the history {dict(counts)}",
    )
    _expect(not counts["running"] + counts["retrying"], f"it ended with jobs under way: {dict(counts)}")
    _expect("running" not in record.blocks, "it ended with a block under way")
    if record.status == "completed":
        _expect(counts["completed"] == total, f"completed with {dict(counts)}")
    elif record.status == "failed":
        _expect(counts["completed"] < total, "failed with every job completed")


def _amount(written: str, whole: int) -> int:
    if written.endswith("%"):
        return max(1, math.ceil(round(float(written[:-1]) * whole / 100, 6)))
    return int(written)


def _us(written: str) -> float:
    unit = written.lstrip("0123456789.")
    return float(written[: -len(unit)]) * UNITS[unit]
