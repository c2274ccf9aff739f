"""The live display of a watch on a terminal: overall bar, the running block's jobs, failures as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from wf_tui.cli.reporters import block_title, ending
from wf_tui.cli.terminal import Terminal, status_text
from wf_tui.cli.watching import Watched
from wf_tui.gateway import Unreachable
from wf_tui.state.estimate import fraction_done, time_left
from wf_tui.state.format import bar, between, count, duration
from wf_tui.state.models import JOB_TROUBLE, ChangeBatch, Status
from wf_tui.state.text import clean
from wf_tui.state.workflow import known_status

_JOBS_SHOWN = 12
_BAR = 30
_SMALL_BAR = 12


class LiveReporter:
    """Paints in place. `tick` moves the clocks on; use it as a context manager."""

    def __init__(self, terminal: Terminal, now: Callable[[], datetime]) -> None:
        self._terminal = terminal
        self._now = now
        self._watched: Watched | None = None
        self._lost = ""
        self._seq = -1
        self._live = Live(console=terminal.out, auto_refresh=False, transient=True)

    def __enter__(self) -> LiveReporter:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def tick(self) -> None:
        """Paints again, because time has passed."""
        if self._watched is not None:
            self._live.update(self._picture(self._watched), refresh=True)

    def began(self, watched: Watched, *, again: bool) -> None:
        """Takes over a whole picture."""
        if again and self._lost:
            self._terminal.say(Text("connected again", style="green"))
        self._watched, self._lost = watched, ""
        self._seq = watched.live.seq
        self.tick()

    def changed(self, watched: Watched, batch: ChangeBatch) -> None:
        """Writes troubles above the display, and paints."""
        for at in range(max(0, self._seq + 1 - batch.first_seq), len(batch.statuses)):
            status = known_status(batch.statuses[at])
            if batch.jobs[at] >= 0 and status in JOB_TROUBLE:
                self._trouble(watched, batch, at, status)
        self._seq = watched.live.seq
        self.tick()

    def lost(self, error: Unreachable, seconds: float) -> None:
        """Shows that the picture is old."""
        self._lost = f"{error}; trying again in {seconds:.1f} s (the workflow goes on)"
        self.tick()

    def ended(self, watched: Watched) -> None:
        """Leaves the line of how it ended."""
        self._live.stop()
        self._terminal.say(ending(watched, self._now()))

    def _trouble(self, watched: Watched, batch: ChangeBatch, at: int, status: Status) -> None:
        block, job = batch.blocks[at], batch.jobs[at]
        note = batch.notes.get(at)
        line = Text.assemble(status_text(status), " ", clean(watched.label(block, job)))
        line.append(f" in {clean(block_title(watched, block))}", style="dim")
        if note is not None and note.error:
            line.append(f": {clean(note.error)}")
        self._terminal.say(line)

    def _picture(self, watched: Watched) -> RenderableType:
        lines = [self._head(watched), self._overall(watched), *self._running(watched)]
        if self._lost:
            lines.append(Text(clean(self._lost), style="bold yellow"))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)

    def _head(self, watched: Watched) -> Text:
        summary = watched.live.summary
        return Text.assemble(
            (clean(summary.name), "bold"), " ", (clean(summary.id), "dim"), "  ", status_text(summary.status)
        )

    def _overall(self, watched: Watched) -> Text:
        live, now = watched.live, self._now()
        share = fraction_done(live)
        done, rest = bar(share, _BAR)
        jobs = live.summary.jobs
        line = Text.assemble((done, "cyan"), (rest, "dim"), f" {int(share * 100):3}%")
        line.append(f"  {jobs.over:,} of {count(jobs.total, 'job')}")
        if live.trouble:
            line.append(f"  {live.trouble} in trouble", style="bold red")
        line.append(f"  {between(live.summary.started, live.summary.ended, now)}", style="dim")
        if (left := time_left(live, now)) is not None:
            line.append(f"  about {duration(left.total_seconds())} left")
        return line

    def _running(self, watched: Watched) -> Iterator[Text]:
        for number, block in enumerate(watched.live.blocks):
            if block.status is not Status.RUNNING:
                continue
            yield Text.assemble(
                "  ", clean(block_title(watched, number)), (f"  {block.over}/{block.total}", "dim")
            )
            running = block.members(Status.RUNNING)
            for job in running[:_JOBS_SHOWN]:
                yield self._job(watched, number, job)
            if len(running) > _JOBS_SHOWN:
                yield Text(f"    and {len(running) - _JOBS_SHOWN:,} more running", style="dim")

    def _job(self, watched: Watched, block: int, job: int) -> Text:
        line = Text.assemble("    ", status_text(Status.RUNNING), " ", clean(watched.label(block, job)))
        report = watched.live.progress.get((block, job))
        if report is not None:
            done, rest = bar(report.fraction, _SMALL_BAR)
            line.append_text(
                Text.assemble("  ", (done, "cyan"), (rest, "dim"), f" {int(report.fraction * 100):3}%")
            )
            line.append(f"  {clean(report.message)}", style="dim")
        return line
