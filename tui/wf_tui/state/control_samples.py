"""Made-up workflows that somebody paused, cancelled, or has to act on, for tests and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from wf_tui.state.models import (
    Attempt,
    Block,
    ChangeNote,
    Fate,
    HistoryStretch,
    Job,
    JobStory,
    LogLine,
    Receipt,
    Retry,
    Snapshot,
    Status,
    Summary,
    WorkReq,
)
from wf_tui.state.samples import ERASE, NOW, ago, counts_of, erase_blocks, jobs_of, snapshot_of, summary_of

S = Status

#: The block that all of them are at.
_AT = 1


class Sample(NamedTuple):
    """A workflow with what a server tells of it."""

    summary: Summary
    blocks: Sequence[Sequence[Status]]
    snapshot: Snapshot
    errors: Mapping[tuple[int, int], str] = {}
    stories: Mapping[tuple[int, int], JobStory] = {}
    receipt: Receipt | None = None
    history: HistoryStretch | None = None


def _sample(status: Status, jobs: Sequence[Status], **fields: object) -> Sample:
    blocks = erase_blocks(1)
    blocks[_AT] = [*jobs, *[S.NOT_STARTED] * (6 - len(jobs))]
    known: dict[str, object] = {"started": ago(127), "since": ago(95), "seq": 12, "current_block": _AT}
    summary = summary_of(0, status, counts_of(blocks), **{**known, **fields})
    return Sample(summary, blocks, snapshot_of(summary, blocks))


def renumbered(summary: Summary, workflow_id: str, created: datetime) -> Summary:
    """The same workflow as another one, for lists."""
    return replace(summary, id=workflow_id, created=created)


def paused() -> Sample:
    """Paused by another operator."""
    sample = _sample(S.PAUSED, [S.COMPLETED] * 3, reason="row 4 smells of smoke")
    return sample._replace(history=_ordered(S.PAUSED, "grace@ops-2", "row 4 smells of smoke"))


def pausing() -> Sample:
    """Two jobs are still in flight."""
    sample = _sample(S.PAUSING, [S.COMPLETED, S.RUNNING, S.RUNNING], reason="row 4 smells of smoke")
    return sample._replace(history=_ordered(S.PAUSING, "ada@ops-1", "row 4 smells of smoke"))


def _ordered(status: Status, operator: str, reason: str) -> HistoryStretch:
    """The last change of a workflow's history: an order."""
    when = round(ago(95).timestamp() * 1_000_000)
    note = ChangeNote(operator=operator, reason=reason)
    return HistoryStretch(12, [-1], [-1], bytes([status]), [when], {0: note}, 12)


def held(*, point_of_no_return: bool = False) -> Sample:
    """Waits for a go before its first block of erasures."""
    words = "block 1 (Disk erase machines aa00-aa04) waits for a go"
    sample = _sample(S.HELD, [], reason=words, current_block=0)
    blocks = list(sample.snapshot.blocks)
    blocks[_AT] = replace(blocks[_AT], hold=True, point_of_no_return=point_of_no_return, confirm="aap")
    return sample._replace(snapshot=replace(sample.snapshot, blocks=tuple(blocks)))


def waiting() -> Sample:
    """Waits for the end of a freeze before its first block of erasures."""
    why = "changeWindow: block 1: changes are frozen: audit (found Sun 2026-03-01 04:00 CET, expected from "
    why += "Sun 2026-03-01 06:00 CET on)"
    words = f"block 1 (Disk erase machines aa00-aa04) waits: {why}"
    until = NOW + timedelta(hours=2)
    return _sample(S.HELD, [], reason=words, current_block=0, activity=why, until=until)


def needs_operator() -> Sample:
    """One erasure's outcome is unknown since the server was restarted."""
    error = "the server ended while it ran: its outcome is unknown"
    sample = _sample(
        S.NEEDS_OPERATOR,
        [S.COMPLETED, S.COMPLETED, S.UNKNOWN],
        reason="the outcome of 1 job is unknown",
        had_errors=True,
    )
    detail = jobs_of(sample.blocks, {(_AT, 2): error})[_AT][2]
    story = JobStory(
        replace(detail, attempts=1),
        (Attempt(ago(102), ago(97), S.UNKNOWN, error),),
        tuple(LogLine(4 + at, ago(102 - at), text) for at, text in enumerate(detail.log)),
        3,
    )
    return sample._replace(errors={(_AT, 2): error}, stories={(_AT, 2): story})


