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
from wf_tui.state.standing import standing_words, why_words
from wf_tui.state.text import clean
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.detail import bar_content, status_style
from wf_tui.widgets.theme import MUTED


class Overview(Widget):
    """Follows the workflow it is given; says nothing before."""

    def __init__(self, now: Callable[[], datetime], *, may_act: Callable[[], bool] = lambda: True) -> None:
        super().__init__(id="overview")
        self._now = now
        self._may_act = may_act
        self._workflow: LiveWorkflow | None = None
        #: How many lines were shown last: the workflow itself is a living thing.
        self._shown = 3

    def show_workflow(self, workflow: LiveWorkflow) -> None:
        """Shows how it stands now."""
        self._workflow = workflow
        before, self._shown = self._shown, self._lines()
        self.refresh(layout=self._shown != before)

    def _lines(self) -> int:
        return 3 if self._workflow is None else 3 + len(self._standing(self._workflow))

    def _standing(self, workflow: LiveWorkflow) -> list[str]:
        return standing_lines(workflow, self._now(), may_act=self._may_act())

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """More than three lines only where there is more to tell."""
        return self._lines()

    def render(self) -> Content:
        """Paints the lines."""
        if self._workflow is None:
            return Content("")
        return overview(self._workflow, self._now(), self.content_size.width, may_act=self._may_act())


def standing_lines(workflow: LiveWorkflow, now: datetime, *, may_act: bool = True) -> list[str]:
    """Tells what it waits for, and why; none while it just runs."""
    summary = workflow.summary
    told = (standing_words(summary, now, may_act=may_act), why_words(summary, workflow.ordered_by))
    return [clean(words) for words in told if words]


def overview(workflow: LiveWorkflow, now: datetime, width: int, *, may_act: bool = True) -> Content:
    """Tells a workflow in lines of at most so many cells."""
    summary = workflow.summary
    style = status_style(summary.status)
    who = f"  by {clean(summary.operator)}" if summary.operator else ""
    mends = f"  mends {short_id(clean(summary.mends))}" if summary.mends else ""
    if summary.lineage is not None:
        source = short_id(clean(summary.lineage.workflow_id))
        mends += f"  {summary.lineage.kind.label} {source}"
    first = Content.assemble(
        (mark(summary.status), f"bold {style}"),
        ("  " + (clean(summary.desc) or "(no description)"), "bold"),
        (f"{who}{mends}  {clean(summary.id)}", MUTED),
    )
    lines = [first, _progress_line(workflow, now, width, style), _counts(workflow)]
    standing = standing_lines(workflow, now, may_act=may_act)
    lines += [Content.styled(words, style) for words in standing]
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
