"""A workflow in three lines: what it is, how far it is, and when it will end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from wf_tui.state.estimate import fraction_done, time_left
from wf_tui.state.format import between, clock, duration, moment, percent, short_id
from wf_tui.state.marks import counts_line, mark
from wf_tui.state.models import WORKFLOW_FINAL, Status
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.detail import bar_content, status_style
from wf_tui.widgets.theme import MUTED


class Overview(Widget):
    """Follows the workflow it is given; says nothing before."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(id="overview")
        self._now = now
        self._workflow: LiveWorkflow | None = None
        #: How many lines were shown last: the workflow itself is a living thing.
        self._shown = 3

    def show_workflow(self, workflow: LiveWorkflow) -> None:
        """Shows how it stands now."""
        self._workflow = workflow
        before, self._shown = self._shown, self._lines()
        self.refresh(layout=self._shown != before)

    def _lines(self) -> int:
        if self._workflow is None:
            return 3
        return 3 + bool(self._workflow.summary.reason)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A fourth line only where there is a reason to tell."""
        return self._lines()

    def render(self) -> Content:
        """Paints the lines."""
        if self._workflow is None:
            return Content("")
        return overview(self._workflow, self._now(), self.content_size.width)


def overview(workflow: LiveWorkflow, now: datetime, width: int) -> Content:
    """Tells a workflow in lines of at most so many cells."""
    summary = workflow.summary
    style = status_style(summary.status)
    who = f"  by {clean(summary.operator)}" if summary.operator else ""
    mends = f"  mends {short_id(clean(summary.mends))}" if summary.mends else ""
    first = Content.assemble(
        (mark(summary.status), f"bold {style}"),
        ("  " + (clean(summary.desc) or "(no description)"), "bold"),
        (f"{who}{mends}  {clean(summary.id)}", MUTED),
    )
    lines = [first, _progress_line(workflow, now, width, style), _counts(workflow)]
    if summary.reason:
        lines.append(Content.styled(f"Why: {clean(summary.reason)}", style))
    return Content("\n").join(line.truncate(max(1, width), ellipsis=True) for line in lines)


def _progress_line(workflow: LiveWorkflow, now: datetime, width: int, style: str) -> Content:
    jobs = workflow.summary.jobs
    told = (
        f" {percent(jobs.over, jobs.total):>4}  {jobs.over:,} of {jobs.total:,} jobs  {_time(workflow, now)}"
    )
    return bar_content(fraction_done(workflow), max(10, min(40, width - len(told))), style) + told


def _time(workflow: LiveWorkflow, now: datetime) -> str:
    summary = workflow.summary
    if summary.started is None:
        return f"submitted {moment(now, summary.created)}"
    spent = between(summary.started, summary.ended, now)
    if summary.status in WORKFLOW_FINAL:
        return f"ended {moment(now, summary.ended)} after {spent}"
    if summary.status is not Status.RUNNING:
        return f"{spent} so far"
    left = time_left(workflow, now)
    if left is None:
        return f"{spent} so far, end: estimating…"
    return f"{spent} so far, about {duration(left.total_seconds())} left (≈ {clock(now, left)})"


def _counts(workflow: LiveWorkflow) -> Content:
    told = [
        Content.styled(f"{mark(status)} {number:,}", status_style(status))
        for status, number in counts_line(workflow.summary.jobs)
    ]
    return Content("   ").join(told) if told else Content.styled("no jobs", MUTED)