def retrying() -> Sample:
    """A job failed once and is tried again in a moment."""
    sample = _sample(
        S.RUNNING,
        [S.COMPLETED, S.RETRYING],
        activity="1 job to be tried again",
        until=NOW + timedelta(seconds=12),
    )
    detail = jobs_of(sample.blocks, {})[_AT][1]
    again = replace(
        detail,
        status=S.RETRYING,
        error="controller busy",
        attempts=1,
        next_attempt=NOW + timedelta(seconds=12),
    )
    attempt = Attempt(ago(31), ago(1), S.RETRYING, "controller busy")
    story = JobStory(again, (attempt,), (LogLine(1, ago(30), "opened the controller"),))
    return sample._replace(errors={(_AT, 1): "controller busy"}, stories={(_AT, 1): story})


def soaking() -> Sample:
    """The first of three waves has ended."""
    return _sample(
        S.RUNNING,
        [S.COMPLETED],
        activity="soaking after wave 1 of 3",
        until=NOW + timedelta(seconds=24),
    )


def queued() -> Sample:
    """Waits for its turn."""
    sample = _sample(S.QUEUED, [], activity="place 3 in the queue", started=None, current_block=None)
    blocks = [[S.NOT_STARTED] * len(jobs) for jobs in sample.blocks]
    summary = replace(sample.summary, jobs=counts_of(blocks))
    return sample._replace(summary=summary, blocks=blocks, snapshot=snapshot_of(summary, blocks))


def cancelled(*, settled: bool = False) -> Sample:
    """Cancelled with jobs in flight; `settled`: they have ended, or were given up."""
    jobs = [S.INTERRUPTED, S.UNKNOWN, S.COMPLETED] if settled else [S.RUNNING, S.RUNNING, S.COMPLETED]
    status = S.CANCELLED if settled else S.CANCELLING
    sample = _sample(
        status,
        jobs,
        reason="wrong satellite",
        since=ago(3),
        until=None if settled else NOW + timedelta(seconds=7),
        ended=ago(1) if settled else None,
        had_errors=settled,
    )
    first = [Fate.INTERRUPTED, Fate.UNKNOWN] if settled else [Fate.IN_FLIGHT, Fate.IN_FLIGHT]
    fates = [bytes([Fate.ENDED_BEFORE] * 2), bytes([*first, Fate.FINISHED_ANYWAY, *[Fate.NEVER_STARTED] * 3])]
    fates += [bytes([Fate.NEVER_STARTED] * len(jobs)) for jobs in sample.blocks[2:]]
    numbers = {fate: sum(block.count(fate) for block in fates) for fate in Fate}
    receipt = Receipt(
        sample.summary.id,
        ERASE,
        S.CANCELLED,
        "grace@ops-2",
        "wrong satellite",
        ago(3),
        ago(1) if settled else None,
        None if settled else NOW + timedelta(seconds=7),
        jobs=sum(numbers.values()),
        never_started=numbers[Fate.NEVER_STARTED],
        interrupted=numbers[Fate.INTERRUPTED],
        finished_anyway=numbers[Fate.FINISHED_ANYWAY],
        unknown=numbers[Fate.UNKNOWN],
        ended_before=numbers[Fate.ENDED_BEFORE],
        in_flight=numbers[Fate.IN_FLIGHT],
        fates=tuple(fates),
    )
    return sample._replace(receipt=receipt, history=_ordered(status, "grace@ops-2", "wrong satellite"))


def sample_request() -> WorkReq:
    """The WorkReq of an erasure, with waves, a budget and retries in its first block of erasures."""
    details = jobs_of(erase_blocks(1), {})
    retry = Retry(3, "10s", 2.0, "1m", 0.2, ("busy",))
    blocks = [
        Block(
            "Check pre-conditions" if at == 0 else "Disk erase machines",
            1 if at == 0 else 5,
            tuple(
                Job(job.name, job.desc, job.args, "5m" if at else "", retry if at else None) for job in jobs
            ),
        )
        for at, jobs in enumerate(details)
    ]
    blocks[_AT] = replace(blocks[_AT], max_failures="3", ramp=("1", "2"), soak="30s")
    return WorkReq(ERASE, "Erase all disks of satellite aap", tuple(blocks), "20%", True)
