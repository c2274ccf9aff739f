"""What there is to know about a block or a job, as facts for the pane beside the tree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from textual.content import Content

from wf_tui.state.estimate import block_rate, block_time_left, share_done
from wf_tui.state.format import bar, between, clock, count, duration, moment, rate
from wf_tui.state.marks import JOB_ORDER, Tone, counts_line, mark, tone
from wf_tui.state.models import JobDetail, JobProgress, Status, Summary
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.theme import MUTED

_BAR = 20

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


def block_facts(workflow: LiveWorkflow, number: int, now: datetime) -> Iterator[Fact]:
    """Tells a block."""
    block = workflow.blocks[number]
    yield Fact(f"Block {number} of {len(workflow.blocks)}: {block.desc or '(no description)'}")
    yield Fact("Status", mark(block.status), status_style(block.status))
    done = bar_content(share_done(workflow, number), _BAR, status_style(block.status))
    yield Fact("Done", Content.assemble(done, f" {block.over:,}/{block.total:,}"))
    for status in JOB_ORDER:
        if block.counts[status]:
            yield Fact("", f"  {mark(status)}: {block.counts[status]:,}", status_style(status))
    yield Fact("At once", f"{count(max(1, block.rate_limit), 'job')} at most")
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


def job_facts(
    workflow: LiveWorkflow, number: int, job: int, detail: JobDetail | None, now: datetime
) -> Iterator[Fact]:
    """Tells a job; what the last fetch said, put right by what has been watched since."""
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
