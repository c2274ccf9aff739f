"""Runs all policies of a workflow type on a request, each by itself, and fails closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import FrozenInstanceError, fields, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import structlog

from wf_server.jobs.registry import JobRegistry
from wf_server.model import Block, Job, Level, Violation, WorkReq
from wf_server.policy.base import PORTION, Facts, Policy, PolicyBook
from wf_server.policy.structure import in_order, validate_in_portions

log = structlog.get_logger(__name__)

#: Blocks looked at before other work gets its turn, however small they are.
BLOCKS = 200
#: The `policy` of the violation that there are none for a workflow type.
NO_POLICY = "noPolicy"

# Every field but the jobs and the blocks: those are copied and compared in portions. The options are the
# fields after them, in their order.
_BLOCK_OPTIONS = [field.name for field in fields(Block)][3:]
_REQUEST_OPTIONS = [field.name for field in fields(WorkReq)][3:]
_block_options = attrgetter(*_BLOCK_OPTIONS)
_request_options = attrgetter(*_REQUEST_OPTIONS)
_block_frame = attrgetter("desc", "rate_limit", *_BLOCK_OPTIONS)
_request_frame = attrgetter("name", "desc", *_REQUEST_OPTIONS)


async def evaluate(request: WorkReq, book: PolicyBook, facts: Facts) -> list[Violation]:
    """Runs all policies of the request's workflow type concurrently; all violations in order of place.

    A policy that fails, or changes the request, is a violation of that policy.
    """
    policies = book.get(request.name)
    if policies is None:
        return [_no_policy(request, book)]
    copy = await _frozen_copy(request)
    results = await _results(policies, copy, facts)
    if await _differs(copy, request):
        # What the others saw may be the changed request: each again, alone, which also tells who it was.
        results = [await _isolated(policy, request, facts) for policy in policies]
    return in_order(violation for result in results for violation in result)


async def judge(
    request: WorkReq, book: PolicyBook, facts: Facts, registry: JobRegistry, max_jobs: int
) -> list[Violation]:
    """Finds everything wrong with a request, its structure and what policies say, in order of place."""
    found = await validate_in_portions(request, registry, max_jobs)
    if request.job_count <= max_jobs:
        found += await evaluate(request, book, facts)
    return sorted(found, key=Violation.place)


async def evaluate_each(
    request: WorkReq, book: PolicyBook, facts: Facts
) -> list[tuple[Policy[Any], list[Violation]]]:
    """What each policy of the request's workflow type finds, in the order of policies.json."""
    return [(policy, await _isolated(policy, request, facts)) for policy in book.get(request.name) or ()]


async def _results(policies: Sequence[Policy[Any]], copy: WorkReq, facts: Facts) -> list[list[Violation]]:
    """Each policy's violations. Only what waits for something is worth a task of its own."""
    if not any(policy.waits for policy in policies):
        return [await _guarded(policy, copy, facts) for policy in policies]
    async with asyncio.TaskGroup() as group:
        checks = [
            group.create_task(_guarded(policy, copy, facts), name=f"policy {policy.name}")
            for policy in policies
        ]
    return [check.result() for check in checks]


def evaluate_exec(request: WorkReq, book: PolicyBook, facts: Facts) -> list[Violation]:
    """Asks all policies of the request's workflow type whether it may run beside those that run now."""
    return _ask_now(request, book, lambda policy: policy.check_exec(request, facts))


def evaluate_start(request: WorkReq, block: int, book: PolicyBook, facts: Facts) -> list[Violation]:
    """Asks all policies of the request's workflow type whether a block may begin right now.

    What else there is to find in the request was found when it was executed.
    """
    found = _ask_now(request, book, lambda policy: policy.check_start(request, block, facts))
    return [
        violation if violation.block is not None else replace(violation, block=block) for violation in found
    ]


def _ask_now(
    request: WorkReq, book: PolicyBook, ask: Callable[[Policy[Any]], list[Violation]]
) -> list[Violation]:
    found: list[Violation] = []
    for policy in book.get(request.name) or ():
        try:
            found += [policy.at_level(violation) for violation in ask(policy)]
        except Exception as error:
            log.exception("a policy failed", policy=policy.name, workflow_type=request.name[:200])
            message = f"the policy itself failed: {type(error).__name__}; see the server's log"
            found.append(Violation(policy.name, message, level=policy.level))
    return found


def _no_policy(request: WorkReq, book: PolicyBook) -> Violation:
    known = ", ".join(book.names[:50]) or "nothing"
    message = "policies.json has no entry for this workflow type"
    return Violation(NO_POLICY, message, found=f'"{request.name[:200]}"', expected=f"one of: {known}")


async def _isolated(policy: Policy[Any], request: WorkReq, facts: Facts) -> list[Violation]:
    """One policy's violations, on a copy of its own, and that it changed the copy if it did."""
    copy = await _frozen_copy(request)
    violations = await _guarded(policy, copy, facts)
    return [*violations, _tampering(policy)] if await _differs(copy, request) else violations


async def _guarded(policy: Policy[Any], request: WorkReq, facts: Facts) -> list[Violation]:
    """One policy's violations, at its level; whatever it raises becomes one."""
    try:
        return [policy.at_level(violation) for violation in await policy.check(request, facts)]
    except FrozenInstanceError:
        return [_tampering(policy)]
    except Exception as error:
        # A policy that cannot say yes has not said yes.
        log.exception("a policy failed", policy=policy.name, workflow_type=request.name[:200])
        outcome = ", so nothing passes" if policy.level is Level.DENY else ""
        message = f"the policy itself failed{outcome}: {type(error).__name__}; see the server's log"
        return [Violation(policy.name, message, level=policy.level)]


def _tampering(policy: Policy[Any]) -> Violation:
    log.error("a policy tried to change the request", policy=policy.name)
    return Violation(policy.name, "the policy itself tried to change the request, so nothing passes")


def _portions(block: Block) -> Iterator[tuple[Job, ...]]:
    for start in range(0, len(block.jobs), PORTION):
        yield block.jobs[start : start + PORTION]


async def _frozen_copy(request: WorkReq) -> WorkReq:
    """A copy that shares nothing that could be changed."""
    blocks: list[Block] = []
    for block in request.blocks:
        if len(blocks) % BLOCKS == BLOCKS - 1:
            await asyncio.sleep(0)
        jobs: list[Job] = []
        for portion in _portions(block):
            jobs += [_frozen_job(job) for job in portion]
            if len(portion) == PORTION:
                await asyncio.sleep(0)
        blocks.append(Block(block.desc, block.rate_limit, tuple(jobs), *_block_options(block)))
    return WorkReq(request.name, request.desc, tuple(blocks), *_request_options(request))


def _frozen_job(job: Job) -> Job:
    retry = None if job.retry is None else replace(job.retry)
    return Job(job.name, job.desc, MappingProxyType(dict(job.args)), job.timeout, retry)


async def _differs(copy: WorkReq, request: WorkReq) -> bool:
    """Whether a policy got round the copy's protection."""
    if _request_frame(copy) != _request_frame(request) or len(copy.blocks) != len(request.blocks):
        return True
    for b, (mine, original) in enumerate(zip(copy.blocks, request.blocks, strict=True)):
        if b % BLOCKS == BLOCKS - 1:
            await asyncio.sleep(0)
        if _block_frame(mine) != _block_frame(original) or len(mine.jobs) != len(original.jobs):
            return True
        for some, others in zip(_portions(mine), _portions(original), strict=True):
            if some != others:
                return True
            if len(some) == PORTION:
                await asyncio.sleep(0)
    return False
