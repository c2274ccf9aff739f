"""Messages to bytes and back, and the proof that the checking decoder is the one in force.

Without its Rust codec betterproto takes bytes of the wrong wire type into any field, and a few such
bytes from a broken or hostile peer exhaust the memory.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from grpclib.encoding.base import CodecBase

from wf_proto import WorkReq
from wf_proto.errors import Undecodable, Unencodable

#: Field 1 of a WorkReq, which is text, written as a number.
_WRONG_WIRE_TYPE = b"\x08\x05"
#: Answers of more bytes take longer to decode than a key or a stop should have to wait.
_LARGE = 32 * 1024


def require_checking_codec() -> None:
    """Raises ImportError unless bytes that do not fit a message are refused."""
    try:
        WorkReq().parse(_WRONG_WIRE_TYPE)
    except RuntimeError:
        return
    raise ImportError(
        "betterproto's Rust codec is not in force: install betterproto-rust-codec for this Python"
        " (pip install 'betterproto[rust-codec]')"
    )


class MessageCodec(CodecBase):
    """betterproto messages for grpclib; failures have types of their own."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        """Raises Unencodable, which says why."""
        try:
            return bytes(message)
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise Unencodable(f"a value of the request cannot be sent: {error}") from error

    def decode(self, data: bytes, message_type: Any) -> Any:
        """Raises Undecodable where the bytes do not fit the message type."""
        try:
            return message_type().parse(data)
        except (RuntimeError, ValueError, OverflowError) as error:
            raise Undecodable(f"{len(data):,} bytes are no {message_type.__name__}") from error


class Undecoded(NamedTuple):
    """An answer that waits for a thread to decode it."""

    data: bytes
    message_type: Any


class AnswerCodec(MessageCodec):
    """Leaves large answers as they came; whoever takes them passes them through `decoded`."""

    def decode(self, data: bytes, message_type: Any) -> Any:
        """Raises Undecodable where the bytes do not fit the message type."""
        return Undecoded(data, message_type) if len(data) > _LARGE else super().decode(data, message_type)


async def decoded(answer: Any) -> Any:
    """Returns an answer's message; a large one is decoded beside the event loop. Raises Undecodable."""
    if isinstance(answer, Undecoded):
        return await asyncio.to_thread(MessageCodec().decode, *answer)
    return answer
