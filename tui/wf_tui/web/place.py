"""Where the console is served to browsers, and who may come."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass
from typing import Self

DEFAULT_PLACE = "127.0.0.1:8000"
_FORMS = "write HOST:PORT, [IPV6]:PORT or a port alone"


class BadPlace(Exception):
    """It cannot be served there; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a port; port 0 stands for any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads HOST:PORT, [IPV6]:PORT or PORT. Raises BadPlace."""
        host, _, port = text.strip().rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host or any(character in "/[]@" or character.isspace() for character in host):
            raise BadPlace(f"--serve {text!r}: this is no host and port; {_FORMS}")
        if not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise BadPlace(f"--serve {text!r}: {port!r} is no port; {_FORMS}")
        return cls(host or "127.0.0.1", int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    def bind(self) -> socket.socket:
        """Returns a socket that listens there. Raises BadPlace."""
        try:
            family, _, _, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            return socket.create_server(address[:2], family=family)
        except OSError as error:
            raise BadPlace(f"cannot serve at {self.text}: {_reason(error)}; name another place") from error

    @property
    def text(self) -> str:
        """HOST:PORT, as a URL has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _reason(error: OSError) -> str:
    # A name that cannot be resolved has a number of another kind; Python adds the address to the rest.
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno)


def is_loopback(host: str) -> bool:
    """Whether a host name or an address without brackets stands for this machine alone."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
