"""Whether a WorkReq is whole: names, sizes, blocks, job types and arguments, whatever the policies say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from wf_server.jobs.arguments import quoted
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Job, Level, Violation, WorkReq
from wf_server.policy.base import PORTION
from wf_server.policy.options import VALIDATION, block_options, job_options, request_options

#: In characters.
MAX_NAME = 200
MAX_DESC = 10_000
#: More violations than this help nobody; the rest is counted.
MAX_VIOLATIONS = 1_000


def validate_structure(request: WorkReq, registry: JobRegistry, max_jobs: int) -> list[Violation]:
    """Finds everything that is wrong with a WorkReq's structure, in the order of the places.

    Takes some microseconds a job; for large ones see `validate_in_portions`.
    """
    violations = _frame(request, max_jobs)
    if request.job_count <= max_jobs:
        for b, block in enumerate(request.blocks):
            violations += _jobs(b, 0, block.jobs, registry)
    return in_order(violations)


async def validate_in_portions(request: WorkReq, registry: JobRegistry, max_jobs: int) -> list[Violation]:
    """Does the same as `validate_structure` and lets other work go on in between."""
    violations = _frame(request, max_jobs)
    if request.job_count <= max_jobs:
        checked = 0
        for b, block in enumerate(request.blocks):
            for start in range(0, len(block.jobs), PORTION):
                portion = block.jobs[start : start + PORTION]
                violations += _jobs(b, start, portion, registry)
                checked += len(portion)
                if checked >= PORTION:
                    checked = 0
                    await asyncio.sleep(0)
    return in_order(violations)


def in_order(violations: Iterable[Violation]) -> list[Violation]:
    """The violations by place; of more than MAX_VIOLATIONS only so many, and how many more there are.

    What is left out is counted by policy and level, so that nobody acknowledges what was never named.
    """
    ordered = sorted(violations, key=lambda violation: (violation.place(), violation.policy))
    if len(ordered) <= MAX_VIOLATIONS:
        return ordered
    # The gravest first: a refusal is never hidden behind warnings.
    ranked = sorted(ordered, key=lambda violation: violation.level)
    hidden: dict[tuple[str, Level], list[Violation]] = {}
    for violation in ranked[MAX_VIOLATIONS:]:
        hidden.setdefault((violation.policy, violation.level), []).append(violation)
    return sorted([*ranked[:MAX_VIOLATIONS], *map(_summed, hidden.values())], key=Violation.place)


def _summed(hidden: Sequence[Violation]) -> Violation:
    first, more = hidden[0], len(hidden)
    message = f"from here on, {more} more violation{'s are' if more > 1 else ' is'} not listed"
    return Violation(first.policy, message, first.block, first.job, level=first.level)


def _frame(request: WorkReq, max_jobs: int) -> list[Violation]:
    """What is wrong outside the jobs."""
    violations = list(_bad_name(request.name, "the WorkReq"))
    violations += _long_desc(request.desc)
    violations += request_options(request)
    if not request.blocks:
        violations.append(
            Violation(VALIDATION, "the WorkReq has no blocks", found="no blocks", expected="at least one")
        )
    count = request.job_count
    if count > max_jobs:
        message = "the WorkReq has too many jobs"
        violations.append(Violation(VALIDATION, message, found=str(count), expected=f"at most {max_jobs}"))
    for b, block in enumerate(request.blocks):
        violations += _long_desc(block.desc, b)
        violations += block_options(b, block)
        if not block.jobs:
            violations.append(
                Violation(VALIDATION, "the block has no jobs", b, found="no jobs", expected="at least one")
            )
    return violations


def _bad_name(name: str, of: str) -> Iterator[Violation]:
    expected = f"1 to {MAX_NAME} printable characters"
    if not name.strip():
        yield Violation(VALIDATION, f"{of} has no name", found=quoted(name), expected=expected)
    elif len(name) > MAX_NAME:
        found = f"{len(name)} characters"
        yield Violation(VALIDATION, f"the name of {of} is too long", found=found, expected=expected)
    elif not name.isprintable():
        message = f"the name of {of} holds control characters"
        yield Violation(VALIDATION, message, found=ascii(name), expected=expected)


def _long_desc(desc: str, block: int | None = None, job: int | None = None) -> Iterator[Violation]:
    if len(desc) > MAX_DESC:
        found, expected = f"{len(desc)} characters", f"at most {MAX_DESC}"
        yield Violation(VALIDATION, "the description is too long", block, job, "", found, expected)


def _jobs(block: int, start: int, jobs: Sequence[Job], registry: JobRegistry) -> list[Violation]:
    violations: list[Violation] = []
    for j, job in enumerate(jobs, start):
        if len(job.desc) > MAX_DESC:
            violations += _long_desc(job.desc, block, j)
        if job.timeout or job.retry is not None:
            violations += job_options(block, j, job)
        if registry.get(job.name) is None:
            violations.append(_unknown_type(block, j, job, registry))
            continue
        violations += [
            Violation(VALIDATION, problem.message, block, j, problem.arg, problem.found, problem.expected)
            for problem in registry.check_job(job)
        ]
    return violations


def _unknown_type(block: int, j: int, job: Job, registry: JobRegistry) -> Violation:
    expected = "one of: " + ", ".join(registry.names)
    message = "there is no such job type" if job.name else "the job has no type"
    return Violation(VALIDATION, message, block, j, found=quoted(job.name), expected=expected)
