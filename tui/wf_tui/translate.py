"""The contract's messages to the console's values and back. Pure.

A newer server may send numbers that this console does not know; they become UNSPECIFIED, or the most
careful reading where there is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import betterproto

import wf_proto as pb
from wf_proto import access, audit
from wf_tui.state import models as m
from wf_tui.state import trial as t
from wf_tui.state.audit import AuditPage, AuditQuery, read_entry

EPOCH = datetime.fromtimestamp(0, UTC)


def status(number: int) -> m.Status:
    """Returns the status of that number, UNSPECIFIED for an unknown one."""
    try:
        return m.Status(number)
    except ValueError:
        return m.Status.UNSPECIFIED


def request_to_proto(request: m.WorkReq) -> pb.WorkReq:
    """Returns the message of a WorkReq."""
    return pb.WorkReq(
        name=request.name,
        desc=request.desc,
        blocks=[_block_to_proto(block) for block in request.blocks],
        max_failures=request.max_failures,
        no_overshoot=request.no_overshoot,
        on_failure=pb.OnFailure(request.on_failure),
    )


def _block_to_proto(block: m.Block) -> pb.Block:
    return pb.Block(
        desc=block.desc,
        rate_limit=block.rate_limit,
        jobs=[_job_to_proto(job) for job in block.jobs],
        max_failures=block.max_failures,
        no_overshoot=block.no_overshoot,
        on_failure=pb.OnFailure(block.on_failure),
        hold=block.hold,
        point_of_no_return=block.point_of_no_return,
        ramp=[*block.ramp],
        soak=block.soak,
    )


def _job_to_proto(job: m.Job) -> pb.Job:
    message = pb.Job(name=job.name, desc=job.desc, args=dict(job.args), timeout=job.timeout)
    if job.retry is not None:
        message.retry = pb.Retry(
            attempts=job.retry.attempts,
            delay=job.retry.delay,
            backoff=job.retry.backoff,
            max_delay=job.retry.max_delay,
            jitter=job.retry.jitter,
            errors=[*job.retry.errors],
        )
    return message


def lineage_to_proto(lineage: m.Lineage) -> pb.Lineage:
    """Returns the message of a lineage."""
    return pb.Lineage(kind=pb.LineageKind(lineage.kind), workflow_id=lineage.workflow_id)


def request(message: pb.WorkReq) -> m.WorkReq:
    """Returns the WorkReq of a message."""
    return m.WorkReq(
        message.name,
        message.desc,
        tuple(_requested_block(block) for block in message.blocks),
        max_failures=message.max_failures,
        no_overshoot=message.no_overshoot,
        on_failure=_on_failure(message.on_failure),
    )


def _requested_block(message: pb.Block) -> m.Block:
    return m.Block(
        message.desc,
        message.rate_limit,
        tuple(
            m.Job(j.name, j.desc, dict(j.args), j.timeout, _retry(j.retry) if j.is_set("retry") else None)
            for j in message.jobs
        ),
        max_failures=message.max_failures,
        no_overshoot=message.no_overshoot,
        on_failure=_on_failure(message.on_failure),
        hold=message.hold,
        point_of_no_return=message.point_of_no_return,
        ramp=tuple(message.ramp),
        soak=message.soak,
    )


def _on_failure(number: int) -> m.OnFailure:
    try:
        return m.OnFailure(number)
    except ValueError:
        return m.OnFailure.UNSPECIFIED


def _retry(message: pb.Retry) -> m.Retry:
    return m.Retry(
        attempts=message.attempts,
        delay=message.delay,
        backoff=message.backoff,
        max_delay=message.max_delay,
        jitter=message.jitter,
        errors=tuple(message.errors),
    )


def lineage(message: pb.Lineage) -> m.Lineage | None:
    """Returns the lineage of a message; one that names no workflow is none."""
    if not message.workflow_id:
        return None
    try:
        kind = m.LineageKind(message.kind)
    except ValueError:
        kind = m.LineageKind.UNSPECIFIED
    return m.Lineage(kind, message.workflow_id)


def violation(message: pb.Violation) -> m.Violation:
    """Returns the violation of a message."""
    return m.Violation(
        policy=message.policy,
        message=message.message,
        block=message.block,
        job=message.job,
        arg=message.arg,
        found=message.found,
        expected=message.expected,
        level=_policy_level(message.level),
    )


def _policy_level(number: int) -> m.PolicyLevel:
    # What an older or a newer server means by another number is the strictest.
    return _POLICY_LEVELS.get(number, m.PolicyLevel.DENY)


_POLICY_LEVELS = {
    int(pb.PolicyLevel.WARN): m.PolicyLevel.WARN,
    int(pb.PolicyLevel.DRY_RUN): m.PolicyLevel.DRY_RUN,
}


def rejection_summary(message: pb.RejectionSummary) -> m.RejectionSummary:
    """Returns the line of a refused WorkReq."""
    return m.RejectionSummary(
        id=message.id,
        name=message.name,
        desc=message.desc,
        operator=message.operator,
        time=message.time,
        blocks=message.blocks,
        jobs=message.jobs,
        violations=message.violations,
        first=message.first_violation,
        mended_by=message.mended_by_workflow_id,
    )


def rejection(message: pb.GetRejectionResponse) -> m.Rejection:
    """Returns a refused WorkReq whole."""
    return m.Rejection(
        rejection_summary(message.summary),
        request(message.work_req),
        tuple(violation(found) for found in message.violations),
    )


def history(message: pb.HistoryResponse) -> m.HistoryStretch:
    """Returns a stretch of a workflow's history."""
    columns = message.batch
    return m.HistoryStretch(
        first_seq=columns.first_seq,
        blocks=columns.blocks,
        jobs=columns.jobs,
        statuses=packed(columns.statuses),
        times_us=columns.times_us,
        notes={n.index: m.ChangeNote(n.error, n.operator, n.reason) for n in columns.notes},
        newest_seq=message.newest_seq,
    )


