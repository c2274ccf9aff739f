"""Which approvals count, and what a WorkReq's and the policies' hashes tell apart."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.conftest import Engine
from wf_server.engine.approvals import Approvals, digest_of
from wf_server.engine.blast import SiteReach, blast_radius
from wf_server.engine.deciding import Deciding, Decision
from wf_server.errors import ConfigError, FailedPrecondition
from wf_server.inventory import Inventory
from wf_server.jobs import JobRegistry
from wf_server.jobs.arguments import ArgumentChecker
from wf_server.jobs.disk_erase import DiskErase
from wf_server.jobs.settings import DiskEraseSettings
from wf_server.jobs.sleep import Sleep
from wf_server.model import (
    WHOLE,
    Approval,
    ApprovalRule,
    Block,
    Change,
    Grant,
    Job,
    Level,
    Role,
    Scope,
    Status,
    Workflow,
    WorkReq,
)
from wf_server.model.approval import Case, listed
from wf_server.model.audit import Act, AuditEntry
from wf_server.policy import PolicyBook, load_policies
from wf_server.policy.require_approval import RequireApproval

HERE = Scope("request", "policies")
NAMES = st.sampled_from(["ann", "bob", "carl", "dora"])
GIVEN = st.builds(
    Approval,
    NAMES,
    st.integers(0, 100),
    st.sampled_from([HERE, Scope("other", "policies"), Scope("request", "other")]),
    withdrawn_us=st.sampled_from([0, 0, 50]),
)
RULES = st.builds(
    ApprovalRule,
    st.just("requireApproval"),
    st.lists(NAMES, unique=True).map(tuple),
    st.integers(1, 3),
    st.integers(1, 80),
)
REGISTRY = JobRegistry([Sleep()], ArgumentChecker(lambda: Inventory({}, {}), ()))


@given(RULES, st.lists(GIVEN), NAMES, st.integers(0, 150), st.frozensets(NAMES))
def test_what_counts_keeps_every_rule_at_once(
    rule: ApprovalRule, given: list[Approval], submitter: str, now: int, approvers: frozenset[str]
) -> None:
    tally = Case(submitter, HERE, now, approvers.__contains__).tally(rule, given)
    people = [approval.operator for approval in tally.counted]
    assert len(set(people)) == len(people)
    assert submitter not in people
    assert approvers.issuperset(people)
    assert not rule.approvers or set(rule.approvers).issuperset(people)
    for approval in tally.counted:
        assert approval.scope == HERE
        assert not approval.withdrawn_us
        assert now < approval.time_us + rule.validity_us
    # Nothing is left out that keeps them all.
    for approval in given:
        ok = approval.scope == HERE and not approval.withdrawn_us
        ok = ok and now < approval.time_us + rule.validity_us and rule.asks(approval.operator)
        if ok and approval.operator in approvers - {submitter}:
            assert approval.operator in people


@given(RULES, st.lists(GIVEN), st.integers(0, 150))
def test_it_is_met_until_it_says(rule: ApprovalRule, given: list[Approval], now: int) -> None:
    def tally_at(time: int) -> bool:
        return Case("zoe", HERE, time, lambda _: True).tally(rule, given).is_met

    if tally_at(now):
        until = Case("zoe", HERE, now, lambda _: True).tally(rule, given).met_until_us
        assert now < until
        assert tally_at(until - 1)
        assert not tally_at(until)


def test_nobodys_approval_counts_where_nobody_knows_who_submitted_it() -> None:
    rule = ApprovalRule("requireApproval", (), 1, 100)
    case = Case(None, HERE, 1, lambda _: True)
    assert not case.tally(rule, [Approval("bob", 0, HERE)]).is_met
    assert case.void_because(Approval("bob", 0, HERE), [rule])


TEXT = st.text("ab", max_size=2)
JOBS = st.builds(Job, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), st.sampled_from(["", "1s"]))
BLOCKS = st.builds(Block, TEXT, st.integers(1, 2), st.lists(JOBS, max_size=3).map(tuple), hold=st.booleans())
REQUESTS = st.builds(WorkReq, TEXT, TEXT, st.lists(BLOCKS, max_size=3).map(tuple))


@given(REQUESTS, REQUESTS)
async def test_only_equal_requests_have_equal_digests(one: WorkReq, other: WorkReq) -> None:
    assert (await digest_of(one) == await digest_of(other)) == (one == other)


@given(st.dictionaries(TEXT, TEXT, min_size=2))
async def test_the_order_of_arguments_is_no_change(args: dict[str, str]) -> None:
    def work(written: dict[str, str]) -> WorkReq:
        return WorkReq("T", "", (Block("", 1, (Job("j", "", written),)),))

    assert await digest_of(work(args)) == await digest_of(work(dict(reversed(args.items()))))


def policy(level: Level = Level.DENY, **settings: Any) -> RequireApproval:
    made = RequireApproval.configure(settings, REGISTRY, level)
    assert isinstance(made, RequireApproval)
    return made


def test_policies_have_another_digest_as_soon_as_anything_of_them_changes() -> None:
    books = [
        PolicyBook({"T": (policy(),)}),
        PolicyBook({"T": (policy(Count=2),)}),
        PolicyBook({"T": (policy(Level.WARN),)}),
        PolicyBook({"T": (policy(), policy())}),
        PolicyBook({"U": (policy(),)}),
    ]
    assert len({book.digest("T") for book in books}) == len(books)
    # However the file spells it, and whatever other types have.
    same = [
        PolicyBook({"T": (policy(Count=2, Validity="8h"),)}),
        PolicyBook({"U": (policy(),), "T": (policy(Validity="8h", Count=2),)}),
    ]
    assert len({book.digest("T") for book in same}) == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"Count": 0}, "Count"),
        ({"Count": 21}, "Count"),
        ({"Count": "2"}, "Count"),
        ({"Approvers": ["ann", "ann"]}, "Approvers names somebody twice"),
        ({"Approvers": ["ann"], "Count": 2}, "Count is 2, and Approvers names 1"),
        ({"Approvers": [""]}, "Approvers"),
        ({"Validity": "0s"}, "is not more than nothing and at most 366d"),
        ({"Validity": "soon"}, "is not a duration"),
        ({"Message": "x" * 501}, "Message"),
        ({"Approver": "ann"}, "Approver"),
    ],
)
def test_settings_that_make_no_sense_are_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        policy(**settings)


@given(
    st.lists(st.sampled_from(["ann", "bob", "carl"]), unique=True, min_size=1),
    st.integers(1, 60),
    st.sampled_from(["s", "m", "h"]),
    st.data(),
)
def test_the_rule_is_what_the_settings_say(names: list[str], n: int, unit: str, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(names)))
    rule = policy(Approvers=names, Count=count, Validity=f"{n}{unit}", Message="look").approval_rule()
    seconds = n * {"s": 1, "m": 60, "h": 3600}[unit]
    assert rule == ApprovalRule("requireApproval", tuple(names), count, seconds * 1_000_000, "look")


@pytest.mark.parametrize(
    ("level", "acknowledged", "asked"),
    [
        (Level.DENY, ("requireApproval",), 1),
        (Level.WARN, (), 1),
        (Level.WARN, ("requireApproval",), 0),
        (Level.DRY_RUN, (), 0),
    ],
)
def test_levels_tell_whether_it_asks(
    engine: Engine, level: Level, acknowledged: tuple[str, ...], asked: int
) -> None:
    assert len(approvals_of(engine, level=level).rules("T", acknowledged)) == asked


def approvals_of(engine: Engine, *, level: Level = Level.DENY, **settings: Any) -> Approvals:
    book = PolicyBook({"T": (policy(level, **settings),)})
    grants = {name: frozenset({Grant(Role.APPROVER)}) for name in ("bob", "carl")}
    return Approvals(
        engine.store,
        engine.recorder,
        engine.hub,
        engine.clock,
        Deciding(),
        book=lambda: book,
        grants_of=lambda name: grants.get(name, frozenset()),
    )


async def waiting(engine: Engine, approvals: Approvals, workflow_id: str = "w") -> Workflow:
    """A workflow that was submitted a moment ago."""
    request = WorkReq("T", "", (Block("", 1, (Job("sleep", "", {"seconds": "1"}),)),))
    workflow = Workflow(workflow_id, request, "ann", engine.clock.now_us(), proven=True)
    held, waits = await approvals.hold(workflow)
    await engine.recorder.insert(workflow, first=[waits])
    approvals.keep(held)
    return workflow


def status_of(workflow: Workflow) -> Status:
    """Asked anew: the checker of types takes it to stay as it was."""
    return workflow.status


async def test_it_waits_from_its_first_moment_on_record(engine: Engine) -> None:
    approvals = approvals_of(engine, Count=2)
    workflow = await waiting(engine, approvals)
    assert (workflow.status, workflow.activity) == (
        Status.AWAITING_APPROVAL,
        "0 of 2 approvals, by anyone with the role approver",
    )
    stored = await engine.store.load_workflow("w")
    assert stored is not None
    assert (stored.status, stored.seq, stored.proven) == (Status.AWAITING_APPROVAL, 1, True)


async def test_what_cannot_be_stored_leaves_nothing_of_its_waiting(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    approvals = approvals_of(engine)
    first = await waiting(engine, approvals)
    second = replace(first, key=0)
    change = Change(1, WHOLE, WHOLE, Status.AWAITING_APPROVAL, 1)
    # The id is taken: the other one's history stays as it is, and the recorder goes on.
    with pytest.raises(Exception, match="UNIQUE"):
        await engine.recorder.insert(second, first=[change])
    assert len(await engine.store.load_history(first.key, 0, 10)) == 1
    assert not await engine.store.load_history(second.key, 0, 10)


async def test_time_alone_moves_it_on(engine: Engine) -> None:
    approvals = approvals_of(engine, Validity="1m")
    workflow = await waiting(engine, approvals)
    held = await approvals.look_up(workflow)
    assert await approvals.review() == 30
    given = Approval("bob", engine.clock.now_us(), approvals.ballot(held).case.scope)
    entry = AuditEntry(given.time_us, "bob", "here", Act.APPROVE, workflow=workflow.key)
    held.given.append(await approvals.store(workflow, given, entry))
    await approvals.review()
    assert (workflow.status, workflow.activity) == (Status.NOT_STARTED, "")
    assert workflow.standing.reason == "approved by bob"
    await engine.clock.advance(60)
    await approvals.review()
    assert workflow.status is Status.AWAITING_APPROVAL
    assert "bob's approval: expired" in workflow.standing.reason
    await engine.clock.advance(59)
    await approvals.review()
    assert workflow.status is Status.AWAITING_APPROVAL
    await engine.clock.advance(1)
    assert await approvals.review() is None
    assert status_of(workflow) is Status.FAILED
    assert workflow.standing.reason.startswith("not approved in time: 0 of 1 approval")
    assert await approvals.review() is None


async def test_the_task_sleeps_until_the_first_is_due(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    approvals = approvals_of(engine, Validity="2m")
    looks = 0
    review = approvals.review

    async def counted() -> float | None:
        nonlocal looks
        looks += 1
        return await review()

    monkeypatch.setattr(approvals, "review", counted)
    task = asyncio.create_task(approvals.run())
    await asyncio.sleep(0)
    first = await waiting(engine, approvals, "first")
    await engine.until(lambda: looks >= 2)
    for _ in range(20):
        await asyncio.sleep(0)
    before = looks
    # Those that come later are due later: there is nothing to look at for them now.
    for n in range(50):
        await waiting(engine, approvals, f"w{n}")
    for _ in range(20):
        await asyncio.sleep(0)
    assert looks == before
    await engine.clock.advance(121)
    approvals.stale()
    await engine.until(lambda: first.status is Status.FAILED)
    await engine.until(lambda: not list(approvals.held()))
    task.cancel()
    await asyncio.wait({task})


async def test_what_somebody_decides_on_is_left_to_them(engine: Engine) -> None:
    deciding = Deciding()
    approvals = approvals_of(engine, Validity="1m")
    approvals._deciding = deciding
    workflow = await waiting(engine, approvals)
    await engine.clock.advance(61)
    with deciding.on(workflow.id, Decision.END):
        assert await approvals.review() == pytest.approx(0.05)
        assert workflow.status is Status.AWAITING_APPROVAL
        with (
            pytest.raises(FailedPrecondition, match="right now: try again"),
            deciding.on("w", Decision.START),
        ):
            raise AssertionError("unreachable")
    await approvals.review()
    assert status_of(workflow) is Status.FAILED


async def test_the_blast_radius_counts_what_is_reached_and_what_is_final() -> None:
    inventory = Inventory({}, {"aap": ("aa00", "aa01", "aa02"), "aas": ("aa00",)})
    registry = JobRegistry(
        [Sleep(), DiskErase(DiskEraseSettings(), lambda: inventory, cast(Any, None))],
        ArgumentChecker(lambda: inventory, ()),
    )
    erase = [Job("diskErase", "", {"site": "aap", "machine": m}) for m in ("aa00", "aa01", "aa01")]
    other = Job("diskErase", "", {"site": "aas", "machine": "aa00"})
    blocks = (Block("", 1, (Job("sleep", "", {"seconds": "1"}),)), Block("", 1, (*erase, other)))
    found = await blast_radius(WorkReq("T", "", blocks), registry, inventory)
    assert found.sites == (SiteReach("aap", 2, 3), SiteReach("aas", 1, 1))
    assert (found.jobs, found.machines, found.points_of_no_return) == (5, 3, 0)
    assert found.irreversible == (("diskErase", 4),)
    assert found.by_type == (("diskErase", 4), ("sleep", 1))
    assert found.blocks == ((("sleep", 1),), (("diskErase", 4),))


@pytest.mark.parametrize(
    ("names", "told"),
    [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")],
)
def test_names_in_a_sentence(names: list[str], told: str) -> None:
    assert listed(names, "or") == told


def test_the_policy_is_in_the_file_by_its_name(tmp_path: Path) -> None:
    entry = {"Name": "T", "Policies": [{"Name": "requireApproval", "Settings": {"Count": 2}}]}
    path = tmp_path / "policies.json"
    path.write_text(json.dumps(entry))
    (found,) = load_policies(path, REGISTRY).workflow_types["T"]
    assert found.approval_rule() == ApprovalRule("requireApproval", (), 2, 86_400_000_000)
