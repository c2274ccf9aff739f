"""What is fed with damaged input: a target takes bytes, and raises only where something is wrong with wf."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from grpclib.exceptions import GRPCError

import wf_proto as pb
from wf_server.config import ConnectionLimits, load_server_config
from wf_server.errors import ConfigError
from wf_server.es_file import read_stops
from wf_server.expressions.rule import Case, Rule, RuleError
from wf_server.files import read_objects
from wf_server.policy.calendar_file import read_times
from wf_server.service.guard import Codec, Undecoded
from wf_server.service.serving import GrpcServer
from wf_server.service.wire import Malformed, TooMany, read_request, read_submission
from wf_tui.workreq_files import BadFile, parse_workreq

ROOT = Path(__file__).parent.parent.parent
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: All that a client may send first, as the server decodes it.
MESSAGES = tuple(
    kind for name, kind in vars(pb).items() if name.endswith("Request") and isinstance(kind, type)
)


class _Transport:
    """Takes what a connection writes, and closes when it is told to."""

    def __init__(self) -> None:
        self.closing = False

    def write(self, data: bytes) -> None:
        """Takes it."""

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else None

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close


async def frames(data: bytes) -> None:
    """HTTP/2 as a server reads it, in two pieces."""
    server = GrpcServer([], ConnectionLimits())
    connection = server._protocol_factory()
    transport = cast("asyncio.Transport", _Transport())
    connection.connection_made(transport)
    half = len(data) // 2
    for piece in (data[:half], data[half:]):
        if not transport.is_closing():
            connection.data_received(piece)
        await asyncio.sleep(0)
    connection.connection_lost(None)
    for handler in server._handlers:
        await handler.wait_closed()
    assert len(server.connections) == 0, "a connection was kept"


async def messages(data: bytes) -> None:
    """Every request, as the server decodes it."""
    codec = Codec()
    for kind in MESSAGES:
        with contextlib.suppress(GRPCError):
            if isinstance(codec.decode(data, kind), Undecoded):
                await _workreq(data)


async def _workreq(data: bytes) -> None:
    for nested in (True, False):
        with contextlib.suppress(Malformed, TooMany):
            await read_request(data, 1_000, nested=nested)
    with contextlib.suppress(Malformed):
        read_submission(data)


async def json_files(data: bytes) -> None:
    """es.json, and the reader of all JSON files."""
    with _file(data) as path:
        read_stops(path)
        with contextlib.suppress(ConfigError):
            list(read_objects(path))


async def toml(data: bytes) -> None:
    """server.toml."""
    with _file(data) as path, contextlib.suppress(ConfigError):
        load_server_config(path)


async def workreqs(data: bytes) -> None:
    """WorkReqs in YAML or JSON, as the console and `wf` open them."""
    text = data.decode(errors="replace")
    for as_json in (False, True):
        with contextlib.suppress(BadFile):
            parse_workreq(text, "work", as_json=as_json)


async def calendars(data: bytes) -> None:
    """iCalendar files of changeWindow."""
    with _file(data) as path, contextlib.suppress(ConfigError):
        for covered in read_times(path, ZoneInfo("Europe/Berlin"), datetime(2026, 3, 1, tzinfo=UTC)):
            assert covered.start < covered.end


async def rules(data: bytes) -> None:
    """Rules in CEL: read, and judged where they are rules."""
    with contextlib.suppress(RuleError):
        rule = Rule(data.decode(errors="surrogateescape"))
        for finding in rule.judge(Case(_CASE)):
            assert finding.problem
            assert finding.block in (None, 0, 1)


@contextlib.contextmanager
def _file(data: bytes) -> Any:
    with tempfile.TemporaryDirectory(prefix="wf-fuzz-") as directory:
        path = Path(directory) / "file"
        path.write_bytes(data)
        yield path


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _headers() -> bytes:
    fields = {":method": "POST", ":path": "/a.B/C", "te": "trailers", "content-type": "application/grpc"}
    return b"".join(
        bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )


_REQUEST = pb.SubmitRequest(
    work_req=pb.WorkReq(
        name="Maintenance",
        desc="naps",
        blocks=[pb.Block(rate_limit=3, jobs=[pb.Job(name="sleep", args={"seconds": "1"})] * 2)],
    ),
    key="k",
)
_HTTP = (
    PREFACE
    + _frame(4, 0, 0, struct.pack(">HI", 4, 65535))
    + _frame(1, 4, 1, _headers())
    + _frame(0, 1, 1, b"\0\0\0\0\x02\x0a\0")
    + _frame(6, 0, 0, bytes(8))
    + _frame(8, 0, 0, struct.pack(">I", 5))
    + _frame(3, 0, 1, struct.pack(">I", 8))
    + _frame(0x42, 0, 1, b"unknown")
)
_CASE = {
    "request": {
        "name": "Maintenance",
        "blocks": [{"desc": "é", "jobs": [{"name": "sleep", "args": {"site": "aap", "seconds": "3"}}] * 2}]
        * 2,
    },
    "inventory": {"sites": {"aap": {"status": "decom"}}, "machines": {"aap": ["aa00"]}},
    "now": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
}
_RULES = (
    b"request.blocks.all(b, size(b.jobs) <= 1 && b.jobs.all(j, int(j.args.seconds) < 9)) // naps",
    b"request.blocks.all(b, b.jobs.all(j, inventory.sites[j.args.site].status == 'decom'))",
    b"now.getHours('Europe/Berlin') in [1, 2] ? request.name.matches('(a+)+$') : [1, 2u, 3.5e1].size() > 2",
    rb"""request.blocks.exists_one(b, b.desc == r'\d' + "\u00e9") || {'a': [null]}.a != [b'\x00']""",
)
_CALENDARS = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\nSUMMARY:end\r\n  of year\r\n"
    b"DTSTART;VALUE=DATE:20251220\r\nDTEND;VALUE=DATE:20260107\r\nRRULE:FREQ=YEARLY;COUNT=9\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n",
    b"BEGIN:VCALENDAR\nX-WR-TIMEZONE:Europe/Berlin\nBEGIN:VEVENT\nUID:b\nDTSTART;TZID=Europe/Berlin:20260329T013000\n"
    b"DURATION:PT2H\nRRULE:FREQ=WEEKLY;BYDAY=SU,MO;UNTIL=20260601T000000Z\nEXDATE:20260405T013000\n"
    b"STATUS:CONFIRMED\nEND:VEVENT\nBEGIN:VEVENT\nUID:b\nRECURRENCE-ID;TZID=Europe/Berlin:20260412T013000\n"
    b"DTSTART:20260412T120000Z\nDTEND:20260412T130000Z\nEND:VEVENT\nEND:VCALENDAR\n",
)
_YAML = b"""name: Maintenance
blocks:
  - desc: wait
    rateLimit: 2
    jobs:
      - {name: sleep, args: {seconds: 3}, timeout: 2m, retry: {attempts: 3}}
