"""What can be done to a WorkReq at a place. Each returns the new request, and where the cursor goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wf_tui.state.composition import TOP, Place, Version, block_at, job_at
from wf_tui.state.models import Block, Job, WorkReq

_NEW_BLOCK = Block("", 1, ())


def add_block(request: WorkReq, place: Place, block: Block = _NEW_BLOCK) -> Version:
    """Adds a block after the one of the cursor; from the request itself, at the end."""
    at = len(request.blocks) if place.is_request else place.block + 1
    return Version(_with_blocks(request, at, at, (block,)), Place(at))


def add_jobs(request: WorkReq, place: Place, jobs: Sequence[Job]) -> Version:
    """Adds jobs after the one of the cursor; from a block, at its end; from the request, to the last block.

    A request without blocks gets one.
    """
    if not request.blocks:
        request = add_block(request, TOP).request
    number = len(request.blocks) - 1 if place.is_request else place.block
    block = request.blocks[number]
    at = place.job + 1 if place.is_job else len(block.jobs)
    changed = replace(block, jobs=(*block.jobs[:at], *jobs, *block.jobs[at:]))
    return Version(with_block(request, number, changed), Place(number, at))


def insert_job(request: WorkReq, place: Place, job: Job) -> Version:
    """Puts a job at a place, before the one that is there."""
    block = block_at(request, place)
    changed = replace(block, jobs=(*block.jobs[: place.job], job, *block.jobs[place.job :]))
    return Version(with_block(request, place.block, changed), place)


def add_blocks(request: WorkReq, place: Place, blocks: Sequence[Block]) -> Version:
    """Adds blocks after the one of the cursor; an empty one under the cursor gives way to them."""
    at = len(request.blocks) if place.is_request else place.block + 1
    empty = not place.is_request and block_at(request, place) == _NEW_BLOCK
    start = at - 1 if empty else at
    return Version(_with_blocks(request, start, at, tuple(blocks)), Place(start))


def copy(request: WorkReq, place: Place) -> Version:
    """Repeats the block or job of the cursor right after it."""
    if place.is_job:
        return add_jobs(request, place, (job_at(request, place),))
    return (
        Version(request, place) if place.is_request else add_block(request, place, block_at(request, place))
    )


def remove(request: WorkReq, place: Place) -> Version:
    """Takes the block or job of the cursor away."""
    if place.is_request:
        return Version(request, place)
    if not place.is_job:
        after = place.block if place.block < len(request.blocks) - 1 else place.block - 1
        return Version(_with_blocks(request, place.block, place.block + 1, ()), Place(after))
    block = block_at(request, place)
    jobs = (*block.jobs[: place.job], *block.jobs[place.job + 1 :])
    # After the last job of a block the cursor stays in it.
    return Version(
        with_block(request, place.block, replace(block, jobs=jobs)),
        Place(place.block, min(place.job, len(jobs) - 1)),
    )


def move(request: WorkReq, place: Place, step: int) -> Version:
    """Moves the block or job of the cursor up (-1) or down (1); a job goes on into the next block."""
    if place.is_request:
        return Version(request, place)
    return _move_job(request, place, step) if place.is_job else _move_block(request, place, step)


def _move_block(request: WorkReq, place: Place, step: int) -> Version:
    to = place.block + step
    if not 0 <= to < len(request.blocks):
        return Version(request, place)
    blocks = list(request.blocks)
    blocks[place.block], blocks[to] = blocks[to], blocks[place.block]
    return Version(replace(request, blocks=tuple(blocks)), Place(to))


def _move_job(request: WorkReq, place: Place, step: int) -> Version:
    block, to = block_at(request, place), place.job + step
    if 0 <= to < len(block.jobs):
        jobs = list(block.jobs)
        jobs[place.job], jobs[to] = jobs[to], jobs[place.job]
        swapped = with_block(request, place.block, replace(block, jobs=tuple(jobs)))
        return Version(swapped, Place(place.block, to))
    number = place.block + step
    if not 0 <= number < len(request.blocks):
        return Version(request, place)
    job, other = job_at(request, place), request.blocks[number]
    rest = remove(request, place).request
    jobs_there = (job, *other.jobs) if step > 0 else (*other.jobs, job)
    moved = with_block(rest, number, replace(other, jobs=jobs_there))
    return Version(moved, Place(number, 0 if step > 0 else len(other.jobs)))


def with_block(request: WorkReq, number: int, block: Block) -> WorkReq:
    """Returns the request with another block in the place of one."""
    return _with_blocks(request, number, number + 1, (block,))


def with_job(request: WorkReq, place: Place, job: Job) -> WorkReq:
    """Returns the request with another job at a place."""
    block = block_at(request, place)
    jobs = (*block.jobs[: place.job], job, *block.jobs[place.job + 1 :])
    return with_block(request, place.block, replace(block, jobs=jobs))


def with_arg(request: WorkReq, place: Place, name: str, value: str | None) -> WorkReq:
    """Returns the request with an argument of a job set; None takes it away."""
    job = job_at(request, place)
    args = {**job.args, name: value} if value is not None else dict(job.args)
    if value is None:
        args.pop(name, None)
    return with_job(request, place, replace(job, args=args))


def _with_blocks(request: WorkReq, start: int, end: int, blocks: tuple[Block, ...]) -> WorkReq:
    return replace(request, blocks=(*request.blocks[:start], *blocks, *request.blocks[end:]))
