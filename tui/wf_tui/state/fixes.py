"""Which violations have a safe fix: one that is certain, does nothing else, and can be undone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wf_tui.state.composition import Place, Version, job_at, settled
from wf_tui.state.edits import add_block, insert_job, remove, with_arg
from wf_tui.state.known import Known
from wf_tui.state.models import Job, Violation, WorkReq
from wf_tui.state.verdict import place_of

#: One value in quotes, and nothing else: no choice, no cut.
_ONE_VALUE = re.compile(r'"([^"]*)"')
_START_OR_END = "startOrEnd"


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a violation, in words, and the request mended."""

    words: str
    mended: Version


def fix_of(violation: Violation, request: WorkReq, known: Known) -> Fix | None:
    """Returns the one safe fix of a violation, if there is one."""
    place = place_of(violation)
    if settled(request, place) != place:
        return None
    if violation.policy == _START_OR_END and not violation.arg:
        return _fix_of_place(violation, request, known)
    if place.is_request:
        return None
    if not place.is_job:
        # The only block stays: without it nothing would be better.
        empty = not request.blocks[place.block].jobs and len(request.blocks) > 1
        empty = empty and violation.found == "no jobs"
        return Fix(f"remove the empty block {place.block}", remove(request, place)) if empty else None
    return _fix_of_arg(violation.arg, violation, request, known) if violation.arg else None


def _fix_of_arg(name: str, violation: Violation, request: WorkReq, known: Known) -> Fix | None:
    place = place_of(violation)
    job = job_at(request, place)
    kind = known.job_type(job.name)
    if kind is not None and name in job.args and all(arg.name != name for arg in kind.args):
        return Fix(f"remove {name}", Version(with_arg(request, place, name, None), place))
    value = _ONE_VALUE.fullmatch(violation.expected)
    if value is None or job.args.get(name) == value[1]:
        return None
    before = f" from {job.args[name]}" if name in job.args else ""
    return Fix(f"set {name}{before} to {value[1]}", Version(with_arg(request, place, name, value[1]), place))


def _fix_of_place(violation: Violation, request: WorkReq, known: Known) -> Fix | None:
    """A job that is required at the start or the end is added there, or moved there from elsewhere."""
    place = place_of(violation)
    for job, start in _required(request.name, known):
        block = 0 if start else len(request.blocks) - 1
        if not place.is_job and violation.expected == _described(job):
            where = "first" if start else "last"
            return Fix(f"add {job.name} to the {where} block", _at_end(request, job, start=start))
        if (
            place.is_job
            and job_at(request, place).name == job.name
            and violation.found == f"block {place.block}"
        ):
            moved = job_at(request, place)
            rest = remove(request, place).request
            return Fix(f"move {job.name} to block {block}", _at_end(rest, moved, start=start))
    return None


def _required(workflow_type: str, known: Known) -> Iterator[tuple[Job, bool]]:
    """Yields the jobs that policies want at one end, and whether that is the start."""
    for policy in known.policies.get(workflow_type, ()):
        name, args = policy.settings.get("JobName"), policy.settings.get("MustArgs", {})
        if policy.name == _START_OR_END and isinstance(name, str) and isinstance(args, Mapping):
            yield (
                Job(name, "", {str(arg): str(value) for arg, value in args.items()}),
                bool(policy.settings.get("Start")),
            )


def _described(job: Job) -> str:
    """As the policy describes it."""
    return " ".join((job.name, *(f"{arg}={value}" for arg, value in job.args.items())))


def _at_end(request: WorkReq, job: Job, *, start: bool) -> Version:
    """Puts a job first in the first block, or last in the last; a request without blocks gets one."""
    if not request.blocks:
        request = add_block(request, Place()).request
    block = 0 if start else len(request.blocks) - 1
    return insert_job(request, Place(block, 0 if start else len(request.blocks[block].jobs)), job)
