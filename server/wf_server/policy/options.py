"""Whether the options of a WorkReq, its blocks and its jobs make sense: budgets, waves, retries, timeouts."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from wf_server.jobs.arguments import quoted
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.units import parse_amount, parse_duration

#: The `policy` of such violations.
VALIDATION = "validation"
MAX_WAVES = 100
MAX_ATTEMPTS = 100
MAX_ERRORS = 20
MAX_BACKOFF = 100.0
#: A year: longer than that is a slip of the pen. Seconds.
MAX_SECONDS = 366 * 86_400.0

_AMOUNT = 'a count of at least 1, such as "3", or a share such as "20%"'
_DURATION = 'a duration of at most a year, such as "30s", "5m" or "1h"'


def request_options(request: WorkReq) -> Iterator[Violation]:
    """Finds what is wrong with the options of the WorkReq itself."""
    yield from _budget(request.max_failures, request.job_count, request.no_overshoot, None)


def block_options(b: int, block: Block) -> Iterator[Violation]:
    """Finds what is wrong with the options of a block."""
    yield from _budget(block.max_failures, len(block.jobs), block.no_overshoot, b)
    if len(block.ramp) > MAX_WAVES:
        found, expected = f"{len(block.ramp)} waves", f"at most {MAX_WAVES}"
        yield Violation(VALIDATION, "the ramp has too many waves", b, None, "ramp", found, expected)
    for written in block.ramp[:MAX_WAVES]:
        if not _is_amount(written, len(block.jobs)):
            yield Violation(VALIDATION, "bad wave in the ramp", b, None, "ramp", quoted(written), _AMOUNT)
    if block.soak:
        yield from _duration("soak", block.soak, b, None)
        if not block.ramp:
            expected = "a ramp, after whose waves to soak"
            yield Violation(VALIDATION, "soak without a ramp", b, None, "soak", quoted(block.soak), expected)


def job_options(b: int, j: int, job: Job) -> Iterator[Violation]:
    """Finds what is wrong with the options of a job."""
    if job.timeout:
        yield from _duration("timeout", job.timeout, b, j, positive=True)
    retry = job.retry
    if retry is None:
        return
    if not 1 <= retry.attempts <= MAX_ATTEMPTS:
        expected = f"1 to {MAX_ATTEMPTS}, the first included"
        yield _wrong("bad number of attempts", b, j, "retry.attempts", str(retry.attempts), expected)
    if retry.delay:
        yield from _duration("retry.delay", retry.delay, b, j)
    if retry.max_delay:
        yield from _duration("retry.maxDelay", retry.max_delay, b, j)
    if not (isfinite(retry.backoff) and (retry.backoff == 0 or 1 <= retry.backoff <= MAX_BACKOFF)):
        expected = f"1 to {MAX_BACKOFF:g}, or 0 for the default"
        yield _wrong("bad backoff", b, j, "retry.backoff", f"{retry.backoff:g}", expected)
    if not (isfinite(retry.jitter) and 0 <= retry.jitter <= 1):
        yield _wrong("bad jitter", b, j, "retry.jitter", f"{retry.jitter:g}", "0 to 1")
    if len(retry.errors) > MAX_ERRORS or not all(retry.errors):
        found = f"{len(retry.errors)} texts" if all(retry.errors) else "an empty text"
        expected = f"at most {MAX_ERRORS} texts, none of them empty"
        yield _wrong("bad list of errors to try again after", b, j, "retry.errors", found, expected)


def _wrong(message: str, b: int, j: int | None, arg: str, found: str, expected: str) -> Violation:
    return Violation(VALIDATION, message, b, j, arg, found, expected)


def _budget(written: str, jobs: int, no_overshoot: bool, b: int | None) -> Iterator[Violation]:
    if written and not _is_amount(written, jobs):
        yield Violation(VALIDATION, "bad failure budget", b, None, "maxFailures", quoted(written), _AMOUNT)
    if no_overshoot and not written:
        expected = "maxFailures, which it keeps from being overrun"
        yield Violation(
            VALIDATION, "noOvershoot without a failure budget", b, None, "noOvershoot", "true", expected
        )


def _is_amount(written: str, whole: int) -> bool:
    try:
        parse_amount(written, whole)
    except ValueError:
        return False
    return True


def _duration(
    name: str, written: str, b: int, j: int | None, *, positive: bool = False
) -> Iterator[Violation]:
    try:
        seconds = parse_duration(written)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_SECONDS or (positive and seconds == 0):
        yield Violation(VALIDATION, f"bad {name}", b, j, name, quoted(written), _DURATION)