def summary(message: pb.WorkflowSummary) -> m.Summary:
    """Returns the summary of a message."""
    return m.Summary(
        id=message.id,
        name=message.name,
        desc=message.desc,
        status=status(message.status),
        operator=message.operator,
        created=message.created or EPOCH,
        started=message.started,
        ended=message.ended,
        jobs=_counts(message.jobs),
        blocks=message.blocks,
        current_block=message.current_block,
        had_errors=message.had_errors,
        was_es_stopped=message.was_es_stopped,
        reason=message.reason,
        seq=message.seq,
        mends=message.mends_rejection_id,
        lineage=lineage(message.lineage) if message.is_set("lineage") else None,
        since=message.since if message.is_set("since") else None,
        activity=message.activity,
        until=message.until,
    )


def summaries(messages: Iterable[pb.WorkflowSummary]) -> tuple[m.Summary, ...]:
    """Returns the summaries of messages."""
    return tuple(summary(message) for message in messages)


def _counts(message: pb.JobCounts) -> m.JobCounts:
    return m.JobCounts(
        total=message.total,
        not_started=message.not_started,
        running=message.running,
        completed=message.completed,
        failed=message.failed,
        interrupted=message.interrupted,
        unknown=message.unknown,
        skipped=message.skipped,
        retrying=message.retrying,
    )


_KNOWN = bytes(int(number) for number in m.Status)
_PACKED = bytes(number if number in _KNOWN else 0 for number in range(256))


def packed(statuses: bytes) -> bytes:
    """Returns packed statuses with unknown numbers as UNSPECIFIED."""
    return statuses.translate(_PACKED)


def watched(message: pb.WatchResponse) -> m.Snapshot | m.ChangeBatch | None:
    """Returns what a watch brought; None for an event that this console does not know."""
    kind, event = betterproto.which_one_of(message, "event")
    if kind == "snapshot":
        assert isinstance(event, pb.Snapshot)
        return snapshot(event)
    if kind == "batch":
        assert isinstance(event, pb.ChangeBatch)
        return batch(event)
    return None


def snapshot(message: pb.Snapshot) -> m.Snapshot:
    """Returns the snapshot of a message."""
    return m.Snapshot(
        summary(message.summary),
        tuple(_block(block) for block in message.blocks),
        _progress(message.progress),
    )


