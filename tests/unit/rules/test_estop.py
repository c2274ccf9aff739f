"""The emergency stops: fail-safe, in force at once, and on record."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from wf_server.errors import ConfigError, FailedPrecondition, InvalidRequest, StoreError
from wf_server.estop import EmergencyStops
from wf_server.files import FileWatcher
from wf_server.model import EVERYTHING, ReleaseKey, StopRecord, StopStatus
from wf_server.stop_entry import StopEntry
from wf_server.testing import ManualClock

GO, STOP = StopStatus.GO, StopStatus.STOP
ERASE = "SatelliteDiskErase"
BOTH_GO = '{"Name": "SatelliteDiskErase", "Status": "go"}\n{"Name": "Maintenance", "Status": "go"}\n'


class Records:
    """Keeps the records of stops, as a database would."""

    def __init__(self) -> None:
        self.kept: list[StopRecord] = []
        self.keys: dict[str, ReleaseKey] = {}
        self.broken = False
        self.writable = asyncio.Event()
        self.writable.set()

    async def latest_stops(self) -> dict[str, StopRecord]:
        return {record.name: record for record in self.kept}

    async def record_stop(self, record: StopRecord) -> None:
        await self.writable.wait()
        if self.broken:
            raise StoreError("disk full")
        self.kept.append(record)
        self.keys.pop(record.name, None)

    async def release_keys(self) -> list[ReleaseKey]:
        return list(self.keys.values())

    async def put_release_key(self, key: ReleaseKey, source: str) -> None:
        await self.writable.wait()
        if self.broken:
            raise StoreError("disk full")
        self.keys[key.name] = key

    async def drop_release_key(self, name: str, operator: str, source: str) -> None:
        self.keys.pop(name, None)

    def told(self) -> list[tuple[str, StopStatus, str, str]]:
        return [(record.name, record.status, record.operator, record.reason) for record in self.kept]


class Board:
    """Emergency stops with all that they need."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self.records = Records()
        self.stops = EmergencyStops(path, self.records, self.clock)
        self.announced = 0
        self.stops.subscribe(self._announce)

    def _announce(self) -> None:
        self.announced += 1

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def lines(self) -> list[tuple[str, str]]:
        found = map(json.loads, self.path.read_text().splitlines())
        return [(line["Name"], line["Status"]) for line in found]

    async def restarted(self) -> Board:
        """The server's next life, with what the last one kept."""
        again = Board(self.path)
        again.records.kept = self.records.kept
        await again.stops.load()
        return again

    async def settles(self, change: Awaitable[object]) -> None:
        """Makes a change that waits once for the file to settle, and lets it."""
        task = asyncio.ensure_future(change)
        async with asyncio.timeout(20):
            while not self.clock.sleeping:
                assert not task.done()
                await asyncio.sleep(0.001)
        await self.clock.advance(0.15)
        await task


@pytest.fixture
async def board(tmp_path: Path) -> Board:
    made = Board(tmp_path / "es.json")
    made.write(BOTH_GO)
    await made.stops.load()
    return made


async def test_everything_is_stopped_until_the_file_is_read(tmp_path: Path) -> None:
    stops = Board(tmp_path / "es.json").stops
    assert stops.is_stopped(ERASE)
    assert "not read yet" in stops.why(ERASE)


async def test_go_goes_and_no_entry_stops(board: Board) -> None:
    assert not board.stops.is_stopped(ERASE)
    assert board.stops.why(ERASE) == ""
    assert board.stops.is_stopped("Other")
    assert board.stops.why("Other") == "es.json has no entry for Other, which means stop"
    assert board.stops.is_stopped("*")


@pytest.mark.parametrize("text", [None, "{", '{"Name": "X", "Status": "GO"}'])
async def test_a_file_that_cannot_be_used_at_the_start_is_an_error(tmp_path: Path, text: str | None) -> None:
    made = Board(tmp_path / "es.json")
    if text is not None:
        made.write(text)
    with pytest.raises(ConfigError, match=r"es\.json"):
        await made.stops.load()
    assert made.stops.is_stopped("X")


