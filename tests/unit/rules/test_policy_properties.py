"""The policies against the rules as one would state them, on any request."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wf_server.inventory import Inventory
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.policy import Facts, Policy, PolicyBook, evaluate
from wf_server.policy.allowed_args import AllowedArgs, AllowedArgsSettings
from wf_server.policy.max_concurrency import MaxConcurrency, MaxConcurrencySettings
from wf_server.policy.max_jobs import MaxJobs, MaxJobsSettings
from wf_server.policy.must_follow import MustFollow, MustFollowSettings
from wf_server.policy.require_options import RequireOptions, RequireOptionsSettings
from wf_server.policy.restrict_job_types import RestrictJobTypes, RestrictJobTypesSettings
from wf_server.policy.same_args import SameArgs, SameArgsSettings
from wf_server.policy.start_or_end import StartOrEnd, StartOrEndSettings

NAMES = ("a", "b", "c", "d")
FACTS = Facts(Inventory({}, {}), 0)

JOBS = st.builds(
    Job,
    name=st.sampled_from(NAMES),
    desc=st.just(""),
    args=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"])),
)
BLOCKS = st.builds(Block, desc=st.just(""), rate_limit=st.just(1), jobs=st.lists(JOBS, max_size=5).map(tuple))
#: Blocks that run several jobs at once too.
PACED = st.builds(
    Block, desc=st.just(""), rate_limit=st.integers(0, 3), jobs=st.lists(JOBS, max_size=5).map(tuple)
)
REQUESTS = st.builds(
    WorkReq, name=st.just("X"), desc=st.just(""), blocks=st.lists(BLOCKS, max_size=4).map(tuple)
)
PACED_REQUESTS = st.builds(
    WorkReq, name=st.just("X"), desc=st.just(""), blocks=st.lists(PACED, max_size=4).map(tuple)
)
LIMITS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 4))
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


@given(REQUESTS, st.none() | st.integers(1, 9), st.none() | st.integers(1, 4), LIMITS, LIMITS)
def test_max_jobs(
    request: WorkReq,
    in_all: int | None,
    in_block: int | None,
    of_type: dict[str, int],
    of_type_in_block: dict[str, int],
) -> None:
    settings = {
        "WorkReq": in_all,
        "Block": in_block,
        "JobTypes": of_type,
        "JobTypesInBlock": of_type_in_block,
    }
    if not any(settings.values()):
        return
    violations = run(MaxJobs(MaxJobsSettings.model_validate(settings)), request)
    assert_located(violations, request)
    names = [[job.name for job in block.jobs] for block in request.blocks]
    everything = [name for block in names for name in block]
    # Each limit that is passed, once.
    passed = int(in_all is not None and len(everything) > in_all)
    passed += sum(in_block is not None and len(block) > in_block for block in names)
    passed += sum(everything.count(name) > limit for name, limit in of_type.items())
    passed += sum(block.count(name) > n for block in names for name, n in of_type_in_block.items())
    assert len(violations) == passed


@given(PACED_REQUESTS, st.none() | st.integers(1, 3), LIMITS)
def test_max_concurrency(request: WorkReq, at_once: int | None, of_type: dict[str, int]) -> None:
    settings = {"Block": at_once, "JobTypes": of_type}
    if not any(settings.values()):
        return
    violations = run(MaxConcurrency(MaxConcurrencySettings.model_validate(settings)), request)
    allowed = [
        min([at_once or 9, *(of_type.get(job.name, 9) for job in block.jobs)]) for block in request.blocks
    ]
    guilty = [b for b, block in enumerate(request.blocks) if block.rate_limit > allowed[b]]
    assert sorted({violation.block for violation in violations if violation.block is not None}) == guilty


@given(REQUESTS, st.sampled_from(NAMES), st.sampled_from(["1", "2"]), st.booleans(), st.booleans())
def test_allowed_args(request: WorkReq, name: str, value: str, optional: bool, as_pattern: bool) -> None:
    allowance = {"Pattern": value} if as_pattern else {"Values": [value]}
    settings = {"Jobs": {name: {"x": {**allowance, "Optional": optional}}}}
    violations = run(AllowedArgs(AllowedArgsSettings.model_validate(settings)), request)
    allowed = {value, None} if optional else {value}
    assert [(violation.block, violation.job) for violation in violations] == [
        (b, j) for b, j, job in request.jobs() if job.name == name and job.args.get("x") not in allowed
    ]


@given(PACED_REQUESTS, st.permutations(NAMES), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_must_follow(
    request: WorkReq, names: list[str], before: bool, directly: bool, same: bool, must: bool
) -> None:
    name, other, *_ = names
    settings = {
        "JobName": name,
        "PrecededBy" if before else "FollowedBy": other,
        "Directly": directly,
        "SameArgs": ["x"] if same else [],
        "MustArgs": {"y": "1"} if must else {},
    }
    violations = run(MustFollow(MustFollowSettings.model_validate(settings)), request)

    # When each job begins: a step for each job, or for all of a block that runs several at once.
    begins: dict[tuple[int, int], int] = {}
    step = 0
    for b, block in enumerate(request.blocks):
        for j in range(len(block.jobs)):
            step += block.rate_limit <= 1 or j == 0
            begins[b, j] = step

    def serves(there: int, here: int) -> bool:
        distance = here - there if before else there - here
        return distance == 1 if directly else distance > 0

    lonely = [
        (b, j)
        for b, j, job in request.jobs()
        if job.name == name
        and not any(
            serves(begins[ob, oj], begins[b, j])
            for ob, oj, found in request.jobs()
            if found.name == other
            and (not same or found.args.get("x") == job.args.get("x"))
            and (not must or found.args.get("y") == "1")
        )
    ]
    assert sorted((violation.block, violation.job) for violation in violations) == lonely


_BUDGETS = st.sampled_from(["", "1", "2", "3", "20%", "50%", "100%", "x"])
_TIMES = st.sampled_from(["", "1s", "30s", "1m", "2m", "0s", "x"])
CAREFUL = st.builds(
    Block,
    desc=st.just(""),
    rate_limit=st.just(1),
    jobs=st.lists(st.builds(Job, name=st.sampled_from(NAMES), timeout=_TIMES), max_size=5).map(tuple),
    max_failures=_BUDGETS,
    hold=st.booleans(),
    point_of_no_return=st.booleans(),
)


@given(st.lists(CAREFUL, max_size=4), TYPES.filter(bool), st.booleans(), st.booleans())
def test_require_options(blocks: list[Block], risky: list[str], hold: bool, timed: bool) -> None:
    settings = {"JobTypes": risky, "Hold": hold, "MaxFailures": "2", **({"Timeout": "60s"} if timed else {})}
    policy = RequireOptions(RequireOptionsSettings.model_validate(settings))
    request = WorkReq("X", "", tuple(blocks))
    # Of at most five jobs, these are at most two.
    small = {"1", "2", "20%"}
    expected: set[tuple[int, int | None, str]] = set()
    for b, block in enumerate(blocks):
        guilty = [j for j, job in enumerate(block.jobs) if job.name in risky]
        if guilty and hold and not (block.hold or block.point_of_no_return):
            expected.add((b, None, "hold"))
        share = {"50%": 0.5, "100%": 1.0}.get(block.max_failures, 9.0)
        if guilty and block.max_failures not in small and math.ceil(share * len(block.jobs)) > 2:
            expected.add((b, None, "maxFailures"))
        expected |= {
            (b, j, "timeout") for j in guilty if timed and block.jobs[j].timeout not in ("1s", "30s", "1m")
        }
    assert {(v.block, v.job, v.arg) for v in run(policy, request)} == expected


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
