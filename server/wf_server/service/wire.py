"""Large messages in portions, so that no one of them holds the event loop for long.

betterproto decodes and encodes a message in one go: 10,000 jobs take a quarter of a second, in which no
stop would be heard. A WorkReq is therefore read from its bytes here, straight into the model, and the
reports that hold every job of a workflow are put together from encoded portions.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Any, NamedTuple

from betterproto import Message

from wf_server.model import Block, Job, OnFailure, Retry, WorkReq

#: Jobs read or written between two looks at the event loop.
PORTION = 1_000

#: Arguments of one job; no job type has more than a few.
MAX_ARGS = 100
#: Waves of a block, and errors of a retry: what is read at most; policy/options says how many are right.
MAX_TEXTS = 1_000

#: The numbers of repeated fields: WorkReq.blocks, Block.jobs; StatusResponse.blocks, BlockStatus.jobs.
REQUEST_BLOCKS = REQUEST_JOBS = 3
STATUS_BLOCKS = STATUS_JOBS = 4
SNAPSHOT_BLOCKS = 2
#: Single fields: WatchResponse.snapshot, GetRejectionResponse.work_req.
WATCH_SNAPSHOT = 1
REJECTION_REQUEST = 2

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_INT32_SIGN = 1 << 31
_DOUBLE = struct.Struct("<d")

_Field = tuple[int, int, int, int]


class Malformed(ValueError):
    """The bytes are not the message that they should be."""


class TooMany(Exception):
    """The request has more of something than the server takes; reading went no further."""

    def __init__(self, what: str, limit: int, block: int | None = None, job: int | None = None) -> None:
        super().__init__(f"too many {what}")
        self.limit = limit
        self.block = block
        self.job = job


class _Pace:
    """Counts what is read, lets the event loop go on after every portion, and ends at the limit."""

    def __init__(self, max_jobs: int) -> None:
        self._max_jobs = max_jobs
        self._jobs = 0
        self._steps = 0

    async def step(self) -> None:
        """Something small was read."""
        self._steps += 1
        if self._steps % PORTION == 0:
            await asyncio.sleep(0)

    async def job(self) -> None:
        """A job was read."""
        self._jobs += 1
        if self._jobs > self._max_jobs:
            raise TooMany("jobs in the WorkReq", self._max_jobs)
        await self.step()


async def read_request(data: bytes, max_jobs: int, *, nested: bool) -> WorkReq:
    """Reads a WorkReq; where it is `nested`, the bytes are a message with a WorkReq as its field 1.

    Raises Malformed, or TooMany for more jobs or blocks than `max_jobs`, or more arguments than a job may
    have. Unknown fields are passed over; of a repeated single field the last one counts.
    """
    start, end = _request_span(data, nested=nested)
    name = desc = max_failures = ""
    no_overshoot, on_failure = False, OnFailure.UNSPECIFIED
    blocks: list[Block] = []
    pace = _Pace(max_jobs)
    for number, kind, first, last in _fields(data, start, end):
        if number == 1:
            name = _text(data, kind, first, last)
        elif number == 2:
            desc = _text(data, kind, first, last)
        elif number == REQUEST_BLOCKS:
            _expect(kind, _BYTES, first, last)
            if len(blocks) == max_jobs:
                raise TooMany("blocks in the WorkReq", max_jobs)
            blocks.append(await _block(data, first, last, len(blocks), pace))
        elif number == 4:
            max_failures = _text(data, kind, first, last)
        elif number == 5:
            no_overshoot = _flag(data, kind, first, last)
        elif number == 6:
            on_failure = _choice(data, kind, first, last)
        await pace.step()
    return WorkReq(name, desc, tuple(blocks), max_failures, no_overshoot, on_failure)


def read_name(data: bytes, *, nested: bool) -> str:
    """Reads the name that `read_request` would read, and passes over the rest. Raises Malformed."""
    start, end = _request_span(data, nested=nested)
    name = ""
    for number, kind, first, last in _fields(data, start, end):
        if number == 1:
            name = _text(data, kind, first, last)
    return name


def _request_span(data: bytes, *, nested: bool) -> tuple[int, int]:
    if not nested:
        return 0, len(data)
    start = end = 0
    for number, kind, first, last in _fields(data, 0, len(data)):
        if number == 1:
            start, end = _expect(kind, _BYTES, first, last)
    return start, end


class Submission(NamedTuple):
    """What a SubmitRequest says beside its WorkReq."""

    mends: str = ""
    key: str = ""
    lineage_kind: int = 0
    lineage_id: str = ""
    acknowledge: tuple[str, ...] = ()


def read_submission(data: bytes) -> Submission:
    """Reads a SubmitRequest and passes over its WorkReq. Raises Malformed."""
    mends = key = lineage_id = ""
    lineage_kind = 0
    acknowledge: list[str] = []
    for number, kind, first, last in _fields(data, 0, len(data)):
        if number == 2:
            mends = _text(data, kind, first, last)
        elif number == 3:
            key = _text(data, kind, first, last)
        elif number == 4:
            _expect(kind, _BYTES, first, last)
            for inner, inner_kind, inner_first, inner_last in _fields(data, first, last):
                if inner == 1:
                    lineage_kind = _number(data, inner_kind, inner_first, inner_last)
                elif inner == 2:
                    lineage_id = _text(data, inner_kind, inner_first, inner_last)
        elif number == 5:
            if len(acknowledge) == MAX_TEXTS:
                raise Malformed(f"more than {MAX_TEXTS} names in acknowledge")
            acknowledge.append(_text(data, kind, first, last))
    return Submission(mends, key, lineage_kind, lineage_id, tuple(acknowledge))


async def _block(data: bytes, start: int, end: int, position: int, pace: _Pace) -> Block:
    desc, rate_limit = "", 0
    jobs: list[Job] = []
    ramp: list[str] = []
    options: dict[str, Any] = {}
    for number, kind, first, last in _fields(data, start, end):
        if number == 1:
            desc = _text(data, kind, first, last)
        elif number == 2:
            _expect(kind, _VARINT, first, last)
            rate_limit = _int32(first)
        elif number == 3:
            _expect(kind, _BYTES, first, last)
            jobs.append(_job(data, first, last, (position, len(jobs))))
            await pace.job()
        elif number == 9:
            if len(ramp) == MAX_TEXTS:
                raise TooMany("waves in the ramp", MAX_TEXTS, position)
            ramp.append(_text(data, kind, first, last))
            await pace.step()
        elif number in _BLOCK_OPTIONS:
            name, read = _BLOCK_OPTIONS[number]
            options[name] = read(data, kind, first, last)
    return Block(desc, rate_limit, tuple(jobs), ramp=tuple(ramp), **options)


def _job(data: bytes, start: int, end: int, place: tuple[int, int]) -> Job:
    name = desc = timeout = ""
    args: dict[str, str] = {}
    retry: Retry | None = None
    for number, kind, first, last in _fields(data, start, end):
        if number == 1:
            name = _text(data, kind, first, last)
        elif number == 2:
            desc = _text(data, kind, first, last)
        elif number == 3:
            _expect(kind, _BYTES, first, last)
            key = value = ""
            for inner, inner_kind, inner_first, inner_last in _fields(data, first, last):
                if inner == 1:
                    key = _text(data, inner_kind, inner_first, inner_last)
                elif inner == 2:
                    value = _text(data, inner_kind, inner_first, inner_last)
            args[key] = value
            if len(args) > MAX_ARGS:
                raise TooMany("arguments in the job", MAX_ARGS, *place)
        elif number == 4:
            timeout = _text(data, kind, first, last)
        elif number == 5:
            _expect(kind, _BYTES, first, last)
            retry = _retry(data, first, last, place)
    return Job(name, desc, MappingProxyType(args), timeout, retry)


def _retry(data: bytes, start: int, end: int, place: tuple[int, int]) -> Retry:
    errors: list[str] = []
    # Absent, it is 0, which no job may have: the structure check says so.
    options: dict[str, Any] = {"attempts": 0}
    for number, kind, first, last in _fields(data, start, end):
        if number == 6:
            if len(errors) == MAX_TEXTS:
                raise TooMany("errors in the retry", MAX_TEXTS, *place)
            errors.append(_text(data, kind, first, last))
        elif number in _RETRY_OPTIONS:
            name, read = _RETRY_OPTIONS[number]
            options[name] = read(data, kind, first, last)
    return Retry(errors=tuple(errors), **options)


def _fields(data: bytes, at: int, end: int) -> Iterator[_Field]:
    """Yields (number, kind, first, last) of each field; a varint's value comes as `first`."""
    while at < end:
        tag, at = _varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("a field has the number 0")
        if kind == _VARINT:
            value, at = _varint(data, at, end)
            yield number, kind, value, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at, end)
        elif kind == _FIXED64:
            size = 8
        elif kind == _FIXED32:
            size = 4
        else:
            raise Malformed(f"a field has the unknown wire type {kind}")
        if size > end - at:
            raise Malformed("a field is longer than its message")
        yield number, kind, at, at + size
        at += size


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise Malformed("a number is too long")
    raise Malformed("the message ends within a number")