"""
Target = Callable[[bytes], Awaitable[None]]
#: By name: the target, and what is damaged for it.
TARGETS: dict[str, tuple[Target, tuple[bytes, ...]]] = {
    "frames": (frames, (_HTTP, _HTTP[:40])),
    "messages": (messages, (bytes(_REQUEST), bytes(_REQUEST.work_req))),
    "JSON": (
        json_files,
        ((ROOT / "configs/es.json").read_bytes(), (ROOT / "configs/policies.json").read_bytes()[:600]),
    ),
    "configuration": (toml, ((ROOT / "configs/server.toml").read_bytes(),)),
    "CEL": (rules, _RULES),
    "iCalendar": (calendars, _CALENDARS),
    "YAML": (workreqs, (_YAML, b'{"name": "a", "blocks": [{"jobs": [{"name": "sleep"}]}]}')),
}
_INTERESTING = (
    b"\0",
    b"\xff",
    b"\x80" * 9,
    b"{",
    b"[" * 60,
    b'"',
    b"\n",
    b"&a *a",
    b"1e999",
    b"\xed\xa0\x80",
)


def damaged(seeds: tuple[bytes, ...], chance: random.Random) -> bytes:
    """One of the seeds with a few changes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(8)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                data[at:at] = chance.choice(_INTERESTING)
            case 2:
                del data[at : at + chance.randrange(1, 20)]
            case 3:
                data[at:at] = data[at : at + chance.randrange(1, 40)]
            case _:
                data[at:at] = chance.randbytes(chance.randrange(1, 6))
    return bytes(data)
