"""The policies against the rules as one would state them, on any request."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wf_server.inventory import Inventory
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.policy import Facts, Policy, PolicyBook, evaluate
from wf_server.policy.restrict_job_types import RestrictJobTypes, RestrictJobTypesSettings
from wf_server.policy.same_args import SameArgs, SameArgsSettings
from wf_server.policy.start_or_end import StartOrEnd, StartOrEndSettings

NAMES = ("a", "b", "c", "d")
FACTS = Facts(Inventory({}, {}))

JOBS = st.builds(
    Job,
    name=st.sampled_from(NAMES),
    desc=st.just(""),
    args=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"])),
)
BLOCKS = st.builds(Block, desc=st.just(""), rate_limit=st.just(1), jobs=st.lists(JOBS, max_size=5).map(tuple))
REQUESTS = st.builds(
    WorkReq, name=st.just("X"), desc=st.just(""), blocks=st.lists(BLOCKS, max_size=4).map(tuple)
)
TYPES = st.lists(st.sampled_from(NAMES), max_size=3, unique=True)


def run(policy: Policy[Any], request: WorkReq) -> list[Violation]:
    return asyncio.run(policy.check(request, FACTS))


def assert_located(violations: list[Violation], request: WorkReq) -> None:
    """Every place exists."""
    for violation in violations:
        if violation.block is not None:
            block = request.blocks[violation.block]
            assert violation.job is None or block.jobs[violation.job]


@given(REQUESTS, TYPES.filter(bool))
def test_restrict_job_types(request: WorkReq, allowed: list[str]) -> None:
    policy = RestrictJobTypes(RestrictJobTypesSettings.model_validate({"AllowedJobs": allowed}))
    expected = [(b, j) for b, j, job in request.jobs() if job.name not in allowed]
    assert [(violation.block, violation.job) for violation in run(policy, request)] == expected


@given(REQUESTS, st.dictionaries(st.sampled_from(NAMES), st.just(["x", "y"]), min_size=1), st.booleans())
def test_same_args(request: WorkReq, jobs: dict[str, list[str]], across: bool) -> None:
    policy = SameArgs(SameArgsSettings.model_validate({"Jobs": jobs, "AcrossJobs": across}))
    violations = run(policy, request)
    assert_located(violations, request)
    groups: dict[tuple[str, str], set[str | None]] = {}
    for _, _, job in request.jobs():
        for arg in jobs.get(job.name, ()):
            groups.setdefault(("" if across else job.name, arg), set()).add(job.args.get(arg))
    assert bool(violations) == any(len(values) > 1 for values in groups.values())
    # What is pointed at really differs from what stood there first.
    for violation in violations:
        assert violation.found != violation.expected


@given(
    REQUESTS,
    st.sampled_from(NAMES),
    TYPES,
    st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"])),
    st.booleans(),
)
def test_start_or_end(
    request: WorkReq, name: str, allowed: list[str], must_args: dict[str, str], start: bool
) -> None:
    policy = StartOrEnd(
        StartOrEndSettings.model_validate(
            {
                "JobName": name,
                "MustArgs": must_args,
                "Start": start,
                "End": not start,
                "AllowedBeforeOrAfter": allowed,
            }
        )
    )
    violations = run(policy, request)
    assert_located(violations, request)
    blocks = request.blocks if start else request.blocks[::-1]
    jobs = (blocks[0].jobs if start else blocks[0].jobs[::-1]) if blocks else ()
    fits = any(
        job.name == name
        and must_args.items() <= job.args.items()
        and all(other.name in allowed for other in jobs[:j])
        for j, job in enumerate(jobs)
    )
    assert bool(violations) != fits


@given(REQUESTS, TYPES.filter(bool), st.booleans())
def test_all_together_are_each_of_them_in_the_order_of_the_places(
    request: WorkReq, types: list[str], start: bool
) -> None:
    ends = {"JobName": types[0], "Start": start, "End": not start}
    policies = (
        StartOrEnd(StartOrEndSettings.model_validate(ends)),
        SameArgs(SameArgsSettings.model_validate({"Jobs": {name: ["x"] for name in types}})),
        RestrictJobTypes(RestrictJobTypesSettings.model_validate({"AllowedJobs": types})),
    )
    found = asyncio.run(evaluate(request, PolicyBook({"X": policies}), FACTS))
    singly = [violation for policy in policies for violation in run(policy, request)]
    assert sorted(map(repr, found)) == sorted(map(repr, singly))
    assert [violation.place() for violation in found] == sorted(violation.place() for violation in found)
