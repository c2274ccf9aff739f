"""Made-up workflows, stops and sites, for tests and pictures: an erasure of `aap` in every state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from wf_tui.state.models import (
    BlockSnapshot,
    Bucket,
    ChangeNote,
    HistoryStretch,
    JobCounts,
    JobDetail,
    JobProgress,
    Policy,
    PolicyBook,
    PolicyLevel,
    Quota,
    ReleaseKey,
    Site,
    SiteStatus,
    SiteType,
    Snapshot,
    Status,
    Stop,
    StopBoard,
    Summary,
    Violation,
    WorkflowType,
)
from wf_tui.state.trial import JudgedRequest, PolicyCount, TrialNews, TrialSummary, Verdict

S = Status

#: Three in the morning.
NOW = datetime(2026, 3, 1, 3, 0, 0, tzinfo=UTC)
ERASE = "SatelliteDiskErase"
_MACHINES = [f"a{letter}{digit:02}" for letter in "abcde" for digit in range(10)]
_BATCH = 5
_PAUSE = 60


def ago(seconds: float) -> datetime:
    """Returns the time so many seconds before three in the morning."""
    return NOW - timedelta(seconds=seconds)


def sample_id(number: int) -> str:
    """Returns the id of a made-up workflow."""
    return f"0198b2c4-5f00-7000-8000-{number:012x}"


def counts_of(blocks: Sequence[Sequence[Status]]) -> JobCounts:
    """Counts statuses."""
    flat = [status for block in blocks for status in block]
    return JobCounts(
        total=len(flat),
        not_started=flat.count(S.NOT_STARTED),
        running=flat.count(S.RUNNING),
        completed=flat.count(S.COMPLETED),
        failed=flat.count(S.FAILED),
        interrupted=flat.count(S.INTERRUPTED),
        unknown=flat.count(S.UNKNOWN),
        skipped=flat.count(S.SKIPPED),
        retrying=flat.count(S.RETRYING),
    )


def summary_of(number: int, status: Status, jobs: JobCounts, **fields: object) -> Summary:
    """Makes a workflow's line, created a minute earlier for each number."""
    base = Summary(
        id=sample_id(0xBEEF - number),
        name=ERASE,
        desc="Erase all disks of satellite aap",
        status=status,
        operator="ada@ops-1",
        created=ago(60 * number + 12),
        jobs=jobs,
        blocks=11,
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def erase_blocks(done: int) -> list[list[Status]]:
    """Returns the statuses of an erasure with so many blocks completed and none begun after them."""
    sizes = [2, *([_BATCH + 1] * 9), _BATCH]
    return [[S.COMPLETED if at < done else S.NOT_STARTED] * size for at, size in enumerate(sizes)]


def _block_status(jobs: Sequence[Status], ended: bool) -> Status:
    if S.RUNNING in jobs:
        return S.RUNNING
    if all(status is S.NOT_STARTED for status in jobs):
        return S.NOT_STARTED
    if S.INTERRUPTED in jobs:
        return S.STOPPED
    if S.FAILED in jobs:
        return S.FAILED
    return S.COMPLETED if ended or S.NOT_STARTED not in jobs else S.RUNNING


def snapshot_of(
    summary: Summary, blocks: Sequence[Sequence[Status]], reports: Sequence[JobProgress] = ()
) -> Snapshot:
    """Makes the snapshot of an erasure; a block takes 92 s, the one that runs began 35 s ago."""
    shots = []
    running = next((at for at, jobs in enumerate(blocks) if S.RUNNING in jobs), len(blocks))
    for at, jobs in enumerate(blocks):
        status = _block_status(jobs, ended=summary.ended is not None)
        begun = ago(35 + 92 * (running - at)) if status is not S.NOT_STARTED else None
        ended = begun + timedelta(seconds=92 if at else 1) if begun and status is not S.RUNNING else None
        desc = "Check pre-conditions" if at == 0 else f"Disk erase machines {_span(at)}"
        rate = 1 if at == 0 else _BATCH
        trouble = any(job in (S.FAILED, S.INTERRUPTED, S.UNKNOWN) for job in jobs)
        shots.append(BlockSnapshot(desc, rate, status, trouble, bytes(jobs), begun, ended))
    return Snapshot(summary, tuple(shots), tuple(reports))


def _span(block: int) -> str:
    first = (block - 1) * _BATCH
    return f"{_MACHINES[first]}-{_MACHINES[first + _BATCH - 1]}"


def jobs_of(blocks: Sequence[Sequence[Status]], errors: dict[tuple[int, int], str]) -> list[list[JobDetail]]:
    """Makes the details that go with the statuses of an erasure."""
    return [
        [_detail(at, job, status, errors.get((at, job), "")) for job, status in enumerate(jobs)]
        for at, jobs in enumerate(blocks)
    ]


def _detail(block: int, job: int, status: Status, error: str) -> JobDetail:
    name, desc, args = _job(block, job)
    begun = None if status is S.NOT_STARTED else ago(31)
    ended = None if status in (S.NOT_STARTED, S.RUNNING) else ago(1)
    log = ("opened the controller", "pass 1 of 3", "pass 2 of 3") if name == "diskErase" and begun else ()
    return JobDetail(block, job, name, desc, args, status, error, begun, ended, log=log)


def _job(block: int, job: int) -> tuple[str, str, dict[str, str]]:
    if block == 0:
        if job == 0:
            return "validateDecom", "The site is still in decom", {"site": "aap", "type": "satellite"}
        return "tokenBucket", "One erasure at a time", {"bucket": "diskEraseSatellite", "fatal": "true"}
    if job == _BATCH:
        return "sleep", "Time to notice", {"seconds": str(_PAUSE)}
    machine = _MACHINES[(block - 1) * _BATCH + job]
    return "diskErase", f"Erase the disks of {machine}", {"machine": machine, "site": "aap"}


def sample_sites() -> tuple[tuple[Site, tuple[str, ...]], ...]:
    """Returns six sites with their machines: two that can be erased."""
    made = []
    for name, kind, status in (
        ("aaa", SiteType.SATELLITE, SiteStatus.IN_SERVICE),
        ("aab", SiteType.CLUSTER, SiteStatus.IN_SERVICE),
        ("aap", SiteType.SATELLITE, SiteStatus.DECOM),
        ("aaq", SiteType.CLUSTER, SiteStatus.DECOM),
        ("adg", SiteType.SATELLITE, SiteStatus.DECOM),
        ("adj", SiteType.SATELLITE, SiteStatus.REMOVED),
    ):
        machines = tuple(_MACHINES) if kind is SiteType.SATELLITE else ()
        made.append((Site(name, kind, status, len(machines)), machines))
    return tuple(made)


def sample_board(
    *,
    problem: str = "",
    everything: bool = False,
    erase: bool = False,
    two_keys: bool = False,
    key: bool = False,
) -> StopBoard:
    """Returns a stop board in which some stops are engaged, with a first key where that is asked for."""
    why = "smoke in row 4" if erase else "row 4 is clear"
    turned = ReleaseKey("linus", "row 4 is clear", ago(60), ago(-1740)) if key else None
    return StopBoard(
        (
            Stop(ERASE, erase, "ada@ops-1", why, ago(140), running=1, key=turned),
            Stop("RackPowerCycle", True, listed=False),
            Stop("*", everything, "grace@ops-2", "network split in fra" if everything else "", ago(25)),
        ),
        problem,
        two_keys,
    )


def sample_book() -> PolicyBook:
    """Returns the policies in force."""
    names = ("restrictJobTypes", "sameArgs", "startOrEnd")
    return PolicyBook((WorkflowType(ERASE, tuple(Policy(name, "", {}) for name in names)),))


def sample_buckets(tokens: int = 1) -> tuple[Bucket, ...]:
    """Returns the bucket of an erasure."""
    refill = None if tokens else NOW + timedelta(minutes=12, seconds=30)
    return (Bucket("diskEraseSatellite", 1, tokens, 1, 1800.0, refill),)


def sample_quotas() -> tuple[Quota, ...]:
    """Returns the quotas of a busy day."""
    hourly = Quota(
        "site", "aap", 5, 5, "5%", 3600.0, 2, NOW + timedelta(minutes=20), ("diskErase",), (ERASE,)
    )
    filling = replace(hourly, value="adg", taken=2, waiting=0, next_token=NOW + timedelta(seconds=41))
    daily = Quota("", "", 38, 400, "400", 86_400.0, 0, NOW + timedelta(hours=7), (), (ERASE, "Maintenance"))
    counted = replace(hourly, value=None, taken=0, limit=0, written="1", waiting=0, next_token=None)
    return hourly, filling, daily, replace(counted, level=PolicyLevel.DRY_RUN, job_types=("validateDecom",))


def sample_history(
    blocks: Sequence[Sequence[Status]], errors: dict[tuple[int, int], str], *, until: int | None = None
) -> HistoryStretch:
    """Makes the history of an erasure, a change a second from two in the morning on."""
    changes = [(-1, -1, S.RUNNING, "")]
    for at, jobs in enumerate(blocks):
        changes.append((at, -1, S.RUNNING, ""))
        for job in range(len(jobs)):
            error = errors.get((at, job), "")
            changes += [(at, job, S.RUNNING, ""), (at, job, S.FAILED if error else S.COMPLETED, error)]
        changes.append((at, -1, S.FAILED if any(place[0] == at for place in errors) else S.COMPLETED, ""))
    reason = f"{len(errors)} job failed" if errors else ""
    changes.append((-1, -1, S.FAILED if errors else S.COMPLETED, reason))
    first = round(ago(3600).timestamp() * 1_000_000)
    kept = changes[:until]
    return HistoryStretch(
        first_seq=1,
        blocks=[block for block, _, _, _ in kept],
        jobs=[job for _, job, _, _ in kept],
        statuses=bytes(status for _, _, status, _ in kept),
        times_us=[first + at * 1_000_000 for at in range(1, len(kept) + 1)],
        notes={at: ChangeNote(error=error) for at, (_, _, _, error) in enumerate(kept) if error},
        newest_seq=len(kept),
    )


def sample_trial() -> tuple[TrialNews, ...]:
    """Returns what a draft came to that allows fewer jobs."""
    jobs = Violation("maxJobs", "too many jobs in the WorkReq", found="3", expected="at most 2")
    tried = Violation("sameArgs", "site differs", 0, 1, "site", "adg", "aap", PolicyLevel.DRY_RUN)
    warned = Violation("maxJobs", "too many jobs in a block", 0, level=PolicyLevel.WARN)
    found = (
        JudgedRequest("a1b2c3d4-0000-4000-8000-000000000001", False, ERASE, "erase aap", "ada", ago(140),
                      Verdict.PASSES, Verdict.REFUSED, (jobs, tried), 2),
        JudgedRequest("a1b2c3d4-0000-4000-8000-000000000002", False, "Maintenance", "reboot a row", "linus",
                      ago(3_700), Verdict.PASSES, Verdict.WARNS, (warned,), 1),
        JudgedRequest("a1b2c3d4-0000-4000-8000-000000000003", False, ERASE, "erase adg", "grace@ops-2",
                      ago(90_000), Verdict.PASSES, Verdict.PASSES, (tried,), 1),
        JudgedRequest("a1b2c3d4-0000-4000-8000-000000000004", True, "RackPowerCycle", "cycle 4", "linus",
                      ago(200), Verdict.REFUSED, Verdict.PASSES),
        JudgedRequest("a1b2c3d4-0000-4000-8000-000000000005", True, ERASE, "erase all", "linus",
                      ago(7_000), Verdict.REFUSED, Verdict.REFUSED, (jobs,), 1),
    )  # fmt: skip
    summary = TrialSummary(
        312, refused=2, warned=1, dry_run=1, newly_refused=1, newly_passing=1,
        policies=(PolicyCount("maxJobs", PolicyLevel.DENY, 2),),
    )  # fmt: skip
    return TrialNews(50, 312, found[:1]), TrialNews(312, 312, found[1:], summary)
