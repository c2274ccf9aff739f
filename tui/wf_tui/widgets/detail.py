"""What there is to know about a block or a job, as facts for the pane beside the tree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from textual.content import Content

from wf_tui.state.estimate import block_rate, block_time_left, share_done
from wf_tui.state.format import bar, between, clock, count, duration, moment, rate
from wf_tui.state.marks import JOB_ORDER, Tone, counts_line, mark, tone
from wf_tui.state.models import Job, JobDetail, JobProgress, JobStory, Status, Summary, WorkReq
from wf_tui.state.options import (
    budget_words,
    hold_words,
    job_option_words,
    on_failure_words,
    waves_words,
)
from wf_tui.state.standing import left_words
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.theme import MUTED

_BAR = 20
#: Of a job's log, beside the question what became of it.
_LOG_END = 3

#: The theme's colour of each tone.
TONE_STYLES = {
    Tone.IDLE: MUTED,
    Tone.BUSY: "$text-primary",
    Tone.GOOD: "$text-success",
    Tone.BAD: "$text-error",
    Tone.HELD: "$text-warning",
    Tone.HALTED: "$text-accent",
}


def status_style(status: Status) -> str:
    """Returns the style of a status for Content."""
    return TONE_STYLES[tone(status)]


def bar_content(fraction: float, width: int, style: str) -> Content:
    """Draws a progress bar."""
    done, rest = bar(fraction, width)
    return Content.assemble((done, style), (rest, MUTED))


def summary_facts(summary: Summary, now: datetime) -> Iterator[Fact]:
    """Tells a workflow."""
    yield Fact(summary.name)
    yield Fact("Status", mark(summary.status), status_style(summary.status))
    if summary.reason:
        yield Fact("Why", summary.reason, status_style(summary.status))
    yield Fact("About", summary.desc or "(no description)")
    yield Fact("Id", summary.id)
    yield Fact("By", summary.operator or "–")
    yield Fact("Jobs", f"{summary.jobs.total:,} in {count(summary.blocks, 'block')}")
    for status, number in counts_line(summary.jobs):
        yield Fact("", f"  {mark(status)}: {number:,}", status_style(status))
    yield Fact("Submitted", moment(now, summary.created))
    yield Fact("Started", moment(now, summary.started))
    yield Fact("Ended", moment(now, summary.ended))
    yield Fact("Took" if summary.ended else "So far", between(summary.started, summary.ended, now))
    if summary.mends:
        yield Fact("Mends", f"rejection {summary.mends}")


def block_facts(
    workflow: LiveWorkflow, number: int, now: datetime, request: WorkReq | None = None
) -> Iterator[Fact]:
    """Tells a block; `request` is what was submitted, where that is known."""
    block = workflow.blocks[number]
    yield Fact(f"Block {number} of {len(workflow.blocks)}: {block.desc or '(no description)'}")
    yield Fact("Status", mark(block.status), status_style(block.status))
    done = bar_content(share_done(workflow, number), _BAR, status_style(block.status))
    yield Fact("Done", Content.assemble(done, f" {block.over:,}/{block.total:,}"))
    for status in JOB_ORDER:
        if block.counts[status]:
            yield Fact("", f"  {mark(status)}: {block.counts[status]:,}", status_style(status))
    yield Fact("At once", f"{count(max(1, block.rate_limit), 'job')} at most")
    if words := hold_words(block.hold, block.point_of_no_return):
        yield Fact("Hold", f"◆ {words}", TONE_STYLES[Tone.HELD])
    if request is not None:
        yield from _block_options(workflow, number, request)
    yield Fact("Started", moment(now, block.started))
    yield Fact("Ended", moment(now, block.ended))
    yield Fact("Took" if block.ended else "So far", between(block.started, block.ended, now))
    per_second = block_rate(block, now)
    if per_second is not None:
        each = f", {duration(1 / per_second)} a job" if per_second < 1 else ""
        yield Fact("Pace", f"{rate(per_second)}{each}")
    left = block_time_left(workflow, number, now)
    if left is not None:
        yield Fact("Left", f"about {duration(left.total_seconds())} (≈ {clock(now, left)})")


def _block_options(workflow: LiveWorkflow, number: int, request: WorkReq) -> Iterator[Fact]:
    """Tells waves and budgets: the block's own, and that of the whole."""
    block, live = request.blocks[number], workflow.blocks[number]
    if waves := waves_words(block):
        yield Fact("Waves", waves)
        if live.status is Status.RUNNING and workflow.summary.activity:
            yield Fact("", f"  {workflow.summary.activity}")
    if budget := budget_words(block, live.total, live.counts[Status.FAILED]):
        yield Fact("Budget", budget)
    if budget := budget_words(request, workflow.summary.jobs.total, workflow.summary.jobs.failed):
        yield Fact("Of all", budget)
    if words := on_failure_words(request, block):
        yield Fact("An error", words)