async def test_an_edit_counts_at_once_and_is_on_record(board: Board) -> None:
    board.write(BOTH_GO.replace("go", "stop", 1))
    await board.stops.reload()
    assert board.stops.is_stopped(ERASE)
    assert not board.stops.is_stopped("Maintenance")
    assert board.records.told() == [(ERASE, STOP, "es.json", "")]
    assert board.stops.why(ERASE) == (
        f"an emergency stop is engaged for {ERASE} by es.json since 2023-11-14 22:13:20 UTC"
    )
    board.write(BOTH_GO)
    await board.stops.reload()
    assert not board.stops.is_stopped(ERASE)
    assert board.records.told()[1:] == [(ERASE, GO, "es.json", "")]


async def test_an_entry_that_is_erased_stops(board: Board) -> None:
    board.write(BOTH_GO.splitlines()[1])
    await board.stops.reload()
    assert board.stops.is_stopped(ERASE)
    assert not board.stops.is_stopped("Maintenance")
    assert board.records.told() == [(ERASE, STOP, "es.json", "")]
    (entry,) = [entry for entry in board.stops.board([ERASE]) if entry.name == ERASE]
    assert (entry.status, entry.listed, entry.operator) == (STOP, False, "es.json")


BROKEN = [
    "{",
    '{"Name": "SatelliteDiskErase", "Status": "go"',
    '{"Name": "SatelliteDiskErase", "Status": "GO"}',
    '{"Name": "SatelliteDiskErase"}',
    '{"Name": "", "Status": "go"}',
    '{"Name": "\\ud800", "Status": "go"}',
    '{"Name": "SatelliteDiskErase", "Status": "go", "Until": "noon"}',
    '{"Name": ["SatelliteDiskErase"], "Status": "go"}',
    "[]",
]


@pytest.mark.parametrize("text", BROKEN)
async def test_a_broken_file_stops_everything_until_it_is_mended(board: Board, text: str) -> None:
    for _ in range(3):
        board.write(text)
        await board.settles(board.stops.reload())
        assert board.stops.is_stopped(ERASE)
        assert board.stops.is_stopped("Maintenance")
        assert f"{board.path}:1:" in board.stops.problem
        assert board.stops.why(ERASE).startswith("everything is stopped, because es.json cannot be used: ")
        assert {entry.status for entry in board.stops.board([])} == {STOP}
        board.write(BOTH_GO)
        await board.stops.reload()
        assert board.stops.problem == ""
        assert not board.stops.is_stopped(ERASE)


async def test_a_removed_file_stops_everything(board: Board) -> None:
    board.path.unlink()
    await board.settles(board.stops.reload())
    assert board.stops.is_stopped(ERASE)
    assert "No such file" in board.stops.problem


async def test_an_emptied_file_stops_everything(board: Board) -> None:
    board.write("")
    await board.settles(board.stops.reload())
    assert board.stops.is_stopped(ERASE)
    assert board.stops.problem == ""
    assert [told[:2] for told in board.records.told()] == [(ERASE, STOP), ("Maintenance", STOP)]


@pytest.mark.parametrize("half", ["", '{"Name": "Satel'])
async def test_an_editor_in_the_middle_of_saving_stops_nothing(board: Board, half: str) -> None:
    announced = board.announced
    board.write(half)
    task = asyncio.ensure_future(board.stops.reload())
    async with asyncio.timeout(20):
        while not board.clock.sleeping:
            await asyncio.sleep(0.001)
    assert not board.stops.is_stopped(ERASE)
    board.write(BOTH_GO)
    await board.clock.advance(0.15)
    await task
    assert not board.stops.is_stopped(ERASE)
    assert board.records.kept == []
    assert board.announced == announced


async def test_a_second_entry_of_a_name_is_ignored(board: Board) -> None:
    board.write(f'{{"Name": "{ERASE}", "Status": "stop"}}\n{BOTH_GO}')
    await board.stops.reload()
    assert board.stops.is_stopped(ERASE)
    assert [entry.name for entry in board.stops.board([])] == [ERASE, "Maintenance"]


