"""What comes by the hundred thousand, a job, written straight into its bytes.

The library takes some fifty microseconds a job: the status of the largest workflow would take longer than its
caller waits. What each function here writes is what the message of the same name in `translate` says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from wf_server.model import Job, Workflow
from wf_server.service.published_status import published_status
from wf_server.service.translate import next_attempt_us, retry_message

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_DOUBLE = struct.Struct("<d")
_SECOND = 1_000_000


def repeated(number: int, messages: Iterable[bytes]) -> bytes:
    """A repeated field of messages."""
    return b"".join([_field(number, message) for message in messages])


def job_row(job: Job) -> bytes:
    """workflow.v1.Job."""
    row = _spec(job) + _text(4, job.timeout)
    return row if job.retry is None else row + _field(5, bytes(retry_message(job.retry)))


def job_status_row(workflow: Workflow, block: int, job: int) -> bytes:
    """workflow.v1.JobStatus, without the lines of its log."""
    state, progress = workflow.blocks[block], workflow.progress.get((block, job))
    row = (
        _spec(workflow.request.blocks[block].jobs[job])
        + _number(4, state.statuses[job])
        + _text(5, state.errors.get(job, ""))
        + _time(6, state.started[job])
        + _time(7, state.ended[job])
        + _number(11, state.attempts_of(job))
        + _time(12, next_attempt_us(workflow, block, job))
    )
    if progress is None:
        return row
    return row + _tag(8, _FIXED64) + _DOUBLE.pack(progress.fraction) + _text(9, progress.message)


def published_job_row(workflow: Workflow, block: int, job: int) -> bytes:
    """diskerase.JobStatus."""
    state = workflow.blocks[block]
    status = published_status(state.statuses[job])
    error = state.errors.get(job, "")
    return _spec(workflow.request.blocks[block].jobs[job]) + _number(4, int(status)) + _text(5, error)


def _spec(job: Job) -> bytes:
    """The name, the description and the arguments, which all three begin with."""
    args = [_field(3, _text(1, name) + _text(2, value)) for name, value in job.args.items()]
    return b"".join([_text(1, job.name), _text(2, job.desc), *args])


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode()) if text else b""


def _time(number: int, us: int) -> bytes:
    """google.protobuf.Timestamp; 0 means that it has not happened."""
    if not us:
        return b""
    seconds, rest = divmod(us, _SECOND)
    return _field(number, _number(1, seconds) + _number(2, rest * 1000))


def _number(number: int, value: int) -> bytes:
    return _tag(number, _VARINT) + _varint(value) if value else b""


def _field(number: int, content: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(content)) + content


def _tag(number: int, kind: int) -> bytes:
    return _SMALL[number << 3 | kind]


def _varint(value: int) -> bytes:
    """A number of at least 0."""
    if value < 0x80:
        return _SMALL[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = [bytes([n]) for n in range(0x80)]