def _block(message: pb.BlockSnapshot) -> m.BlockSnapshot:
    return m.BlockSnapshot(
        desc=message.desc,
        rate_limit=message.rate_limit,
        status=status(message.status),
        has_error=message.has_error,
        job_statuses=packed(message.job_statuses),
        started=message.started,
        ended=message.ended,
        hold=message.hold,
        point_of_no_return=message.point_of_no_return,
        confirm=message.confirm,
    )


def _progress(message: pb.ProgressReports) -> tuple[m.JobProgress, ...]:
    # Columns of different lengths would be a broken server's: what has no partner is left out.
    fractions = map(_fraction, message.fractions)
    columns = zip(message.blocks, message.jobs, fractions, message.messages, strict=False)
    return tuple(m.JobProgress(*report) for report in columns)


def _fraction(number: float) -> float:
    """Between 0 and 1: what is no number would spoil the sums."""
    return number if 0.0 <= number <= 1.0 else float(number > 1.0)


def batch(message: pb.ChangeBatch) -> m.ChangeBatch:
    """Returns the changes of a message; its columns are taken over as they are."""
    return m.ChangeBatch(
        first_seq=message.first_seq,
        blocks=message.blocks,
        jobs=message.jobs,
        statuses=packed(message.statuses),
        times_us=message.times_us,
        notes={n.index: m.ChangeNote(n.error, n.operator, n.reason) for n in message.notes},
        progress=_progress(message.progress),
        summary=summary(message.summary),
    )


def job_detail(block: int, job: int, message: pb.JobStatus) -> m.JobDetail:
    """Returns everything about the job at that place."""
    return m.JobDetail(
        block=block,
        job=job,
        name=message.name,
        desc=message.desc,
        args=dict(message.args),
        status=status(message.status),
        error=message.error,
        started=message.started,
        ended=message.ended,
        fraction=_fraction(message.progress) if message.progress is not None else None,
        progress_message=message.progress_message,
        log=tuple(message.log),
        attempts=message.attempts,
        next_attempt=message.next_attempt,
    )


def job_story(block: int, job: int, message: pb.GetJobResponse) -> m.JobStory:
    """Returns the job at that place with its attempts and its log."""
    return m.JobStory(
        job_detail(block, job, message.job),
        tuple(m.Attempt(a.started or EPOCH, a.ended, status(a.status), a.error) for a in message.attempts),
        tuple(m.LogLine(line.number, line.time or EPOCH, line.text) for line in message.log),
        message.dropped_lines,
    )


_FATES = bytes(number if number in [*m.Fate] else 0 for number in range(256))


def receipt(message: pb.Receipt) -> m.Receipt:
    """Returns the receipt of a message; fates that this console does not know become UNSPECIFIED."""
    return m.Receipt(
        workflow_id=message.workflow_id,
        name=message.name,
        order=status(message.order),
        operator=message.operator,
        reason=message.reason,
        ordered=message.ordered or EPOCH,
        settled=message.settled,
        grace_ends=message.grace_ends,
        jobs=message.jobs,
        never_started=message.never_started,
        interrupted=message.interrupted,
        finished_anyway=message.finished_anyway,
        unknown=message.unknown,
        ended_before=message.ended_before,
        in_flight=message.in_flight,
        fates=tuple(fates.translate(_FATES) for fates in message.fates),
    )


def planned_rerun(message: pb.PlanRerunResponse) -> tuple[m.WorkReq, m.Lineage]:
    """Returns the WorkReq of a rerun and what it comes from."""
    source = message.lineage
    return request(message.work_req), lineage(source) or m.Lineage(m.LineageKind.RERUN, source.workflow_id)


def stop(message: pb.Stop) -> m.Stop:
    """Returns the stop of a message; whatever is not a plain go counts as engaged."""
    return m.Stop(
        name=message.name,
        engaged=message.status != pb.StopStatus.GO,
        operator=message.operator,
        reason=message.reason,
        changed=message.changed,
        listed=message.listed,
        running=message.running,
        expires=message.expires,
        remind_seconds=message.remind_every_ms / 1000,
        reminded=message.reminded,
        key=_release_key(message.key) if message.key is not None else None,
        first_operator=message.first_operator,
    )


