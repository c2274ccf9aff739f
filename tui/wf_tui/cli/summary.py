"""A workflow's blocks and troubles, as they stand."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from wf_tui.cli.terminal import Terminal, status_text
from wf_tui.cli.watching import Watched
from wf_tui.state.format import between
from wf_tui.state.models import JobDetail
from wf_tui.state.text import clean


def show_blocks(terminal: Terminal, watched: Watched, now: datetime) -> None:
    """Writes a line for every block."""
    rows = []
    for number, block in enumerate(watched.live.blocks):
        trouble = Text(str(block.trouble) if block.trouble else "", style="bold red")
        rows.append(
            (
                str(number),
                block.desc,
                status_text(block.status),
                f"{block.over}/{block.total}",
                trouble,
                between(block.started, block.ended, now),
            )
        )
    terminal.table(("#block", "description", "status", "#jobs over", "#trouble", "#time"), rows, "no blocks")


def show_jobs(terminal: Terminal, jobs: list[JobDetail], now: datetime) -> None:
    """Writes jobs with their errors and progress."""
    rows = []
    for job in jobs:
        more = clean(job.error or job.progress_message)
        share = "" if job.fraction is None else f"{int(job.fraction * 100)}%"
        args = " ".join(f"{name}={value}" for name, value in job.args.items())
        rows.append(
            (
                f"{job.block}/{job.job}",
                job.name,
                args,
                status_text(job.status),
                share,
                between(job.started, job.ended, now),
                more,
            )
        )
    terminal.table(("job", "type", "arguments", "status", "#done", "#time", "error or progress"), rows, "")
