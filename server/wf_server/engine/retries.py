"""Whether and when a job that failed is tried again."""

from __future__ import annotations

from hashlib import blake2b

from wf_server.model import JobId, Retry
from wf_server.units import parse_duration

DEFAULT_DELAY = 1.0
DEFAULT_BACKOFF = 2.0
DEFAULT_MAX_DELAY = 300.0


def may_retry(retry: Retry | None, failures: int, error: str) -> bool:
    """Tells whether a job that has failed so often, this time with this error, is tried again."""
    if retry is None or failures >= retry.attempts:
        return False
    told = error.casefold()
    return not retry.errors or any(text.casefold() in told for text in retry.errors)


def pause_before(retry: Retry, failures: int, job: JobId) -> float:
    """Seconds from the failure of that number to the next attempt.

    The jitter is drawn from the job's own place and the number of the failure: a restarted server waits
    as long as the one before would have.
    """
    delay = parse_duration(retry.delay) if retry.delay else DEFAULT_DELAY
    longest = parse_duration(retry.max_delay) if retry.max_delay else DEFAULT_MAX_DELAY
    try:
        pause = min(longest, delay * (retry.backoff or DEFAULT_BACKOFF) ** (failures - 1))
    except OverflowError:
        pause = longest
    return pause * (1 + retry.jitter * _draw(job, failures))


def _draw(job: JobId, failures: int) -> float:
    """A number from 0 to 1 that is always the same for the same failure of the same job."""
    seed = f"{job.workflow}/{job.block}/{job.job}/{failures}".encode()
    return int.from_bytes(blake2b(seed, digest_size=4).digest()) / 2**32