def job_facts(
    workflow: LiveWorkflow,
    number: int,
    job: int,
    detail: JobDetail | None,
    now: datetime,
    *,
    story: JobStory | None = None,
    asked: Job | None = None,
) -> Iterator[Fact]:
    """Tells a job; what the last fetch said, put right by what has been watched since.

    `story` are its attempts, `asked` is what was submitted, where they are known.
    """
    key = number, job
    status = workflow.blocks[number].status_of(job)
    yield Fact(f"Job {job} of block {number}: {detail.name if detail is not None else '…'}")
    yield Fact("Status", mark(status), status_style(status))
    error = workflow.errors.get(key) or (detail.error if detail is not None else "")
    if error:
        yield Fact("Error", error, status_style(status))
    if detail is None:
        yield Fact("", "loading…", MUTED)
        return
    if detail.desc:
        yield Fact("About", detail.desc)
    for name, value in sorted(detail.args.items()):
        yield Fact(clean(name), value or "(empty)")
    yield from _times(workflow, detail, status, now)
    yield from _progress(workflow.progress.get(key), detail, status)
    if status is Status.RETRYING:
        yield from _next_attempt(detail, now)
    if story is not None:
        yield from _attempts(story, now)
    if asked is not None:
        for label, words in job_option_words(asked):
            yield Fact(label, words)
    if detail.log:
        yield Fact("Log")
        for line in detail.log:
            yield Fact("", f"  {line}")


def _times(workflow: LiveWorkflow, detail: JobDetail, status: Status, now: datetime) -> Iterator[Fact]:
    started = workflow.started.get((detail.block, detail.job)) or detail.started
    # A fetch from before the job ran again must not end it.
    ended = None if status is Status.RUNNING else detail.ended
    if started is None:
        return
    yield Fact("Started", moment(now, started))
    if ended is not None:
        yield Fact("Ended", moment(now, ended))
    if status is Status.RUNNING or ended is not None:
        yield Fact("Took" if ended else "So far", between(started, ended, now))


def _progress(report: JobProgress | None, detail: JobDetail, status: Status) -> Iterator[Fact]:
    fraction = report.fraction if report is not None else detail.fraction
    if status is not Status.RUNNING or fraction is None:
        return
    words = report.message if report is not None else detail.progress_message
    done = bar_content(fraction, _BAR, status_style(status))
    yield Fact("Progress", Content.assemble(done, f" {int(100 * fraction)}%"))
    if words:
        yield Fact("", f"  {words}")


def _next_attempt(detail: JobDetail, now: datetime) -> Iterator[Fact]:
    if detail.next_attempt is None:
        return
    left = left_words(detail.next_attempt, now)
    yield Fact("Again", f"in {left}, at {moment(now, detail.next_attempt)}" if left else "now")


def _attempts(story: JobStory, now: datetime) -> Iterator[Fact]:
    if not story.attempts:
        return
    yield Fact("Attempts")
    for number, attempt in enumerate(story.attempts, 1):
        took = between(attempt.started, attempt.ended, now)
        # Whoever reads it wants to know how this one ended, and the next line says that it was tried again.
        status = Status.FAILED if attempt.status is Status.RETRYING else attempt.status
        yield Fact(
            "", f"  #{number} {moment(now, attempt.started)}, {took}  {mark(status)}", status_style(status)
        )
        if attempt.error:
            yield Fact("", f"     {attempt.error}", status_style(status))


def story_facts(story: JobStory, now: datetime) -> Iterator[Fact]:
    """Tells a job whose outcome somebody has to settle: what it is, attempts, error, the end of its log."""
    job = story.job
    args = "  ".join(f"{name}={value}" for name, value in sorted(job.args.items()))
    yield Fact("Job", f"{job.name}  {args}" if args else job.name)
    if job.error:
        yield Fact("Error", job.error, status_style(job.status))
    if len(story.attempts) > 1:
        yield from _attempts(story, now)
    elif story.attempts:
        only = story.attempts[0]
        yield Fact("Ran", f"{moment(now, only.started)}, {between(only.started, only.ended, now)}")
    dropped = story.dropped_lines + max(0, len(story.log) - _LOG_END)
    if story.log:
        yield Fact("Log")
    if dropped:
        yield Fact("", f"  … {count(dropped, 'line')} before", MUTED)
    for line in story.log[-_LOG_END:]:
        yield Fact("", f"  {moment(now, line.time)}  {line.text}")
