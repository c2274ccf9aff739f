"""Releasing a stop with two keys: the first one releases nothing, and only somebody else has the second."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.rules.test_estop import BOTH_GO, ERASE, GO, STOP, Board, Records

from wf_server.engine.stop_times import BY_ITSELF, StopTimes
from wf_server.errors import FailedPrecondition, InvalidRequest, StoreError
from wf_server.estop import EmergencyStops
from wf_server.model import EVERYTHING, ReleaseKey
from wf_server.release_keys import ReleaseKeys
from wf_server.stop_entry import StopEntry, StopTerms

VALID = 600.0
BOTH_STOPPED = BOTH_GO.replace("go", "stop")


class TwoKeyBoard(Board):
    """Stops whose release takes two operators."""

    def __init__(self, path: Path, records: Records | None = None) -> None:
        super().__init__(path)
        self.records = records or self.records
        #: Who lost their role.
        self.demoted: set[str] = set()
        keys = ReleaseKeys(VALID, self.clock, lambda key: key.operator in self.demoted)
        self.stops = EmergencyStops(path, self.records, self.clock, keys=keys)
        self.stops.subscribe(self._announce)

    async def engaged(self, name: str = ERASE) -> TwoKeyBoard:
        await self.stops.set(name, STOP, "ann", "smoke")
        return self

    async def release(self, operator: str, name: str = ERASE, *, proven: bool = True) -> StopEntry:
        return await self.stops.set(name, GO, operator, f"{operator} looked", proven=proven)

    async def edit(self, text: str) -> None:
        self.write(text)
        await self.stops.reload()

    def key(self, name: str = ERASE) -> ReleaseKey | None:
        return self.stops.entry(name).key

    async def next_life(self) -> TwoKeyBoard:
        again = TwoKeyBoard(self.path, self.records)
        await again.stops.load()
        return again


@pytest.fixture
async def board(tmp_path: Path) -> TwoKeyBoard:
    made = TwoKeyBoard(tmp_path / "es.json")
    made.write(BOTH_GO)
    await made.stops.load()
    return await made.engaged()


async def test_the_second_operator_releases(board: TwoKeyBoard) -> None:
    first = await board.release("bob")
    assert (first.status, first.operator) == (STOP, "ann")
    assert first.key == board.key()
    assert first.key is not None
    assert (first.key.operator, first.key.reason, first.key.by_hand) == ("bob", "bob looked", False)
    assert board.stops.is_stopped(ERASE)
    assert board.lines()[0] == (ERASE, "stop")

    second = await board.release("eve")
    assert not board.stops.is_stopped(ERASE)
    assert (second.status, second.operator, second.first_operator, second.key) == (GO, "eve", "bob", None)
    assert board.lines()[0] == (ERASE, "go")
    assert board.records.kept[-1].first_operator == "bob"
    assert board.records.keys == {}


async def test_nobody_has_both_keys(board: TwoKeyBoard) -> None:
    await board.release("bob")
    with pytest.raises(FailedPrecondition, match="bob has turned the first key"):
        await board.release("bob")
    assert board.stops.is_stopped(ERASE)


async def test_a_name_that_is_only_claimed_is_no_second(board: TwoKeyBoard) -> None:
    await board.release("bob", proven=False)
    with pytest.raises(FailedPrecondition, match="eve is a name that was only claimed"):
        await board.release("eve", proven=False)
    assert board.stops.is_stopped(ERASE)
    await board.release("eve")
    assert not board.stops.is_stopped(ERASE)


async def test_each_stop_has_its_own_keys(board: TwoKeyBoard) -> None:
    await board.engaged(EVERYTHING)
    await board.release("bob")
    await board.release("eve", EVERYTHING)
    assert board.stops.is_stopped(ERASE)
    assert board.stops.is_stopped("Maintenance")
    await board.release("eve")
    assert board.stops.is_stopped(ERASE)
    await board.release("bob", EVERYTHING)
    assert not board.stops.is_stopped(ERASE)


async def test_the_first_key_counts_for_a_while(board: TwoKeyBoard) -> None:
    await board.release("bob")
    await board.clock.advance(VALID - 1)
    assert board.key() is not None
    await board.clock.advance(1)
    assert board.key() is None
    later = await board.release("eve")
    assert later.key is not None
    assert later.key.operator == "eve"
    assert board.stops.is_stopped(ERASE)


async def test_the_first_key_can_be_taken_back(board: TwoKeyBoard) -> None:
    await board.release("bob")
    entry = await board.stops.withdraw(ERASE, "ann")
    assert entry.key is None
    assert board.records.keys == {}
    with pytest.raises(FailedPrecondition, match="nobody has turned a key"):
        await board.stops.withdraw(ERASE, "ann")
    await board.release("eve")
    assert board.stops.is_stopped(ERASE)


async def test_the_first_key_survives_a_restart(board: TwoKeyBoard) -> None:
    await board.release("bob")
    again = await board.next_life()
    assert again.key() == board.key()
    await again.release("eve")
    assert not again.stops.is_stopped(ERASE)


async def test_a_stop_that_is_engaged_anew_voids_the_key(board: TwoKeyBoard) -> None:
    await board.release("bob")
    await board.stops.set(ERASE, STOP, "ann", "now flames")
    assert board.key() is None
    assert board.records.keys == {}
    await board.release("eve")
    assert board.stops.is_stopped(ERASE)


async def test_a_key_of_someone_who_lost_the_role_counts_no_longer(board: TwoKeyBoard) -> None:
    await board.release("bob")
    board.demoted.add("bob")
    entry = await board.release("eve")
    assert board.stops.is_stopped(ERASE)
    assert entry.key is not None
    assert entry.key.operator == "eve"


async def test_a_key_that_cannot_be_kept_does_not_count(board: TwoKeyBoard) -> None:
    board.records.broken = True
    with pytest.raises(StoreError):
        await board.release("bob")
    assert board.key() is None
    board.records.broken = False
    await board.release("eve")
    assert board.stops.is_stopped(ERASE)


RELEASES = [
    pytest.param(ERASE, BOTH_STOPPED, BOTH_GO.replace("go", "stop").replace("stop", "go", 1), id="a type"),
    pytest.param(EVERYTHING, BOTH_GO + '{"Name": "*", "Status": "stop"}\n', BOTH_GO, id="* erased"),
    pytest.param(
        EVERYTHING,
        BOTH_GO + '{"Name": "*", "Status": "stop"}\n',
        BOTH_GO + '{"Name": "*", "Status": "go"}\n',
        id="* to go",
    ),
    pytest.param(ERASE, BOTH_GO.splitlines()[1], BOTH_GO, id="an entry put back"),
]


@pytest.mark.parametrize(("name", "stopped", "edited"), RELEASES)
@pytest.mark.parametrize("running", [True, False])
async def test_an_edit_is_but_the_first_key(
    tmp_path: Path, name: str, stopped: str, edited: str, running: bool
) -> None:
    board = TwoKeyBoard(tmp_path / "es.json")
    board.write(BOTH_GO)
    await board.stops.load()
    await board.edit(stopped)
    assert board.stops.is_stopped(ERASE)
    if running:
        await board.edit(edited)
    else:
        board.write(edited)
        board = await board.next_life()
    assert board.stops.is_stopped(ERASE)
    assert (name, "stop") in board.lines()
    key = board.key(name)
    assert key is not None
    assert (key.operator, key.by_hand) == ("es.json", True)
    again = await board.next_life()
    assert again.stops.is_stopped(ERASE)
    assert again.key(name) == key
    await again.release("eve", name)
    assert not again.stops.is_stopped(ERASE)


async def test_an_edit_does_not_take_the_place_of_a_first_key(board: TwoKeyBoard) -> None:
    await board.release("bob")
    await board.edit(BOTH_GO)
    assert board.stops.is_stopped(ERASE)
    with pytest.raises(FailedPrecondition, match="bob has turned the first key"):
        await board.release("bob")


async def test_an_edit_that_is_seen_with_a_call_is_not_written_into_force(board: TwoKeyBoard) -> None:
    board.write(BOTH_GO)
    await board.stops.set("Maintenance", STOP, "bob", "")
    assert board.stops.is_stopped(ERASE)
    assert board.lines() == [(ERASE, "stop"), ("Maintenance", "stop")]


async def test_an_edit_that_cannot_be_undone_is_not_in_force_and_told(
    board: TwoKeyBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("wf_server.estop.write_atomically", full)
        await board.edit(BOTH_GO)
    assert board.stops.is_stopped(ERASE)
    assert board.lines()[0] == (ERASE, "go")
    assert "No space left on device" in board.stops.unwritten
    again = await board.next_life()
    assert again.stops.is_stopped(ERASE)
    assert again.stops.unwritten == ""
    assert again.lines()[0] == (ERASE, "stop")


async def test_what_is_not_stopped_takes_no_key(board: TwoKeyBoard) -> None:
    entry = await board.release("bob", "Maintenance")
    assert (entry.status, entry.key) == (GO, None)
    entry = await board.release("bob", EVERYTHING)
    assert (entry.status, entry.key) == (GO, None)


async def test_what_a_release_lets_go(board: TwoKeyBoard) -> None:
    assert board.stops.released_by(ERASE) == [ERASE]
    assert board.stops.released_by("Maintenance") == []
    assert board.stops.released_by("New") == ["New"]
    await board.engaged(EVERYTHING)
    assert board.stops.released_by(ERASE) == []
    assert board.stops.released_by(EVERYTHING) == ["Maintenance"]
    board.write("{")
    await board.settles(board.stops.reload())
    assert board.stops.released_by(EVERYTHING) == []


# The times of stops


async def one_key(tmp_path: Path) -> Board:
    made = Board(tmp_path / "es.json")
    made.write(BOTH_GO)
    await made.stops.load()
    return made


async def test_a_stop_ends_when_it_was_meant_to(tmp_path: Path) -> None:
    board = await one_key(tmp_path)
    entry = await board.stops.set(ERASE, STOP, "ann", "smoke", terms=StopTerms(lasts=60))
    assert entry.expires_us == board.clock.now_us() + 60_000_000
    times = StopTimes(board.stops, board.clock, 0)
    await board.clock.advance(59)
    await times.look()
    assert board.stops.is_stopped(ERASE)
    again = await board.restarted()
    assert again.stops.entry(ERASE).expires_us == entry.expires_us
    await board.clock.advance(1)
    await times.look()
    assert not board.stops.is_stopped(ERASE)
    assert board.records.told()[-1] == (ERASE, GO, BY_ITSELF, "its time is over; ann set it")


async def test_the_end_of_one_stop_is_not_that_of_the_next(tmp_path: Path) -> None:
    board = await one_key(tmp_path)
    old = await board.stops.set(ERASE, STOP, "ann", "smoke", terms=StopTerms(lasts=60))
    await board.stops.set(ERASE, STOP, "ann", "flames")
    with pytest.raises(FailedPrecondition, match="was changed meanwhile"):
        await board.stops.release_expired(old, BY_ITSELF, "over")
    await board.clock.advance(100)
    await StopTimes(board.stops, board.clock, 0).look()
    assert board.stops.is_stopped(ERASE)


async def test_with_two_keys_the_end_only_reminds(board: TwoKeyBoard) -> None:
    await board.stops.set(ERASE, STOP, "ann", "smoke", terms=StopTerms(lasts=60))
    times = StopTimes(board.stops, board.clock, 0)
    await board.clock.advance(60)
    for _ in range(3):
        announced = board.announced
        await times.look()
    assert board.stops.is_stopped(ERASE)
    assert board.stops.entry(ERASE).reminded_us == board.clock.now_us()
    assert board.announced == announced


@pytest.mark.parametrize(("own", "configured"), [(60, 0), (0, 60), (60, 7)])
async def test_a_stop_is_brought_to_mind(tmp_path: Path, own: float, configured: float) -> None:
    board = await one_key(tmp_path)
    await board.stops.set(ERASE, STOP, "ann", "smoke", terms=StopTerms(remind_every=own))
    times = StopTimes(board.stops, board.clock, configured)
    reminded = []
    for _ in range(13):
        await times.look()
        reminded.append(board.stops.entry(ERASE).reminded_us)
        await board.clock.advance(10)
    assert len(set(reminded)) == 3
    assert board.stops.entry(ERASE) == board.stops.entry(ERASE)
    await board.stops.set(ERASE, GO, "ann", "over")
    await board.clock.advance(100)
    await times.look()
    assert board.stops.entry(ERASE).reminded_us == 0


async def test_an_expired_key_is_told_once(board: TwoKeyBoard) -> None:
    await board.release("bob")
    times = StopTimes(board.stops, board.clock, 0)
    await board.clock.advance(VALID)
    announced = board.announced
    await times.look()
    await times.look()
    assert board.announced == announced + 1


async def test_terms_that_make_no_sense(board: TwoKeyBoard) -> None:
    with pytest.raises(InvalidRequest, match="a release has no end"):
        await board.stops.set(ERASE, GO, "ann", "fine", terms=StopTerms(lasts=1))
    for terms in (StopTerms(lasts=-1), StopTerms(lasts=1e12)):
        with pytest.raises(InvalidRequest, match="for at most"):
            await board.stops.set(ERASE, STOP, "ann", "", terms=terms)
    with pytest.raises(InvalidRequest, match="brought to mind every"):
        await board.stops.set(ERASE, STOP, "ann", "", terms=StopTerms(remind_every=0.5))
