"""Files that people edit while the server runs: reading, replacing and watching them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog
from watchfiles import awatch

from wf_server.errors import ConfigError
from wf_server.wording import told

log = structlog.get_logger(__name__)
_SPACE = re.compile(r"[ \t\r\n]*")

#: Milliseconds that notices are gathered for, and between two looks at them.
_DEBOUNCE_MS = 20
_STEP_MS = 10
#: A file changed less than this before it was looked at may change again without a trace in its times.
_YOUNG_NS = 50_000_000
#: A file changed less than this before it is watched may have changed since it was read.
_RECENT_NS = 10_000_000_000

#: No configuration or inventory is larger.
MAX_BYTES = 64 << 20

Signature = tuple[int, ...]


class _Misread(ValueError):
    """The text is not what a configuration file may hold."""


def read_objects(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Reads a sequence of JSON objects, one after another, each with the line it starts on.

    Blocks. Raises ConfigError "path:line:column: what is wrong and what to do".
    """
    return list(_objects(path, read_text(path)))


def read_text(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """Reads a file of text. Blocks. Raises ConfigError "path:line: what is wrong and what to do"."""
    try:
        return _read_regular(path, max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None


def parse_objects(text: str, name: str) -> list[tuple[int, dict[str, Any]]]:
    """Does the same with a text; `name` is what errors call it. Raises ConfigError."""
    return list(_objects(Path(name), text))


def _read_regular(path: Path, max_bytes: int) -> bytes:
    """Reads a file that is one: a pipe would never end, and nobody could stop anything meanwhile."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ConfigError(f"{path}: is not a regular file; put one there")
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ConfigError(f"{path}: is larger than {max_bytes >> 20} MiB; make it smaller")
    return data


def _objects(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    position = _skip_space(text, 0)
    line = 1 + text.count("\n", 0, position)
    while position < len(text):
        try:
            if text[position] != "{":
                raise _Misread(_not_an_object(text[position]))
            found, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path}:{error.lineno}:{error.colno}: not JSON: {_hint(error)}") from None
        except RecursionError:
            raise ConfigError(f"{path}:{line}: nested too deeply; flatten this object") from None
        except ValueError as error:
            column = position - text.rfind("\n", 0, position)
            raise ConfigError(f"{path}:{line}:{column}: {error}") from None
        yield line, found
        after = _skip_space(text, end)
        line += text.count("\n", position, after)
        position = after


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Misread(f"the key {told(twice)} stands twice in one object; keep one of them")
    return found


def _no_constant(name: str) -> float:
    raise _Misread(f"{name} is not JSON; write a number")


def _not_an_object(char: str) -> str:
    if char in "[]":
        return (
            "the objects stand one after another, not in an array; remove the brackets and the commas between"
        )
    if char == ",":
        return "the objects stand one after another without commas between; remove the comma"
    return f"an object {{...}} is expected, found {char!r}; remove it or mend it"


def _hint(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc.rstrip()):
        return "the file ends in the middle of an object; is a closing } missing?"
    if error.msg.startswith("Expecting property name"):
        return 'a name in double quotes is expected here; is there a comma after the last "name": value?'
    return f"{error.msg[0].lower()}{error.msg[1:]}; mend the text here"


def write_atomically(path: Path, text: str, mode: int | None = None) -> None:
    """Replaces a file so that readers see the old text or the new, also after a power cut.

    `mode` None keeps that of the existing file (0600 for a new one). A symbolic link stays one. Blocks.
    Raises OSError, and leaves the old file then.
    """
    target = path.resolve()
    if mode is None:
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o600
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def signature(path: Path) -> Signature:
    """What tells one state of a file from another; a file that cannot be looked at has one too. Blocks."""
    try:
        stat = path.stat()
    except OSError as error:
        return (-(error.errno or 1),)
    # The change time sees a chmod, after which the file may be unreadable.
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)


def _changed_within(found: Signature, span_ns: int) -> bool:
    """Whether the file changed so lately that its signature may hide a change; an absent one may."""
    return len(found) == 1 or abs(time.time_ns() - found[1]) < span_ns


class _WatchedFile:
    """One file, its last known signature and what to call when it differs."""

    def __init__(self, path: Path, callback: Callable[[], Awaitable[None]]) -> None:
        self.path = path
        self.wake = asyncio.Event()
        self._callback = callback
        self._signature = signature(path)
        # Read before it was watched, perhaps, and changed or removed in between: it is read again.
        self._doubtful = _changed_within(self._signature, _RECENT_NS)

    async def look(self) -> None:
        """Calls back if the file changed since the last look."""
        now = await asyncio.to_thread(signature, self.path)
        changed = now != self._signature or self._doubtful
        self._signature = now
        self._doubtful = len(now) > 1 and _changed_within(now, _YOUNG_NS)
        if not changed:
            return
        try:
            await self._callback()
        except Exception:
            log.exception("reading a changed file failed", file=str(self.path))


class FileWatcher:
    """Calls back when files change, appear, vanish or are replaced: by notices, and by looking.

    Each file's callbacks run one at a time; a slow one never delays another file's. What changed between
    the first reading of a file and the start of the watch is seen too, within some seconds. A callback may
    run once more than its file changed.
    """

    def __init__(
        self, callbacks: Mapping[Path, Callable[[], Awaitable[None]]], *, poll_seconds: float = 0.5
    ) -> None:
        self._files = [_WatchedFile(path, callback) for path, callback in callbacks.items()]
        self._poll_seconds = poll_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = asyncio.Event()
        self._directories_changed = asyncio.Event()

    def start(self) -> None:
        """Begins to watch."""
        for file in self._files:
            self._tasks.append(self._following(file))
        self._tasks.append(asyncio.create_task(self._take_notices(), name="file notices"))
        self._tasks.append(asyncio.create_task(self._watch_directories(), name="watch directories"))

    def add(self, path: Path, callback: Callable[[], Awaitable[None]]) -> None:
        """Watches one more file from now on, unless it is watched already."""
        if any(file.path == path for file in self._files):
            return
        file = _WatchedFile(path, callback)
        self._files.append(file)
        if self._tasks and not self._closing.is_set():
            self._tasks.append(self._following(file))
            self._directories_changed.set()

    def close(self) -> None:
        """Begins to end; a callback that runs is cancelled."""
        self._closing.set()
        self._directories_changed.set()
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Waits until nothing of it runs any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _following(self, file: _WatchedFile) -> asyncio.Task[None]:
        return asyncio.create_task(self._follow(file), name=f"watch {file.path.name}")

    async def _follow(self, file: _WatchedFile) -> None:
        while True:
            await _set_within(file.wake, self._poll_seconds)
            file.wake.clear()
            await file.look()

    def _directories(self) -> dict[Path, Signature]:
        """The directories that exist, each with what identifies it."""
        found = {}
        for directory in sorted({file.path.parent for file in self._files}):
            identity = signature(directory)[3:]
            if identity:
                found[directory] = identity
        return found

    async def _watch_directories(self) -> None:
        """Has the notices taken anew when a directory vanished, appeared or was replaced."""
        known = await asyncio.to_thread(self._directories)
        while True:
            await asyncio.sleep(self._poll_seconds)
            now = await asyncio.to_thread(self._directories)
            if now != known:
                known = now
                self._directories_changed.set()

    async def _take_notices(self) -> None:
        while not self._closing.is_set():
            directories = await asyncio.to_thread(self._directories)
            try:
                await self._notices_of(directories)
            except (OSError, RuntimeError, ExceptionGroup) as error:
                # Looking goes on without them.
                log.warning("no notices of changed files for the moment", reason=str(error))
            await self._directories_changed.wait()
            self._directories_changed.clear()

    async def _notices_of(self, directories: Mapping[Path, Signature]) -> None:
        if not directories:
            return
        notices = awatch(
            *directories,
            watch_filter=None,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=self._directories_changed,
            recursive=False,
        )
        async for _ in notices:
            for file in self._files:
                file.wake.set()


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