def _int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value & _INT32_SIGN else value


def _number(data: bytes, kind: int, first: int, last: int) -> int:
    return _int32(_expect(kind, _VARINT, first, last)[0])


def _flag(data: bytes, kind: int, first: int, last: int) -> bool:
    return bool(_expect(kind, _VARINT, first, last)[0])


def _choice(data: bytes, kind: int, first: int, last: int) -> OnFailure:
    number = _expect(kind, _VARINT, first, last)[0]
    try:
        return OnFailure(number)
    except ValueError:
        raise Malformed(f"on_failure has the unknown value {number}") from None


def _double(data: bytes, kind: int, first: int, last: int) -> float:
    _expect(kind, _FIXED64, first, last)
    value = float(_DOUBLE.unpack_from(data, first)[0])
    if value != value:
        raise Malformed("a number is none")
    return value


def _text(data: bytes, kind: int, first: int, last: int) -> str:
    _expect(kind, _BYTES, first, last)
    try:
        return data[first:last].decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is not UTF-8") from error


def _expect(kind: int, expected: int, first: int, last: int) -> tuple[int, int]:
    if kind != expected:
        raise Malformed(f"a field has wire type {kind} where {expected} is expected")
    return first, last


_BLOCK_OPTIONS: dict[int, tuple[str, Callable[[bytes, int, int, int], Any]]] = {
    4: ("max_failures", _text),
    5: ("no_overshoot", _flag),
    6: ("on_failure", _choice),
    7: ("hold", _flag),
    8: ("point_of_no_return", _flag),
    10: ("soak", _text),
}
_RETRY_OPTIONS: dict[int, tuple[str, Callable[[bytes, int, int, int], Any]]] = {
    1: ("attempts", _number),
    2: ("delay", _text),
    3: ("backoff", _double),
    4: ("max_delay", _text),
    5: ("jitter", _double),
}