def _release_key(message: pb.ReleaseKey) -> m.ReleaseKey:
    return m.ReleaseKey(message.operator, message.reason, message.turned, message.expires, message.by_hand)


def release_plan(message: pb.PlanReleaseResponse) -> m.ReleasePlan:
    """Returns what a release would let go."""
    return m.ReleasePlan(
        stop=stop(message.stop),
        two_keys=message.two_keys,
        types=tuple(message.types),
        workflows=message.workflows,
        jobs=message.jobs,
        newest=tuple(summary(workflow) for workflow in message.newest),
        more=message.more,
    )


def stop_board(message: pb.StopBoard) -> m.StopBoard:
    """Returns the stop board of a message."""
    stops = tuple(stop(entry) for entry in message.stops)
    return m.StopBoard(stops, message.problem, message.two_keys)


_ARG_KINDS: Mapping[int, str] = {
    pb.ArgKind.INTEGER: "integer",
    pb.ArgKind.BOOLEAN: "boolean",
    pb.ArgKind.SITE: "site",
    pb.ArgKind.MACHINE: "machine",
    pb.ArgKind.BUCKET: "bucket",
    pb.ArgKind.SECRET: "secret",
}
_RECOVERIES: Mapping[int, str] = {
    pb.Recovery.IDEMPOTENT: "idempotent",
    pb.Recovery.VERIFIABLE: "verifiable",
}


def job_type(message: pb.JobType) -> m.JobType:
    """Returns the job type of a message; unknown numbers read as text and as irreversible."""
    args = tuple(
        m.ArgDeclaration(
            name=arg.name,
            kind=_ARG_KINDS.get(arg.kind, "text"),
            required=arg.required,
            help=arg.help,
            choices=tuple(arg.choices),
            example=arg.example,
            minimum=arg.minimum,
        )
        for arg in message.args
    )
    recovery = _RECOVERIES.get(message.recovery, "irreversible")
    return m.JobType(message.name, message.help, args, recovery, message.precondition)


def policy_book(message: pb.ListPoliciesResponse) -> m.PolicyBook:
    """Returns the policies of a message."""
    types = tuple(
        m.WorkflowType(
            kind.name,
            tuple(
                m.Policy(p.name, p.help, settings(p.settings_json), _policy_level(p.level), p.breaches)
                for p in kind.policies
            ),
        )
        for kind in message.workflow_types
    )
    return m.PolicyBook(types, message.problem)


def settings(text: str) -> Mapping[str, object]:
    """Returns a policy's settings; what is no JSON object is kept as text under "settings"."""
    try:
        parsed = json.loads(text or "{}")
    except (ValueError, RecursionError):
        parsed = text
    return parsed if isinstance(parsed, dict) else {"settings": parsed}


def bucket(message: pb.Bucket) -> m.Bucket:
    """Returns the bucket of a message."""
    return m.Bucket(
        name=message.name,
        size=message.size,
        tokens=message.tokens,
        refill=message.refill,
        every_seconds=message.every_seconds,
        next_refill=message.next_refill,
    )


def quota_levels(message: pb.Quota) -> Iterator[m.Quota]:
    """Yields what is taken of a quota, value by value; at least one that says that nothing is."""
    nothing = m.Quota(
        label=message.label,
        value=None,
        taken=0,
        limit=0,
        written=message.limit,
        per_seconds=message.per_seconds,
        job_types=tuple(message.job_types),
        workflow_types=tuple(message.workflow_types),
        level=_policy_level(message.level),
    )
    if not message.gauges:
        yield nothing
    for gauge in message.gauges:
        yield replace(
            nothing,
            value=gauge.value,
            taken=gauge.taken,
            limit=gauge.limit,
            waiting=gauge.waiting,
            next_token=gauge.next_token,
        )


