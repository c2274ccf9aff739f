"""Watching files: by notices, and by looking where there are none."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from wf_server import files
from wf_server.files import FileWatcher

#: So long that a test which needs looking would time out.
NEVER = 3600.0
PATIENCE = 20


class Seen:
    """Counts callbacks, and reads the file at each as those who watch do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.texts: list[str | None] = []
        self._changed = asyncio.Event()

    async def __call__(self) -> None:
        self.texts.append(self.path.read_text() if self.path.exists() else None)
        self._changed.set()

    async def until(self, text: str | None) -> None:
        """Waits until a callback found this text."""
        async with asyncio.timeout(PATIENCE):
            while not self.texts or self.texts[-1] != text:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def watching(seen: Seen, poll_seconds: float) -> AsyncIterator[FileWatcher]:
    watcher = FileWatcher({seen.path: seen}, poll_seconds=poll_seconds)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.close()
        await watcher.wait_closed()


def rename_over(path: Path, text: str) -> None:
    other = path.with_suffix(".new")
    other.write_text(text)
    os.replace(other, path)


@pytest.fixture(params=["notices", "looking"])
def poll_seconds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Either way alone has to do."""
    if request.param == "notices":
        return 0.5

    async def no_notices(self: FileWatcher, directories: object) -> None:
        raise OSError("inotify watch limit reached")

    monkeypatch.setattr(FileWatcher, "_notices_of", no_notices)
    return 0.01


async def test_every_kind_of_change_is_seen(tmp_path: Path, poll_seconds: float) -> None:
    seen = Seen(tmp_path / "es.json")
    async with watching(seen, poll_seconds):
        seen.path.write_text("appeared")
        await seen.until("appeared")
        seen.path.write_text("edited in place")
        await seen.until("edited in place")
        rename_over(seen.path, "replaced")
        await seen.until("replaced")
        seen.path.unlink()
        await seen.until(None)
        seen.path.write_text("back")
        await seen.until("back")


async def test_notices_alone_are_enough(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "es.json")
    seen.path.write_text("old")
    async with watching(seen, NEVER):
        # The notices begin at some moment after the start; edits go on until one is seen.
        async with asyncio.timeout(PATIENCE):
            while not seen.texts:
                rename_over(seen.path, "new")
                await asyncio.sleep(0.01)
        seen.path.write_text("newest")
        await seen.until("newest")


async def test_what_changed_before_the_start_is_seen(tmp_path: Path, poll_seconds: float) -> None:
    seen = Seen(tmp_path / "es.json")
    watcher = FileWatcher({seen.path: seen}, poll_seconds=poll_seconds)
    seen.path.write_text("between")
    watcher.start()
    await seen.until("between")
    watcher.close()
    await watcher.wait_closed()


@pytest.mark.parametrize("change", [lambda path: path.write_text("changed"), Path.unlink])
async def test_what_changed_between_the_reading_and_the_watch_is_seen(
    tmp_path: Path, poll_seconds: float, change: Callable[[Path], object]
) -> None:
    seen = Seen(tmp_path / "es.json")
    seen.path.write_text("as it was read")
    change(seen.path)
    async with watching(seen, poll_seconds):
        await seen.until(seen.path.read_text() if seen.path.exists() else None)


async def test_a_file_of_long_ago_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "es.json"
    seen = Seen(path)
    monkeypatch.setattr(files, "signature", lambda path: (5, 5, 3, 1, 1))
    file = files._WatchedFile(path, seen)
    await file.look()
    assert seen.texts == []


async def test_a_change_that_leaves_times_and_size_alone_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two edits within one tick of the file system's clock, the second after the file was read."""
    path = tmp_path / "es.json"
    path.write_text("one")
    seen = Seen(path)
    file = files._WatchedFile(path, seen)
    now = [1_000_000_000]
    monkeypatch.setattr(files, "signature", lambda path: (5, now[0], 3, 1, 1))
    monkeypatch.setattr(time, "time_ns", lambda: now[0] + 1_000_000)
    await file.look()
    assert seen.texts == ["one"]
    path.write_text("two")
    monkeypatch.setattr(time, "time_ns", lambda: now[0] + 1_000_000_000)
    await file.look()
    await file.look()
    assert seen.texts == ["one", "two"]


async def test_a_vanished_directory_does_not_end_the_watch(tmp_path: Path, poll_seconds: float) -> None:
    directory = tmp_path / "configs"
    directory.mkdir()
    seen = Seen(directory / "es.json")
    seen.path.write_text("old")
    async with watching(seen, min(poll_seconds, 0.05)):
        shutil.rmtree(directory)
        await seen.until(None)
        directory.mkdir()
        seen.path.write_text("back")
        await seen.until("back")
        seen.path.write_text("and again")
        await seen.until("and again")


async def test_a_callback_that_fails_is_called_again(tmp_path: Path, poll_seconds: float) -> None:
    path = tmp_path / "es.json"
    called = asyncio.Semaphore(0)

    async def fail() -> None:
        called.release()
        raise ZeroDivisionError("a bug")

    watcher = FileWatcher({path: fail}, poll_seconds=poll_seconds)
    watcher.start()
    async with asyncio.timeout(PATIENCE):
        path.write_text("one")
        await called.acquire()
        path.write_text("two, longer")
        await called.acquire()
    watcher.close()
    await watcher.wait_closed()


async def test_a_slow_callback_does_not_delay_another_file(tmp_path: Path, poll_seconds: float) -> None:
    slow, quick = tmp_path / "policies.json", Seen(tmp_path / "es.json")
    begun, never = asyncio.Event(), asyncio.Event()

    async def linger() -> None:
        begun.set()
        await never.wait()

    watcher = FileWatcher({slow: linger, quick.path: quick}, poll_seconds=poll_seconds)
    watcher.start()
    async with asyncio.timeout(PATIENCE):
        slow.write_text("x")
        await begun.wait()
    quick.path.write_text("stop")
    await quick.until("stop")
    watcher.close()
    async with asyncio.timeout(PATIENCE):
        await watcher.wait_closed()


async def test_nothing_is_left_running(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with watching(Seen(tmp_path / "es.json"), 0.5):
        names = {task.get_name() for task in asyncio.all_tasks() - before}
        assert names == {"watch es.json", "file notices", "watch directories"}
    assert asyncio.all_tasks() == before


def test_a_chmod_is_a_change(tmp_path: Path) -> None:
    path = tmp_path / "es.json"
    path.write_text("x")
    os.utime(path, ns=(1, 1))
    before = files.signature(path)

    def changed() -> bool:
        path.chmod(0o400)
        return files.signature(path) != before

    spin_until(changed)


def spin_until(changed: Callable[[], bool]) -> None:
    """The change time moves on with the file system's clock, a tick of some milliseconds."""
    for _ in range(1_000_000):
        if changed():
            return
    raise AssertionError("the signature never changed")
