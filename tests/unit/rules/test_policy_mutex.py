"""mutex: what has a value, who has it, and how that is told."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.errors import ConfigError
from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Change, Job, Level, Status, Violation, Workflow, WorkReq
from wf_server.policy import Executed, Facts, Policy, PolicyBook, evaluate_exec
from wf_server.policy.mutex import Mutex, MutexSettings

#: 2026-01-01 00:00:00 UTC.
NEW_YEAR_US = 1_767_225_600_000_000
_TYPES = st.sampled_from(["a", "b", "c"])
_JOBS = st.builds(
    Job,
    name=_TYPES,
    desc=st.just(""),
    args=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2", "3"])),
)
_REQUESTS = st.lists(st.lists(_JOBS, max_size=3).map(tuple), max_size=3).map(
    lambda blocks: WorkReq("X", "", tuple(Block("", 1, jobs) for jobs in blocks))
)


def rule(*args: str, **settings: Any) -> Mutex:
    return Mutex(MutexSettings.model_validate({"Args": args, **settings}))


def facts(*workflows: Workflow) -> Facts:
    executed = [Executed(workflow) for workflow in workflows]
    return Facts(Inventory({}, {}), NEW_YEAR_US, lambda: executed)


def running(request: WorkReq, workflow_id: str = "w1") -> Workflow:
    workflow = Workflow(workflow_id, request, "ann", NEW_YEAR_US - 60_000_000)
    workflow.apply(Change(1, -1, -1, Status.RUNNING, NEW_YEAR_US))
    return workflow


def request(*jobs: dict[str, str], name: str = "X", kind: str = "diskErase") -> WorkReq:
    made = tuple(Job(kind, "", MappingProxyType(args)) for args in jobs)
    return WorkReq(name, "", (Block("", 1, (Job("sleep"),)), Block("", 1, made)))


def test_it_tells_who_has_what_since_when_and_what_to_do() -> None:
    other = running(request({"site": "aap"}, {"site": "adg"}, name="Erase"))
    (violation,) = rule("site").check_exec(request({"site": "aas"}, {"site": "adg"}), facts(other))
    assert (violation.block, violation.job, violation.arg) == (1, 1, "site")
    assert violation.sentence() == (
        'mutex: block 1 job 1 argument site: site="adg" in use by workflow w1 (Erase, by ann, running, '
        "since 2026-01-01 00:00:00 UTC) (expected one at a time: execute it when that one has ended, "
        "or cancel that one)"
    )


def test_one_that_is_not_on_record_yet_has_its_values() -> None:
    begun = Workflow("w1", request({"site": "aap"}), "", NEW_YEAR_US)
    (violation,) = rule("site").check_exec(request({"site": "aap"}), facts(begun))
    assert "workflow w1 (X, starting, since" in violation.message


def test_each_holder_is_one_violation_however_many_values_it_has() -> None:
    machines = [{"site": "aap", "machine": f"aa{n:02}"} for n in range(9)]
    holders = (running(request(*machines), "w1"), running(request(machines[3]), "w2"))
    first, second = rule("machine", "site").check_exec(request(*machines), facts(*holders))
    assert first.message.startswith('machine="aa00" site="aap", machine="aa01" site="aap", ')
    assert 'machine="aa04" site="aap" and 4 more in use by workflow w1' in first.message
    assert 'machine="aa03" site="aap" in use by workflow w2' in second.message
    assert second.job == 3


def test_settings_narrow_what_counts() -> None:
    other = facts(running(request({"site": "aap"}, name="Erase")))
    own = request({"site": "aap"})
    assert rule("site", JobTypes=["diskErase"]).check_exec(own, other)
    assert not rule("site", JobTypes=["validateDecom"]).check_exec(own, other)
    assert rule("site", WorkflowTypes=["Erase"]).check_exec(own, other)
    assert not rule("site", WorkflowTypes=["X"]).check_exec(own, other)
    # Without all of the arguments a job has no value.
    assert not rule("site", "machine").check_exec(own, other)
    assert not rule("site").check_exec(request({"site": ""}), facts(running(request({"site": ""}))))


async def test_nothing_is_said_before_the_execution() -> None:
    same = request({"site": "aap"})
    assert await rule("site").check(same, facts(running(same))) == []


class _Broken(Mutex):
    def check_exec(self, request: WorkReq, facts: Facts) -> list[Violation]:
        raise ZeroDivisionError


def test_levels_and_a_policy_that_fails() -> None:
    broken, warning = _Broken(MutexSettings.model_validate({"Args": ["site"]})), rule("site")
    warning.level = Level.WARN
    policies: tuple[Policy[Any], ...] = (broken, warning)
    same = request({"site": "aap"})
    book = PolicyBook({"X": policies})
    failed, warned = evaluate_exec(same, book, facts(running(same)))
    assert failed.level is Level.DENY
    assert "the policy itself failed: ZeroDivisionError" in failed.message
    assert warned.level is Level.WARN
    assert evaluate_exec(request(name="Unheard"), book, facts()) == []


@given(
    _REQUESTS,
    st.lists(_REQUESTS, max_size=4),
    st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2, unique=True),
    st.lists(_TYPES, max_size=3, unique=True),
)
def test_mutex(mine: WorkReq, others: list[WorkReq], args: list[str], types: list[str]) -> None:
    holders = [running(other, f"w{n}") for n, other in enumerate(others)]
    policy, about = rule(*args, JobTypes=types), facts(*holders)

    def values(request: WorkReq) -> set[tuple[str, ...]]:
        counting = [job for _, _, job in request.jobs() if not types or job.name in types]
        return {tuple(job.args[arg] for arg in args) for job in counting if set(args) <= set(job.args)}

    expected = [holder.id for holder in holders if values(holder.request) & values(mine)]
    asyncio.run(policy.check(mine, about))
    found = policy.check_exec(mine, about)
    assert [violation.message.partition("workflow ")[2].split()[0] for violation in found] == expected
    for violation in found:
        # It points at a job with a value that the other has too.
        assert violation.block is not None
        assert violation.job is not None
        job = mine.blocks[violation.block].jobs[violation.job]
        value = tuple(job.args[arg] for arg in args)
        assert any(value in values(holder.request) for holder in holders)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "Args: missing; add it"),
        ({"Args": []}, "Args"),
        ({"Args": ["colour"]}, 'Args: no job type has an argument "colour"; they have bucket, '),
        ({"Args": ["site"], "JobTypes": ["sleep"]}, 'Args: sleep has no argument "site"; it has seconds'),
        ({"Args": ["site"], "JobTypes": ["nope"]}, 'JobTypes: there is no job type "nope"'),
        ({"Args": ["token"]}, "Args: token of announce is a secret, and who is refused would be told it"),
        ({"Args": ["site"], "Scope": 1}, "Scope"),
    ],
)
def test_bad_settings(settings: dict[str, Any], expected: str, registry: JobRegistry) -> None:
    with pytest.raises(ConfigError) as error:
        Mutex.configure(settings, registry)
    assert expected in str(error.value)


def test_good_settings(registry: JobRegistry) -> None:
    for settings in (
        {"Args": ["site"]},
        {"Args": ["machine", "site"], "JobTypes": ["diskErase"], "WorkflowTypes": ["X"]},
    ):
        assert Mutex.configure(settings, registry).settings_json
