"""All policies run on each request, each by itself, and a policy that fails lets nothing pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from wf_server.config import Section
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Job, Level, OnFailure, Retry, Violation, WorkReq
from wf_server.policy import Facts, Policy, PolicyBook, evaluate
from wf_server.policy.restrict_job_types import RestrictJobTypes

REQUEST = WorkReq("X", "", (Block("", 1, (Job("sleep", "", {"seconds": "1"}),)),))


class NoSettings(Section):
    """No settings."""


class Act(Policy[NoSettings]):
    """A policy that does what it is told."""

    name = "act"
    help = "Does what it is told."
    settings_type = NoSettings

    def __init__(self, act: Callable[[WorkReq], object]) -> None:
        super().__init__(NoSettings())
        self._act = act

    def check_settings(self, registry: JobRegistry) -> None:
        """Takes any."""

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        found = self._act(request)
        return found if isinstance(found, list) else []


class Honest(Act):
    """One that always objects, after the others had their turn."""

    name = "honest"

    def __init__(self) -> None:
        super().__init__(lambda request: None)

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        await asyncio.sleep(0)
        return [Violation(self.name, f"seconds is {request.blocks[0].jobs[0].args['seconds']}", 0, 0)]


def book(*policies: Policy[Any]) -> PolicyBook:
    return PolicyBook({"X": policies})


async def test_no_option_of_a_request_looks_like_tampering(facts: Facts) -> None:
    job = Job("sleep", "", {"seconds": "1"}, "30s", Retry(3, "1s", errors=("busy",)))
    block = Block("", 1, (job,), "3", True, OnFailure.STOP, True, True, ("1", "20%"), "5m")
    request = WorkReq("X", "", (block,), "10%", True, OnFailure.CONTINUE)
    seen: list[WorkReq] = []
    assert await evaluate(request, book(Act(seen.append)), facts) == []
    assert seen == [request]


async def test_a_name_without_policies_is_refused(facts: Facts) -> None:
    (violation,) = await evaluate(WorkReq("Y", "", REQUEST.blocks), book(Honest()), facts)
    assert violation.policy == "noPolicy"
    assert "policies.json has no entry" in violation.message
    assert (violation.found, violation.expected) == ('"Y"', "one of: X")


def mutate_field(request: WorkReq) -> None:
    request.blocks[0].jobs[0].name = "diskErase"  # type: ignore[misc]


def mutate_args(request: WorkReq) -> None:
    request.blocks[0].jobs[0].args["seconds"] = "2"  # type: ignore[index]


def mutate_by_force(request: WorkReq) -> None:
    object.__setattr__(request.blocks[0].jobs[0], "args", {"seconds": "99"})


def mutate_shape_by_force(request: WorkReq) -> None:
    object.__setattr__(request, "blocks", ())


def add_attribute(request: WorkReq) -> None:
    request.blocks[0].jobs[0].note = "x"  # type: ignore[attr-defined]


def raise_bug(request: WorkReq) -> None:
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize(
    "act",
    [
        mutate_field,
        mutate_args,
        mutate_by_force,
        mutate_shape_by_force,
        add_attribute,
        raise_bug,
    ],
)
async def test_a_policy_that_fails_or_tampers_is_a_violation_and_harms_no_other(
    facts: Facts, act: Callable[[WorkReq], object]
) -> None:
    found = await evaluate(REQUEST, book(Act(act), Honest()), facts)
    by_policy = {violation.policy: violation for violation in found}
    assert set(by_policy) == {"act", "honest"}
    assert "nothing passes" in by_policy["act"].message
    # The other saw the request as it was sent, and the request is what it was.
    assert by_policy["honest"].message == "seconds is 1"
    assert REQUEST.blocks[0].jobs[0] == Job("sleep", "", {"seconds": "1"})


def mutate_option_by_force(request: WorkReq) -> None:
    object.__setattr__(request.blocks[0], "hold", False)


async def test_policies_see_every_option_and_may_change_none(facts: Facts) -> None:
    nap = Job("sleep", "", {"seconds": "1"}, "5s", Retry(3, "1s", errors=("busy",)))
    block = Block("", 1, (nap,), "1", True, OnFailure.STOP, True, True, ("1",), "5s")
    request = WorkReq("X", "", (block,), "20%", True, OnFailure.STOP)
    seen: list[WorkReq] = []
    assert await evaluate(request, book(Act(seen.append)), facts) == []
    assert seen == [request]
    (violation,) = await evaluate(request, book(Act(mutate_option_by_force)), facts)
    assert "tried to change the request" in violation.message


async def test_a_change_by_force_is_called_one(facts: Facts) -> None:
    (violation,) = await evaluate(REQUEST, book(Act(mutate_by_force)), facts)
    assert "tried to change the request" in violation.message


async def test_violations_come_in_the_order_of_their_places(facts: Facts) -> None:
    late = Act(lambda request: [Violation("act", "c", 1, 0), Violation("act", "b", 0, 3)])
    early = Act(lambda request: [Violation("act", "a")])
    found = await evaluate(REQUEST, book(late, early, Honest()), facts)
    assert [violation.message for violation in found] == ["a", "seconds is 1", "b", "c"]


async def test_of_very_many_violations_the_rest_is_counted(facts: Facts) -> None:
    many = Act(lambda request: [Violation("act", "no", 0, j) for j in range(1_001)])
    found = await evaluate(REQUEST, book(many), facts)
    assert len(found) == 1_001
    assert found[-1].message == "from here on, 1 more violation is not listed"


def at_level(level: Level, policy: Policy[Any]) -> Policy[Any]:
    policy.level = level
    return policy


async def test_violations_have_the_level_of_their_policy(facts: Facts) -> None:
    levels = (Level.DENY, Level.WARN, Level.DRY_RUN)
    found = await evaluate(REQUEST, book(*(at_level(level, Honest()) for level in levels)), facts)
    assert [violation.level for violation in found] == list(levels)
    assert [violation.refuses() for violation in found] == [True, True, False]
    assert [violation.refuses(["honest"]) for violation in found] == [True, False, False]
    assert found[1].sentence().startswith("honest (warn): block 0 job 0: ")


async def test_a_policy_that_fails_does_what_its_level_says(facts: Facts) -> None:
    (violation,) = await evaluate(REQUEST, book(at_level(Level.DRY_RUN, Act(raise_bug))), facts)
    assert (violation.level, violation.message) == (
        Level.DRY_RUN,
        "the policy itself failed: ZeroDivisionError; see the server's log",
    )


async def test_no_number_of_warnings_hides_a_refusal_or_another_warning(facts: Facts) -> None:
    warnings = Act(lambda request: [Violation("act", "no", 0, j) for j in range(1_500)])
    refusal = Act(lambda request: [Violation("act", "never", 1)])
    found = await evaluate(
        REQUEST, book(at_level(Level.WARN, warnings), at_level(Level.WARN, Honest()), refusal), facts
    )
    assert "never" in [violation.message for violation in found if violation.level is Level.DENY]
    assert {violation.policy for violation in found if violation.refuses()} == {"act", "honest"}
    (summed,) = (violation for violation in found if violation.message.startswith("from here on"))
    assert (summed.policy, summed.level, summed.message) == (
        "act",
        Level.WARN,
        "from here on, 502 more violations are not listed",
    )


async def test_policies_that_wait_do_so_at_the_same_time(facts: Facts) -> None:
    both = asyncio.Barrier(2)

    class Meet(Honest):
        waits = True

        async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
            await both.wait()
            return []

    async with asyncio.timeout(20):
        assert await evaluate(REQUEST, book(Meet(), Meet()), facts) == []


async def test_other_work_goes_on_while_a_large_request_is_checked(
    facts: Facts, registry: JobRegistry
) -> None:
    large = WorkReq("X", "", (Block("", 1, REQUEST.blocks[0].jobs * 10_000),))
    policy = RestrictJobTypes.configure({"AllowedJobs": ["sleep"]}, registry)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    assert await evaluate(large, book(policy), facts) == []
    counting.cancel()
    # The copy, the policy and the comparison each give way after every thousand jobs.
    assert turns >= 25
