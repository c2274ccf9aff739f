"""Who has to go when there are too many connections, and how often an operator may call."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.config import ConnectionLimits, RateSettings
from wf_server.errors import TooFast
from wf_server.service.connections import CONTROL_BURST, CONTROL_RATE, Connections, ControlBudget, Stage
from wf_server.service.rates import OPERATORS, Rates, Room, is_read


@dataclass(eq=False)
class Peer:
    address: str = "10.0.0.1"
    stage: Stage = Stage.SERVING
    has_calls: bool = False
    began: float = 0.0
    heard: float = 0.0
    stuck_since: float | None = None
    dropped: list[str] = field(default_factory=list)

    def drop(self, why: str) -> None:
        self.dropped.append(why)


class Now:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def connections(now: Now | None = None, **limits: object) -> Connections:
    return Connections(ConnectionLimits.model_validate(limits), now or Now())


def test_the_least_useful_goes_first() -> None:
    kept = connections(max_per_address=4)
    serving = Peer(stage=Stage.SERVING, heard=1)
    idle = Peer(stage=Stage.IDLE, heard=2)
    new = Peer(stage=Stage.NEW, heard=3)
    silent = Peer(stage=Stage.SILENT, heard=4)
    for peer in (serving, idle, new, silent):
        kept.admit(peer)
    for gone in (silent, new, idle, serving):
        kept.admit(Peer(heard=9))
        assert gone.dropped == ["too many connections from one address"]
    assert len(kept) == 4


def test_of_equals_the_one_not_heard_of_for_longest_goes() -> None:
    kept = connections(max_per_address=2)
    older, newer = Peer(heard=5), Peer(heard=6)
    kept.admit(newer)
    kept.admit(older)
    kept.admit(Peer(heard=7))
    assert older.dropped
    assert not newer.dropped


def test_the_address_with_the_most_gives_way() -> None:
    kept = connections(max_connections=4)
    honest = Peer("10.0.0.2", Stage.SILENT)
    kept.admit(honest)
    crowd = [Peer("10.0.0.1", Stage.SERVING, heard=n) for n in range(3)]
    for peer in crowd:
        kept.admit(peer)
    kept.admit(Peer("10.0.0.3"))
    assert not honest.dropped
    assert [bool(peer.dropped) for peer in crowd] == [True, False, False]


@given(
    peers=st.lists(
        st.builds(
            Peer,
            address=st.sampled_from(["a", "b", "c"]),
            stage=st.sampled_from(Stage),
            heard=st.floats(0, 100),
        ),
        max_size=40,
    )
)
def test_the_limits_hold_and_the_newest_is_always_in(peers: list[Peer]) -> None:
    kept = connections(max_connections=7, max_per_address=3)
    for peer in peers:
        kept.admit(peer)
        assert peer in kept.all()
        assert len(kept) == len(kept.all()) <= 7
        for address in "abc":
            assert sum(other.address == address for other in kept.all()) <= 3
    for peer in peers:
        kept.remove(peer)
        kept.remove(peer)
    assert len(kept) == 0


@pytest.mark.parametrize(
    ("peer", "seconds"),
    [
        (Peer(stage=Stage.SILENT), 10),
        (Peer(stage=Stage.NEW), 10),
        (Peer(stage=Stage.IDLE), 600),
        (Peer(stage=Stage.SERVING, has_calls=True, stuck_since=0.0), 30),
        (Peer(stage=Stage.SERVING, has_calls=True), None),
        (Peer(stage=Stage.NEW, has_calls=True), None),
    ],
)
def test_the_time_of_each_stage(peer: Peer, seconds: float | None) -> None:
    now = Now()
    kept = connections(now)
    kept.admit(peer)
    now.time = seconds or 10_000
    kept.sweep()
    assert not peer.dropped
    now.time += 1
    kept.sweep()
    assert bool(peer.dropped) is (seconds is not None)


def test_a_flood_of_frames_is_noticed_and_a_trickle_is_not() -> None:
    budget = ControlBudget(0.0)
    assert all(budget.take(0.0) for _ in range(CONTROL_BURST))
    assert not budget.take(0.0)
    budget = ControlBudget(0.0)
    assert all(budget.take(n / CONTROL_RATE) for n in range(5 * CONTROL_BURST))


SUBMIT, LIST = "/workflow.v1.WorkflowService/Submit", "/workflow.v1.WorkflowService/List"


def rates(now: Now, **settings: int) -> Rates:
    return Rates(RateSettings.model_validate({"orders": 2, "reads": 2, "burst": 3} | settings), now)


def test_orders_and_reads_of_each_operator_are_counted_apart() -> None:
    counted = rates(Now())
    for _ in range(3):
        counted.count(SUBMIT, "ann")
    with pytest.raises(TooFast, match="at most 2 orders a second") as caught:
        counted.count(SUBMIT, "ann")
    assert caught.value.retry_after == 0.5
    counted.count(LIST, "ann")
    counted.count(SUBMIT, "bob")


def test_who_comes_back_when_told_to_is_served() -> None:
    now = Now()
    counted = rates(now)
    for _ in range(20):
        try:
            counted.count(SUBMIT, "ann")
        except TooFast as error:
            now.time += error.retry_after
            counted.count(SUBMIT, "ann")


@pytest.mark.parametrize("path", ["StopsService/Set", "WorkflowService/Pause", "WorkflowService/Cancel"])
def test_what_makes_things_safer_is_never_refused(path: str) -> None:
    counted = rates(Now())
    for _ in range(1_000):
        counted.count(f"/workflow.v1.{path}", "ann")


def test_operators_without_number_take_no_memory_without_end() -> None:
    counted = rates(Now())
    for n in range(OPERATORS + 100):
        counted.count(SUBMIT, str(n))
    assert len(counted._budgets) == OPERATORS


def test_what_reads() -> None:
    assert is_read("/grpc.health.v1.Health/Check")
    assert is_read("/workflow.v1.WorkflowService/WatchList")
    assert not is_read("/workflow.v1.WorkflowService/Check")
    assert not is_read("/diskerase.Workflow/Exec")


def test_room_is_given_back() -> None:
    room = Room(100)
    room.take(60)
    with pytest.raises(TooFast):
        room.take(60)
    room.give_back(60)
    room.take(100)
