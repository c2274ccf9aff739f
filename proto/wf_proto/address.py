"""Where a server is: `HOST:PORT`, `[v6]:PORT` or `unix:PATH`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from wf_proto.errors import InvalidAddress

_FORMS = "write HOST:PORT, [IPV6]:PORT or unix:PATH"


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address; `text` is what the operator wrote."""

    text: str
    host: str | None = None
    port: int | None = None
    #: Of a unix socket; host and port are None then.
    path: str | None = None


def parse_address(text: str) -> Address:
    """Reads an address. Raises InvalidAddress, which says what is wrong with it."""
    stripped = text.strip()
    if not stripped:
        raise InvalidAddress(f"the server's address is empty: {_FORMS}")
    if stripped.startswith("unix:"):
        return _unix(stripped)
    host, colon, port = stripped.rpartition(":")
    if not colon or not host:
        raise InvalidAddress(f"{stripped!r} has no host or no port: {_FORMS}")
    return Address(stripped, host=_host(stripped, host), port=_port(stripped, port))


def _unix(text: str) -> Address:
    path = text.removeprefix("unix:")
    if path.startswith("///"):
        path = path[2:]
    if not path or "\0" in path:
        raise InvalidAddress(f"{text!r} names no socket: write unix:PATH")
    return Address(text, path=path)


def _host(text: str, host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        inner = host[1:-1]
        try:
            ipaddress.IPv6Address(inner)
        except ValueError as error:
            raise InvalidAddress(f"{text!r}: {inner!r} is not an IPv6 address") from error
        return inner
    if ":" in host:
        raise InvalidAddress(f"{text!r}: an IPv6 address stands in brackets: [{host}]:PORT")
    if any(character.isspace() or character in "/[]@" for character in host):
        raise InvalidAddress(f"{text!r}: {host!r} is not a host name: {_FORMS}")
    return host


def _port(text: str, port: str) -> int:
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise InvalidAddress(f"{text!r}: the port is a number from 1 to 65535, not {port!r}")
    return int(port)
