"""Where a call comes from."""

from __future__ import annotations

from typing import Any

import grpclib.server


def origin_of(stream: grpclib.server.Stream[Any, Any]) -> str:
    """The address that a call came from."""
    address = stream.peer.addr()
    if isinstance(address, tuple) and address:
        return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
    return "unix socket"
