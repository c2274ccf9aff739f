"""The options of a WorkReq, a block and a job in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from wf_tui.state.models import Block, Job, OnFailure, Retry, WorkReq

_COUNT = re.compile(r"[0-9]{1,9}")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%")


def amount(written: str, whole: int) -> int | None:
    """Returns what `3`, or `20%` of a whole rounded up, comes to; None: it is neither."""
    if _COUNT.fullmatch(written) and int(written) >= 1:
        return int(written)
    share = _SHARE.fullmatch(written)
    if share is None or not 0 < float(share[1]) <= 100:
        return None
    # Rounded first: 7% of 100 is 7, and not a hair more.
    return max(1, math.ceil(round(float(share[1]) * whole / 100, 6)))


def budget_words(holder: WorkReq | Block, jobs: int, failures: int) -> str:
    """Tells a failure budget: `stops at failure #3, 1 so far`; "": there is none."""
    if not holder.max_failures:
        return ""
    number = amount(holder.max_failures, jobs)
    if number is None:
        return f"max failures {holder.max_failures}"
    share = f" ({holder.max_failures})" if holder.max_failures.endswith("%") else ""
    overshoot = ", never more in flight than may fail" if holder.no_overshoot else ""
    return f"stops at failure #{number:,}{share}, {failures:,} so far{overshoot}"


def on_failure_words(request: WorkReq, block: Block) -> str:
    """Tells what errors in a block mean for those after it; "": they run, as ever."""
    own = block.on_failure or request.on_failure
    return "ends the workflow after the block" if own is OnFailure.STOP else ""


def waves_words(block: Block) -> str:
    """Tells the waves of a block: `1, 5, 20%, then the rest; 30s after each`; "": it has none."""
    if not block.ramp:
        return ""
    soak = f"; {block.soak} after each" if block.soak else ""
    return f"{', '.join(block.ramp)}, then the rest{soak}"


def hold_words(hold: bool, point_of_no_return: bool) -> str:
    """Tells whether a block waits for somebody; "": it does not."""
    if point_of_no_return:
        return "point of no return: waits for a go, with its targets typed"
    return "waits for an operator's go" if hold else ""


def retry_words(retry: Retry) -> Iterator[str]:
    """Yields how a job is tried again, a line each."""
    yield f"at most {retry.attempts:,} attempts"
    backoff = f", ×{retry.backoff or 2:g} each time, at most {retry.max_delay or '5m'}"
    yield f"after {retry.delay or '1s'}{backoff}"
    if retry.jitter:
        yield f"up to {100 * retry.jitter:g}% later, by chance"
    if retry.errors:
        yield f"only after: {', '.join(retry.errors)}"


def job_option_words(job: Job) -> Iterator[tuple[str, str]]:
    """Yields what a job's options say, with their names."""
    if job.timeout:
        yield "Timeout", f"{job.timeout} an attempt"
    if job.retry is not None:
        for number, words in enumerate(retry_words(job.retry)):
            yield ("" if number else "Retry"), words