async def test_the_star_stops_everything_and_only_that(board: Board) -> None:
    board.write(BOTH_GO + '{"Name": "*", "Status": "stop"}')
    await board.stops.reload()
    assert board.stops.is_stopped(ERASE)
    assert board.stops.why("Other").startswith("an emergency stop is engaged for everything by es.json")
    assert [(entry.name, entry.status) for entry in board.stops.board([])] == [
        (ERASE, GO),
        ("Maintenance", GO),
        ("*", STOP),
    ]
    board.write('{"Name": "*", "Status": "go"}' + BOTH_GO)
    await board.stops.reload()
    assert not board.stops.is_stopped(ERASE)
    assert board.stops.is_stopped("Other")


async def test_the_board_has_the_files_order_then_what_is_not_listed(board: Board) -> None:
    assert board.stops.board(["Zebra", ERASE, "Apple", "Zebra"]) == [
        StopEntry(ERASE, GO, listed=True),
        StopEntry("Maintenance", GO, listed=True),
        StopEntry("Zebra", STOP, listed=False),
        StopEntry("Apple", STOP, listed=False),
    ]


async def test_setting_a_stop_rewrites_the_file_in_its_order(board: Board) -> None:
    board.path.chmod(0o640)
    entry = await board.stops.set(ERASE, STOP, "ann", "smoke in rack 3 ")
    assert entry == StopEntry(ERASE, STOP, True, "ann", "smoke in rack 3", board.clock.now_us())
    assert board.stops.is_stopped(ERASE)
    assert board.stops.why(ERASE).endswith("by ann since 2023-11-14 22:13:20 UTC: smoke in rack 3")
    assert board.lines() == [(ERASE, "stop"), ("Maintenance", "go")]
    assert stat.S_IMODE(board.path.stat().st_mode) == 0o640
    assert board.records.told() == [(ERASE, STOP, "ann", "smoke in rack 3")]
    await board.stops.set(ERASE, GO, "bob", "fire is out")
    assert not board.stops.is_stopped(ERASE)
    assert board.lines() == [(ERASE, "go"), ("Maintenance", "go")]


async def test_a_new_name_goes_to_the_end(board: Board) -> None:
    await board.stops.set("*", STOP, "ann", "")
    await board.stops.set("Neu 消去", GO, "ann", "new")
    assert board.lines() == [(ERASE, "go"), ("Maintenance", "go"), ("*", "stop"), ("Neu 消去", "go")]


async def test_what_the_file_held_besides_stays(board: Board) -> None:
    board.write(f'{BOTH_GO}{{"Name": "{ERASE}", "Status": "stop"}}')
    await board.stops.set("Maintenance", STOP, "ann", "")
    assert board.lines() == [(ERASE, "go"), ("Maintenance", "stop"), (ERASE, "stop")]
    assert not board.stops.is_stopped(ERASE)


async def test_the_watch_event_of_its_own_writing_changes_nothing(board: Board) -> None:
    await board.stops.set(ERASE, STOP, "ann", "smoke")
    announced, records = board.announced, board.records.told()
    await board.stops.reload()
    assert (board.announced, board.records.told()) == (announced, records)
    assert board.stops.board([])[0].operator == "ann"


async def test_an_edit_not_yet_seen_is_taken_over(board: Board) -> None:
    board.write(BOTH_GO.replace("go", "stop", 1))
    await board.stops.set("Maintenance", STOP, "ann", "")
    assert board.lines() == [(ERASE, "stop"), ("Maintenance", "stop")]
    assert board.stops.is_stopped(ERASE)
    assert [(told[0], told[2]) for told in board.records.told()] == [
        (ERASE, "es.json"),
        ("Maintenance", "ann"),
    ]


async def test_an_engaged_stop_may_be_engaged_again_with_a_better_reason(board: Board) -> None:
    await board.stops.set(ERASE, STOP, "ann", "")
    before = board.path.stat().st_mtime_ns
    entry = await board.stops.set(ERASE, STOP, "bob", "smoke")
    assert (entry.operator, entry.reason) == ("bob", "smoke")
    assert board.path.stat().st_mtime_ns == before
    assert len(board.records.kept) == 2