def identity(message: access.WhoAmIResponse) -> m.Identity:
    """Reads how the server knows this client."""
    grants = [
        grant.role if grant.workflow_type == "*" else f"{grant.role}:{grant.workflow_type}"
        for grant in message.grants
    ]
    return m.Identity(message.name, message.way, message.origin, tuple(grants))


def server_info(message: pb.GetServerInfoResponse) -> m.ServerInfo:
    """Returns the server's information of a message."""
    return m.ServerInfo(
        message.version, message.started, message.now or EPOCH, tuple(message.problems), message.draining
    )


_SITE_TYPES: Mapping[int, m.SiteType] = {pb.SiteType.SATELLITE: m.SiteType.SATELLITE}
_SITE_STATUSES: Mapping[int, m.SiteStatus] = {
    pb.SiteStatus.DECOM: m.SiteStatus.DECOM,
    pb.SiteStatus.REMOVED: m.SiteStatus.REMOVED,
}


def site(message: pb.Site) -> m.Site:
    """Returns the site of a message; the unknown reads as what is never erased."""
    return m.Site(
        name=message.name,
        type=_SITE_TYPES.get(message.type, m.SiteType.CLUSTER),
        status=_SITE_STATUSES.get(message.status, m.SiteStatus.IN_SERVICE),
        machine_count=message.machine_count,
    )


def audit_request(query: AuditQuery) -> audit.ListEntriesRequest:
    """What is asked for, as the server hears it."""
    return audit.ListEntriesRequest(
        text=query.text,
        who=query.who,
        what=query.what,
        outcome=query.outcome,
        target=query.target,
        since_us=_microseconds(query.since),
        until_us=_microseconds(query.until),
    )


def _microseconds(time: datetime | None) -> int:
    return round(time.timestamp() * 1_000_000) if time else 0


def audit_page(message: audit.ListEntriesResponse) -> AuditPage:
    """A page of the audit."""
    entries = tuple(read_entry(e.text, e.hash, e.previous) for e in message.entries)
    return AuditPage(entries, message.next, message.head_seq, message.head_hash.hex())


_VERDICTS: Mapping[int, t.Verdict] = {pb.Verdict.PASSES: t.Verdict.PASSES, pb.Verdict.WARNS: t.Verdict.WARNS}


def verdict(number: int) -> t.Verdict:
    """Returns the verdict of a message; what is unknown lets nothing pass."""
    return _VERDICTS.get(number, t.Verdict.REFUSED)


def trial_news(message: pb.TestStoredResponse) -> t.TrialNews:
    """Returns how far a test of policies is."""
    summary = message.summary
    return t.TrialNews(
        message.done,
        message.total,
        tuple(_tested(tested) for tested in message.found),
        _trial_summary(summary) if summary is not None else None,
    )


def _tested(message: pb.TestedRequest) -> t.JudgedRequest:
    return t.JudgedRequest(
        id=message.id,
        rejection=message.rejection,
        name=message.name,
        desc=message.desc,
        operator=message.operator,
        submitted=message.submitted,
        before=verdict(message.before),
        after=verdict(message.after),
        violations=tuple(violation(found) for found in message.violations),
        violated=message.violated,
    )


def _trial_summary(message: pb.TestSummary) -> t.TrialSummary:
    return t.TrialSummary(
        tested=message.tested,
        skipped=message.skipped,
        refused=message.refused,
        warned=message.warned,
        dry_run=message.dry_run,
        newly_refused=message.newly_refused,
        newly_passing=message.newly_passing,
        policies=tuple(
            t.PolicyCount(each.policy, _policy_level(each.level), each.requests) for each in message.policies
        ),
    )


def explanation(message: pb.ExplainResponse) -> t.Explanation:
    """Returns what policies say of a WorkReq."""
    return t.Explanation(
        message.id,
        message.name,
        verdict(message.verdict),
        tuple(
            t.PolicyOutcome(
                policy=each.policy,
                help=each.help,
                settings=json.loads(each.settings_json or "{}"),
                level=_policy_level(each.level),
                violations=tuple(violation(found) for found in each.violations),
                violated=each.violated,
            )
            for each in message.policies
        ),
        tuple(violation(found) for found in message.others),
    )