class Case(NamedTuple):
    """What a TestCase says beside its WorkReq."""

    draft: str
    at_us: int
    acknowledged: tuple[str, ...]


def read_case(data: bytes) -> Case:
    """Reads a TestCaseRequest but for its WorkReq. Raises Malformed."""
    draft, at_us, acknowledged = "", 0, list[str]()
    for number, kind, first, last in _fields(data, 0, len(data)):
        if number == 2:
            draft = _text(data, kind, first, last)
        elif number == 3:
            _expect(kind, _VARINT, first, last)
            at_us = first
        elif number == 4 and len(acknowledged) < MAX_TEXTS:
            acknowledged.append(_text(data, kind, first, last))
    return Case(draft, at_us, tuple(acknowledged))


async def write_report(head: Message, blocks: AsyncIterator[bytes], number: int) -> bytes:
    """A message whose repeated field `number` holds the encoded blocks, which `head` lacks."""
    parts = [bytes(head)]
    async for block in blocks:
        parts += [_tag(number, len(block)), block]
    return b"".join(parts)


async def write_block(head: Message, portions: Iterable[bytes]) -> bytes:
    """A block from its head, which lacks the jobs, and from the encodings of some of them each."""
    parts = [bytes(head)]
    for portion in portions:
        parts.append(portion)
        await asyncio.sleep(0)
    return b"".join(parts)


def _tag(number: int, size: int) -> bytes:
    out = bytearray([number << 3 | _BYTES])
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out)