@pytest.mark.parametrize("text", [None, "{"])
async def test_a_file_that_cannot_be_used_is_not_rewritten(board: Board, text: str | None) -> None:
    if text is None:
        board.path.unlink()
    else:
        board.write(text)

    async def refused() -> None:
        with pytest.raises(FailedPrecondition, match="mend or restore the file"):
            await board.stops.set(ERASE, GO, "ann", "why not")

    await board.settles(refused())
    assert (board.path.read_text() if board.path.exists() else None) == text
    assert board.records.kept == []


@pytest.mark.parametrize("name", [ERASE, EVERYTHING])
async def test_a_stop_is_in_force_even_if_the_file_cannot_be_written(
    board: Board, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    heard: list[bool] = []
    board.stops.subscribe(lambda: heard.append(board.stops.is_stopped(ERASE)))
    with monkeypatch.context() as patched:
        patched.setattr("wf_server.estop.write_atomically", full)
        with pytest.raises(FailedPrecondition, match="engaged in this server, but not written"):
            await board.stops.set(name, STOP, "ann", "smoke")
        assert board.stops.is_stopped(ERASE)
        assert heard == [True]
        assert "smoke" in board.stops.why(ERASE)
        assert "No space left on device" in board.stops.unwritten
        entry = next(e for e in board.stops.board([]) if e.name == name)
        assert (entry.status, entry.operator) == (STOP, "ann")
        if name == EVERYTHING:
            # Its release has to be written; the file lets the other go as it is.
            with pytest.raises(FailedPrecondition, match="No space left on device"):
                await board.stops.set(name, GO, "ann", "over")
            assert board.stops.is_stopped(ERASE)
    await board.stops.set(name, GO, "ann", "over")
    assert not board.stops.is_stopped(ERASE)
    assert board.stops.unwritten == ""


@pytest.mark.parametrize("name", ["", " ", " x", "a\nb", "a\x1b[0m", "x" * 201, "\u202eabc"])
async def test_bad_names_are_refused(board: Board, name: str) -> None:
    with pytest.raises(InvalidRequest, match="is not the name of a stop"):
        await board.stops.set(name, STOP, "ann", "")


@pytest.mark.parametrize("reason", ["", " \n"])
async def test_a_release_takes_a_reason(board: Board, reason: str) -> None:
    with pytest.raises(InvalidRequest, match="releasing a stop takes a reason"):
        await board.stops.set(ERASE, GO, "ann", reason)
    with pytest.raises(InvalidRequest, match="longer than 1000"):
        await board.stops.set(ERASE, STOP, "ann", "x" * 1_001)


async def test_a_stop_that_cannot_be_recorded_is_in_force_all_the_same(board: Board) -> None:
    board.records.broken = True
    entry = await board.stops.set(ERASE, STOP, "ann", "smoke")
    assert board.stops.is_stopped(ERASE)
    assert entry.operator == "ann"
    with pytest.raises(StoreError):
        await board.stops.set(ERASE, GO, "ann", "fine")
    assert board.stops.is_stopped(ERASE)
    assert board.lines()[0] == (ERASE, "stop")


@pytest.mark.parametrize("first", [STOP, GO])
async def test_a_slow_disk_under_the_records_delays_no_stop(board: Board, first: StopStatus) -> None:
    board.records.writable.clear()
    slow = asyncio.create_task(board.stops.set("Other", first, "ann", "why not"))
    quick = asyncio.create_task(board.stops.set(ERASE, STOP, "bob", "smoke"))
    async with asyncio.timeout(20):
        while not board.stops.is_stopped(ERASE):
            await asyncio.sleep(0.001)
    board.write('{"Name": "SatelliteDiskErase", "Status": "stop"}')
    edit = asyncio.create_task(board.stops.reload())
    async with asyncio.timeout(20):
        while not board.stops.is_stopped("Maintenance"):
            await asyncio.sleep(0.001)
    assert board.records.kept == []
    board.records.writable.set()
    await asyncio.gather(slow, quick, edit)
    assert {told[0] for told in board.records.told()} >= {"Other", ERASE, "Maintenance"}


async def test_a_stop_engaged_after_a_release_was_asked_for_wins(board: Board) -> None:
    await board.stops.set(ERASE, STOP, "ann", "smoke")
    board.records.writable.clear()
    release = asyncio.create_task(board.stops.set(ERASE, GO, "ann", "smoke is gone"))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while not board.stops._recording.locked():
            await asyncio.sleep(0.001)
    engage = asyncio.create_task(board.stops.set(ERASE, STOP, "bob", "now flames"))
    async with asyncio.timeout(20):
        while board.stops.board([])[0].operator != "bob":
            await asyncio.sleep(0.001)
    board.records.writable.set()
    with pytest.raises(FailedPrecondition, match="was changed meanwhile"):
        await release
    await engage
    assert board.stops.is_stopped(ERASE)
    assert board.records.told()[-1] == (ERASE, STOP, "bob", "now flames")


async def test_changes_at_once_lose_nothing(board: Board) -> None:
    names = [f"Type{number}" for number in range(20)]
    await asyncio.gather(
        *(board.stops.set(name, STOP, "ann", "") for name in names), *(board.stops.reload() for _ in names)
    )
    assert [name for name, _ in board.lines()] == [ERASE, "Maintenance", *names]
    assert len(board.records.kept) == 20


async def test_a_caller_who_leaves_in_the_middle_leaves_a_whole_stop(board: Board) -> None:
    leaving = asyncio.create_task(board.stops.set(ERASE, STOP, "ann", "smoke"))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await board.stops.wait_idle()
    assert leaving.cancelled()
    assert board.stops.is_stopped(ERASE)
    assert board.lines()[0] == (ERASE, "stop")
    assert board.records.told() == [(ERASE, STOP, "ann", "smoke")]


async def test_listeners_are_called_when_it_is_in_force(board: Board) -> None:
    seen: list[bool] = []

    def fail() -> None:
        raise ZeroDivisionError("a bug")

    board.stops.subscribe(fail)
    unsubscribe = board.stops.subscribe(lambda: seen.append(board.stops.is_stopped(ERASE)))
    await board.stops.set(ERASE, STOP, "ann", "")
    assert seen
    assert all(seen)
    unsubscribe()
    count = len(seen)
    await board.stops.set(ERASE, GO, "ann", "fine")
    assert len(seen) == count


async def test_a_stop_and_its_reason_survive_a_restart(board: Board) -> None:
    await board.stops.set(ERASE, STOP, "ann", "smoke")
    again = await board.restarted()
    assert again.stops.is_stopped(ERASE)
    assert again.stops.board([])[0].reason == "smoke"
    assert len(again.records.kept) == 1


async def test_an_edit_while_the_server_was_down_is_on_record(board: Board) -> None:
    await board.stops.set(ERASE, STOP, "ann", "smoke")
    await board.stops.set("Maintenance", GO, "ann", "fine")
    board.write('{"Name": "SatelliteDiskErase", "Status": "go"}')
    again = await board.restarted()
    assert not again.stops.is_stopped(ERASE)
    assert again.stops.is_stopped("Maintenance")
    assert again.records.told()[2:] == [(ERASE, GO, "es.json", ""), ("Maintenance", STOP, "es.json", "")]
    assert again.stops.board([])[0].operator == "es.json"


def _edit(path: Path) -> None:
    path.write_text(BOTH_GO.replace("go", "stop", 1))


def _erase_entry(path: Path) -> None:
    path.write_text(BOTH_GO.splitlines()[1])


def _break(path: Path) -> None:
    path.write_text(BOTH_GO[:-5])


@pytest.mark.parametrize("change", [_edit, _erase_entry, _break, Path.unlink])
async def test_ten_rounds_of_stopping_and_mending_are_all_seen(
    board: Board, change: Callable[[Path], None]
) -> None:
    """With the real watcher: no later edit is ever missed."""
    stops = EmergencyStops(board.path, board.records, board.clock, settle_seconds=0)
    await stops.load()
    watcher = FileWatcher({board.path: stops.reload}, poll_seconds=0.05)
    watcher.start()

    async def until(stopped: bool) -> None:
        async with asyncio.timeout(20):
            while stops.is_stopped(ERASE) is not stopped:
                await board.clock.advance(0)
                await asyncio.sleep(0.001)

    for _ in range(10):
        change(board.path)
        await until(stopped=True)
        board.path.write_text(BOTH_GO)
        await until(stopped=False)
    watcher.close()
    await watcher.wait_closed()
