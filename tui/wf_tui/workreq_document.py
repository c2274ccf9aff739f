"""A WorkReq as plain data, as its files have it: what has its default is left out."""

from __future__ import annotations

from typing import Any

from wf_tui.state.models import Block, Job, OnFailure, Retry, WorkReq


def workreq_document(request: WorkReq, on_failure: str = "") -> dict[str, Any]:
    """Returns a WorkReq as plain data; `on_failure` is a format for its choices, "": as people write them."""
    budget = _Budget(on_failure)
    return {
        "name": request.name,
        "desc": request.desc,
        **budget.document(request),
        "blocks": [_block(block, budget) for block in request.blocks],
    }


class _Budget:
    """Writes what a WorkReq and a block say of failures."""

    def __init__(self, on_failure: str) -> None:
        self._on_failure = on_failure

    def document(self, holder: WorkReq | Block) -> dict[str, Any]:
        return _given(
            maxFailures=holder.max_failures,
            noOvershoot=holder.no_overshoot,
            onFailure=self._choice(holder.on_failure),
        )

    def _choice(self, choice: OnFailure) -> str:
        if not choice:
            return ""
        return self._on_failure.format(choice.name) if self._on_failure else choice.name.lower()


def _block(block: Block, budget: _Budget) -> dict[str, Any]:
    return {
        "desc": block.desc,
        "rateLimit": block.rate_limit,
        **budget.document(block),
        **_given(
            hold=block.hold, pointOfNoReturn=block.point_of_no_return, ramp=[*block.ramp], soak=block.soak
        ),
        "jobs": [_job(job) for job in block.jobs],
    }


def _job(job: Job) -> dict[str, Any]:
    document: dict[str, Any] = {"name": job.name, "desc": job.desc, "args": dict(job.args)}
    if job.timeout:
        document["timeout"] = job.timeout
    if job.retry is not None:
        document["retry"] = _retry(job.retry)
    return document


def _retry(retry: Retry) -> dict[str, Any]:
    return {
        "attempts": retry.attempts,
        **_given(
            delay=retry.delay,
            backoff=retry.backoff,
            maxDelay=retry.max_delay,
            jitter=retry.jitter,
            errors=[*retry.errors],
        ),
    }


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}
